"""What the daemon itself costs: memory, modules, system calls while idle, and the way from start to the first byte.

The daemon is the real one, `meterd run` in a process of its own, reading simulated IEC 62056-21 meters over TCP that
this process plays. Memory is what the kernel counts as resident and as private (smaps_rollup) once every meter was
read a few times. A figure that needs a program which is missing says so in a line of its own and is left out.

The .venv of the work tree holds an editable installation, whose import hook alone brings in `re`, `enum`, `pathlib` and
some twenty modules more, 1.2 MB. A gateway has none of that: what is held against the bound runs without the hooks of
`site`, and the work tree's own figure stands beside it.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from meterd.ports._loop import Loop
from meterd.simulate.iec62056_21 import meter
from meterd.simulate.meter_host import MeterHost

Row = tuple[str, float, str, float | None]

ROOT = Path(__file__).resolve().parents[1]
NO_HOOKS = "-S"
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in [str(ROOT), *sys.path] if path)}
METERS = 10
MANY = 1200
IDLE_S = 60
SCANS = 5
STARTS = 7
MAX_RESIDENT_MB = 15.0
HOSTS = 250  # 127.0.x.1 to 127.0.x.250 all lead to this machine, and each is a line of its own


class Site:
    """Simulated meters on `ports` TCP ports, in a thread of this process."""

    def __init__(self, ports: int) -> None:
        self._loop = Loop()
        host = MeterHost(self._loop)
        play = meter(reaction_ms="5", idle_ms="200")
        self.ports = [host.on_tcp(0, play, None, None, "0.0.0.0") for _ in range(ports)]
        self._thread = threading.Thread(target=self._loop.run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._loop.call_soon_from_thread(self._loop.stop)
        self._thread.join()


class Daemon:
    """A running daemon that reads `places`, with readings going to a file."""

    def __init__(self, places: list[tuple[str, int]], scan_rate_ms: int, hooks: bool = False) -> None:
        self.directory = tempfile.mkdtemp(prefix="meterd-bench-")
        self.readings = os.path.join(self.directory, "readings")
        words = command(self.directory, places, scan_rate_ms, self.readings)
        if hooks:
            words.remove(NO_HOOKS)
        self.process = subprocess.Popen(words, env=ENVIRONMENT)

    def wait_for_readings(self, count: int, limit_s: float = 120.0) -> None:
        limit = time.monotonic() + limit_s
        while self._good() < count:
            if time.monotonic() > limit or self.process.poll() is not None:
                raise RuntimeError(f"{self._good()} of {count} readings came")
            time.sleep(0.1)

    def _good(self) -> int:
        if not os.path.exists(self.readings):
            return 0
        return Path(self.readings).read_text("utf-8").count('"E","value":1')

    def megabytes(self) -> dict[str, float]:
        """Rss, Pss and private memory, MB."""
        figures = {}
        for line in Path(f"/proc/{self.process.pid}/smaps_rollup").read_text().splitlines()[1:]:
            name, value = line.split()[:2]
            figures[name.rstrip(":")] = int(value) / 1000 * 1.024
        return figures

    def __enter__(self) -> Daemon:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(20)
        shutil.rmtree(self.directory, ignore_errors=True)


def command(directory: str, places: list[tuple[str, int]], scan_rate_ms: int, readings: str) -> list[str]:
    """`meterd run` on a configuration of one signal for each place."""
    devices, signals = [], []
    for number, (host, port) in enumerate(places):
        alias = f"m{number}"
        devices.append(
            {
                "name": alias,
                "device_alias": alias,
                "protocol": "IEC 62056-21",
                "serialnumber": 0,
                "ip": host,
                "port": port,
            }
            | {"scan_rate_ms": scan_rate_ms, "timeout_ms": 20000, "t2": 200, "poll_delay_ms": 0}
        )
        signal = {"signal_name": "E", "device_alias": alias, "signal_alias": "E", "number_type": "DOUBLE"}
        signals.append({**signal, "job_todo": "1.8.0", "tag_job_todo": "1.8.0"})
    path = os.path.join(directory, "meterd.json")
    publish = {"file": {"path": readings}}
    Path(path).write_text(json.dumps({"devices": devices, "signals": signals, "publish": publish}), "utf-8")
    control = os.path.join(directory, "control.sock")
    return [
        sys.executable,
        NO_HOOKS,
        "-m",
        "meterd",
        "run",
        "-c",
        path,
        "--state",
        directory,
        "--control",
        control,
        "-d3",
    ]


def memory_of(places: list[tuple[str, int]], hooks: bool) -> dict[str, float]:
    """Of a daemon that has read each of the places SCANS times."""
    with Daemon(places, 1000, hooks) as daemon:
        daemon.wait_for_readings(SCANS * len(places))
        return daemon.megabytes()


def memory_rows() -> list[Row]:
    site = Site(4)
    try:
        places = [(f"127.0.0.{number + 1}", site.ports[0]) for number in range(METERS)]
        few, hooked = memory_of(places, False), memory_of(places, True)
        hosts = [f"127.0.{number // HOSTS}.{number % HOSTS + 1}" for number in range(MANY // len(site.ports))]
        with Daemon([(host, port) for port in site.ports for host in hosts], 600000) as daemon:
            daemon.wait_for_readings(MANY)
            many = daemon.megabytes()
    finally:
        site.close()
    private = few["Private_Clean"] + few["Private_Dirty"]
    each = (many["Rss"] - few["Rss"]) * 1000 / (MANY - METERS)
    return [
        (f"resident memory, {METERS} TCP meters of IEC 62056-21", few["Rss"], "MB", -MAX_RESIDENT_MB),
        ("of it shared with no other process", private, "MB", None),
        ("the same from an editable installation", hooked["Rss"], "MB", None),
        (f"resident memory, {MANY:,} TCP meters of IEC 62056-21", many["Rss"], "MB", None),
        ("for each further meter", each, "kB", None),
    ]


def idle_rows() -> list[Row]:
    """System calls of a daemon between two scans."""
    strace = shutil.which("strace")
    if strace is None:
        print("footprint: system calls of an idle daemon: left out, strace is missing (apt install strace)")
        return []
    site = Site(1)
    try:
        with Daemon([("127.0.0.1", site.ports[0])], 600000) as daemon, tempfile.NamedTemporaryFile("r") as log:
            daemon.wait_for_readings(1)
            time.sleep(1.0)
            tracer = subprocess.Popen(
                [strace, "-f", "-p", str(daemon.process.pid), "-o", log.name], stderr=subprocess.DEVNULL
            )
            time.sleep(IDLE_S)
            tracer.terminate()
            tracer.wait()
            lines = log.read().splitlines()
    finally:
        site.close()
    # The wait that strace finds the process asleep in, and leaves it in, is no call of this minute.
    calls = [
        line for line in lines if "detached" not in line and "<unfinished" not in line and "restart_syscall" not in line
    ]
    return [(f"system calls of an idle daemon in {IDLE_S} s", float(len(calls)), "calls", -0.5)]


class FirstByte:
    """A TCP meter that only notices when it is asked."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> FirstByte:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def wait(self, process: subprocess.Popen[bytes]) -> None:
        """Until the first byte is here; then the daemon is ended at once."""
        self._listener.settimeout(120)
        connection, _ = self._listener.accept()
        connection.recv(1)
        process.kill()
        process.wait()
        connection.close()


