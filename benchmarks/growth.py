"""How what the daemon costs grows with its meters: `python -m benchmarks.growth [--devices N …] [--svg FILE]`.

For each number of devices the real daemon reads as many simulated DLMS meters over TCP (the wrapper, associations kept
open), five registers each in one list, every ten seconds (or so seldom that the simulated meters keep up), readings to
a file. Each device is a line of its own: 127.x.y.z leads to this machine, whatever x, y and z. Costs are the CPU time
of the daemon's threads (schedstat), so that what else the machine does matters little; all are printed for one device,
and a chart draws them relative to those of a hundred: what grows linearly is a flat line.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from ._chart import chart
from ._daemon import Daemon, dlms_site
from ._machine import allow_descriptors
from ._meters import Meters, dlms_meters, hosts

DEVICES = (10, 100, 1000, 3000, 10_000)
BASE = 100
REGISTERS = 5
PERIOD_MS = 10_000
SCANS_PER_S = 400  # more than that is not asked of the simulated meters
WINDOW_S = 20.0
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


class Site(Daemon):
    """The daemon under measurement, with so many meters, and what it has spent."""

    def __init__(self, count: int, port: int) -> None:
        self.count = count
        self.period_ms = max(PERIOD_MS, count * 1000 // SCANS_PER_S)
        super().__init__(self.at(port), level=5)

    def at(self, port: int) -> dict[str, Any]:
        """Its configuration, all meters at this port."""
        places = [(host, port) for host in hosts(self.count)]
        return dlms_site(places, REGISTERS, self.period_ms, mode="DLMS-WRAPPER")

    def scans(self) -> int:
        """How many scans brought their last register since this was asked last."""
        return self.taken(LAST)

    def spent(self, action, scan_s: float, repeat: int = 1) -> float:  # type: ignore[no-untyped-def]
        """CPU seconds of one `action()` beyond what the scans meanwhile cost."""
        self.scans()
        cpu = self.cpu_s()
        for _ in range(repeat):
            action()
        return (self.cpu_s() - cpu - scan_s * self.scans()) / repeat


def measure(count: int) -> dict[str, float]:
    """Every figure for one device: seconds of CPU, kB, lines."""
    with dlms_meters(ports=2, mode="wrapper", registers=str(REGISTERS)) as meters, Site(count, meters.port) as daemon:
        return _measured(daemon, count, meters)


def _measured(daemon: Site, count: int, meters: Meters) -> dict[str, float]:
    found: dict[str, float] = {}
    daemon.wait_for(count, LAST)
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
    daemon.place(daemon.at(meters.ports[1]))
    daemon.scans()
    cpu = daemon.cpu_s()
    daemon.ask("reload")
    daemon.wait_for(count, LAST)
    found["moved"] = (daemon.cpu_s() - cpu) / count
    lines = daemon.log.read_text().count("\n")
    meters.kill()
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
    allow_descriptors()
    found: dict[int, dict[str, float]] = {}
    for count in chosen.devices:
        found[count] = measure(count)
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
