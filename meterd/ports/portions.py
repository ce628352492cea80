"""Work that grows with the meters, done a portion in each turn of the loop, so that no meter waits for all of it.

Dirt it must survive: work that is asked for while other work is under way, and a daemon that ends in the midst of it.
"""

from __future__ import annotations

from time import monotonic

from ._loop import Loop
from ._timers import Timer
from .work import at_once

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .work import Result, Work

# Of a turn. A meter that is read every 20 ms loses none of its scans to work that takes as long each time.
PORTION_S = 0.005


class Portions:
    """One piece of work after the other, in the turns of `loop`, `portion_s` of each."""

    __slots__ = ("_clock", "_loop", "_portion_s", "_timer", "_waiting")

    def __init__(self, loop: Loop, clock: Callable[[], float] = monotonic, portion_s: float = PORTION_S) -> None:
        self._loop = loop
        self._clock = clock
        self._portion_s = portion_s
        self._timer = Timer(self._portion)
        self._waiting: list[tuple[Work[Any], Callable[[Any], object]]] = []  # the first is under way

    def begin(self, work: Work[Result], then: Callable[[Result], object]) -> None:
        """Do it once all before it is done; `then(what it returned)` is called from the loop."""
        self._waiting.append((work, then))
        self._loop.arm(self._timer, self._loop.time)

    def finish(self) -> None:
        """Do all that is left at once."""
        self._timer.deadline = None
        while self._waiting:
            work, then = self._waiting[0]
            self._end(at_once(work), then)

    def abandon(self) -> None:
        """Leave what is left undone."""
        self._timer.deadline = None
        waiting, self._waiting = self._waiting, []
        for work, _ in waiting:
            try:
                work.close()
            except ValueError:
                pass  # it asks for this itself, and is closed when it has come to its next yield

    def _portion(self) -> None:
        work, then = self._waiting[0]
        until = self._clock() + self._portion_s
        try:
            while self._waiting and self._clock() < until:
                next(work)
        except StopIteration as end:
            self._end(end.value, then)
        except BaseException:
            self._end_badly()
            raise
        if self._waiting:
            self._loop.arm(self._timer, self._loop.time)
        else:
            work.close()

    def _end(self, result: Any, then: Callable[[Any], object]) -> None:
        if self._waiting:  # else it was abandoned by what it did last
            del self._waiting[0]
            then(result)

    def _end_badly(self) -> None:
        """What it was for is not done; what waits for its turn is."""
        del self._waiting[:1]
        if self._waiting:
            self._loop.arm(self._timer, self._loop.time)
