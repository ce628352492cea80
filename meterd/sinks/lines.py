"""Readings as lines of text: on standard output, and in a file.

Lines are gathered and written once per turn of the loop. The dirt to survive: a reader of stdout that is slow or gone,
a full disk, a directory that is not there (the SD card was pulled), a file that was rotated away, a FIFO that nobody
reads. None of it blocks the loop or ends the daemon: lines wait, up to `MAX_WAITING` bytes, further ones are counted
and lost, and each trouble is one log line. A line is never torn: after a partial write its rest comes first.
"""

from __future__ import annotations

import select
from errno import EDQUOT, EFBIG, ENOSPC
from posix import O_APPEND, O_CLOEXEC, O_CREAT, O_NOCTTY, O_NONBLOCK, O_WRONLY, close
from posix import open as open_file

from .. import log
from ._lines import Lines

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


class LineSink(Lines):
    """Lines to a descriptor that others may share (so it stays blocking, and poll is asked before each write).

    `accept(reading)` keeps a line, `flush()` writes what waits, as far as it goes without blocking.
    """

    __slots__ = ("_loop", "_lost_before", "_registered", "_trouble", "is_way_out", "on_end")

    def __init__(
        self, fd: int | None, write_line: Callable[[Reading], str], loop: Loop | None = None, name: str = "stdout"
    ) -> None:
        super().__init__(fd, write_line, name)
        self._loop = loop
        self._registered = False
        self._trouble = ""
        self._lost_before = 0  # of those that were told
        self.is_way_out = True
        self.on_end: Callable[[], None] = lambda: None  # nothing will ever be written any more

    def condition(self) -> tuple[str, str, int, int]:
        """Name; what is wrong, if anything; bytes that wait; readings lost since the start."""
        return self.name, self._trouble, self.waiting, self._lost_before + self.lost

    def reopen(self) -> None:
        """Standard output stays as it is."""

    def close(self) -> None:
        self.flush()
        self._let_go()

    def _ready(self) -> bool:
        if self._fd is None:
            self.clear()
        return self._fd is not None

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
        """Something was written, or nothing could be but nothing failed either."""
        if self.waiting:
            self._wait_for_reader()
            return
        self.troubled = False
        self._trouble = ""
        lost, self.lost = self.lost, 0
        self._lost_before += lost
        if lost:
            log.warning(f"{self.name}: {lost} readings were lost while it took none", fold=f"sink {self.name}")
            self.troubled = True
        else:
            log.recovered(f"sink {self.name}", f"{self.name}: readings are written again")

    def _failed(self, error: OSError) -> None:
        """Nobody will ever read this stdout again."""
        self._trouble = f"{error.strerror}; readings are no longer written there"
        log.warning(f"{self.name}: {self._trouble}", fold=f"sink {self.name}")
        self._let_go()
        self.is_way_out = False
        self.on_end()

    def _let_go(self) -> None:
        self._stop_waiting()
        self._fd = None
        self.clear()


class FileSink(LineSink):
    """Lines appended to a file, which is made when it is not there and tried again at each flush while it fails."""

    def __init__(self, path: str, write_line: Callable[[Reading], str], loop: Loop | None = None) -> None:
        super().__init__(None, write_line, loop, path)
        self.path = path

    def reopen(self) -> None:
        """Another file may bear the name by now."""
        self.flush()
        self._close_file()

    def close(self) -> None:
        self.flush()
        self._close_file()
        self.clear()

    def _ready(self) -> bool:
        if self._fd is None:
            try:
                # O_NONBLOCK: opening a FIFO that nobody reads must fail instead of waiting for a reader.
                flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY
                self._fd = open_file(self.path, flags, 0o640)
            except OSError as error:
                self._failed(error)
        return self._fd is not None

    def _failed(self, error: OSError) -> None:
        """A full disk empties, a card returns: keep what waits and try again."""
        self.troubled = True
        self._trouble = f"{error.strerror}; readings wait"
        log.error(f"{self.path}: {self._trouble}", fold=f"sink {self.name}")
        if error.errno not in (ENOSPC, EDQUOT, EFBIG):
            self._close_file()

    def _close_file(self) -> None:
        self._stop_waiting()
        if self._fd is not None:
            close(self._fd)
            self._fd = None
