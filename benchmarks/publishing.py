"""What a published reading costs, beside a register read singly: CPU of all threads, as the scheduler counts it.

The daemon is the real one and reads 40 registers of a DLMS meter over TCP every 50 ms: singly, in one list, and in one
list with MQTT to a real mosquitto, in one message per scan: plain, over TLS, and with a store behind it. Readings go to
a file in each, so what the others cost more than the list is what publishing costs. Daemon, meter and broker share one
core.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.broker import Authority, Broker

from ._daemon import Daemon, dlms_site
from ._machine import Row, one_core
from ._meters import Meters, dlms_meters

REGISTERS = 40
SCAN_MS = 50
WARM_S, SECONDS = 2.0, 4.0
ROUNDS = 3
SHARE = 3.0  # a register read singly costs at least so many published readings


def micros_per_reading(configured: dict[str, Any]) -> float:
    with Daemon(configured) as daemon:
        time.sleep(WARM_S)
        daemon.taken()
        before = daemon.cpu_s()
        time.sleep(SECONDS)
        used, taken = daemon.cpu_s() - before, daemon.taken()
    if taken < SECONDS * 1000 / SCAN_MS * REGISTERS / 2:
        raise RuntimeError(f"only {taken} readings in {SECONDS} s")
    return used / taken * 1e6


def run() -> list[Row]:
    if not shutil.which("mosquitto"):
        print("publishing: not measured: mosquitto is missing: apt install mosquitto", file=sys.stderr)
        return []
    with tempfile.TemporaryDirectory(prefix="meterd-publishing-") as name:
        folder = Path(name)
        broker = Broker(folder, saves=False)
        authority = Authority(folder)
        certificate, key = authority.sign("broker", "IP:127.0.0.1")
        secure = broker.listen_too(f"certfile {certificate}", f"keyfile {key}")
        with one_core():
            broker.start()
            try:
                return _rows(folder, broker.port, secure, str(authority.certificate))
            finally:
                broker.kill()


def _rows(folder: Path, plain: int, secure: int, authority: str) -> list[Row]:
    options = {"mode": "wrapper", "registers": str(REGISTERS)}
    mqtt = {"host": "127.0.0.1", "port": plain, "gateway": "bench"}
    tls = {**mqtt, "port": secure, "ca_file": authority}
    store = {"path": str(folder / "readings.store")}
    with dlms_meters(lists="no", **options) as singly, dlms_meters(**options) as listed:

        def site(meter: Meters, **publish: Any) -> dict[str, Any]:
            found = dlms_site([("127.0.0.1", meter.port)], REGISTERS, SCAN_MS, mode="DLMS-WRAPPER")
            return {**found, "publish": publish}

        tried = {
            "singly": site(singly),
            "in one list": site(listed),
            "MQTT": site(listed, mqtt=mqtt),
            "MQTT over TLS": site(listed, mqtt=tls),
            "store and MQTT over TLS": site(listed, mqtt=tls, store=store),
        }
        found = [{what: micros_per_reading(configured) for what, configured in tried.items()} for _ in range(ROUNDS)]
    rows: list[Row] = []
    for what in ("singly", "in one list"):
        rows.append((f"CPU of a register read {what}", statistics.median(one[what] for one in found), "µs", None))
    for what in list(tried)[2:]:
        more = statistics.median(one[what] - one["in one list"] for one in found)
        so_many = statistics.median(one["singly"] / (one[what] - one["in one list"]) for one in found)
        rows.append((f"CPU of a published reading, {REGISTERS} in a message: {what}", more, "µs", None))
        rows.append(("  a register read singly costs so many", so_many, "published readings", SHARE))
    return rows
