"""What a published reading costs, beside a register read singly: CPU of all threads, as the scheduler counts it.

The daemon is the real one and reads 40 registers of a DLMS meter over TCP every 50 ms: singly, in one list, and in one
list with MQTT to a real mosquitto, in one message per scan: plain, over TLS, and with a store behind it. Readings go to
a file in each, so what the others cost more than the list is what publishing costs.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.broker import Authority, Broker
from tools.gateway.prove.sites import Meters

Row = tuple[str, float, str, float | None]

REGISTERS = 40
SCAN_MS = 50
WARM_S, SECONDS = 2.0, 4.0
ROUNDS = 3
SHARE = 3.0  # a register read singly costs at least so many published readings


def configuration(port: int, folder: Path, **publish: Any) -> dict[str, Any]:
    device = {"name": "M", "device_alias": "M", "protocol": "DLMS", "ip": "127.0.0.1", "port": port, "type": "LN",
              "client_address": 16, "logical_address": 1, "mode": "DLMS-WRAPPER", "scan_rate_ms": SCAN_MS,
              "keep_open": 1}  # fmt: skip
    signals = [{"signal_name": f"E{number}", "device_alias": "M", "signal_alias": f"E{number}", "class_id": 3,
                "obis_job": f"1.0.1.8.{number}.255"} for number in range(1, REGISTERS + 1)]  # fmt: skip
    return {"devices": [device], "signals": signals, "publish": {"file": {"path": str(folder / "readings")}, **publish}}


def on_cpu_ns(pid: int) -> int:
    """Of all threads since they began."""
    tasks = Path(f"/proc/{pid}/task")
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir())


def micros_per_reading(configured: dict[str, Any], folder: Path) -> float:
    path, readings = folder / "meterd.json", folder / "readings"
    path.write_text(json.dumps(configured))
    readings.unlink(missing_ok=True)
    command = [sys.executable, "-m", "meterd", "run", "-c", str(path), "-d2", "--state", str(folder)]
    process = subprocess.Popen([*command, "--control", str(folder / "control")])
    try:
        time.sleep(WARM_S)
        before, lines = on_cpu_ns(process.pid), readings.read_bytes().count(b"\n")
        time.sleep(SECONDS)
        used, taken = on_cpu_ns(process.pid) - before, readings.read_bytes().count(b"\n") - lines
    finally:
        process.terminate()
        process.wait(20)
    if taken < SECONDS * 1000 / SCAN_MS * REGISTERS / 2:
        raise RuntimeError(f"only {taken} readings in {SECONDS} s")
    return used / taken / 1000


def run() -> list[Row]:
    if not shutil.which("mosquitto"):
        print("publishing: not measured: mosquitto is missing: apt install mosquitto", file=sys.stderr)
        return []
    meters = Meters()
    with tempfile.TemporaryDirectory(prefix="meterd-publishing-") as name:
        folder = Path(name)
        broker = Broker(folder, saves=False)
        authority = Authority(folder)
        certificate, key = authority.sign("broker", "IP:127.0.0.1")
        secure = broker.listen_too(f"certfile {certificate}", f"keyfile {key}")
        broker.start()
        try:
            return _rows(folder, meters, broker.port, secure, str(authority.certificate))
        finally:
            broker.kill()
            meters.stop()


def _rows(folder: Path, meters: Meters, plain: int, secure: int, authority: str) -> list[Row]:
    registers = f"registers={REGISTERS}"
    singly = meters.start("dlms", "mode=wrapper", registers, "lists=no")
    listed = meters.start("dlms", "mode=wrapper", registers, "lists=yes")
    mqtt = {"host": "127.0.0.1", "port": plain, "gateway": "bench"}
    tls = {**mqtt, "port": secure, "ca_file": authority}
    store = {"path": str(folder / "readings.store")}
    tried = {
        "singly": configuration(singly, folder),
        "in one list": configuration(listed, folder),
        "MQTT": configuration(listed, folder, mqtt=mqtt),
        "MQTT over TLS": configuration(listed, folder, mqtt=tls),
        "store and MQTT over TLS": configuration(listed, folder, mqtt=tls, store=store),
    }
    best = dict.fromkeys(tried, float("inf"))
    for _ in range(ROUNDS):
        for what, configured in tried.items():
            best[what] = min(best[what], micros_per_reading(configured, folder))
    rows: list[Row] = [(f"CPU of a register read {what}", best[what], "µs", None) for what in ("singly", "in one list")]
    for what in list(tried)[2:]:
        more = best[what] - best["in one list"]
        rows.append((f"CPU of a published reading, {REGISTERS} in a message: {what}", more, "µs", None))
        rows.append(("  a register read singly costs so many", best["singly"] / more, "published readings", SHARE))
    return rows
