"""How what the daemon costs grows with its meters: `python -m benchmarks.growth [--devices N …] [--svg FILE]`.

For each number of devices the real daemon reads as many simulated DLMS meters over TCP (the wrapper, associations kept
open), five registers each in one list, every ten seconds (or so seldom that the simulated meters keep up), readings to
a file. Each device is a line of its own: 127.x.y.z leads to this machine, whatever x, y and z. Costs are the CPU time
of the daemon's threads (schedstat), so that what else the machine does matters little; all are printed for one device,
and a chart draws them relative to those of a hundred: what grows linearly is a flat line.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from meterd.ports._loop import Loop
from meterd.simulate import dlms as simulated
from meterd.simulate.meter_host import MeterHost

from ._chart import chart
from .footprint import ENVIRONMENT, NO_HOOKS

DEVICES = (10, 100, 1000, 3000, 10_000)
BASE = 100
REGISTERS = 5
PERIOD_MS = 10_000
SCANS_PER_S = 400  # more than that is not asked of the simulated meters
WINDOW_S = 20.0
PATIENCE_S = 300.0
LAST = b'"signal":"E%d","value":%d' % (REGISTERS, REGISTERS)  # each scan's last reading: 500.5
HEADINGS = {
    "start": "start, until all were read once, ms of CPU",
    "memory": "resident memory beyond ten devices', kB",
    "scan": "one scan of five registers, µs of CPU",
    "reload": "reload of an unchanged configuration, µs of CPU",
    "moved": "reload with every device on another port, until as many were read again, ms of CPU",
    "status": "answer to status, µs of CPU",
    "trace": "trace of one device for five seconds beyond what the scans cost, µs of CPU",
    "dead": "all meters gone: lines of the log in two periods, of all together",
}


def serve(line: multiprocessing.connection.Connection) -> None:
    _allow_descriptors()
    loop = Loop()
    host = MeterHost(loop)
    play = simulated.meter(mode="wrapper", rows="0", registers=str(REGISTERS))
    line.send([host.on_tcp(0, play, None, None, "0.0.0.0") for _ in range(2)])
    loop.run()


def _allow_descriptors() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def configuration(count: int, port: int, readings: str, period_ms: int) -> dict[str, Any]:
    devices, signals = [], []
    for number in range(count):
        alias = f"m{number}"
        place = f"127.{1 + number // 62500}.{number // 250 % 250}.{1 + number % 250}"
        devices.append(
            {"name": alias, "device_alias": alias, "protocol": "DLMS", "mode": "DLMS-WRAPPER", "type": "LN",
             "client_address": 32, "physical_address": 1, "ip": place, "port": port, "scan_rate_ms": period_ms,
             "timeout_ms": 20_000, "keep_open": 1}
        )  # fmt: skip
        for register in range(1, REGISTERS + 1):
            signals.append(
                {"signal_name": "E", "device_alias": alias, "signal_alias": f"E{register}",
                 "obis_job": f"1.0.1.8.{register}.255"}
            )  # fmt: skip
    return {"devices": devices, "signals": signals, "publish": {"file": {"path": readings}}}


class Daemon:
    """The daemon under measurement, and what it has spent."""

    def __init__(self, folder: str, count: int, port: int) -> None:
        self.count = count
        self.path, self.control = os.path.join(folder, "site.json"), os.path.join(folder, "control")
        self.readings = os.path.join(folder, "readings")
        self.log = Path(folder, "log")
        self.period_ms = max(PERIOD_MS, count * 1000 // SCANS_PER_S)
        self.place(port)
        words = ["-m", "meterd", "run", "-c", self.path, "--state", folder, "--control", self.control, "-d5"]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, NO_HOOKS, *words], env=ENVIRONMENT, stderr=log, preexec_fn=_allow_descriptors
            )
        self._read = 0  # bytes of the readings that were counted

    def place(self, port: int) -> None:
        Path(self.path).write_text(json.dumps(configuration(self.count, port, self.readings, self.period_ms)))

    def cpu_s(self) -> float:
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9

    def resident_kb(self) -> int:
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmRSS"))

    def scans(self) -> int:
        """How many scans brought their last register since this was asked last."""
        try:
            with open(self.readings, "rb") as file:
                file.seek(self._read)
                found = file.read()
        except FileNotFoundError:
            return 0
        whole = found[: found.rfind(b"\n") + 1]
        self._read += len(whole)
        return whole.count(LAST)

    def until_scanned(self, count: int) -> None:
        limit, seen = time.monotonic() + PATIENCE_S, 0
        while (seen := seen + self.scans()) < count:
            if time.monotonic() > limit or self.process.poll() is not None:
                raise SystemExit(f"{seen} of {count} scans came; the daemon's log ends: {self.log.read_text()[-500:]}")
            time.sleep(0.05)

    def ask(self, words: str, hold_s: float = 0.0) -> int:
        """Bytes of the answer; with `hold_s` what comes in that time."""
        size = 0
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.connect(self.control)
            connection.sendall(words.encode() + b"\n")
            end = time.monotonic() + hold_s
            connection.settimeout(hold_s or PATIENCE_S)
            try:
                while (block := connection.recv(1 << 16)) and not (hold_s and time.monotonic() > end):
                    size += len(block)
            except TimeoutError:
                pass
        return size

    def spent(self, action, scan_s: float, repeat: int = 1) -> float:  # type: ignore[no-untyped-def]
        """CPU seconds of one `action()` beyond what the scans meanwhile cost."""
        self.scans()
        cpu = self.cpu_s()
        for _ in range(repeat):
            action()
        return (self.cpu_s() - cpu - scan_s * self.scans()) / repeat


def measure(count: int, ports: list[int], serving: multiprocessing.Process) -> dict[str, float]:
    """Every figure for one device: seconds of CPU, kB, lines."""
    with tempfile.TemporaryDirectory(prefix="meterd-growth-") as folder:
        daemon = Daemon(folder, count, ports[0])
        try:
            return _measured(daemon, count, ports, serving)
        finally:
            daemon.process.terminate()
            daemon.process.wait(60)


def _measured(daemon: Daemon, count: int, ports: list[int], serving: multiprocessing.Process) -> dict[str, float]:
    found: dict[str, float] = {}
    daemon.until_scanned(count)
    found["start"] = daemon.cpu_s() / count
    time.sleep(max(0.0, daemon.period_ms / 1000 - WINDOW_S / 2))
    daemon.scans()
    cpu = daemon.cpu_s()
    time.sleep(max(WINDOW_S, daemon.period_ms / 1000))
    scan_s = found["scan"] = (daemon.cpu_s() - cpu) / daemon.scans()
    found["memory"] = float(daemon.resident_kb())
    repeat = max(1, 2000 // count)
    found["status"] = daemon.spent(lambda: daemon.ask("status"), scan_s, repeat) / count
    found["trace"] = daemon.spent(lambda: daemon.ask("trace m0", 5.0), scan_s) / count
    found["reload"] = daemon.spent(lambda: daemon.ask("reload"), scan_s, min(repeat, 5)) / count
    daemon.place(ports[1])
    daemon.scans()
    cpu = daemon.cpu_s()
    daemon.ask("reload")
    daemon.until_scanned(count)
    found["moved"] = (daemon.cpu_s() - cpu) / count
    lines = daemon.log.read_text().count("\n")
    serving.kill()
    time.sleep(2 * daemon.period_ms / 1000)
    found["dead"] = float(daemon.log.read_text().count("\n") - lines)
    return found


def table(found: dict[int, dict[str, float]]) -> str:
    units = {"start": 1e3, "scan": 1e6, "status": 1e6, "trace": 1e6, "reload": 1e6, "moved": 1e3}
    lines = [f"| for one device | {' | '.join(f'{count:,}' for count in found)} |", "|---" * (1 + len(found)) + "|"]
    for name, heading in HEADINGS.items():
        cells = [_cell(name, figures[name] * units.get(name, 1.0)) for figures in found.values()]
        lines.append(f"| {heading} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(name: str, figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 100 or name == "dead" else f"{figure:.2g}"


def relative(found: dict[int, dict[str, float]], base: int) -> dict[str, list[tuple[int, float]]]:
    """Each figure relative to that of `base` devices."""
    names = ("start", "scan", "reload", "moved", "status")
    return {name: [(count, figures[name] / found[base][name]) for count, figures in found.items()] for name in names}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__.split("\n")[0])
    parser.add_argument("--devices", type=int, nargs="+", default=list(DEVICES))
    parser.add_argument("--svg", help="draw the chart into this file")
    chosen = parser.parse_args()
    _allow_descriptors()
    found: dict[int, dict[str, float]] = {}
    for count in chosen.devices:
        line, theirs = multiprocessing.Pipe()
        serving = multiprocessing.get_context("fork").Process(target=serve, args=(theirs,), daemon=True)
        serving.start()
        found[count] = measure(count, line.recv(), serving)
        print(f"{count:,} devices measured", file=sys.stderr, flush=True)
    smallest = found[min(found)]["memory"]
    for count, figures in found.items():
        figures["memory"] = (figures["memory"] - smallest) / (count - min(found)) if count > min(found) else 0.0
    print(table(found))
    base = BASE if BASE in found else min(found)
    if chosen.svg:
        Path(chosen.svg).write_text(chart(relative(found, base), "cost for one device", base), "utf-8")
        print(chosen.svg)
    return 0


if __name__ == "__main__":
    sys.exit(main())
