"""A connection to a Unix socket as a port: it stands at once, or not at all."""

from __future__ import annotations

from _socket import AF_UNIX, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM, socket
from posix import strerror

from ..errors import PortGone
from ._port import Port

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..conversation import LineSettings
    from ._loop import Loop


class UnixCarrier:
    """The socket at `path`."""

    __slots__ = ("_path", "_socket", "port")

    def __init__(self, loop: Loop, path: str) -> None:
        self.port = Port(loop, path, self)
        self._path = path
        self._socket: socket | None = None

    def open(self, timeout_s: float, opened: Callable[[PortGone | None], None]) -> None:
        """It stands before this returns, or never."""
        self._socket = connection = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC)
        why = ""
        try:
            error = connection.connect_ex(self._path)
            if error:  # EAGAIN too: more wait there to be accepted than it lets wait
                why = strerror(error)
        except OSError as problem:  # the path is too long for a socket
            why = str(problem)
        if why:
            self.release()
            opened(PortGone(f"{self._path}: {why}"))
        else:
            self.port.attach(connection.fileno())
            opened(None)

    def apply(self, settings: LineSettings | None) -> None:
        """A socket has none."""

    def release(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
