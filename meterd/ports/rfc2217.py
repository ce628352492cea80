"""The serial line behind a server that takes its settings over the network (RFC 2217, Telnet COM port control).

A raw TCP converter stays at one speed and format; here modes B, C and E of IEC 62056-21 switch as on a line of our own.
Commands and bytes go the same way, so their order is kept; but the server hands bytes on faster than its line sends
them, so a transmission lasts as long as the line takes before anything is switched.
Dirt it must survive: servers in raw mode, that never answer a negotiation; such that cannot do a speed and say so, or
do not confirm; greetings before the line is ours. All waits are bounded.
"""

from __future__ import annotations

from ..conversation import LineSettings
from ..errors import PortGone
from ._loop import Loop
from ._port import Port
from ._timers import Timer
from .tcp_port import TcpPort
from .telnet import ComPort, escaped

CONFIRM_S = 5.0  # how long a server may take to confirm what it was told to set
MARGIN_S = 0.01  # that a server's own buffers may add to a transmission


class Rfc2217Port(TcpPort):
    """Open once the server has agreed to control its port."""

    __slots__ = ("_busy_until", "_com_port", "_confirm_timer", "_sent_timer")

    def __init__(self, loop: Loop, host: str, port: int) -> None:
        super().__init__(loop, host, port)
        self._com_port = ComPort()
        self._busy_until = 0.0
        self._confirm_timer = Timer(self._unconfirmed)
        self._sent_timer = Timer(self._sent)

    def neutral(self) -> None:
        """What passes here is never the line's bytes alone."""
        self.software_parity = ""
        self.plain = False

    def _connected(self) -> None:
        self._com_port = ComPort()
        self.settings = None
        Port.send(self, self._com_port.begin())

    def _timed_out(self) -> None:
        if self.opening and self.is_open():
            self._fail("no answer to the negotiation of RFC 2217: is the server in raw mode, or is this another port?")
        else:
            super()._timed_out()

    def _lose(self, error: PortGone) -> None:
        if self.opening:  # nobody uses it yet
            self.close()
            self.on_open(error)
        else:
            super()._lose(error)

    def close(self) -> None:
        self._confirm_timer.deadline = None
        self._sent_timer.deadline = None
        super().close()

    # ---- settings

    def apply(self, settings: LineSettings) -> None:
        """Raises: PortGone where the connection is no more."""
        if not self.is_open():
            raise PortGone(f"{self.name}: the port is closed")
        if settings != self.settings:
            Port.send(self, self._com_port.settings(settings))
            self.settings = settings
            if self._confirm_timer.deadline is None:
                self.loop.arm(self._confirm_timer, self.loop.time + CONFIRM_S)

    def _unconfirmed(self) -> None:
        if self._com_port.awaited:
            self._lose(PortGone(f"{self.name}: the serial server does not confirm the line's settings"))

    # ---- bytes

    def send(self, data: bytes) -> bool:
        """Lasts as long as the line behind the server takes."""
        Port.send(self, escaped(data))
        if self.settings is None:
            return not self._unsent.waiting
        bits = self.settings.character_bits()
        begins = max(self.loop.time, self._busy_until)
        self._busy_until = begins + (len(data) + 1) * bits / self.settings.baudrate + MARGIN_S
        self.loop.arm(self._sent_timer, self._busy_until)
        return False

    def _sent(self) -> None:
        if not self._unsent.waiting:
            self.on_sent()
        else:
            self.loop.arm(self._sent_timer, self.loop.time + MARGIN_S)

    def _emptied(self) -> None:
        if self._sent_timer.deadline is None:
            self.on_sent()

    def is_sending(self) -> bool:
        return self._sent_timer.deadline is not None or super().is_sending()

    def _read(self) -> bytes:
        """What the line says; the server's own words are answered on the way. Raises: PortGone."""
        while True:
            data = Port._read(self)
            if not data:
                return b""
            line, answer = self._com_port.feed(data)
            if answer:
                Port.send(self, answer)
            if self.opening:
                self._negotiated()
                if self.is_open():
                    continue  # a greeting
                return b""
            if self._com_port.refusal:
                raise PortGone(f"{self.name}: {self._com_port.refusal}")
            if not self._com_port.awaited:
                self._confirm_timer.deadline = None
            if line:
                return line

    def _negotiated(self) -> None:
        if self._com_port.agreed is None:
            return
        if self._com_port.agreed:
            self._opened()
        else:
            self._fail("the server does not control its port: it declines RFC 2217")
