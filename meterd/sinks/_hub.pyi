"""Every reading to every sink."""

from collections.abc import Callable
from typing import Any

from .._reading import Inlet, Reading, Signal

class Outlet(Inlet):
    """What every reading passes: stamped, made honest, and handed to each sink, by its inlet where it has one.

    `clock_ms()` gives the gateway's time, ms since 1970 UTC; `on_failure(sink, error)` hears of each sink's failure.
    """

    def __init__(
        self, sinks: list[Any], clock_ms: Callable[[], int], on_failure: Callable[[Any, Exception], None]
    ) -> None: ...
    @property
    def sinks(self) -> list[Any]: ...
    @property
    def last_good(self) -> dict[str, dict[str, Signal]]:
        """By device and alias, the signals that have a `last_good()`; changed by the hub alone."""

    def hand_on(self, reading: Reading) -> None:
        """To every sink, as it is."""

class LoggedOnly(Inlet):
    """Into a sink that keeps the readings of signals whose `log` asks for it.

    `keep(reading)` is called for these alone, `write_out()` at the end of a turn while `unwritten` is not 0.
    """

    unwritten: int

    def __init__(self, keep: Callable[[Reading], None], write_out: Callable[[], None]) -> None: ...
