"""When three thousand meters are read that are all to be read every ten seconds: all at once, or all over them?

The real daemon reads them over TCP (M-Bus, answered by a bare loop that costs little, so that nothing but the daemon's
own schedule keeps the scans apart). Once all were read it is held for longer than a period, so that all are due at
once, as after an outage. What counts is the share of a period's readings, by their own times, that came in its busiest
half second, two periods later; evenly spread it would be 5 %.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from multiprocessing import Pipe, Process

from ._daemon import Daemon
from ._machine import Row, allow_descriptors
from ._meters import hosts
from .heartbeat import device, play

METERS = 3000
PERIOD_MS = 10_000
SLOT_MS = 500
PATIENCE_MS = 20_000  # all at once keep the far end busy: nobody is to fail and begin anew
SCANS = 3
HELD_S = 12.0
READ = b'"signal":"E","value"'


def run() -> list[Row]:
    allow_descriptors()
    pipe, theirs = Pipe()
    far = Process(target=play, args=(theirs,), daemon=True)
    far.start()
    theirs.close()
    answering = pipe.recv()[1]
    devices = [
        {**device(f"m{number}", host, answering, PERIOD_MS), "timeout_ms": PATIENCE_MS}
        for number, host in enumerate(hosts(METERS))
    ]
    signals = [
        {"signal_name": "E", "device_alias": row["device_alias"], "signal_alias": "E", "number_type": "DOUBLE",
         "tag_job_todo": "0"}
        for row in devices
    ]  # fmt: skip
    with Daemon({"devices": devices, "signals": signals}) as daemon:
        daemon.wait_for(METERS, READ)
        daemon.hold()
        time.sleep(HELD_S)
        daemon.go_on()
        daemon.taken()
        daemon.wait_for(SCANS * METERS, READ)
        busiest = busiest_percent(daemon)
    pipe.close()
    far.join(10)
    what = f"{METERS:,} meters at {PERIOD_MS // 1000} s: of a period's readings in its busiest {SLOT_MS} ms"
    return [(what, busiest, "%", -10.0)]


def busiest_percent(daemon: Daemon) -> float:
    """Of the last readings, one of each meter, in slots of a period that come round and round."""
    lines = [line for line in daemon.readings.read_bytes().splitlines() if READ in line][-METERS:]
    slots = Counter(json.loads(line)["time_ms"] % PERIOD_MS // SLOT_MS for line in lines)
    return 100 * slots.most_common(1)[0][1] / len(lines)
