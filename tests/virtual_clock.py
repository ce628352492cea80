"""Time that passes only while nothing is ready: the real loop and player play hours in milliseconds."""

from __future__ import annotations


class VirtualClock:
    """Begins at a time that is not 0, so that nobody takes a time for a duration."""

    def __init__(self, now_us: int = 5_000_000) -> None:
        self._now_us = now_us

    def now_us(self) -> int:
        return self._now_us

    def pass_until(self, due_us: int) -> None:
        self._now_us = max(self._now_us, due_us)
