"""A DLMS meter over the TCP wrapper whose register is the time: microseconds of the monotonic clock, never twice.

Written apart from the project, on the APDUs of `counting_meter`. It notes each value in its own file before it sends
it: that file says what was there to be taken, and nobody else's word is needed. Runs as a process of its own:
`python -m tests.soak.timed_meter FILE` prints its port.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

from .counting_meter import CountingMeter


class TimedMeter(CountingMeter):
    """Several lines may read it at once; each answer is noted as `value` on a line of `path`."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._last = 0
        self._noting = threading.Lock()
        super().__init__()

    def _get(self, request: bytes) -> bytes:
        if request[11] != 2:
            return super()._get(request)
        if request[5] != 1:  # what it is called and the like: it has nothing but registers
            return b"\xc4\x01" + request[2:3] + b"\x01\x04"
        with self._noting:
            value = self._last = max(self._last + 1, time.monotonic_ns() // 1000)
            os.write(self._file, b"%d\n" % value)
        return b"\xc4\x01" + request[2:3] + b"\x00" + b"\x15" + value.to_bytes(8, "big")


if __name__ == "__main__":
    meter = TimedMeter(Path(sys.argv[1]))
    print(meter.port, flush=True)
    threading.Event().wait()
