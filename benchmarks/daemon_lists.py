"""A list of forty registers of one meter, scanned every millisecond by the real daemon, against gurux_dlms singly.

HDLC on TCP, one core for the daemon, gurux and the meters. Between two scans the daemon sleeps, so a scan pays for its
timer, two waits and the line in the file as well; gurux asks for one register after the other, in the one process that
was made for it, and only fetches the raw value. In turn; the median of the rounds' ratios.
"""

from __future__ import annotations

import statistics

from ._daemon import Daemon, dlms_site
from ._gurux import Gurux
from ._machine import Row, one_core, ratio
from ._meters import dlms_meters

ROUNDS = 21
ROUND_S = 0.2
LISTED = 40
SINGLY = 1500
SCAN_MS = 1


def run() -> list[Row]:
    with one_core(), dlms_meters(registers=str(LISTED)) as meter:
        gurux = Gurux()
        with Daemon(dlms_site([("127.0.0.1", meter.port)], LISTED, SCAN_MS)) as daemon:
            daemon.wait_for(50 * LISTED)
            daemon.wait_until_settled()
            daemon.hold()
            ours, theirs = [], []
            for _ in range(ROUNDS):
                ours.append(daemon.micros_per_reading(ROUND_S))
                theirs.append(gurux.singly(meter.port, SINGLY) * 1e6)
        gurux.close()
    what = f"list of {LISTED}, one meter at {SCAN_MS} ms in the daemon, per register"
    return [
        (f"{what}: CPU", statistics.median(ours), "µs", None),
        ("gurux_dlms singly: CPU", statistics.median(theirs), "µs", None),
        (what, ratio(theirs, ours), "× less than gurux singly", 65.0),
    ]
