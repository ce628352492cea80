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
    """`waiting` are those readings; `ahead_ms` how far ahead the clock was while it was not set."""

    def __init__(self, most: int) -> None:
        self.waiting: deque[Reading] = deque(maxlen=most)
        self.ahead_ms = 0

    def note(self, reading: Reading) -> None:
        now_ms = wall_clock_ms()
        ahead_ms = now_ms - monotonic_ms()
        if now_ms < CLOCK_SET_MS:
            self.ahead_ms = ahead_ms
            self.waiting.append(reading)
        elif self.waiting:
            self._mend(ahead_ms - self.ahead_ms)

    def _mend(self, late_ms: int) -> None:
        for reading in self.waiting:
            if reading.time_ms < CLOCK_SET_MS:
                reading.time_ms += late_ms
        log.notice(f"the clock was set: readings taken before that have been given their times: {len(self.waiting)}")
        self.waiting.clear()
