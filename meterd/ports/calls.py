"""Where meters connect to us: one listening socket, TCP or UDP, and a port for each who calls.

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
from ._timers import Timer
from .listener import Listener, tcp_socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from .udp import DatagramListener, PeerPort

    AnyCall: TypeAlias = "CallPort | PeerPort"

UDP = "udp://"
# A caller that takes no more bytes for so long is lost.
SEND_LIMIT_S = 10.0
# One that is gone without a word is noticed after 5 minutes and 3 × 30 s.
KEEPALIVE = ((TCP_KEEPIDLE, 300), (TCP_KEEPINTVL, 30), (TCP_KEEPCNT, 3))


class CallPort(Port):
    """A connection that the other side has opened; `on_octets(count)` is told of all that comes in."""

    __slots__ = ("_limit", "on_octets", "peer")

    def __init__(self, loop: Loop, fd: int) -> None:
        self.peer = _prepared(fd)
        super().__init__(loop, "{}:{}".format(*self.peer))
        self.plain = False
        self.on_octets: Callable[[int], None] = lambda count: None
        self._limit = Timer(self._takes_nothing)
        self.attach(fd)

    def open(self) -> None:
        """Raises: PortGone, for it is the meter who connects."""
        raise PortGone(f"{self.name}: the meter has to call again")

    def _read(self) -> bytes:
        data = super()._read()
        self.on_octets(len(data))
        return data

    def _wait_for_room(self) -> None:
        super()._wait_for_room()
        self.loop.arm(self._limit, self.loop.time + SEND_LIMIT_S)

    def _takes_nothing(self) -> None:
        if self.is_sending():
            self._lose(PortGone(f"{self.name}: the other side takes no more bytes"))

    def close(self) -> None:
        self._limit.deadline = None
        super().close()


class Entrance:
    """Calls `serve(port)` for each who connects to the address of a line's key, `[udp://]host:port`, or whose first
    datagram comes."""

    def __init__(self, loop: Loop, address: str, serve: Callable[[AnyCall], None]) -> None:
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
            port = CallPort(self.loop, fd)
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
