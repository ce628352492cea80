"""The real daemon against a bare C program that sends the same frames to the same simulated meters.

Daemon (`meterd run`, readings as JSON lines in a file), meters and the C program (`reference/dlms_exchange.c`: epoll,
read, every check of the frame and the APDU, write) are processes of their own on one core. Daemon and C take turns of a
fraction of a second, the one held while the other reads; what counts is the median of the rounds' ratios of CPU, user
and system. HDLC on TCP; associations stay open.
"""

from __future__ import annotations

import statistics

from tools.gateway.build.cache import ToolMissing

from ._bare import Bare
from ._daemon import Daemon, dlms_site
from ._machine import Row, one_core, ratio
from ._meters import dlms_meters, hosts
from ._reference import built

ROUNDS = 31
ROUND_S = 0.2
REGISTERS = 60
LISTED = 5
MANY = 1000


def run() -> list[Row]:
    try:
        built("dlms_exchange")
    except ToolMissing as missing:
        print(f"against_c: left out: {missing}")
        return []
    with one_core():
        return [*singly(), *listed()]


def singly() -> list[Row]:
    with dlms_meters(registers=str(REGISTERS), lists="no") as meter:
        site = dlms_site([("127.0.0.1", meter.port)], REGISTERS, 1)
        with Daemon(site) as daemon:
            daemon.wait_for(10 * REGISTERS)
            daemon.wait_until_settled()
            daemon.hold()
            bare = Bare(meter.port, 1, REGISTERS, 1)
            ours, theirs = [], []
            for _ in range(ROUNDS):
                ours.append(daemon.micros_per_reading(ROUND_S))
                theirs.append(bare.micros(ROUND_S))
            bare.close()
    return [
        ("DLMS register singly, daemon and file: CPU", statistics.median(ours), "µs", None),
        ("the same exchange in C", statistics.median(theirs), "µs", None),
        ("DLMS register singly, daemon and file", ratio(ours, theirs), "× bare C", -1.1),
    ]


def listed() -> list[Row]:
    """A list of five of each of a thousand meters, as fast as it goes."""
    with dlms_meters(registers=str(LISTED)) as meters:
        site = dlms_site([(host, meters.port) for host in hosts(MANY)], LISTED, 1)
        with Daemon(site) as daemon:
            daemon.wait_for(3 * LISTED * MANY)
            daemon.wait_until_settled()
            daemon.hold()
            one, all_of_them = Bare(meters.port, 1, LISTED, LISTED), Bare(meters.port, MANY, LISTED, LISTED)
            ours, single, together = [], [], []
            for _ in range(ROUNDS):
                ours.append(daemon.micros_per_reading(2 * ROUND_S) * LISTED)
                single.append(one.micros(ROUND_S))
                together.append(all_of_them.micros(ROUND_S))
            one.close()
            all_of_them.close()
    what = f"scan of one list of {LISTED}, {MANY:,} meters in the daemon"
    return [
        (f"{what}: CPU", statistics.median(ours), "µs", None),
        ("the same exchange in C, one connection", statistics.median(single), "µs", None),
        (f"the same exchange in C, {MANY:,} connections at once", statistics.median(together), "µs", None),
        (what, ratio(ours, single), "× bare C", -3.0),
        (what, ratio(ours, together), f"× C, {MANY:,} at once", None),
    ]
