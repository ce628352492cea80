"""What is configured and not read, and why: whoever looks at the status sees the reason, not only a missing row.

The log says each of these once, when it begins; by the time somebody looks it may be long gone.
"""

from __future__ import annotations

from .. import log
from ..protocols import registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ..config.files import Configuration

MAX_TOLD = 50


def not_read(
    configuration: Configuration | None,
    refused: Configuration | None,
    unplanned: dict[str, str],
    stopped: Iterable[str],
) -> list[str]:
    """One sentence each, no more than MAX_TOLD.

    `refused` is a configuration that a reload would not take; `unplanned` says by device why its driver would not;
    `stopped` are packages.
    """
    told: list[str] = []
    if refused is not None:
        told += [f"the last reload was refused, what ran before goes on: {error}" for error in refused.errors]
    if configuration is not None:
        told += map(str, configuration.errors)
        for package in sorted(stopped):
            waiting = sum(device.protocol == package for device in configuration.devices)
            if waiting:
                told.append(waiting_for_start(package, waiting))
    told += [f"{alias}: {why}" for alias, why in unplanned.items()]
    if len(told) > MAX_TOLD:
        told[MAX_TOLD - 1 :] = [f"and {len(told) - MAX_TOLD + 1} more: `meterd check` tells all"]
    return told


def say(sentences: Sequence[object], level: Callable[[str], None]) -> None:
    """To the log, no more than MAX_TOLD lines of it: one slip is easily copied over ten thousand rows."""
    for sentence in sentences[:MAX_TOLD]:
        level(str(sentence))
    if len(sentences) > MAX_TOLD:
        level(f"and {len(sentences) - MAX_TOLD} more: `meterd check FILE…` tells all")


def say_problems(configuration: Configuration) -> None:
    """What is wrong with a configuration, and what is doubtful."""
    say(configuration.errors, log.error)
    say(configuration.warnings, log.warning)


def waiting_for_start(package: str, devices: int) -> str:
    name = registry.program(package)
    return f"{name} is stopped: devices that wait for `meterd start {name}`: {devices}"
