"""Timers of the loop."""

from collections.abc import Callable

class Timer:
    """Calls back once at `deadline` (seconds, monotonic; None while disarmed). Made once, armed as often as needed.

    Only None may be assigned to `deadline`, which disarms it; `Loop.arm` arms it.
    """

    callback: Callable[[], None]
    deadline: float | None

    def __init__(self, callback: Callable[[], None]) -> None: ...

class Timers:
    """The timers of one loop, which alone arms and serves them."""
