"""Memory of the real daemon: for each signal, and of a site of 3,000 TCP meters.

Resident memory (VmRSS, x86-64) once everything was read several times, DLMS over the TCP wrapper with associations kept
open, one list each, readings to a file, byte code at hand. Signals are added to meters that are there already.
"""

from __future__ import annotations

from ._daemon import Daemon, dlms_site
from ._machine import Row
from ._meters import dlms_meters, hosts

METERS, MOST_REGISTERS = 40, 250
MANY, FEW = 3000, 5
PERIOD_MS = 10_000
SCANS = 3


def resident_kb(meters: int, registers: int) -> int:
    """Of a daemon that has read so many meters some times."""
    with dlms_meters(registers=str(registers), mode="wrapper") as far:
        places = [(host, far.port) for host in hosts(meters)]
        with Daemon(dlms_site(places, registers, PERIOD_MS, mode="DLMS-WRAPPER")) as daemon:
            daemon.wait_for(SCANS * meters * registers, b'"quality":"good"')
            return daemon.resident_kb()


def run() -> list[Row]:
    few, many = resident_kb(METERS, 1), resident_kb(METERS, MOST_REGISTERS)
    site = resident_kb(MANY, FEW)
    each = (many - few) / (METERS * (MOST_REGISTERS - 1))
    what = f"{MANY:,} TCP meters × {FEW} signals"
    return [
        (f"resident memory, {METERS} TCP meters with one signal each", few / 1000, "MB", None),
        (f"resident memory, {METERS} TCP meters with {MOST_REGISTERS} signals each", many / 1000, "MB", None),
        ("memory for each further signal", each, "kB", -1.0),
        (f"resident memory, {what}", site / 1000, "MB", -45.0),
    ]
