"""Says that the gateway's clock was set: readings bear its time, and whoever looks for a gap finds the reason.

A gateway without a battery begins in 1970 and is set when it has heard of a time server; afterwards its clock is only
ever slewed, which is no jump. Loaded when the clock has jumped.
"""

from __future__ import annotations

from time import gmtime, strftime

from .. import log


def say_jump(by_ms: float, now_ms: int) -> None:
    way = "forward" if by_ms > 0 else "back"
    log.notice(
        f"this machine's clock was set {way} by {abs(by_ms) / 1000.0:.0f} s, to "
        f"{strftime('%Y-%m-%d %H:%M:%S', gmtime(now_ms // 1000))} UTC: readings bear the new time from here on",
        fold="clock",
    )
