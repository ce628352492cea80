"""Readings as lines of text: on standard output, and, by `sinks.file`, in a file.

Lines are gathered and written at the end of a turn of the loop (`_lines`). The dirt to survive: a reader that is slow
or gone, and what can be wrong with a file. None of it blocks the loop or ends the daemon: lines wait, up to
`MAX_WAITING` bytes, further ones are counted and lost, and each trouble is one log line. A line is never torn: after a
partial write its rest comes first.
"""

from __future__ import annotations

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


STDOUT = 1


class LineSink:
    """Lines to a descriptor that others may share (so it stays blocking, and poll is asked before each write).

    `accept(reading)` keeps a line, `flush()` writes what waits, as far as it goes without blocking.
    """

    def __init__(
        self, fd: int | None, write_line: Callable[[Reading], str], loop: Loop | None = None, name: str = "stdout"
    ) -> None:
        self.name = name
        inlet = self.inlet = Lines(write_line, self._ready, self._failed, self._written, loop)
        inlet.fd = -1 if fd is None else fd
        inlet.text.shared = fd is not None
        self.accept: Callable[[Reading], None] = inlet.accept
        self.flush: Callable[[], None] = inlet.flush
        self._loop = loop
        self._registered = False
        self._trouble = ""
        self._lost_before = 0  # of those that were told
        self.is_way_out = True
        self.on_end: Callable[[], None] = lambda: None  # nothing will ever be written any more

    def condition(self) -> tuple[str, str, int, int]:
        """Name; what is wrong, if anything; bytes that wait; readings lost since the start."""
        return self.name, self._trouble, self.waiting, self._lost_before + self.lost

    @property
    def waiting(self) -> int:
        """Bytes that wait to be written."""
        return self.inlet.waiting

    @property
    def lost(self) -> int:
        """Readings since something was written last."""
        return self.inlet.lost

    def reopen(self) -> None:
        """Standard output stays as it is."""

    def close(self) -> None:
        self.flush()
        self._let_go()

    def _ready(self) -> bool:
        self.inlet.clear()  # what is not open any more is never opened again
        return False

    def _wait_for_reader(self) -> None:
        if self._loop is not None and self.inlet.fd >= 0 and not self._registered:
            from select import POLLOUT  # most readers keep up

            self._loop.register(self.inlet.fd, POLLOUT, self._on_writable)
            self._registered = True

    def _on_writable(self, revents: int) -> None:
        self._stop_waiting()
        self.flush()

    def _stop_waiting(self) -> None:
        if self._registered and self._loop is not None and self.inlet.fd >= 0:
            self._loop.unregister(self.inlet.fd)
        self._registered = False

    def _written(self) -> None:
        """Something was written, or nothing could be but nothing failed either."""
        inlet = self.inlet
        if inlet.waiting:
            self._wait_for_reader()
            return
        inlet.troubled = False
        self._trouble = ""
        lost, inlet.lost = inlet.lost, 0
        self._lost_before += lost
        if lost:
            log.warning(f"{self.name}: {lost} readings were lost while it took none", fold=f"sink {self.name}")
            inlet.troubled = True
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
        self.inlet.fd = -1
        self.inlet.clear()
