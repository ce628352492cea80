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
        self._was_unset = False  # when it was looked at last
        self._look()

    def _look(self) -> int:
        """Returns: how far the clock is ahead now."""
        now_ms = wall_clock_ms()
        ahead_ms = now_ms - monotonic_ms()
        self._was_unset = now_ms < CLOCK_SET_MS
        if self._was_unset:
            self.ahead_ms = ahead_ms
        return ahead_ms

    def note(self, readings: list[Reading]) -> None:
        """What was taken since the last time; meanwhile the clock may have been set."""
        was_unset = self._was_unset
        if not was_unset and readings[-1].time_ms >= CLOCK_SET_MS:
            return
        ahead_ms = self._look()
        if was_unset or self._was_unset:
            unset = [reading for reading in readings if reading.time_ms < CLOCK_SET_MS]
            self.waiting.extend((reading, self.ahead_ms) for reading in unset)
        if self.waiting and not self._was_unset:
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
