"""For how long what leaves holds up what is read: `python -m benchmarks --only heartbeat_ways_out`.

The longest gap of a meter that is read every 5 ms by the real daemon, while its broker takes the connection and never
answers, no name server does, TLS stops half way or after the handshake, the disk of the store stands still, and while a
backlog is drained over TLS; while an InfluxDB never answers, and CSV files are written or their disk stands still.
Beside each of MQTT the same done to a reader that has paho and a table in its loop (`_naive_publisher`), and the
longest gap of a process that only sleeps. The name server and the disk need root.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.broker import Broker

from ._far_ends import HALF_A_RECORD, Mute, NameServer, StillDisk, certificate, is_root
from ._machine import Row, before_others
from .heartbeat import Site, device

PERIOD_MS = 5
MOST_MS = 20.0
STALL_S = 6.0
SETTLE_S = 1.0
LOST = 1  # a port at which nobody listens


class Case:
    """One daemon, or one naive reader, beside one trouble."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.site = site
        self.folder = folder
        self.rows: list[Row] = []

    def configure(self, store: Path | None = None, **mqtt: Any) -> None:
        folder = store or self.folder
        self.publish(
            mqtt={"reconnect_max_s": 1, "keepalive_s": 5, "gateway": "bench", **mqtt},
            store={"path": str(folder / "readings.store"), "durable_ms": 100},
        )

    def publish(self, **sinks: dict[str, Any]) -> None:
        meter = device("heartbeat", "127.0.0.1", self.site.ports[0], PERIOD_MS)
        signal = {"signal_name": "E", "device_alias": "heartbeat", "signal_alias": "E", "number_type": "DOUBLE",
                  "tag_job_todo": "0"}  # fmt: skip
        self.site.write(json.dumps({"devices": [meter], "signals": [signal], "publish": sinks}))

    def daemon(self, what: str, during: Callable[[int], object], words: list[str] | None = None) -> None:
        self.site.begin(*(words or []), sys.executable, "-m", "meterd")
        time.sleep(SETTLE_S)
        self.measure(what, lambda: during(self.site.pid()), -MOST_MS)
        if self.site.is_well():
            raise RuntimeError(f"the daemon says that all is well, though {what}")
        self.site.end()
        for left in self.folder.glob("readings.store*"):
            left.unlink()

    def naive(self, host: str, port: int, tls: bool, during: Callable[[int], object], words: list[str] | None = None,
              path: str = "") -> None:  # fmt: skip
        command = [*(words or []), sys.executable, "-m", "benchmarks._naive_publisher", str(self.site.ports[0]), host]
        command += [str(port), str(int(tls)), path or str(self.folder / "naive.sqlite")]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            time.sleep(SETTLE_S)
            self.measure("  a loop with paho and a table in it", lambda: during(process.pid), None)
        finally:
            process.kill()
            process.wait()

    def measure(self, what: str, during: Callable[[], object], required: float | None) -> None:
        gap = self.site.longest_gap_ms(during)
        self.rows.append((f"longest gap: {what}", gap, "ms", required))
        self.rows.append(("  meanwhile a process that only sleeps", self.site.machine_ms(), "ms", None))


def wait(pid: int) -> None:
    time.sleep(STALL_S)


def brokers(case: Case) -> None:
    case.configure(host="127.0.0.1", port=LOST)
    case.daemon("nobody is at the broker's port", wait)
    mute = Mute()
    case.configure(host="127.0.0.1", port=mute.port)
    case.daemon("the broker accepts and never answers", wait)
    case.naive("127.0.0.1", mute.port, False, wait)
    mute.close()


def handshakes(case: Case) -> None:
    made = certificate(case.folder)
    for what, far in (("TLS stops half way", Mute(HALF_A_RECORD)), ("TLS stalls after it", Mute(certificate=made))):
        case.configure(host="127.0.0.1", port=far.port, ca_file=str(made))
        case.daemon(what, wait)
        case.naive("127.0.0.1", far.port, True, wait)
        far.close()


def names(case: Case) -> None:
    server = NameServer(case.folder)
    case.configure(host="broker.example", port=1883)
    case.daemon("no name server answers", wait, server.words)
    case.naive("broker.example", 1883, False, wait, server.words)
    server.close()


def disks(case: Case) -> None:
    disk = StillDisk(case.folder)
    mute = Mute()

    def stand_still(pid: int) -> None:
        disk.freeze(pid)
        try:
            time.sleep(STALL_S)
        finally:
            disk.thaw(pid)

    case.configure(store=disk.place / "meterd", host="127.0.0.1", port=mute.port)
    case.daemon("the disk stands still", stand_still, disk.words)
    case.naive("127.0.0.1", mute.port, False, stand_still, disk.words, str(disk.place / "naive"))
    mute.close()


def batches(case: Case) -> None:
    """Files and a database, without trouble and with."""
    mute = Mute()
    case.publish(influx={"url": f"http://127.0.0.1:{mute.port}", "database": "meters", "gather_ms": 100})
    case.daemon("the InfluxDB accepts and never answers", wait)
    mute.close()
    case.publish(csv={"path": str(case.folder / "r.csv"), "gather_ms": 100, "rotate_kb": 64, "compress": 1})
    case.site.begin(sys.executable, "-m", "meterd")
    time.sleep(SETTLE_S)
    case.measure("CSV files are written, changed and packed", lambda: wait(0), -MOST_MS)
    case.site.end()


def still_files(case: Case) -> None:
    disk = StillDisk(case.folder)
    case.publish(csv={"path": str(disk.place / "meterd" / "r.csv"), "gather_ms": 100})
    case.site.begin(*disk.words, sys.executable, "-m", "meterd")
    time.sleep(SETTLE_S)
    pid = case.site.pid()

    def stand_still() -> None:
        disk.freeze(pid)
        try:
            time.sleep(STALL_S)
            if case.site.is_well():
                raise RuntimeError("the daemon says that all is well, though the disk of its files stands still")
        finally:
            disk.thaw(pid)

    case.measure("the disk of the CSV files stands still", stand_still, -MOST_MS)
    case.site.end()


def drained(case: Case) -> None:
    """A minute's backlog goes out over TLS while the next readings are taken."""
    made = certificate(case.folder)
    broker = Broker(case.folder, "allow_anonymous true", f"certfile {made}", f"keyfile {case.folder / 'broker.key'}",
                    saves=False)  # fmt: skip
    case.configure(host="127.0.0.1", port=broker.port, ca_file=str(made), drain_per_s=100_000, in_flight=100)
    case.site.begin(sys.executable, "-m", "meterd")
    time.sleep(10)

    def drain() -> None:
        broker.start()
        limit = time.monotonic() + 30
        time.sleep(1.0)
        while case.site.waiting() > 100 and time.monotonic() < limit:
            time.sleep(0.2)

    case.measure("a backlog is drained over TLS", drain, -MOST_MS)
    case.site.end()
    broker.kill()


def run() -> list[Row]:
    with before_others():
        return _measured()


def _measured() -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="meterd-ways-out-") as name:
        site = Site()
        case = Case(site, Path(name))
        try:
            brokers(case)
            handshakes(case)
            batches(case)
            if is_root() and shutil.which("fsfreeze"):
                names(case)
                disks(case)
                still_files(case)
            else:
                print("heartbeat_ways_out: the name server and the disk are left out: they need root", file=sys.stderr)
            if shutil.which("mosquitto"):
                drained(case)
        finally:
            site.close()
    return case.rows
