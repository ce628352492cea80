"""All that stands between a meter and a database, as real processes: for `python -m tests.soak.delivery`.

A meter whose register is the time and which notes each value that it served (`timed_meter`), the daemon as users start
it with a store and `acknowledgement` `application`, mosquitto, and a consumer that writes to PostgreSQL
(`storing_consumer`; SQLite where there is none). Where a `network` is given, the broker and the consumer are beyond it.
With `tls` the broker speaks nothing else, to both, under a certificate of an authority made for this run.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tests.broker import Authority, Broker

from .marks import Marks
from .network import FAR, Network
from .storing_consumer import Database

DURABLE_MS = 20
ACKNOWLEDGE_S = 5
POSTGRES = Path("/usr/lib/postgresql")
STALL_US = 20_000  # from which on this machine is said to have stood still
LOOK_S = 0.05


@contextmanager
def database(folder: Path, plain: bool) -> Iterator[str]:
    """Where the consumer writes: a PostgreSQL of its own, or a file."""
    programs = sorted(POSTGRES.glob("*/bin"))
    if plain or not programs:
        yield str(folder / "consumer.sqlite")
        return
    data = folder / "postgres"
    data.mkdir()
    as_other = []
    if os.geteuid() == 0:
        shutil.chown(data, "postgres")
        folder.chmod(0o755)
        as_other = ["runuser", "-u", "postgres", "--"]
    quiet: dict[str, Any] = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/"}
    subprocess.run([*as_other, programs[-1] / "initdb", "-D", data, "-A", "trust", "-U", "meter"], **quiet)
    control = [*as_other, programs[-1] / "pg_ctl", "-D", data, "-w"]
    options = f"-c listen_addresses= -c unix_socket_directories={data}"
    subprocess.run([*control, "-o", options, "-l", data / "log", "start"], **quiet)
    try:
        yield f"postgresql:///postgres?host={data}&user=meter"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], **quiet)


class Process:
    """One that is started, killed and started anew; `marks` are what it writes down as it goes."""

    def __init__(self, words: list[str], log: Path, marks: Path) -> None:
        self.words = words
        self.log = log
        self.marks = Marks(marks)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.marks.clear()
        with open(self.log, "ab") as file:
            self.process = subprocess.Popen(self.words, stdout=file, stderr=file)

    def kill(self, number: int = signal.SIGKILL) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(60)
            self.process = None


class Site:
    """All of it in one folder. `starts` and `deaths` of the daemon on the meter's clock, and for how long it had been
    committing, or opening the store, when it died; `stalls` of this machine, and how long.
    """

    def __init__(
        self,
        folder: Path,
        where: str,
        seed: int,
        scan_ms: int = 20,
        signals: int = 2,
        devices: int = 2,
        network: Network | None = None,
        tls: bool = False,
    ) -> None:
        self.folder = folder
        self.random = random.Random(seed)
        self.where = where
        self.network = network
        self.devices, self.signals, self.scan_ms = devices, signals, scan_ms
        near, far, host = (network.near, network.far, FAR) if network else ([], [], "127.0.0.1")
        self.notes = folder / "served"
        self.meter = subprocess.Popen(
            [*near, sys.executable, "-m", "tests.soak.timed_meter", str(self.notes)], stdout=subprocess.PIPE, text=True
        )
        self.port = int(self.meter.stdout.readline())  # type: ignore[union-attr]
        self.authority = Authority(folder) if tls else None
        self.broker = Broker(folder, *self._broker_lines(host), address=host, within=far, saves=False)
        self.path = folder / "meterd.json"
        self.configure()
        words = [*near, sys.executable, "-m", "tests.soak.marked_daemon", str(folder / "daemon.marks"), "run", "-c"]
        words += [str(self.path), "--state", str(folder), "--control", str(folder / "control")]
        self.daemon = Process(words, folder / "daemon.log", folder / "daemon.marks")
        words = [*far, sys.executable, "-m", "tests.soak.storing_consumer", str(self.broker.port), where]
        words += [str(folder / "consumer.marks"), host]
        words += [str(self.authority.certificate)] if self.authority else []
        self.consumer = Process(words, folder / "consumer.log", folder / "consumer.marks")
        self.starts: list[int] = []
        self.deaths: list[int] = []
        self.busy_us: list[int] = []
        self.stalls: list[tuple[int, int]] = []
        self._waited: dict[str, int] = {}
        self._noting = threading.Lock()
        self.is_over = False
        threading.Thread(target=self._note_stalls, daemon=True).start()

    def _broker_lines(self, host: str) -> list[str]:
        lines = ["allow_anonymous true"]
        if self.authority is not None:
            certificate, key = self.authority.sign("broker", f"IP:{host}")
            lines += [f"cafile {self.authority.certificate}", f"certfile {certificate}", f"keyfile {key}"]
        return lines

    def configure(self, **more: Any) -> None:
        rows, signals = [], []
        for number in range(self.devices):
            alias = f"d{number}"
            rows.append({"name": alias, "device_alias": alias, "protocol": "DLMS", "type": "LN", "client_address": 16,
                         "physical_address": 1, "mode": "DLMS-WRAPPER", "ip": f"127.0.0.{1 + number}",
                         "port": self.port, "scan_rate_ms": self.scan_ms, "reconnect_time": 0, "keep_open": 1,
                         "timeout_ms": 1500})  # fmt: skip
            for index in range(self.signals):
                signals.append({"signal_name": f"s{index}", "device_alias": alias, "signal_alias": f"s{index}",
                                "obis_job": f"1.0.{1 + index}.8.0.255", "class_id": 3})  # fmt: skip
        mqtt = {"host": self.broker.address, "port": self.broker.port, "gateway": "soak", "in_flight": 300,
                "gather_ms": 100, "drain_per_s": 100_000, "reconnect_max_s": 1, "keepalive_s": 5,
                "acknowledgement": "application", "acknowledge_s": ACKNOWLEDGE_S, **more}  # fmt: skip
        if self.authority is not None:
            mqtt["ca_file"] = str(self.authority.certificate)
        store = {"path": str(self.folder / "readings.store"), "durable_ms": DURABLE_MS}
        self.path.write_text(
            json.dumps({"devices": rows, "signals": signals, "publish": {"mqtt": mqtt, "store": store}})
        )

    def start(self) -> None:
        Database(self.where).close()  # the tables are there before two could make them at once
        self.broker.start()
        self.consumer.start()
        self.start_daemon()

    def served(self) -> list[int]:
        whole = self.notes.read_bytes().rpartition(b"\n")[0]
        return [int(line) for line in whole.split()]

    def stored(self) -> int:
        with closing(Database(self.where)) as base:
            return int(base.do("select count(*) from readings").fetchone()[0])

    def wait_until_stored(self, more_than: int, seconds: float) -> None:
        limit = time.monotonic() + seconds
        while self.stored() <= more_than and time.monotonic() < limit:
            time.sleep(0.05)

    def start_daemon(self) -> None:
        self.starts.append(time.monotonic_ns() // 1000)
        self.daemon.start()

    def kill_daemon(self, number: int = signal.SIGKILL) -> None:
        process = self.daemon.process
        assert process is not None
        process.send_signal(number)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        self.deaths.append(time.monotonic_ns() // 1000)
        self._note_stall()  # while the kernel still says for how long it had waited to be let die
        self.daemon.kill()
        self.busy_us.append(self.daemon.marks.busy_ms() * 1000)

    def settle(self, seconds: float) -> None:
        """The daemon ends politely; then another one without a meter to read hands over what is left.

        It is over when nothing has come for much longer than the daemon waits before it sends again.
        """
        self.kill_daemon(signal.SIGTERM)
        self.port, self.scan_ms = 1, 3_600_000
        self.configure()
        self.start_daemon()
        limit, before, since = time.monotonic() + seconds, -1, time.monotonic()
        while time.monotonic() < limit and time.monotonic() < since + 4 * ACKNOWLEDGE_S:
            if self.stored() != before:
                before, since = self.stored(), time.monotonic()
            time.sleep(0.2)

    def note_lives(self) -> None:
        """For whoever wants to know why the judge said what it said."""
        lives = {"starts": self.starts, "deaths": self.deaths, "busy_us": self.busy_us, "stalls": self.stalls}
        (self.folder / "lives.json").write_text(json.dumps(lives))

    def close(self) -> None:
        self.daemon.kill()
        self.consumer.kill()
        self.broker.kill()
        self.meter.kill()
        self.meter.wait()
        self.meter.stdout.close()  # type: ignore[union-attr]
        self.is_over = True

    def _note_stalls(self) -> None:
        """When this machine let nobody of our kind run, or not the daemon or its meter, nothing could be committed."""
        before = time.monotonic_ns() // 1000
        while not self.is_over:
            time.sleep(LOOK_S)
            now = time.monotonic_ns() // 1000
            self._note_stall(now - before - int(LOOK_S * 1_000_000))
            before = now

    def _note_stall(self, length: int = 0) -> None:
        """So long, or for as long as a thread of the daemon or its meter has waited for a processor since last time."""
        with self._noting:
            for process in (self.daemon.process, self.meter):
                for task, waited in _waited_us(process.pid) if process is not None else ():
                    length = max(length, waited - self._waited.get(task, waited))
                    self._waited[task] = waited
            if length > STALL_US:
                self.stalls.append((time.monotonic_ns() // 1000, length))


def _waited_us(process: int) -> Iterator[tuple[str, int]]:
    """Each thread of a process, with how long it has waited for a processor in all its life, as the kernel counts."""
    try:
        for task in os.listdir(f"/proc/{process}/task"):
            yield task, int(Path(f"/proc/{process}/task/{task}/schedstat").read_text().split()[1]) // 1000
    except OSError:
        return  # it has ended, or this kernel does not count
