"""Runs simulated meters on ptys and TCP ports: the same player and ports as the daemon, in the other role.

Faults are applied to what the meter sends (`carriers`); with `paced` bytes leave no faster than the speed allows.
Dirt it must survive: a plug that is pulled at any moment, with the meter in the midst of a sentence or of a pause; a
client that reads nothing for long; a link that somebody else takes away.
"""

from __future__ import annotations

from .. import log
from ..errors import PortGone
from ..ports._loop import Loop
from ..ports._port import Port
from ..ports._timers import Timer
from ..ports.listener import Listener, tcp_socket
from ..ports.network import network_port
from ..ports.player import Player
from .carriers import AcceptedCarrier, PtyCarrier

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..conversation import Conversation, LineSettings
    from ..ports.udp import DatagramListener
    from .faults import Fault

# A pty that cannot be had (descriptors, the link's folder) is asked for again after this time.
RETRY_S = 1.0
CALL_S = 10.0  # to connect to whom it calls


class SimulatedMeter:
    """One meter conversation on one port, begun anew whenever it ends and the port still stands."""

    def __init__(self, port: Port, line: LineSettings | None, meter: Callable[[], Conversation]) -> None:
        self.port = port
        self.line = line
        self.meter = meter
        self.player = Player(port.loop, port, lambda reading: None, self._ended, strips_echo=False)
        self._reopen = Timer(self._plug_in)
        self._begin()

    def _begin(self) -> None:
        if self.line is not None:
            self.port.apply(self.line)
        self.player.start(self.meter())

    def _ended(self, error: Exception | None) -> None:
        pty = self._pty()
        if pty is not None and not isinstance(error, PortGone):
            self._begin()
            return
        self.port.close()
        fault = pty.sender.fault if pty is not None else None
        if fault is not None and fault.kind == "close":
            self.port.loop.arm(self._reopen, self.port.loop.time + (fault.argument or 0) / 1000.0)

    def _plug_in(self) -> None:
        if not self.port.is_open():
            self.port.open(0.0, self._plugged_in)

    def _plugged_in(self, error: PortGone | None) -> None:
        if error is None:
            self._begin()
            return
        log.warning(f"{error}; tried again", fold=self.port.name)
        self.port.loop.arm(self._reopen, self.port.loop.time + RETRY_S)

    def _pty(self) -> PtyCarrier | None:
        return self.port.carrier if isinstance(self.port.carrier, PtyCarrier) else None

    def close(self) -> None:
        """The meter is gone for good, whatever it was about to say."""
        self.player.on_end = lambda error: None
        self._reopen.deadline = None
        self.port.close()
        self.port.on_gone(PortGone(f"{self.port.name}: the simulated meter is ended"))


class CallingMeter:
    """A meter that connects to `address` (`host:port`, `udp://host:port`), and again when that ends."""

    def __init__(self, loop: Loop, address: str, meter: Callable[[], Conversation]) -> None:
        self.meter = meter
        self.port = network_port(loop, address)
        self.player = Player(loop, self.port, lambda reading: None, self._ended, strips_echo=False)
        self._again = Timer(self._call)
        self._call()

    def _call(self) -> None:
        self.port.open(CALL_S, self._opened)

    def _opened(self, error: PortGone | None) -> None:
        if error is None:
            self.player.start(self.meter())
        else:
            log.info(f"{error}; it calls again", fold=self.port.name)
            self._call_again()

    def _ended(self, error: Exception | None) -> None:
        self.port.close()
        self._call_again()

    def _call_again(self) -> None:
        self.port.loop.arm(self._again, self.port.loop.time + RETRY_S)

    def close(self) -> None:
        """It calls no more."""
        self.player.on_end = lambda error: None
        self._again.deadline = None
        self.port.close()
        self.port.on_gone(PortGone(f"{self.port.name}: the simulated meter is ended"))


class MeterHost:
    """Serves simulated meters on `loop`."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.meters: list[SimulatedMeter] = []
        self._callers: list[CallingMeter] = []
        self._listeners: list[Listener | DatagramListener] = []

    def on_pty(
        self,
        link: str,
        meter: Callable[[], Conversation],
        line: LineSettings,
        fault: Fault | None = None,
        paced: bool = False,
    ) -> Port:
        """Serve on a pty linked at `link`; the port returned may be closed to pull the plug."""
        pty = PtyCarrier(self.loop, link, fault, paced)
        pty.make()
        self.meters.append(SimulatedMeter(pty.port, line, meter))
        return pty.port

    def on_tcp(
        self,
        port: int,
        meter: Callable[[], Conversation],
        fault: Fault | None = None,
        paced: LineSettings | None = None,
        host: str = "127.0.0.1",
    ) -> int:
        """Serve on a TCP port, 0 for any free one; returns the port. `paced` sends at the pace of these settings."""

        def serve(fd: int) -> None:
            accepted = AcceptedCarrier(self.loop, fd, fault, paced is not None).port
            self.meters = [one for one in self.meters if one.port.is_open()]
            self.meters.append(SimulatedMeter(accepted, paced, meter))

        listener = Listener(self.loop, tcp_socket(host, port), serve)
        self._listeners.append(listener)
        return listener.port

    def on_udp(self, port: int, meter: Callable[[], Conversation], host: str = "127.0.0.1") -> int:
        """Serve on a UDP port, 0 for any free one: each peer has a conversation of its own. Returns: the port."""
        from ..ports.udp import DatagramListener, udp_socket

        def serve(peer: Port) -> None:
            self.meters = [one for one in self.meters if one.port.is_open()]
            self.meters.append(SimulatedMeter(peer, None, meter))

        listener = DatagramListener(self.loop, udp_socket(host, port), serve)
        self._listeners.append(listener)
        return listener.port

    def on_call(self, address: str, meter: Callable[[], Conversation]) -> None:
        """Have the meter connect to `host:port` or `udp://host:port`."""
        self._callers.append(CallingMeter(self.loop, address, meter))

    def close(self) -> None:
        for meter in self.meters:
            meter.close()
        for caller in self._callers:
            caller.close()
        self.meters, self._callers = [], []
        for listener in self._listeners:
            listener.close()
