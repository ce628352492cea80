"""A few numbers that a process writes down as it goes and that are still there when it was killed: a mapped file.

What a process was doing when kill -9 hit it nobody can say who looks from outside: by the time that he has looked, it
does something else. A mapped page belongs to the kernel, so the last thing that was written there stays.
"""

from __future__ import annotations

import mmap
import os
import struct
import time
from pathlib import Path

PLACES = ("committing", "busy_since_ms", "last_busy_ms", "in_flight", "unanswered")
LOW = 0xFFFFFFFF
_NUMBER = struct.Struct("=I")


class Marks:
    def __init__(self, path: Path | str) -> None:
        size = _NUMBER.size * len(PLACES)
        fd = os.open(path, os.O_RDWR | os.O_CREAT)
        os.ftruncate(fd, size)
        self._page = mmap.mmap(fd, size)
        os.close(fd)

    def set(self, name: str, number: int) -> None:
        _NUMBER.pack_into(self._page, _NUMBER.size * PLACES.index(name), number)

    def get(self, name: str) -> int:
        return int(_NUMBER.unpack_from(self._page, _NUMBER.size * PLACES.index(name))[0])

    def busy(self, yes: int) -> None:
        """Inside a commit, or opening what is committed to, from now on; or no more."""
        now_ms = time.monotonic_ns() // 1_000_000
        if not yes and self.get("busy_since_ms"):
            self.set("last_busy_ms", (now_ms - self.get("busy_since_ms")) & LOW)
        self.set("busy_since_ms", now_ms & LOW if yes else 0)

    def busy_ms(self) -> int:
        """How long the last commit took, and the present one has: what came meanwhile waits for the next."""
        since = self.get("busy_since_ms")
        return self.get("last_busy_ms") + ((time.monotonic_ns() // 1_000_000 - since) & LOW if since else 0)

    def clear(self) -> None:
        for name in PLACES:
            self.set(name, 0)
