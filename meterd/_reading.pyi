"""Signals and readings: what every value becomes on its way out."""

from collections.abc import Mapping
from typing import Any

from .recalculation import Recalculation

GOOD: str

class Signal:
    """One value to read from a device: `alias` is unique within `device_alias`; `log` > 0 keeps it in the event log.

    `parameters` {name: validated value}, also read as `signal[name]`;
    `recalculation` what is done with its readings before they leave (`meterd.recalculation`), or None;
    `outlet` the number of the one that keeps its last good value here, 0 where none does.
    """

    device_alias: str
    alias: str
    parameters: Mapping[str, Any]
    log: int
    recalculation: Recalculation | None
    outlet: int

    def __init__(self, device_alias: str, alias: str, parameters: Mapping[str, Any], log: int = 0) -> None: ...
    def __getitem__(self, name: str) -> Any: ...
    def last_good(self) -> Reading | None:
        """What an outlet keeps of it (`sinks.hub.Hub.last_good`), as the meter gave it."""

class Inlet:
    """The compiled way into whoever takes readings; a sink has it as its attribute `inlet`, and what both do is told in
    `sinks.hub.Sink`.
    """

    def accept(self, reading: Reading) -> None: ...
    def flush(self) -> None: ...

class Reading:
    """One value of one signal at one time.

    `value` int, Number, float (only if the meter sent one), str or None; `unit` as the standard writes it, or None;
    `time_ms` gateway time, ms since 1970 UTC, 0 = the hub stamps it; `meter_time` ISO 8601 text or None;
    `quality` one of `meterd.model.QUALITIES`; `reason` one of `meterd.model.REASONS`, or None when good; `words` what
    the meter said to a refusal, for the log and for people; `raw` the reading as the meter gave it, where its signal is
    recalculated, else None.
    """

    signal: Signal
    value: Any
    unit: str | None
    time_ms: int
    meter_time: str | None
    quality: str
    reason: str | None
    words: str
    raw: Reading | None

    def __init__(
        self,
        signal: Signal,
        value: Any,
        unit: str | None = None,
        time_ms: int = 0,
        meter_time: str | None = None,
        quality: str = GOOD,
        reason: str | None = None,
    ) -> None: ...
    def plain(self) -> tuple[Signal, Any, str | None, int] | None:
        """(signal, value, unit, time_ms), where it is good and there is nothing else."""
