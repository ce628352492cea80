"""System calls of the real daemon, counted by strace: for a register read singly, and for a scan of one list.

All calls count, those of the file that takes the readings too. One meter's list is read so often that its file would
be a tenth of them: there the scan's own calls are judged, with a socket to which nobody listens, and those with a file
told beside. A meter that is read by itself needs two waits a scan, for its turn and for its answer; beside a thousand
others it shares them. To a tenth of a call: the file's share, where it counts, is a hundredth.
HDLC on TCP, associations kept open. strace slows the daemon down, so the numbers of a busy one are those of a busier.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tools.gateway.build.cache import ToolMissing, program

from ._daemon import SETTLED_S, Daemon, dlms_site
from ._machine import Row
from ._meters import dlms_meters, hosts

SECONDS = 4.0  # long beside what is under way at either end
REGISTERS, LISTED, FEW, MANY = 60, 40, 5, 1000
PERIOD_MS = 20
BUSY_MS = 2000
CALL = re.compile(r"^(?:\d+ +)?(\w+)\(")
TO_THE_METER = r'write\(\d+, "~'  # HDLC


def run() -> list[Row]:
    try:
        strace = program("strace", "strace")
    except ToolMissing as missing:
        print(f"system_calls: left out: {missing}")
        return []
    with dlms_meters(registers=str(REGISTERS), lists="no") as meter:
        site = dlms_site([("127.0.0.1", meter.port)], REGISTERS, 1)
        singly = rows(strace, "a register read singly", site, REGISTERS, 1, -3.0)
    with dlms_meters(registers=str(LISTED)) as meter:
        site = dlms_site([("127.0.0.1", meter.port)], LISTED, PERIOD_MS)
        what = f"a scan of one list, one meter at {PERIOD_MS} ms"
        listed = rows_without_a_file(strace, what, site, -4.0)
        listed += rows(strace, f"{what}, with its file", site, LISTED, LISTED, None)
    with dlms_meters(registers=str(FEW)) as meter:
        site = dlms_site([(host, meter.port) for host in hosts(MANY)], FEW, BUSY_MS)
        busy = rows(strace, f"a scan of one list, {MANY:,} meters at {BUSY_MS} ms", site, MANY * FEW, FEW, -3.0)
    return [*singly, *listed, *busy]


def rows(
    strace: str, what: str, site: dict[str, Any], all_of_them: int, each: int, required: float | None
) -> list[Row]:
    """Calls for so many readings `each`; the judged figure leaves out nothing."""
    with Daemon(site) as daemon:
        daemon.wait_for(3 * all_of_them)
        daemon.wait_until_settled()
        lines = traced(strace, daemon)
        calls = between(lines, re.escape(into_file := f"write({_descriptor_of_the_file(daemon)}, "))
        written = sum(int(line.rpartition("= ")[2]) for line in calls if into_file in line)
        readings = daemon.readings.read_bytes()[-written:].count(b"\n") if written else 0
    return told(what, calls, readings / each, required)


def rows_without_a_file(strace: str, what: str, site: dict[str, Any], required: float) -> list[Row]:
    """Calls for a scan whose readings go no further; a scan is known by its request."""
    with Daemon({**site, "publish": {"file": None, "socket": {"path": "socket"}}}) as daemon:
        time.sleep(2 * SETTLED_S)  # there is no file to tell
        daemon.wait_until_settled()
        calls = between(traced(strace, daemon), TO_THE_METER)
    return told(what, calls, sum(bool(re.search(TO_THE_METER, line)) for line in calls), required)


def told(what: str, lines: list[str], scans: float, required: float | None) -> list[Row]:
    if not lines or not scans:
        print(f"system_calls: {what}: left out: strace may not look at the daemon here")
        return []
    calls = Counter(call[1] for line in lines if (call := CALL.match(line)))
    return [
        (f"system calls for {what}", round(sum(calls.values()) / scans, 1), "calls", required),
        *((f"  of them {name}", count / scans, "calls", None) for name, count in calls.most_common(6)),
    ]


def traced(strace: str, daemon: Daemon) -> list[str]:
    """The calls of SECONDS, a line each."""
    daemon.hold()
    with tempfile.NamedTemporaryFile(suffix=".strace") as log:
        tracer = subprocess.Popen(
            [strace, "-f", "-p", str(daemon.pid), "-o", log.name], stderr=subprocess.PIPE, text=True
        )
        assert tracer.stderr
        attached = "attached" in tracer.stderr.readline()
        daemon.go_on()
        time.sleep(SECONDS if attached else 0.0)
        daemon.hold()
        tracer.terminate()
        tracer.communicate()
        return Path(log.name).read_text(errors="replace").splitlines()


def between(lines: list[str], mark: str) -> list[str]:
    """What comes behind the first line with that mark, up to the last one: whole turns, so that what waits in memory at
    either end is not taken for what was read.
    """
    marked = [index for index, line in enumerate(lines) if re.search(mark, line)]
    return lines[marked[0] + 1 : marked[-1] + 1] if marked else []


def _descriptor_of_the_file(daemon: Daemon) -> str:
    for link in Path(f"/proc/{daemon.pid}/fd").iterdir():
        if link.readlink() == daemon.readings:
            return link.name
    raise RuntimeError("the daemon has its file not open")
