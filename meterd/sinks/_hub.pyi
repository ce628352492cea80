"""Every reading to every sink."""

from collections.abc import Callable
from typing import Any

from .._reading import Reading

class Outlet:
    """The compiled half of `meterd.sinks.hub.Hub`."""

    now_ms: Callable[[], int]
    _last_good: dict[str, dict[str, Reading]]

    def __init__(self, sinks: list[Any], clock_ms: Callable[[], int]) -> None: ...
    @property
    def sinks(self) -> list[Any]: ...
    def publish(self, reading: Reading) -> None: ...
    def flush(self) -> None: ...
    def hand_on(self, reading: Reading) -> None:
        """To every sink, as it is."""

class Sink:
    """Base of the compiled sinks; `meterd.sinks.hub.Sink` says what they do."""

    def accept(self, reading: Reading) -> None: ...
    def flush(self) -> None: ...

class LoggedOnly(Sink):
    """A sink that keeps the readings of signals whose `log` asks for it; the compiled half of the event log.

    `keep(reading)` is called for these alone, `write_out()` at the end of a turn while `unwritten` is not 0.
    """

    unwritten: int

    def accept(self, reading: Reading) -> None: ...
    def flush(self) -> None: ...
    def keep(self, reading: Reading) -> None: ...
    def write_out(self) -> None: ...
