"""How long to wait before the next attempt to reach a broker, so that a thousand gateways do not come at once.

The pause doubles from attempt to attempt up to a bound, and chance has a share in each. A connection that lasted ends
that: the next pause is short again. The clock and chance are arguments, so `tools.fleet` plays ten thousand of these.
"""

from __future__ import annotations

from posix import urandom

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

FIRST_PAUSE_S = 1.0
STEADY_S = 10.0  # a connection that lasted so long was one


def chance() -> float:
    """0 up to 1."""
    return int.from_bytes(urandom(4), "big") / (1 << 32)


class Backoff:
    """Of one gateway. `longest_s` bounds the pause."""

    def __init__(self, longest_s: float, chance: Callable[[], float] = chance) -> None:
        self._longest_s = longest_s
        self._chance = chance
        self._pause_s = FIRST_PAUSE_S

    def after(self, lasted_s: float) -> float:
        """The pause after an attempt whose connection lasted so long; 0 where there was none."""
        if lasted_s > STEADY_S:
            self._pause_s = FIRST_PAUSE_S
        pause_s = self._pause_s * (0.5 + self._chance() / 2)
        self._pause_s = min(2 * self._pause_s, self._longest_s)
        return pause_s
