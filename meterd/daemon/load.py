"""How busy a line is: the share of the last minutes in which one of its devices was talked to.

Two windows, so that the figure is neither of the first minutes after the start nor of the last second alone.
"""

from __future__ import annotations

WINDOW_S = 300.0


class Load:
    """`used(from, to)` as turns end; seconds, monotonic."""

    __slots__ = ("_before_s", "_busy_before_s", "_busy_s", "_since")

    def __init__(self, now_s: float) -> None:
        self._since = now_s
        self._busy_s = 0.0
        self._before_s = now_s  # when the window before this one began,
        self._busy_before_s = 0.0  # and what of it was in use

    def used(self, from_s: float, to_s: float) -> None:
        if to_s - self._since >= WINDOW_S:
            self._turn(to_s)
        self._busy_s += to_s - from_s

    def share(self, now_s: float) -> float:
        """From 0 to 1, over one to two windows."""
        self._turn(now_s)
        span_s = now_s - self._before_s
        return min(1.0, (self._busy_before_s + self._busy_s) / span_s) if span_s > 0.0 else 0.0

    def _turn(self, now_s: float) -> None:
        """Begin the next window when this one is full; one in which nothing ended is long."""
        if now_s - self._since >= WINDOW_S:
            self._before_s, self._busy_before_s = self._since, self._busy_s
            self._since, self._busy_s = now_s, 0.0
