"""Datagrams: the port of a meter that is asked over UDP, and the socket on which meters send theirs to us.

Over UDP every datagram is one whole wrapper APDU, or several (IEC 62056-47 clause 5.2): no header, no number and no
repetition is added. So what is not whole is not handed on: its missing half would be taken from the next datagram.
Nothing tells a datagram that is lost, doubled or overtaken; the conversation pairs answers by their invoke id, and asks
anew where none comes.
Dirt it must survive: datagrams of any size and content from anybody, peers without number, a port at which nobody
listens (ICMP says so with the next call). `socket` is not imported, see `listener`.
"""

from __future__ import annotations

from _socket import AF_INET, SO_RCVBUF, SO_REUSEADDR, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_NONBLOCK, SOL_SOCKET, socket
from select import POLLIN

from .. import log
from ..errors import PortGone
from ._port import Port
from .tcp_port import SEND_LIMIT_S, TcpCarrier

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..conversation import LineSettings
    from ._loop import Loop

LARGEST = 65_535
HEADER = 8  # version, source, destination, length; two octets each
VERSION = b"\x00\x01"

ROOM = 1 << 20  # octets that the kernel may keep of many who send at once; it has a bound of its own (rmem_max)
MOST_PEERS = 4096  # who were heard of late; the one heard longest ago gives way
MOST_A_TURN = 64  # datagrams, then others have their turn
MOST_OF_A_PEER = 16  # of those, so that one who floods leaves room for others


def is_whole(datagram: bytes) -> bool:
    """Whether these are wrapper APDUs from the first octet to the last."""
    at = 0
    while datagram[at : at + 2] == VERSION and len(datagram) - at >= HEADER:
        at += HEADER + int.from_bytes(datagram[at + 6 : at + HEADER], "big")
        if at == len(datagram):
            return True
    return False


def datagram_socket(family: int) -> socket:
    return socket(family, SOCK_DGRAM | SOCK_CLOEXEC)


class UdpCarrier:
    """Datagrams to and from `place` (host:number); that nobody is there shows only when something is sent."""

    __slots__ = ("_connection", "port")

    def __init__(self, loop: Loop, place: str) -> None:
        self.port = Port(loop, place, self, SEND_LIMIT_S)
        self.port.receive = self._receive
        self._connection = TcpCarrier(loop, place, self.port, datagram_socket)

    def open(self, timeout_s: float, opened: Callable[[PortGone | None], None]) -> None:
        self._connection.open(timeout_s, opened)

    def apply(self, settings: LineSettings | None) -> None:
        """A datagram has none."""

    def release(self) -> None:
        self._connection.release()

    def _receive(self) -> bytes:
        """The next datagram that is whole, or nothing. Raises: PortGone."""
        name = self.port.name
        assert self._connection.socket is not None
        try:
            data = self._connection.socket.recv(LARGEST)
        except (BlockingIOError, InterruptedError):
            return b""
        except OSError as error:
            raise PortGone(f"{name}: {error.strerror}") from None
        if is_whole(data):
            return data
        log.info(f"{name}: a datagram of {len(data)} octets is no whole wrapper APDU", fold=name)
        return b""


class Peer:
    """One of those who send datagrams to a `DatagramListener`, as the carrier of a port of its own; `on_octets(count)`
    is told of all that comes in."""

    __slots__ = ("_listener", "on_octets", "peer", "port")

    def __init__(self, listener: DatagramListener, peer: tuple[str, int]) -> None:
        self.peer = peer
        self.on_octets: Callable[[int], None] = lambda count: None
        self._listener = listener
        self.port = port = Port(listener.loop, "{}:{}".format(*peer), self)
        port.receive = self._receive
        port.transmit = self._transmit
        port.stand()

    def open(self, timeout_s: float, opened: Callable[[PortGone | None], None]) -> None:
        """It is the peer who begins."""
        opened(PortGone(f"{self.port.name}: nothing was sent from there since"))

    def apply(self, settings: LineSettings | None) -> None:
        """A datagram has none."""

    def release(self) -> None:
        self._listener.forget(self.peer)

    def _receive(self) -> bytes:
        """Nothing: what has come in was handed on in that moment."""
        return b""

    def _transmit(self, data: bytes) -> bool:
        """At once or never, as it is with datagrams."""
        if not self.port.is_open():
            raise PortGone(f"{self.port.name}: the port is closed")
        self._listener.put_out(data, self.peer)
        return True


class DatagramListener:
    """Calls `serve(port)` for each peer whose first datagram comes; it and those after it go to the port's `on_data`.

    `bound` is a socket as `udp_socket` makes it. A peer is forgotten when its port is closed, or when MOST_PEERS others
    were heard since; its port is then lost (`on_gone`).
    """

    def __init__(self, loop: Loop, bound: socket, serve: Callable[[Port], None]) -> None:
        self.loop = loop
        self._socket = bound
        self._serve = serve
        self._peers: dict[tuple[str, int], Port] = {}  # heard longest ago first
        self.refused = 0  # datagrams that were not whole, or one too many of a peer
        loop.register(bound.fileno(), POLLIN, self._on_readable)

    @property
    def port(self) -> int:
        """The UDP port; of 0 the kernel has made a free one."""
        return int(self._socket.getsockname()[1])

    def fileno(self) -> int:
        return self._socket.fileno()

    def put_out(self, data: bytes, peer: tuple[str, int]) -> None:
        try:
            self._socket.sendto(data, peer)
        except OSError as error:
            log.debug("{}:{}: a datagram did not leave: {}".format(*peer, error.strerror))

    def forget(self, peer: tuple[str, int]) -> None:
        self._peers.pop(peer, None)

    def close(self) -> None:
        if self._socket.fileno() >= 0:
            self.loop.unregister(self._socket.fileno())
            self._socket.close()
            for port in list(self._peers.values()):
                port.close()

    def _on_readable(self, revents: int) -> None:
        taken: dict[tuple[str, int], int] = {}
        for _ in range(MOST_A_TURN):
            try:
                data, peer = self._socket.recvfrom(LARGEST)
            except OSError:
                return  # no more, or what ICMP says of one that we have sent
            taken[peer] = taken.get(peer, 0) + 1
            if is_whole(data) and taken[peer] <= MOST_OF_A_PEER:
                port = self._port_of(peer)
                port.carrier.on_octets(len(data))
                port.on_data(data)
            else:
                self.refused += 1
            if self._socket.fileno() < 0:
                return  # closed by whom it was handed to

    def _port_of(self, peer: tuple[str, int]) -> Port:
        port = self._peers.pop(peer, None)
        if port is not None:
            self._peers[peer] = port  # heard last
            return port
        if len(self._peers) >= MOST_PEERS:
            oldest = next(iter(self._peers.values()))
            oldest.close()
            oldest.on_gone(PortGone(f"{oldest.name}: more than {MOST_PEERS} others have sent since"))
        port = self._peers[peer] = Peer(self, peer).port
        self._serve(port)
        return port


def udp_socket(host: str, port: int) -> socket:
    """A socket that takes datagrams on a UDP port, 0 for any free one. Raises: OSError."""
    bound = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
    try:
        bound.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        bound.setsockopt(SOL_SOCKET, SO_RCVBUF, ROOM)
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound
