"""What the daemon itself costs: memory, modules, system calls while idle, and the way from start to the first byte.

The daemon is the real one, `meterd run` in a process of its own, reading simulated IEC 62056-21 meters over TCP, which
another process plays. Memory is what the kernel counts as resident and as private (smaps_rollup) once every meter was
read a few times; the daemon runs without the hooks of an editable installation, whose own figure stands beside it. A
figure that needs a program which is missing says so in a line of its own and is left out.
"""

from __future__ import annotations

import os
import shutil
import socket
import statistics
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from meterd.simulate.iec62056_21 import meter

from ._daemon import ENVIRONMENT, Daemon, words_of
from ._machine import Row
from ._meters import Meters, hosts

METERS = 10
MANY = 1200
IDLE_S = 60
SCANS = 5
STARTS = 7
MAX_RESIDENT_MB = 16.0
MOST_IDLE_CALLS = 2.0
QUIET = {"publish": {"status_interval_s": 86_400}}
SETTLE_S = 35.0  # time-outs of 20 s, and what the daemon does half a minute after its start
GOOD = b'"E","value":1'


def iec_meters() -> Meters:
    return Meters(meter(reaction_ms="5", idle_ms="200"), ports=4)


def iec_site(places: list[tuple[str, int]], scan_rate_ms: int) -> dict[str, Any]:
    """A meter of IEC 62056-21 with one signal at each place."""
    devices, signals = [], []
    for number, (host, port) in enumerate(places):
        alias = f"m{number}"
        devices.append(
            {"name": alias, "device_alias": alias, "protocol": "IEC 62056-21", "serialnumber": 0, "ip": host,
             "port": port, "scan_rate_ms": scan_rate_ms, "timeout_ms": 20_000, "t2": 200, "poll_delay_ms": 0}
        )  # fmt: skip
        signals.append(
            {"signal_name": "E", "device_alias": alias, "signal_alias": "E", "number_type": "DOUBLE",
             "job_todo": "1.8.0", "tag_job_todo": "1.8.0"}
        )  # fmt: skip
    return {"devices": devices, "signals": signals}


def memory_of(places: list[tuple[str, int]], hooks: bool) -> dict[str, float]:
    """Rss, Pss and private memory, MB, of a daemon that has read each of the places SCANS times."""
    with Daemon(iec_site(places, 1000), hooks) as daemon:
        daemon.wait_for(SCANS * len(places), GOOD)
        return megabytes(daemon.pid)


def megabytes(pid: int) -> dict[str, float]:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return {line.split(":")[0]: int(line.split()[1]) / 1000 * 1.024 for line in lines}


def memory_rows() -> list[Row]:
    with iec_meters() as far:
        places = [(host, far.port) for host in hosts(METERS)]
        few, hooked = memory_of(places, False), memory_of(places, True)
        spread = [(host, port) for port in far.ports for host in hosts(MANY // len(far.ports))]
        with Daemon(iec_site(spread, 600_000)) as daemon:
            daemon.wait_for(MANY, GOOD)
            many = megabytes(daemon.pid)
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
    """System calls of a daemon between two scans, once what its start and its last scan left to do has been done, and
    as long as the status of all is not due.
    """
    strace = shutil.which("strace")
    if strace is None:
        print("footprint: system calls of an idle daemon: left out, strace is missing (apt install strace)")
        return []
    with iec_meters() as far, Daemon({**iec_site([("127.0.0.1", far.port)], 600_000), **QUIET}) as daemon:
        daemon.wait_for(1, GOOD)
        time.sleep(SETTLE_S)
        with tempfile.NamedTemporaryFile("r") as log:
            tracer = subprocess.Popen([strace, "-f", "-p", str(daemon.pid), "-o", log.name], stderr=subprocess.DEVNULL)
            time.sleep(IDLE_S)
            tracer.terminate()
            tracer.wait()
            lines = log.read().splitlines()
    # The wait that strace finds the process asleep in, and leaves it in, is no call of this minute.
    calls = [
        line for line in lines if "detached" not in line and "<unfinished" not in line and "restart_syscall" not in line
    ]
    return [(f"system calls of an idle daemon in {IDLE_S} s", float(len(calls)), "calls", -MOST_IDLE_CALLS)]


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
        words = words_of(directory, iec_site([("127.0.0.1", first.port)], 600_000))
        times = []
        for _ in range(STARTS):
            begun = time.monotonic()
            first.wait(subprocess.Popen(words, env=ENVIRONMENT))
            times.append((time.monotonic() - begun) * 1000)
        rows.append(("from start to the first byte sent", statistics.median(times), "ms", None))
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
