"""System calls of the real daemon, counted by strace: for a register read singly, and for a scan of one list.

All calls count, those of the file that takes the readings too. One meter that is read by itself needs two waits a scan
(for its turn, and for its answer); beside a thousand others it shares them.
To a tenth of a call: what is renewed in one scan of 240 (identity, scalers) is a hundredth, and so is the file's share.
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

from ._daemon import Daemon, dlms_site
from ._machine import Row
from ._meters import dlms_meters, hosts

SECONDS = 4.0  # long beside what is under way at either end
REGISTERS, LISTED, FEW, MANY = 60, 40, 5, 1000
PERIOD_MS = 20
BUSY_MS = 2000
CALL = re.compile(r"^(?:\d+ +)?(\w+)\(")


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
        listed = rows(strace, f"a scan of one list, one meter at {PERIOD_MS} ms", site, LISTED, LISTED, -4.0)
    with dlms_meters(registers=str(FEW)) as meter:
        site = dlms_site([(host, meter.port) for host in hosts(MANY)], FEW, BUSY_MS)
        busy = rows(strace, f"a scan of one list, {MANY:,} meters at {BUSY_MS} ms", site, MANY * FEW, FEW, -3.0)
    return [*singly, *listed, *busy]


def rows(strace: str, what: str, site: dict[str, Any], all_of_them: int, each: int, required: float) -> list[Row]:
    """Calls for so many readings `each`; the judged figure leaves out nothing."""
    with Daemon(site) as daemon:
        daemon.wait_for(3 * all_of_them)
        daemon.wait_until_settled()
        calls, readings = counted(strace, daemon)
    if not calls or not readings:
        print(f"system_calls: {what}: left out: strace may not look at the daemon here")
        return []
    scans = readings / each
    return [
        (f"system calls for {what}", round(sum(calls.values()) / scans, 1), "calls", required),
        *((f"  of them {name}", count / scans, "calls", None) for name, count in calls.most_common(6)),
    ]


def counted(strace: str, daemon: Daemon) -> tuple[Counter[str], int]:
    """Calls by name while the daemon goes on for SECONDS, from one write to its file to the last one, and the readings
    that were written between: what waits in memory at either end is not taken for what was read.
    """
    daemon.hold()
    into_file = f"write({_descriptor_of_the_file(daemon)}, "
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
        lines = Path(log.name).read_text(errors="replace").splitlines()
    writes = [index for index, line in enumerate(lines) if into_file in line]
    if len(writes) < 2:
        return Counter(), 0
    first, last = writes[0], writes[-1]
    written = sum(int(lines[index].rpartition("= ")[2]) for index in writes[1:])
    found = map(CALL.match, lines[first + 1 : last + 1])
    return Counter(call[1] for call in found if call), daemon.readings.read_bytes()[-written:].count(b"\n")


def _descriptor_of_the_file(daemon: Daemon) -> str:
    for link in Path(f"/proc/{daemon.pid}/fd").iterdir():
        if link.readlink() == daemon.readings:
            return link.name
    raise RuntimeError("the daemon has its file not open")
