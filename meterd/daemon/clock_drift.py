"""How far a meter's clock is from the gateway's, where the meter tells its time.

Exactly: what the meter said less the gateway's time when that had come whole, in seconds; above 0 the meter is ahead.
So it is as exact as the meter's own resolution (a second, with some a minute) and the time that its answer took on the
line, which makes a meter look late by as much at most.
Assumptions: a time without an offset from UTC is local time in the gateway's own zone (TZ); a meter that tells whether
it has summer time is taken at its word, another one is expected to follow the zone.
Dirt it must survive: a gateway whose clock nobody has set yet, dates that no calendar has, two ways to read one date.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..conversation import MeterTime

# A gateway without a battery begins in 1970, or when its software was made, and is right once it is on the network.
SURELY_SET_MS = 1_735_689_600_000  # 2025-01-01
SUMMER_S = 3600


def drift_s(told: MeterTime, now_ms: int) -> int | None:
    """Whole seconds that the meter is ahead; None where that cannot be known."""
    if now_ms < SURELY_SET_MS:
        return None
    nearest: float | None = None
    for text in told.texts:
        seconds = _since_1970(text, told.summer)
        if seconds is not None and (nearest is None or abs(seconds - now_ms / 1000) < abs(nearest)):
            nearest = seconds - now_ms / 1000
    return None if nearest is None else round(nearest)


def _since_1970(text: str, summer: bool | None) -> float | None:
    try:
        moment = datetime.fromisoformat(text)
        if len(text) <= len("2026-11-28"):
            return None  # a date alone
        if moment.tzinfo is not None or summer is None:
            return moment.timestamp()
        return moment.replace(tzinfo=UTC).timestamp() + time.timezone - SUMMER_S * summer
    except (ValueError, OverflowError, OSError):
        return None
