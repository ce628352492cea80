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
from select import POLLOUT

from ..errors import PortGone
from ._loop import Loop
from ._timers import Timer
from .parity_port import ParityPort

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..conversation import LineSettings
    from .descriptors import Budget


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
SEND_LIMIT_S = 10.0
# Where descriptors are short and every one is in use, by then one of them has been given back.
WAIT_S = 60.0


class TcpPort(ParityPort):
    """Connects to `host`:`port` on `open`; `on_open(error or None)` tells how that went, possibly before it returns."""

    __slots__ = ("_addresses", "_looking_up", "_socket", "_timeout_s", "_timer", "host", "on_open", "opening", "port")

    budget: Budget | None = None  # of all connections of the process, where they are more than may be open at a time

    def __init__(self, loop: Loop, host: str, port: int) -> None:
        super().__init__(loop, f"{host}:{port}")
        self.neutral()
        self.host = host
        self.port = port
        self.opening = False
        self.on_open: Callable[[PortGone | None], None] = lambda error: None
        self._addresses: list[tuple[int, str]] = []  # not tried yet
        self._looking_up = False
        self._socket: socket | None = None
        self._timeout_s = 0.0
        self._timer = Timer(self._timed_out)

    def apply(self, settings: LineSettings) -> None:
        """Nobody switches a speed here; but the bytes may be characters with their parity."""
        super().apply(settings)
        self.software_parity = settings.parity if settings.within_eight and settings.data_bits == 7 else ""
        self.plain = not self.software_parity

    def neutral(self) -> None:
        """Bytes as they are, for whoever uses the connection next."""
        self.software_parity = ""
        self.plain = True

    def open(self, timeout_s: float) -> None:
        self.opening = True
        self._timeout_s = timeout_s
        if TcpPort.budget is None or TcpPort.budget.ask(self):
            self.admitted()
        else:
            self.loop.arm(self._timer, self.loop.time + WAIT_S)

    def admitted(self) -> None:
        """There is a descriptor for the connection."""
        self.loop.arm(self._timer, self.loop.time + self._timeout_s)
        family = address_family(self.host)
        if family:
            self._connect([(family, self.host)])
        elif not self._looking_up:  # else the answer to an earlier question is still to come
            self._look_up()

    def _look_up(self) -> None:
        from .resolver import resolver  # most meters have addresses

        self._looking_up = True
        try:
            resolver.look_up(self.loop, self.host, self._looked_up)
        except RuntimeError as error:
            self._looking_up = False
            self._fail(str(error))

    def _looked_up(self, found: list[tuple[int, str]], message: str) -> None:
        self._looking_up = False
        if self.opening and self._socket is None:
            if found:
                self._connect(found)
            else:
                self._fail(f"the name cannot be resolved ({message})")

    def _connect(self, addresses: list[tuple[int, str]]) -> None:
        """Try these one after the other: a name may stand for an IPv6 address at which no meter listens."""
        why = ""
        while addresses:
            (family, address), *addresses = addresses
            why = self._begin(family, address)
            if not why:
                self._addresses = addresses
                return
        self._fail(why)

    def _begin(self, family: int, address: str) -> str:
        """Begin to connect; returns why that cannot be, or nothing."""
        try:
            self._socket = connection = self._new_socket(family)
            connection.setblocking(False)
            error = connection.connect_ex((address, self.port))
        except (OSError, OverflowError) as problem:
            self._close_descriptor()
            return str(problem)
        if error not in (0, EINPROGRESS):
            self._close_descriptor()
            return strerror(error)
        self.loop.register(connection.fileno(), POLLOUT, self._on_connected)
        return ""

    def _new_socket(self, family: int) -> socket:
        connection = socket(family, SOCK_STREAM)
        connection.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        connection.setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1)
        return connection

    def _on_connected(self, revents: int) -> None:
        assert self._socket is not None
        self.loop.unregister(self._socket.fileno())
        error = self._socket.getsockopt(SOL_SOCKET, SO_ERROR)
        if error:
            self._close_descriptor()
            if self._addresses:
                self._connect(self._addresses)
            else:
                self._fail(strerror(error))
            return
        self.attach(self._socket.fileno())
        self._connected()

    def _connected(self) -> None:
        self._opened()

    def _opened(self) -> None:
        self.opening = False
        self._timer.deadline = None
        self.on_open(None)

    def _timed_out(self) -> None:
        if self.opening and TcpPort.budget is not None and TcpPort.budget.is_waiting(self):
            self._fail(f"no descriptor was free for {WAIT_S:g} s; let the process have more (ulimit -n)")
        elif self.opening:
            self._fail("no connection within the time-out")
        elif self._unsent.waiting:
            self._lose(PortGone(f"{self.name}: the other side takes no more bytes"))

    def _fail(self, why: str) -> None:
        self.close()
        self.on_open(PortGone(f"{self.name}: {why}"))

    def _wait_for_room(self) -> None:
        super()._wait_for_room()
        self.loop.arm(self._timer, self.loop.time + SEND_LIMIT_S)

    def close(self) -> None:
        self.neutral()
        self.opening = False
        self._addresses = []
        self._timer.deadline = None
        if self._socket is not None and self.fd < 0:
            self.loop.unregister(self._socket.fileno())
            self._close_descriptor()
        super().close()
        if TcpPort.budget is not None:
            TcpPort.budget.closed(self)

    def _close_descriptor(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
