"""Where others connect to us: one listening socket in the loop, TCP or Unix, and the descriptors it hands out.

The dirt to survive: a socket file left behind by a process that was killed, a name that is something else, clients
that are gone before they are accepted, and a process that has no descriptor left: the kernel would then tell of the
same client in every turn, so the listener pauses for `SHORT_OF_FILES_S` and says so once.
`socket` is not imported, for it costs a small gateway half a start-up; `_socket` is its C part.
"""

from __future__ import annotations

import posix
import stat
from _socket import AF_INET, AF_UNIX, SO_REUSEADDR, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM, SOL_SOCKET, socket
from errno import EAGAIN, ECONNREFUSED, EMFILE, ENFILE
from select import POLLIN

from .. import log
from ._timers import Timer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ._loop import Loop

MODE = 0o660  # of a Unix socket's file
BACKLOG = 1024  # who waits to be accepted; the kernel has its own bound below that
SHORT_OF_FILES_S = 1.0


class Listener:
    """Calls `serve(descriptor)` for each who connects; the descriptor is non-blocking and the callee's to close.

    `listening` is a bound socket, as `unix_socket` and `tcp_socket` make them. Whoever turns clients away does so by
    closing the descriptor.
    """

    def __init__(self, loop: Loop, listening: socket, serve: Callable[[int], None]) -> None:
        self._loop = loop
        self._socket = listening
        self._serve = serve
        self._path = listening.getsockname() if listening.family == AF_UNIX else None
        self._identity = _identity(self._path)
        self._pause = Timer(self._begin)
        self.name = self._path if self._path is not None else "port {1}".format(*listening.getsockname())
        self._begin()

    @property
    def port(self) -> int:
        """The TCP port; of 0 the kernel has made a free one."""
        return int(self._socket.getsockname()[1])

    def close(self) -> None:
        """Nobody is accepted any more; those who are stay."""
        if self._socket.fileno() < 0:
            return
        self._pause.deadline = None
        self._loop.unregister(self._socket.fileno())
        self._socket.close()
        # A successor may have put its own socket there by now.
        if self._path is not None and self._identity is not None and _identity(self._path) == self._identity:
            posix.unlink(self._path)

    def _begin(self) -> None:
        self._loop.register(self._socket.fileno(), POLLIN, self._on_knock)

    def _on_knock(self, revents: int) -> None:
        try:
            fd, _ = self._socket._accept()  # type: ignore[attr-defined]  # _socket's accept is this
        except OSError as error:
            if error.errno in (EMFILE, ENFILE):
                log.warning(f"{self.name}: nobody is let in for a while: too many files are open", fold=self.name)
                self._loop.unregister(self._socket.fileno())
                self._loop.arm(self._pause, self._loop.time + SHORT_OF_FILES_S)
            return  # else the client left again
        posix.set_blocking(fd, False)
        self._serve(fd)


def tcp_socket(host: str, port: int) -> socket:
    """A socket that listens on a TCP port, 0 for any free one. Raises: OSError."""
    listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
    try:
        listening.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


def unix_socket(path: str) -> socket:
    """A socket that listens at `path`, mode 0660 from its first moment. Raises: OSError, with why in `strerror`."""
    _clear_away(path)
    listening = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
    before = posix.umask(0o777 & ~MODE)
    try:
        listening.bind(path)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise OSError(error.errno, error.strerror or str(error)) from error
    finally:
        posix.umask(before)
    return listening


def _identity(path: str | None) -> tuple[int, int] | None:
    try:
        found = posix.stat(path or "")
    except OSError:
        return None
    return (found.st_dev, found.st_ino)


def _clear_away(path: str) -> None:
    """Remove the socket file of a process that is no more; refuse to touch anything else."""
    try:
        mode = posix.stat(path).st_mode
    except OSError:
        return  # nothing there, or bind will say why
    if not stat.S_ISSOCK(mode):
        raise OSError(0, "something that is no socket has this name")
    probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)
    try:
        probe.setblocking(False)
        probe.connect(path)
    except OSError as error:
        if error.errno == ECONNREFUSED:
            posix.unlink(path)
            return
        if error.errno != EAGAIN:
            return
    finally:
        probe.close()
    raise OSError(0, "another process listens there")
