"""`python -m tests.soak.delivery`: a reading that was taken arrives, whatever is killed on its way.

    python -m tests.soak.delivery [--kills 1000] [--away 8640] [--seed 17] [--sqlite] [PART…]

Real processes: a meter whose register is the time and which notes each value that it served (`timed_meter`), the
daemon as users start it with a store and `acknowledgement` `application`, mosquitto, and a consumer that writes to
PostgreSQL (`storing_consumer`; SQLite with --sqlite, or where there is no PostgreSQL). The judge is the meter's own
note. What was served and is not in the database must have been served within the last moments of a daemon that was
killed: `durable_ms`, and what a commit takes. Repeats must have the key and the values of their first. By sequence each
signal's values must rise, for the meter's time does.
Parts: `kills` (kill -9 of daemon, broker or consumer, uniform in time), `away` (the broker is away for so many scans at
10 ms, then the drain is timed), `half_open` (in name spaces of their own a link that goes dead without a word; where
those cannot be made, a broker that is stopped).
"""

from __future__ import annotations

import argparse
import bisect
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.broker import Broker

from .storing_consumer import Database

DURABLE_MS = 20
SLACK_US = 1_500_000  # opening the store and a commit, on a loaded machine
SYNCING = {"74", "75", "18", "1"}  # fsync, fdatasync, pwrite64, write (x86-64)
POSTGRES = Path("/usr/lib/postgresql")
MOST_LIFE_S, MOST_PAUSE_S = 3.0, 0.6


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
    """One that is started, killed and started anew."""

    def __init__(self, *words: str, log: Path) -> None:
        self.words = [sys.executable, "-m", *words]
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with open(self.log, "ab") as file:
            self.process = subprocess.Popen(self.words, stdout=file, stderr=file)

    def kill(self, number: int = signal.SIGKILL) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(60)
            self.process = None

    def is_syncing(self) -> bool:
        """Whether one of its threads is in a call that writes or syncs a file, as the kernel says."""
        found = False
        for task in Path(f"/proc/{self.process.pid}/task").glob("*"):  # type: ignore[union-attr]
            try:
                call, descriptor = (task / "syscall").read_text().split()[:2]
                target = os.readlink(task.parent.parent / "fd" / str(int(descriptor, 16)))
            except (OSError, ValueError):
                continue
            found = found or (call in SYNCING and "readings.store" in target)
        return found


