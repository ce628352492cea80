"""When three thousand meters are read that are all to be read every ten seconds: all at once, or all over them?

The real daemon reads them over TCP (M-Bus, answered by a bare loop that costs little, so that nothing but the daemon's
own schedule keeps the scans apart). What counts is the share of a period's readings, by their own times, that came in
its busiest half second, some periods after the start; evenly spread it would be 5 %.
"""

from __future__ import annotations

import json
from collections import Counter
from multiprocessing import Pipe, Process

from ._daemon import Daemon
from ._machine import Row, allow_descriptors
from ._meters import hosts
from .heartbeat import device, play

METERS = 3000
PERIOD_MS = 10_000
SLOT_MS = 500
SCANS = 4


def run() -> list[Row]:
    allow_descriptors()
    pipe, theirs = Pipe()
    far = Process(target=play, args=(theirs,), daemon=True)
    far.start()
    theirs.close()
    answering = pipe.recv()[1]
    devices = [device(f"m{number}", host, answering, PERIOD_MS) for number, host in enumerate(hosts(METERS))]
    signals = [
        {"signal_name": "E", "device_alias": row["device_alias"], "signal_alias": "E", "number_type": "DOUBLE",
         "tag_job_todo": "0"}
        for row in devices
    ]  # fmt: skip
    with Daemon({"devices": devices, "signals": signals}) as daemon:
        daemon.wait_for(SCANS * METERS, b'"quality":"good"')
        busiest = busiest_percent(daemon)
    pipe.close()
    far.join(10)
    what = f"{METERS:,} meters at {PERIOD_MS // 1000} s: of a period's readings in its busiest {SLOT_MS} ms"
    return [(what, busiest, "%", -10.0)]


def busiest_percent(daemon: Daemon) -> float:
    """Of the last readings, one of each meter, in slots of a period that come round and round."""
    lines = daemon.readings.read_text("utf-8").rstrip("\n").split("\n")
    good = [reading for reading in map(json.loads, lines) if reading["quality"] == "good"][-METERS:]
    slots = Counter(reading["time_ms"] % PERIOD_MS // SLOT_MS for reading in good)
    return 100 * slots.most_common(1)[0][1] / len(good)
