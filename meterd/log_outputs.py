"""Where log lines go: standard error, which like the local syslog (`log_syslog`) is never waited for.

The problem: whoever should read them may not (a pager that stands still, a supervisor that hangs, a syslog that is
full), and a daemon that waits for its own log reads no meters. So what cannot leave at once waits in a bounded queue;
what the queue cannot hold is counted, and the count is told when lines leave again.
Assumptions: standard error may be shared with other processes, so it is not made non-blocking (`_octets`). A terminal
promises no room for a whole piece when poll is asked; it is opened once more, without blocking, for meterd alone.
Dirt it must survive: a standard error that is closed, broken, or never read.
"""

from __future__ import annotations

from posix import O_CLOEXEC, O_NOCTTY, O_NONBLOCK, O_WRONLY, isatty
from posix import open as open_file
from time import localtime, strftime, time

from ._octets import Octets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class Loop(Protocol):
        """The part of the loop that is needed here; events are poll(2) masks."""

        def register(self, fd: int, events: int, callback: Callable[[int], None]) -> None: ...

        def unregister(self, fd: int) -> None: ...


WORDS = ("emergency", "alert", "critical", "error", "warning", "notice", "info", "debug")

STDERR = 2
MOST_WAITING = 65536  # bytes
LAST_CHANCE_MS = 200  # at the end of the process


class StandardError:
    """`2026-11-22T17:10:22.123 warning: …`; a stderr that is gone is no reason to stop reading meters."""

    __slots__ = ("_fd", "_loop", "_lost", "_octets", "_watched")

    def __init__(self) -> None:
        self._octets = Octets()
        self._octets.shared = True
        self._fd = -1
        self._loop: Loop | None = None
        self._lost = 0
        self._watched = False

    def __call__(self, level: int, message: str) -> None:
        now = time()
        stamp = strftime("%Y-%m-%dT%H:%M:%S", localtime(now))
        self._take(f"{stamp}.{int(now * 1000) % 1000:03d} {WORDS[level]}: {message}\n")

    @property
    def waiting(self) -> int:
        """Bytes that could not leave yet."""
        return self._octets.waiting

    def watch(self, loop: Loop) -> None:
        """From now on what waits leaves as soon as it can, not with the next line alone."""
        self._loop = loop

    def flush(self) -> None:
        """The end: a last chance for what waits, LAST_CHANCE_MS long."""
        if self._octets.waiting:
            from select import POLLOUT, poll  # hardly ever anything does

            asked = poll()
            asked.register(self._fd, POLLOUT)
            if asked.poll(LAST_CHANCE_MS):
                self._write()

    def _take(self, line: str) -> None:
        data = line.encode("utf-8", "backslashreplace")
        if self._octets.waiting + len(data) > MOST_WAITING:
            self._lost += 1
        else:
            self._octets.put(data)
        self._write()

    def _open(self) -> None:
        """Once, when the first line leaves: which descriptor to write to."""
        self._fd = STDERR
        try:
            if isatty(STDERR):
                self._fd = open_file(f"/proc/self/fd/{STDERR}", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
                self._octets.shared = False
        except OSError:
            pass  # no /proc in this jail: poll alone must do

    def _write(self) -> None:
        if self._fd < 0:
            self._open()
        try:
            self._octets.flush(self._fd)
        except OSError:
            self._octets.clear()  # nobody will ever read them
        if not self._octets.waiting and self._lost:
            lost, self._lost = self._lost, 0
            self(4, f"log lines were lost while nobody read them: {lost}")
        self._look_out()

    def _look_out(self) -> None:
        """Have the loop tell when more can leave, as long as something waits."""
        waits = self._octets.waiting > 0
        if self._loop is None or waits == self._watched:
            return
        if self._watched:
            self._loop.unregister(self._fd)
            self._watched = False
            return
        from select import POLLOUT

        try:
            self._loop.register(self._fd, POLLOUT, lambda revents: self._write())
            self._watched = True
        except OSError:
            pass  # no pipe, socket or terminal: the next line tries again


to_stderr = StandardError()
