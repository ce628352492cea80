"""Readings as lines of text: on standard output, and in a file.

Lines are gathered and written once per turn of the loop. The dirt to survive: a reader of stdout that is slow or gone,
a full disk, a directory that is not there (the SD card was pulled), a file that was rotated away, a FIFO that nobody
reads. None of it blocks the loop or ends the daemon: lines wait, up to `MAX_WAITING` bytes, further ones are counted
and lost, and each trouble is one log line. A line is never torn: after a partial write its rest comes first.
"""

from __future__ import annotations

import errno
import os
import select

from .. import log
from ..json_text import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from ..model import Reading

    class Loop(Protocol):
        """The part of the loop that a sink needs; `events` and what the callback gets are poll(2) masks."""

        def register(self, fd: int, events: int, callback: Callable[[int], None]) -> None: ...

        def modify(self, fd: int, events: int) -> None: ...

        def unregister(self, fd: int) -> None: ...


MAX_WAITING = 1 << 20
# poll(2) calls a pipe writable when so many bytes fit: a write of no more does not block in any mode.
MAX_WRITE = select.PIPE_BUF


class LineSink:
    """Lines to a descriptor that others may share (so it stays blocking, and poll is asked before each write)."""

    def __init__(
        self, fd: int, write_line: Callable[[Reading], str], loop: Loop | None = None, name: str = "stdout"
    ) -> None:
        self.name = name
        self.lost = 0
        self._fd: int | None = fd
        self._write_line = write_line
        self._loop = loop
        self._waiting = bytearray()
        self._registered = False

    def accept(self, reading: Reading) -> None:
        if len(self._waiting) >= MAX_WAITING:
            self.lost += 1
            return
        self._waiting += encode(self._write_line(reading) + "\n")

    def flush(self) -> None:
        """Write what is waiting, as far as it goes without blocking."""
        if not self._waiting or not self._ready():
            return
        try:
            while self._waiting and self._writable():
                del self._waiting[: os.write(self._fileno(), self._waiting[:MAX_WRITE])]
        except BlockingIOError:
            pass
        except OSError as error:
            self._failed(error)
            return
        self._succeeded()

    def reopen(self) -> None:
        """Standard output stays as it is."""

    def close(self) -> None:
        self.flush()
        self._let_go()

    def _fileno(self) -> int:
        assert self._fd is not None
        return self._fd

    def _ready(self) -> bool:
        if self._fd is None:
            self._waiting.clear()
        return self._fd is not None

    def _writable(self) -> bool:
        asked = select.poll()
        asked.register(self._fileno(), select.POLLOUT)
        return bool(asked.poll(0))

    def _wait_for_reader(self) -> None:
        if self._loop is not None and self._fd is not None and not self._registered:
            self._loop.register(self._fd, select.POLLOUT, self._on_writable)
            self._registered = True

    def _on_writable(self, revents: int) -> None:
        self._stop_waiting()
        self.flush()

    def _stop_waiting(self) -> None:
        if self._registered and self._loop is not None and self._fd is not None:
            self._loop.unregister(self._fd)
        self._registered = False

    def _succeeded(self) -> None:
        if self._waiting:
            self._wait_for_reader()
            return
        lost, self.lost = self.lost, 0
        if lost:
            log.warning(f"{self.name}: {lost} readings were lost while it took none", fold=f"sink {self.name}")
        else:
            log.recovered(f"sink {self.name}", f"{self.name}: readings are written again")

    def _failed(self, error: OSError) -> None:
        """Nobody will ever read this stdout again."""
        log.warning(f"{self.name}: {error.strerror}; readings are no longer written there", fold=f"sink {self.name}")
        self._let_go()

    def _let_go(self) -> None:
        self._stop_waiting()
        self._fd = None
        self._waiting.clear()


class FileSink(LineSink):
    """Lines appended to a file, which is made when it is not there and tried again at each flush while it fails."""

    def __init__(self, path: str, write_line: Callable[[Reading], str], loop: Loop | None = None) -> None:
        super().__init__(-1, write_line, loop, path)
        self.path = path
        self._fd = None

    def reopen(self) -> None:
        """Another file may bear the name by now."""
        self.flush()
        self._close_file()

    def close(self) -> None:
        self.flush()
        self._close_file()
        self._waiting.clear()

    def _ready(self) -> bool:
        if self._fd is None:
            try:
                # O_NONBLOCK: opening a FIFO that nobody reads must fail instead of waiting for a reader.
                flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
                self._fd = os.open(self.path, flags, 0o640)
            except OSError as error:
                self._failed(error)
        return self._fd is not None

    def _failed(self, error: OSError) -> None:
        """A full disk empties, a card returns: keep what waits and try again."""
        log.error(f"{self.path}: {error.strerror}; readings wait", fold=f"sink {self.name}")
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            self._close_file()

    def _close_file(self) -> None:
        self._stop_waiting()
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
