"""Hundreds of DLMS meters over the TCP wrapper in one process, each at an address of its own, that note who reads them.

    python -m tests.fleet.many_meters FILE      prints its port

One listener on every address of the machine: 127.0.1.7 is one meter, 127.0.1.8 another. A register is the time in
microseconds of the monotonic clock, and no value is served twice. Each line of FILE is written before what it tells of
is done: `open ADDRESS CONNECTION`, `read ADDRESS CONNECTION VALUE`, `close ADDRESS CONNECTION`. After SIGUSR1 they
answer no more. Written apart from the project, on the APDUs of `tests.soak.counting_meter`.
"""

from __future__ import annotations

import itertools
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path

from tests.soak.counting_meter import CountingMeter


class ManyMeters(CountingMeter):
    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._last = 0
        self._noting = threading.Lock()
        self._numbers = itertools.count(1)
        self._here = threading.local()
        self.is_quiet = False
        super().__init__()
        self.listener.listen(1024)

    def _serve(self, connection: socket.socket) -> None:
        self._here.name = f"{connection.getsockname()[0]} {next(self._numbers)}"
        self._note(f"open {self._here.name}")
        try:
            super()._serve(connection)
        finally:
            self._note(f"close {self._here.name}")

    def _note(self, words: str) -> None:
        os.write(self._file, f"{words}\n".encode())

    def _get(self, request: bytes) -> bytes:
        if request[11] != 2:
            return super()._get(request)
        if request[5] != 1:  # what it is called and the like: it has nothing but registers
            return b"\xc4\x01" + request[2:3] + b"\x01\x04"
        with self._noting:
            if self.is_quiet:
                return b""
            value = self._last = max(self._last + 1, time.monotonic_ns() // 1000)
            self._note(f"read {self._here.name} {value}")
        return b"\xc4\x01" + request[2:3] + b"\x00" + b"\x15" + value.to_bytes(8, "big")


if __name__ == "__main__":
    meters = ManyMeters(Path(sys.argv[1]))
    signal.signal(signal.SIGUSR1, lambda *_: setattr(meters, "is_quiet", True))
    print(meters.port, flush=True)
    threading.Event().wait()
