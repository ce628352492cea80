"""How often a device that sends unasked is heard: as it is configured, or as it was heard to.

Where no interval is configured, the longest of the last KEPT gaps between telegrams is taken for it. Until three are
known UNKNOWN_S is: what meters push for people comes more often, and hourly lists are to be configured.
"""

from __future__ import annotations

KEPT = 8
LEAST = 3
UNKNOWN_S = 120.0
SHORTEST_S = 1.0  # however fast a meter sends, so long it may be busy


class Pace:
    """`configured_s` 0 where it is to be learnt."""

    __slots__ = ("_configured_s", "_gaps", "_last")

    def __init__(self, configured_s: float) -> None:
        self._configured_s = configured_s
        self._gaps: list[float] = []
        self._last: float | None = None

    def heard(self, now: float) -> None:
        if self._last is not None:
            self._gaps = [*self._gaps[1 - KEPT :], now - self._last]
        self._last = now

    def missed(self) -> None:
        """The gap at hand is an outage, and no interval."""
        self._last = None

    @property
    def interval_s(self) -> float:
        if self._configured_s > 0:
            return self._configured_s
        return max(SHORTEST_S, *self._gaps) if len(self._gaps) >= LEAST else UNKNOWN_S
