"""One meter, one call: `read` its signals, or `scan` what it has."""

from __future__ import annotations

from .._clock import wall_clock_ms
from ..daemon.one_scan import Single
from ..daemon.state import StateDirectory
from ..errors import ConfigError
from ..ports._loop import Loop
from ..protocols import registry
from ..sinks._json import finite
from .configured import discovery, one_device, row_of
from .logs import use_logging
from .readings import Reading, public

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from ..model import Reading as Internal


def read(
    device: Mapping[str, Any], signals: Iterable[str | Mapping[str, Any]], *, state: str | None = None
) -> list[Reading]:
    """Read these signals once, and say goodbye.

    `device` has the parameters of its protocol's table (docs/parameters.md), `protocol` among them. A signal is an
    address (`1.8.0`, `1.0.1.8.0.255`), or a row with the parameters of the table. What must survive the process
    (invocation counters of ciphered DLMS) is kept in the folder `state`.
    A signal that the meter refuses or has not comes with its reason.
    Raises: ConfigError for what cannot be; Silence, PortGone, Refused … (MeterdError) where the meter was not read.
    """
    use_logging()
    configuration, names = one_device(device, signals)
    [configured] = configuration.devices
    readings: list[Reading] = []

    def take(reading: Internal) -> None:
        reading = finite(reading)
        reading.time_ms = reading.time_ms or wall_clock_ms()
        readings.append(public(reading, names.get(reading.signal.alias)))

    driver = registry.driver(configured.protocol)
    plan = driver.plan(configured, configuration.signals[configured.alias])
    if plan.refused:
        raise ConfigError("", "\n".join(f"{names[signal.alias]}: {why}" for signal, why in plan.refused))
    memory = StateDirectory(state).memory(configured.alias)
    loop = Loop()
    single = Single(loop, configured, configuration.ports.get(configured.line, configured.line), take)
    try:
        single.run(driver.conversation(plan, memory))
        single.part(driver, plan, memory)
    finally:
        single.close()
        loop.close()
    return readings


def scan(
    device: Mapping[str, Any], *, progress: Callable[[str], object] | None = None, state: str | None = None
) -> dict[str, list[dict[str, Any]]]:
    """What a meter offers, or which meters a bus has, as configuration: {"devices": rows, "signals": rows}.

    `device` as for `read`; `progress(text)` is told how far the search is. Raises: ConfigError, MeterdError.
    """
    use_logging()
    configuration, _ = one_device(device)
    [configured] = configuration.devices
    memory = StateDirectory(state).memory(configured.alias)
    loop = Loop()
    single = Single(loop, configured, configuration.ports.get(configured.line, configured.line), lambda reading: None)
    module = discovery(configured.protocol)
    try:
        found = single.run(module.discover(configured, memory, {}, progress or (lambda text: None)))
    finally:
        single.close()
        loop.close()
    devices = found.get("devices", [row_of(device)])
    return {"devices": devices, "signals": found["signals"]}