def start_rows() -> list[Row]:
    """From the start of the process to the first byte sent to a meter: time, modules, instructions."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as directory, FirstByte() as first:
        words = command(directory, [("127.0.0.1", first.port)], 600000, os.path.join(directory, "readings"))
        times = []
        for _ in range(STARTS):
            begun = time.monotonic()
            first.wait(subprocess.Popen(words, env=ENVIRONMENT))
            times.append((time.monotonic() - begun) * 1000)
        rows.append(("from start to the first byte sent", min(times), "ms", None))
        rows.append(("modules loaded by then", float(modules_loaded(words, first)), "modules", None))
        rows += instruction_rows(directory, words, first)
    return rows


def modules_loaded(words: list[str], first: FirstByte) -> int:
    """Python's own -v names each module as it is loaded; those built in and frozen count as well."""
    process = subprocess.Popen([words[0], "-v", *words[1:]], stderr=subprocess.PIPE, env=ENVIRONMENT)
    assert process.stderr is not None
    lines: list[bytes] = []
    reader = threading.Thread(target=lambda stream=process.stderr: lines.extend(stream), daemon=True)
    reader.start()
    first.wait(process)
    reader.join()
    return len({line.split()[1] for line in lines if line.startswith(b"import ")})


def instruction_rows(directory: str, words: list[str], first: FirstByte) -> list[Row]:
    """Instructions of the same way, counted by callgrind."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        print(
            "footprint: instructions from start to the first byte: left out, valgrind is missing (apt install valgrind)"
        )
        return []
    out = os.path.join(directory, "callgrind")
    # Ended by SIGTERM, for callgrind writes its count at the end; what the goodbye costs is small beside it.
    process = subprocess.Popen(
        [valgrind, "--tool=callgrind", f"--callgrind-out-file={out}", *words],
        stderr=subprocess.DEVNULL,
        env=ENVIRONMENT,
    )
    process.kill, kill = process.terminate, process.kill  # type: ignore[method-assign]
    try:
        first.wait(process)
    finally:
        kill()
    total = next(line for line in Path(out).read_text().splitlines() if line.startswith(("summary:", "totals:")))
    return [("from start to the first byte sent", int(total.split()[1]) / 1e6, "million instructions", None)]


def run() -> list[Row]:
    return [*memory_rows(), *start_rows(), *idle_rows()]


if __name__ == "__main__":
    for row in run():
        print(*row)
