"""Where meters connect to us: one listening socket, TCP or UDP, and a port for each who calls, whose carrier knows the
`peer` and tells `on_octets`.

Dirt it must survive: callers that send nothing, never read what they are sent, or vanish without a word. `socket` is
not imported, see `listener`.
"""

from __future__ import annotations

import posix
from _socket import (
    AF_INET,
    IPPROTO_TCP,
    SO_KEEPALIVE,
    SOCK_STREAM,
    SOL_SOCKET,
    TCP_KEEPCNT,
    TCP_KEEPIDLE,
    TCP_KEEPINTVL,
    TCP_NODELAY,
    socket,
)
from errno import EADDRINUSE

from ..errors import PortGone
from ._loop import Loop
from ._port import Port
from .listener import Listener, tcp_socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..conversation import LineSettings
    from .udp import DatagramListener

UDP = "udp://"
# A caller that takes no more bytes for so long is lost.
SEND_LIMIT_S = 10
# One that is gone without a word is noticed after 5 minutes and 3 × 30 s.
KEEPALIVE = ((TCP_KEEPIDLE, 300), (TCP_KEEPINTVL, 30), (TCP_KEEPCNT, 3))


class Caller:
    """A connection that the other side has opened; `on_octets(count)` is told of all that comes in."""

    __slots__ = ("_fd", "on_octets", "peer", "port")

    def __init__(self, loop: Loop, fd: int) -> None:
        self.peer = _prepared(fd)
        self.on_octets: Callable[[int], None] = lambda count: None
        self._fd = fd
        self.port = Port(loop, "{}:{}".format(*self.peer), self, SEND_LIMIT_S)
        self.port.receive = self._receive
        self.port.attach(fd)

    def open(self, timeout_s: float, opened: Callable[[PortGone | None], None]) -> None:
        """It is the meter who connects."""
        opened(PortGone(f"{self.port.name}: the meter has to call again"))

    def apply(self, settings: LineSettings | None) -> None:
        """A connection has none."""

    def release(self) -> None:
        if self._fd >= 0:
            posix.close(self._fd)
            self._fd = -1

    def _receive(self) -> bytes:
        data = self.port.read()
        self.on_octets(len(data))
        return data


class Entrance:
    """Calls `serve(port)` for each who connects to the address of a line's key, `[udp://]host:port`, or whose first
    datagram comes."""

    def __init__(self, loop: Loop, address: str, serve: Callable[[Port], None]) -> None:
        self.loop = loop
        self.address = address
        self._serve = serve
        self._listener: Listener | DatagramListener | None = None

    def is_open(self) -> bool:
        return self._listener is not None

    @property
    def port(self) -> int:
        """The port number; of 0 the kernel has made a free one."""
        return self._listener.port if self._listener is not None else 0

    def is_udp(self) -> bool:
        return self.address.startswith(UDP)

    def open(self) -> None:
        """Raises: PortGone."""
        host, _, port = self.address.removeprefix(UDP).rpartition(":")
        try:
            if self.is_udp():
                from .udp import DatagramListener, udp_socket

                self._listener = DatagramListener(self.loop, udp_socket(host, int(port)), self._serve)
            else:
                self._listener = Listener(self.loop, tcp_socket(host, int(port)), self._accepted)
        except OSError as error:
            why = "ip is an address of this machine, 0.0.0.0 for all it has"
            if error.errno == EADDRINUSE:
                why = "another program listens there already; `meterd run` itself, perhaps"
            raise PortGone(f"{self.address}: nobody can call here: {error.strerror or error} ({why})") from None

    def close(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _accepted(self, fd: int) -> None:
        try:
            port = Caller(self.loop, fd).port
        except OSError:  # it has left again
            posix.close(fd)
            return
        self._serve(port)


def _prepared(fd: int) -> tuple[str, int]:
    """Who is at the other end of a connection, which is made to notice when nobody is any more. Raises: OSError."""
    connection = socket(AF_INET, SOCK_STREAM, 0, fd)
    try:
        connection.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        connection.setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1)
        for option, value in KEEPALIVE:
            connection.setsockopt(IPPROTO_TCP, option, value)
        host, port = connection.getpeername()
        return (host, port)
    finally:
        connection.detach()
