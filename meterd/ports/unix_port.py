"""A connection to a Unix socket as a port: it stands at once, or not at all."""

from __future__ import annotations

from _socket import AF_UNIX, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM, socket
from posix import strerror

from ..errors import PortGone
from ._port import Port

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ._loop import Loop


class UnixPort(Port):
    """Connects to the socket at `path` on `open`; `on_open(error or None)` tells how that went before it returns."""

    __slots__ = ("_socket", "on_open", "path")

    def __init__(self, loop: Loop, path: str) -> None:
        super().__init__(loop, path)
        self.path = path
        self.on_open: Callable[[PortGone | None], None] = lambda error: None
        self._socket: socket | None = None

    def open(self, timeout_s: float) -> None:
        self._socket = connection = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC)
        try:
            error = connection.connect_ex(self.path)
        except OSError as problem:  # the path is too long for a socket
            self._close_descriptor()
            self.on_open(PortGone(f"{self.name}: {problem}"))
            return
        if error:  # EAGAIN too: more wait there to be accepted than it lets wait
            self._close_descriptor()
            self.on_open(PortGone(f"{self.name}: {strerror(error)}"))
            return
        self.attach(connection.fileno())
        self.on_open(None)

    def _close_descriptor(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
