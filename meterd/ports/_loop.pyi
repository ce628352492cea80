"""One thread, one wait a turn."""

from collections.abc import Callable
from typing import Any, Protocol

from ._timers import Timer

class _Clock(Protocol):
    """A time that stands still while anything is ready; of tests, which play hours in milliseconds."""

    def now_us(self) -> int:
        """Whole microseconds; never less than before."""

    def pass_until(self, due_us: int) -> None:
        """Nothing is ready and nobody waits for an earlier time: from now on it is `due_us`, unless it is later."""

class Loop:
    """Descriptors and timers of one thread. `time` is that of the present turn, seconds.

    `clock` None is the machine's monotonic clock. With another, time does not pass by itself: where nothing is ready
    the loop does not sleep until the next timer is due but lets the clock pass that time at once. Where no timer is
    armed either it does sleep: only another thread or process could wake it.
    `turn_ends` are called at the end of every turn.
    """

    running: bool
    budget: Any
    """Shares descriptors among this loop's connections, where they are short (`ports.descriptors.Budget`), or None."""

    def __init__(self, clock: _Clock | None = None) -> None: ...
    @property
    def clock(self) -> _Clock | None: ...
    @property
    def turn_ends(self) -> list[Callable[[], None]]: ...
    @property
    def longest_turn_s(self) -> float:
        """For so long at most did nobody else have his turn, seconds since the start; 0 on a clock of tests."""

    @property
    def time(self) -> float: ...
    @property
    def timers(self) -> int: ...
    def register(self, fd: int, events: int, callback: Callable[[int], None]) -> None:
        """callback(revents) at any of `events` (poll(2) masks), an error or a hang-up.

        Raises: ValueError; OSError for what cannot be waited for, as a regular file.
        """

    def modify(self, fd: int, events: int) -> None:
        """Raises: KeyError."""

    def unregister(self, fd: int) -> None:
        """Also of what is not registered."""

    def arm(self, timer: Timer, deadline: float, about: bool = False) -> None:
        """`about`: up to 8.2 ms later, together with others."""

    def next_deadline(self) -> float | None:
        """When the next timer may be due; None for never."""

    def turn(self, wait: bool = True) -> None:
        """Wait for the next event (or not), then serve all that are there and all timers that are due."""

    def fileno(self) -> int:
        """A descriptor that is readable when something waits to be served, for a loop around this one that calls
        `turn(wait=False)`; timers that are armed since the last such turn are not told by it."""

    def run(self) -> None:
        """Turn until `stop()`."""

    def stop(self) -> None: ...
    def close(self) -> None: ...
    def call_soon_from_thread(self, callback: Callable[[], None]) -> None:
        """The one door for another thread or a signal handler: run `callback` in the loop's next turn."""

    def wakeup_fd(self) -> int:
        """Where `signal.set_wakeup_fd` may write, so that a signal ends the wait."""

def give_back_memory() -> None:
    """What was freed goes back to the kernel, where the C library would keep it (glibc, not musl)."""