class Site:
    """All of it in one folder."""

    def __init__(
        self, folder: Path, where: str, seed: int, scan_ms: int = 20, signals: int = 2, devices: int = 2
    ) -> None:
        self.folder = folder
        self.random = random.Random(seed)
        self.where = where
        self.notes = folder / "served"
        self.meter = subprocess.Popen(
            [sys.executable, "-m", "tests.soak.timed_meter", str(self.notes)], stdout=subprocess.PIPE, text=True
        )
        self.port = int(self.meter.stdout.readline())  # type: ignore[union-attr]
        self.broker = Broker(folder)
        self.path = folder / "meterd.json"
        self.devices, self.signals, self.scan_ms = devices, signals, scan_ms
        self.configure()
        words = ("meterd", "run", "-c", str(self.path), "--state", str(folder), "--control", str(folder / "control"))
        self.daemon = Process(*words, log=folder / "daemon.log")
        self.consumer = Process(
            "tests.soak.storing_consumer", str(self.broker.port), where, log=folder / "consumer.log"
        )
        self.deaths: list[int] = []  # of the daemon, on the meter's clock
        self.stalls: list[tuple[int, int]] = []  # of this machine, and how long
        self.is_over = False
        threading.Thread(target=self._note_stalls, daemon=True).start()

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
        mqtt = {"host": "127.0.0.1", "port": self.broker.port, "gateway": "soak", "in_flight": 300, "gather_ms": 100,
                "drain_per_s": 100_000, "reconnect_max_s": 1, "keepalive_s": 5, "acknowledgement": "application",
                "acknowledge_s": 5, **more}  # fmt: skip
        store = {"path": str(self.folder / "readings.store"), "durable_ms": DURABLE_MS}
        self.path.write_text(
            json.dumps({"devices": rows, "signals": signals, "publish": {"mqtt": mqtt, "store": store}})
        )

    def start(self) -> None:
        self.broker.start()
        self.consumer.start()
        self.daemon.start()

    def served(self) -> list[int]:
        whole = self.notes.read_bytes().rpartition(b"\n")[0]
        return [int(line) for line in whole.split()]

    def stored(self) -> int:
        return int(Database(self.where).do("select count(*) from readings").fetchone()[0])

    def kill_daemon(self, number: int = signal.SIGKILL) -> None:
        self.daemon.kill(number)
        self.deaths.append(time.monotonic_ns() // 1000)

    def settle(self, seconds: float) -> None:
        """The daemon ends politely; then another one without a meter to read hands over what is left."""
        self.kill_daemon(signal.SIGTERM)
        self.port, self.scan_ms = 1, 3_600_000
        self.configure()
        self.daemon.start()
        limit, before, since = time.monotonic() + seconds, -1, time.monotonic()
        while time.monotonic() < limit and time.monotonic() < since + 6:
            if self.stored() != before:
                before, since = self.stored(), time.monotonic()
            time.sleep(0.2)

    def close(self) -> None:
        self.daemon.kill()
        self.consumer.kill()
        self.broker.kill()
        self.meter.kill()
        self.meter.wait()
        self.meter.stdout.close()  # type: ignore[union-attr]
        self.is_over = True

    def judge(self) -> tuple[str, bool]:
        """What became of what the meter served."""
        served = self.served()
        base = Database(self.where)
        values: dict[int, int] = {}
        rises = True
        last: dict[tuple[str, str], int] = {}
        doubles = 0
        for device, name, text, _ in base.do("select device, signal, value, seq from readings order by seq"):
            value, quality = json.loads(text)
            if quality != "good":
                continue
            doubles += value in values
            values[value] = 1
            rises = rises and value > last.get((device, name), -1)
            last[device, name] = value
        missing = [value for value in served if value not in values]
        unexcused = [value for value in missing if not self._died_after(value)]
        invented = values.keys() - {*served}
        repeats, unequal = base.do("select count(*), coalesce(sum(1 - equal), 0) from repeats").fetchone()
        self.repeats = int(repeats)
        oldest = max((self.deaths[bisect.bisect_left(self.deaths, value)] - value for value in missing), default=0)
        words = (
            f"served {len(served)}, stored {len(values)} distinct, not there {len(missing)} (all within "
            f"{oldest / 1000:.0f} ms before an end of the daemon: {not unexcused}), twice under other keys {doubles}, "
            f"never served {len(invented)}, repeats {repeats} (unequal {unequal}), in order per signal: {rises}"
        )
        sound = not unexcused and not invented and not doubles and not unequal and rises and len(values) > 0
        return words, sound

    def _died_after(self, value: int) -> bool:
        at = bisect.bisect_left(self.deaths, value)
        if at == len(self.deaths):
            return False
        death = self.deaths[at]
        stalled = sum(length for when, length in self.stalls if value <= when <= death + length)
        return death - value <= DURABLE_MS * 1000 + SLACK_US + stalled

    def _note_stalls(self) -> None:
        """When this machine let nobody of our kind run, it did not let the daemon commit either."""
        before = time.monotonic_ns() // 1000
        while not self.is_over:
            time.sleep(0.05)
            now = time.monotonic_ns() // 1000
            if now - before > 150_000:
                self.stalls.append((now, now - before))
            before = now


def kills(site: Site, count: int, scans: int) -> tuple[str, bool]:
    site.start()
    killed = {"daemon": 0, "broker": 0, "consumer": 0}
    in_commit = 0
    for number in range(count):
        time.sleep(site.random.uniform(0, MOST_LIFE_S))
        victim = site.random.choice(sorted(killed))
        killed[victim] += 1
        if victim == "daemon":
            in_commit += site.daemon.is_syncing()
            site.kill_daemon()
            site.daemon.start()
        else:
            process: Any = getattr(site, victim)
            process.kill()
            time.sleep(site.random.uniform(0, MOST_PAUSE_S))
            process.start()
        if number % 100 == 99:
            print(f"        {number + 1} kills, {in_commit} inside a commit, {len(site.served())} served", flush=True)
    site.settle(180)
    words, sound = site.judge()
    hit = (in_commit > 0 and site.repeats > 0) or count < 200
    return f"{sum(killed.values())} × kill -9 ({killed}), inside a commit {in_commit}: {words}", sound and hit


def away(site: Site, count: int, scans: int) -> tuple[str, bool]:
    """So many scans at 10 ms while the broker is away."""
    site.start()
    limit = time.monotonic() + 30
    while not site.stored() and time.monotonic() < limit:
        time.sleep(0.05)
    site.broker.kill()
    begun, before = time.monotonic(), len(site.served())
    goal = before + scans * site.signals
    while len(site.served()) < goal and time.monotonic() < begun + 60 + scans / 10:
        time.sleep(0.2)
    taken, lasted = len(site.served()) - before, time.monotonic() - begun
    stored = site.stored()
    site.broker.start()
    back = time.monotonic()
    while site.stored() == stored and time.monotonic() < back + 30:
        time.sleep(0.05)
    first = time.monotonic()
    while site.stored() < stored + taken and time.monotonic() < first + 120:
        time.sleep(0.1)
    rate = (site.stored() - stored) / (time.monotonic() - first)
    site.settle(60)
    words, sound = site.judge()
    return (
        f"broker away for {lasted:.0f} s, {taken // site.signals} scans: {rate:.0f} readings/s drained, first after "
        f"{first - back:.1f} s; {words}",
        sound,
    )


def half_open(site: Site, count: int, scans: int) -> tuple[str, bool]:
    """The broker's host stops without a word: nothing is closed, nothing is answered."""
    site.start()
    begun = time.monotonic()
    for _ in range(3):
        time.sleep(1.5)
        site.broker.process.send_signal(signal.SIGSTOP)  # type: ignore[union-attr]
        time.sleep(14)
        found = (
            "no longer answers" in site.daemon.log.read_text() or "acknowledged nothing" in site.daemon.log.read_text()
        )
        site.broker.process.send_signal(signal.SIGCONT)  # type: ignore[union-attr]
    site.settle(60)
    words, sound = site.judge()
    return (
        f"3 × a broker stopped for 14 s in {time.monotonic() - begun:.0f} s, found: {found}; {words}",
        sound and found,
    )


PARTS: dict[str, tuple[Callable[[Site, int, int], tuple[str, bool]], dict[str, int]]] = {
    "kills": (kills, {}),
    "away": (away, {"scan_ms": 10, "devices": 1, "signals": 2}),
    "half_open": (half_open, {}),
}


def run(name: str, kills: int, scans: int, seed: int, plain: bool = False) -> tuple[str, bool]:
    part, shape = PARTS[name]
    with tempfile.TemporaryDirectory(prefix="meterd-soak-") as folder, database(Path(folder), plain) as where:
        site = Site(Path(folder), where, seed, **shape)
        try:
            words, sound = part(site, kills, scans)
        finally:
            site.close()
        if not sound:
            shutil.copytree(folder, f"{tempfile.gettempdir()}/meterd-soak-failed", dirs_exist_ok=True,
                            ignore=shutil.ignore_patterns("postgres", "control"))  # fmt: skip
    return f"{name}: {words}", sound


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.delivery")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--away", type=int, default=8640)
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--sqlite", action="store_true")
    parser.add_argument("parts", nargs="*", metavar="PART")
    arguments = parser.parse_args()
    failed = False
    for name in arguments.parts or PARTS:
        words, sound = run(name, arguments.kills, arguments.away, arguments.seed, arguments.sqlite)
        print(("      " if sound else "FAIL  ") + words, flush=True)
        failed = failed or not sound
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
