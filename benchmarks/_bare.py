"""The bare C program that reading DLMS meters is held against (`reference/dlms_exchange.c`), as a process."""

from __future__ import annotations

import subprocess
import time

from ._reference import built


class Bare:
    """The C program, reading `registers` of so many connections, `items` in a request; every `period_us`, if there is
    one, else without a pause."""

    def __init__(self, port: int, connections: int, registers: int, items: int, period_us: int = 0) -> None:
        words = [str(built("dlms_exchange")), *map(str, (port, connections, registers, items, period_us))]
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._scans = 1
        self.micros(0.0)

    def micros(self, seconds: float) -> float:
        """CPU for each request, µs, in so many scans as took about so long the last time."""
        assert self._process.stdin and self._process.stdout
        begun = time.monotonic()
        self._process.stdin.write(f"{self._scans}\n")
        self._process.stdin.flush()
        spent_ns, answered = map(int, self._process.stdout.readline().split())
        took = time.monotonic() - begun
        self._scans = max(1, int(self._scans * seconds / took))
        return spent_ns / answered / 1000

    def close(self) -> None:
        self._process.communicate()
