"""The serial line behind a server that takes its settings over the network (RFC 2217, Telnet COM port control).

A raw TCP converter stays at one speed and format; here modes B, C and E of IEC 62056-21 switch as on a line of our own.
Commands and bytes go the same way, so their order is kept; but the server hands bytes on faster than its line sends
them, so a transmission lasts as long as the line takes before anything is switched.
Dirt it must survive: servers in raw mode, that never answer a negotiation; such that cannot do a speed and say so, or
do not confirm; greetings before the line is ours. All waits are bounded.
"""

from __future__ import annotations

from ..errors import PortGone
from ._port import Port
from ._timers import Timer
from .tcp_port import SEND_LIMIT_S, TcpCarrier
from .telnet import ComPort, escaped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..conversation import LineSettings
    from ._loop import Loop

CONFIRM_S = 5.0  # how long a server may take to confirm what it was told to set
MARGIN_S = 0.01  # that a server's own buffers may add to a transmission


class Rfc2217Carrier:
    """Open once the server has agreed to control its port. What passes here is never the line's bytes alone."""

    __slots__ = (
        "_busy_until", "_com_port", "_confirm_timer", "_connection", "_negotiation", "_opened", "_sent_timer",
        "_timeout_s", "_user", "loop", "port", "settings",
    )  # fmt: skip

    def __init__(self, loop: Loop, place: str) -> None:
        self.loop = loop
        self.port = port = Port(loop, place, self, SEND_LIMIT_S)
        port.receive = self._receive
        port.transmit = self._transmit
        self._connection = TcpCarrier(loop, place, port)
        self._com_port = ComPort()
        self.settings: LineSettings | None = None  # what the server was told last
        self._opened: Callable[[PortGone | None], None] | None = None
        self._user: Callable[[PortGone], None] | None = None  # who is told of a loss once the server has agreed
        self._timeout_s = 0.0
        self._busy_until = 0.0
        self._negotiation = Timer(self._unanswered)
        self._confirm_timer = Timer(self._unconfirmed)
        self._sent_timer = Timer(self._sent)

    def release(self) -> None:
        self._end_negotiation()
        self._confirm_timer.deadline = None
        self._sent_timer.deadline = None
        self._connection.release()

    # ---- whose port it is

    def open(self, timeout_s: float, opened: Callable[[PortGone | None], None]) -> None:
        self._opened = opened
        self._timeout_s = timeout_s
        self._connection.open(timeout_s, self._connected)

    def _connected(self, error: PortGone | None) -> None:
        if error is not None:
            self._answer(error)
            return
        port = self.port
        self._com_port = ComPort()
        self.settings = None
        self._user, port.on_gone = port.on_gone, self._answer  # nobody uses it yet
        self.loop.arm(self._negotiation, self.loop.time + self._timeout_s)
        try:
            port.write(self._com_port.begin())
        except PortGone as failure:
            self._fail(failure)

    def _agree(self) -> None:
        if self._com_port.agreed is None:
            return
        if self._com_port.agreed:
            self._end_negotiation()
            self._answer(None)
        else:
            self._fail(self._gone("the server does not control its port: it declines RFC 2217"))

    def _unanswered(self) -> None:
        why = "no answer to the negotiation of RFC 2217: is the server in raw mode, or is this another port?"
        self._fail(self._gone(why))

    def _end_negotiation(self) -> None:
        self._negotiation.deadline = None
        if self._user is not None:
            self.port.on_gone, self._user = self._user, None

    def _fail(self, error: PortGone) -> None:
        self.port.close()
        self._answer(error)

    def _answer(self, error: PortGone | None) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            opened(error)

    def _gone(self, why: str) -> PortGone:
        return PortGone(f"{self.port.name}: {why}")

    # ---- settings

    def apply(self, settings: LineSettings | None) -> None:
        """Raises: PortGone where the connection is no more."""
        port = self.port
        if settings is None:
            return
        if not port.is_open():
            raise self._gone("the port is closed")
        if settings != self.settings:
            port.write(self._com_port.settings(settings))
            self.settings = settings
            if self._confirm_timer.deadline is None:
                self.loop.arm(self._confirm_timer, self.loop.time + CONFIRM_S)

    def _unconfirmed(self) -> None:
        if self._com_port.awaited:
            self.port.lose(self._gone("the serial server does not confirm the line's settings"))

    # ---- bytes

    def _transmit(self, data: bytes) -> bool:
        """Lasts as long as the line behind the server takes."""
        port = self.port
        taken = port.write(escaped(data))
        if self.settings is None:
            return taken
        begins = max(self.loop.time, self._busy_until)
        lasts = (len(data) + 1) * self.settings.character_bits() / self.settings.baudrate
        self._busy_until = begins + lasts + MARGIN_S
        self.loop.arm(self._sent_timer, self._busy_until)
        port.underway = True
        return False

    def _sent(self) -> None:
        if self.port.waiting:
            self.loop.arm(self._sent_timer, self.loop.time + MARGIN_S)
        else:
            self.port.underway = False
            self.port.on_sent()

    def _receive(self) -> bytes:
        """What the line says; the server's own words are answered on the way. Raises: PortGone."""
        port = self.port
        while True:
            data = port.read()
            if not data:
                return b""
            line, answer = self._com_port.feed(data)
            if answer:
                port.write(answer)
            if self._user is not None:
                self._agree()
                if port.is_open():
                    continue  # a greeting
                return b""
            if self._com_port.refusal:
                raise self._gone(self._com_port.refusal)
            if not self._com_port.awaited:
                self._confirm_timer.deadline = None
            if line:
                return line
