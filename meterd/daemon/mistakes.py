"""What only drivers can tell of a configuration, with its place: for the daemon's log, and the same for `meterd check`.

Loaded where something is wrong, or when somebody asks.
"""

from __future__ import annotations

from ..config.where import Where
from ..errors import ConfigError
from ..ports.work import at_once
from ..protocols import registry
from .planning import not_together, of_one_kind, planned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    from ..config.files import Configuration
    from ..model import Plan
    from ..ports.work import Work
    from .planning import Mistake

MAX_NAMED = 10


class Sketch:
    """A device that is planned, and goes no further."""

    def __init__(self, driver: ModuleType, plan: Plan) -> None:
        self.driver = driver
        self.plan = plan
        self.listens = plan.device.calls() or registry.sends_unasked(driver, plan)


def placing(configuration: Configuration, mistakes: list[Mistake]) -> Work[list[ConfigError]]:
    """What drivers say, with its place, in portions."""
    where = Where()
    yield from where.looking(configuration.sources)
    errors = []
    for message, device, signal in mistakes:
        errors.append(where.error(message, device, signal))
        yield
    return errors


def unreadable(configuration: Configuration) -> list[ConfigError]:
    """All that only drivers can tell: parameters that do not go together, signals that cannot be read so."""
    mistakes: list[Mistake] = []
    lines: dict[str, list[Sketch]] = {}
    for device in configuration.devices:
        driver = registry.driver(device.protocol)
        try:
            plan = planned(driver, device, configuration.signals.get(device.alias, []))
        except ConfigError as error:
            mistakes.append((error.message, device, None))
            continue
        mistakes += [(message, device, signal) for signal, message in plan.refused]
        lines.setdefault(device.line, []).append(Sketch(driver, plan))
    for together in lines.values():
        served = of_one_kind(together)
        if served is not together:
            why = not_together(served[0].plan.device)
            mistakes += [(why, one.plan.device, None) for one in together if one not in served]
    return at_once(placing(configuration, mistakes)) if mistakes else []


def nothing_to(do: str, configuration: Configuration) -> str:
    """Why there is nothing to `do`, and where to look."""
    disabled = configuration.disabled
    if configuration.errors or configuration.devices:
        return f"nothing to {do}: no device is left that is without errors (meterd check FILE… tells more)"
    if not disabled:
        return f'nothing to {do}: no device is configured; "devices" lists them'
    if len(disabled) == 1:
        return f"nothing to {do}: the only device, {disabled[0]}, is disabled (enable 0)"
    named = ", ".join(disabled[:MAX_NAMED]) + (", …" if len(disabled) > MAX_NAMED else "")
    return f"nothing to {do}: all {len(disabled)} devices are disabled (enable 0): {named}"
