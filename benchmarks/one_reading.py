"""What reading one register by hand costs: CPU of the whole process, from its start to its end, against bare Python.

`meterd read dlms … -- OBIS` of a simulated meter over TCP (the wrapper) and `python -c pass`, in turn on one core, with
byte code at hand: both as a person calls them, the program being the one beside this Python; the same by
`python -m meterd`, for which Python loads `runpy` first; and both without `site` (`-S`), as on a gateway. What is
counted is what the kernel counts of a child that has ended, user and system.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from ._daemon import ENVIRONMENT, NO_HOOKS, have_byte_code
from ._machine import Row, one_core, ratio
from ._meters import dlms_meters

ROUNDS = 31


# Beside the Python of an environment; without `site` it is run by that Python.
PROGRAM = str(Path(sys.executable).with_name("meterd"))


def child_cpu_ms(words: Sequence[str], environment: Mapping[str, str]) -> float:
    """Of one process that must succeed. Raises: RuntimeError with what it said."""
    process = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout
    said = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(words)}: exit {process.returncode}; it said:\n{said}")
    return (used.ru_utime + used.ru_stime) * 1000


def run() -> list[Row]:
    with one_core(), dlms_meters(mode="wrapper") as meter:
        have_byte_code()
        reading = ["read", "dlms", "ip=127.0.0.1", f"port={meter.port}", "type=LN", "client_address=32"]
        reading += ["mode=DLMS-WRAPPER", "--", "1.0.1.8.0.255"]
        bare = [sys.executable]
        without = [sys.executable, NO_HOOKS]
        return [
            *rows([PROGRAM, *reading], bare, os.environ, "", -1.8),
            *rows([*bare, "-m", "meterd", *reading], bare, os.environ, ", as `python -m meterd`", None),
            *rows([*without, PROGRAM, *reading], without, ENVIRONMENT, ", without site", None),
        ]


def rows(
    reading: list[str], python: list[str], environment: Mapping[str, str], how: str, required: float | None
) -> list[Row]:
    ours, bare = [], []
    for _ in range(ROUNDS):
        ours.append(child_cpu_ms(reading, environment))
        bare.append(child_cpu_ms([*python, "-c", "pass"], environment))
    what = f"one register by `meterd read`, whole process{how}"
    return [
        (f"{what}: CPU", statistics.median(ours), "ms", None),
        (f"bare Python{how}: CPU", statistics.median(bare), "ms", None),
        (what, ratio(ours, bare), "× bare Python", required),
    ]
