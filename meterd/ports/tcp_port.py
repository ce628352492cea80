"""A TCP connection as a port. Connecting never blocks the loop, and neither does asking for a name's address.

The C module `_socket` is used as it is: `import socket` costs a gateway half a second for enums that nobody needs.
"""

from __future__ import annotations

from _socket import (
    AF_INET,
    AF_INET6,
    IPPROTO_TCP,
    SO_ERROR,
    SO_KEEPALIVE,
    SOCK_STREAM,
    SOL_SOCKET,
    TCP_NODELAY,
    inet_pton,
    socket,
)
from errno import EINPROGRESS
from posix import strerror

from ..errors import PortGone
from ._port import Port
from ._timers import Timer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..conversation import LineSettings
    from ._loop import Loop


def address_family(host: str) -> int:
    """AF_INET or AF_INET6 for an address literal, 0 for a name."""
    for family in (AF_INET, AF_INET6):
        try:
            inet_pton(family, host)
        except OSError:
            continue
        return family
    return 0


# A peer that takes no more bytes for so long is lost; by itself TCP would go on trying for a quarter of an hour.
SEND_LIMIT_S = 10
POLLOUT = 4  # poll.h, on every Linux; `select` would have to be read from the disk for it
# Where descriptors are short and every one is in use, by then one of them has been given back.
WAIT_S = 60.0


def stream_socket(family: int) -> socket:
    connection = socket(family, SOCK_STREAM)
    connection.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
    connection.setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1)
    return connection


class TcpCarrier:
    """A connection to `place` (host:number). One that is part of another carrier serves the `port` of that;
    `new_socket` makes the sockets that are to be connected.
    """

    __slots__ = (
        "_addresses", "_looking_up", "_new_socket", "_opened", "_timeout_s", "_timer", "loop", "opening",
        "place", "port", "socket",
    )  # fmt: skip

    def __init__(
        self,
        loop: Loop,
        place: str,
        port: Port | None = None,
        new_socket: Callable[[int], socket] = stream_socket,
    ) -> None:
        self.port = Port(loop, place, self, SEND_LIMIT_S) if port is None else port
        self.loop = loop
        self.place = place
        self.opening = False
        self.socket: socket | None = None
        self._new_socket = new_socket
        self._opened: Callable[[PortGone | None], None] = _nobody
        self._addresses: Sequence[tuple[int, str]] = ()  # not tried yet
        self._looking_up = False
        self._timeout_s = 0.0
        self._timer: Timer | None = None  # of a connection that is not there yet

    def apply(self, settings: LineSettings | None) -> None:
        """Nobody switches a speed here; but the bytes may be characters with their parity."""
        port = self.port
        port.receive = port.transmit = None
        if settings is not None and settings.within_eight and settings.data_bits == 7:
            from .seven_bits import SevenBits  # hardly any converter is set so

            seven = SevenBits(port, settings.parity)
            port.receive, port.transmit = seven.receive, seven.transmit

    def open(self, timeout_s: float, opened: Callable[[PortGone | None], None]) -> None:
        self.opening = True
        self._opened = opened
        self._timeout_s = timeout_s
        if self.loop.budget is None or self.loop.budget.ask(self.port, self._admitted):
            self._admitted()
        else:
            self._limit(WAIT_S)

    def _admitted(self) -> None:
        """There is a descriptor for the connection."""
        self._limit(self._timeout_s)
        host = self.place.rpartition(":")[0]
        family = address_family(host)
        if family:
            self._connect([(family, host)])
        elif not self._looking_up:  # else the answer to an earlier question is still to come
            self._look_up(host)

    def _limit(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = Timer(self._timed_out)
        self.loop.arm(self._timer, self.loop.time + seconds)

    def _forget_limit(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.deadline = None

    def _look_up(self, host: str) -> None:
        from .resolver import resolver  # most meters have addresses

        self._looking_up = True
        try:
            resolver.look_up(self.loop, host, self._looked_up)
        except RuntimeError as error:
            self._looking_up = False
            self._fail(str(error))

    def _looked_up(self, found: list[tuple[int, str]], message: str) -> None:
        self._looking_up = False
        if self.opening and self.socket is None:
            if found:
                self._connect(found)
            else:
                self._fail(f"the name cannot be resolved ({message})")

    def _connect(self, addresses: Sequence[tuple[int, str]]) -> None:
        """Try these one after the other: a name may stand for an IPv6 address at which no meter listens."""
        why = ""
        while addresses:
            (family, address), *addresses = addresses
            why = self._begin(family, address)
            if not why:
                self._addresses = addresses or ()
                return
        self._fail(why)

    def _begin(self, family: int, address: str) -> str:
        """Begin to connect; returns why that cannot be, or nothing."""
        try:
            self.socket = connection = self._new_socket(family)
            connection.setblocking(False)
            error = connection.connect_ex((address, int(self.place.rpartition(":")[2])))
        except (OSError, OverflowError) as problem:
            self._drop_socket()
            return str(problem)
        if error not in (0, EINPROGRESS):
            self._drop_socket()
            return strerror(error)
        self.loop.register(connection.fileno(), POLLOUT, self._on_connected)
        return ""

    def _on_connected(self, revents: int) -> None:
        assert self.socket is not None
        self.loop.unregister(self.socket.fileno())
        error = self.socket.getsockopt(SOL_SOCKET, SO_ERROR)
        if error:
            self._drop_socket()
            if self._addresses:
                self._connect(self._addresses)
            else:
                self._fail(strerror(error))
            return
        self.opening = False
        self._forget_limit()
        self.port.attach(self.socket.fileno())
        opened, self._opened = self._opened, _nobody
        opened(None)

    def _timed_out(self) -> None:
        if self.loop.budget is not None and self.loop.budget.is_waiting(self.port):
            self._fail(f"no descriptor was free for {WAIT_S:g} s; let the process have more (ulimit -n)")
        else:
            self._fail("no connection within the time-out")

    def _fail(self, why: str) -> None:
        self.port.close()
        self._opened(PortGone(f"{self.port.name}: {why}"))

    def release(self) -> None:
        if self.opening and self.socket is not None:
            self.loop.unregister(self.socket.fileno())
        self.opening = False
        self._addresses = ()
        self._forget_limit()
        self._drop_socket()
        if self.port.carrier is self:
            self.port.receive = self.port.transmit = None
        if self.loop.budget is not None:
            self.loop.budget.closed(self.port)

    def _drop_socket(self) -> None:
        if self.socket is not None:
            self.socket.close()
            self.socket = None


def _nobody(error: PortGone | None) -> None:
    """Stands where nobody has asked for a connection yet."""
