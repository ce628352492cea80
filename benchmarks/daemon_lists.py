"""A list of forty registers of one meter, scanned every millisecond by the real daemon, against gurux_dlms singly.

HDLC on TCP, one core for the daemon, gurux and the meters. Between two scans the daemon sleeps, so a scan pays for its
timer, two waits and the line in the file as well; gurux asks for one register after the other, in the one process that
was made for it, and only fetches the raw value. In turn; the median of the rounds' ratios.
What the sleep itself costs is shown by bare C that scans at the same pace: no program can do much better than that.
"""

from __future__ import annotations

import statistics

from tools.gateway.build.cache import ToolMissing

from ._bare import Bare
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
        bare = bare_c(meter.port)
        with Daemon(dlms_site([("127.0.0.1", meter.port)], LISTED, SCAN_MS)) as daemon:
            daemon.wait_for(50 * LISTED)
            daemon.wait_until_settled()
            daemon.hold()
            ours, theirs, in_c = [], [], []
            for _ in range(ROUNDS):
                ours.append(daemon.micros_per_reading(ROUND_S))
                theirs.append(gurux.singly(meter.port, SINGLY) * 1e6)
                if bare:
                    in_c.append(bare.micros(ROUND_S) / LISTED)
        gurux.close()
        if bare:
            bare.close()
    what = f"list of {LISTED}, one meter at {SCAN_MS} ms in the daemon, per register"
    rows: list[Row] = [
        (f"{what}: CPU", statistics.median(ours), "µs", None),
        ("gurux_dlms singly: CPU", statistics.median(theirs), "µs", None),
        (what, ratio(theirs, ours), "× less than gurux singly", 65.0),
    ]
    if bare:
        rows += [
            ("the same scan in bare C at the same pace, per register: CPU", statistics.median(in_c), "µs", None),
            ("the same", ratio(theirs, in_c), "× less than gurux singly, in C", None),
            (what, ratio(ours, in_c), "× bare C at that pace", None),
        ]
    return rows


def bare_c(port: int) -> Bare | None:
    try:
        return Bare(port, 1, LISTED, LISTED, SCAN_MS * 1000)
    except ToolMissing as missing:
        print(f"daemon_lists: without bare C: {missing}")
        return None
