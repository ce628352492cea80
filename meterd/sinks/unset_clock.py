"""Readings that were taken before the gateway knew the time: their times are mended when it comes.

A gateway without a battery begins in 1970 and counts on from there. Until a time server has answered, how far the clock
is ahead of the monotonic one stays the same; by as much as that changes then, readings were stamped too early.
Bound: the last `most` such readings; what was handed out before is on its way with the time that it had.
"""

from __future__ import annotations

from collections import deque

from .. import log
from .._clock import wall_clock_ms
from .outbox import CLOCK_SET_MS
from .store_disk import monotonic_ms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model import Reading


class UnsetClock:
    """`waiting` are those readings, and how far ahead the clock was when they were taken; `ahead_ms` for the newest."""

    def __init__(self, most: int) -> None:
        self.waiting: deque[tuple[Reading, int]] = deque(maxlen=most)
        self.ahead_ms = 0

    def note(self, readings: list[Reading]) -> None:
        """What was taken in this turn, in which the clock may have been set."""
        unset = [reading for reading in readings if reading.time_ms < CLOCK_SET_MS]
        if not (unset or self.waiting):
            return
        now_ms = wall_clock_ms()
        ahead_ms = now_ms - monotonic_ms()
        is_set = now_ms >= CLOCK_SET_MS
        if not is_set:
            self.ahead_ms = ahead_ms
        if not is_set or self.waiting:
            self.waiting.extend((reading, self.ahead_ms) for reading in unset)
        if is_set and self.waiting:
            self._mend(ahead_ms)

    def note_all(self, readings: list[Reading], ahead_ms: int) -> None:
        """What an earlier run of the daemon took since the machine started, and left on the disk."""
        self.waiting.extend((reading, ahead_ms) for reading in readings if reading.time_ms < CLOCK_SET_MS)

    def _mend(self, ahead_ms: int) -> None:
        for reading, ahead_then_ms in self.waiting:
            if reading.time_ms < CLOCK_SET_MS:
                reading.time_ms += ahead_ms - ahead_then_ms
        log.notice(f"the clock was set: readings taken before that have been given their times: {len(self.waiting)}")
        self.waiting.clear()
