"""Runs simulated meters on ptys and TCP ports: the same player and ports as the daemon, in the other role.

A pty has no speed of its own, but both sides share its termios: the host looks up what speed the client has set,
and what is said at another speed than the meter's arrives as garbage both ways, as on a wire. With `paced` bytes leave
no faster than the speed allows. Faults are applied to what the meter sends.
Dirt it must survive: a plug that is pulled at any moment, with the meter in the midst of a sentence or of a pause; a
client that reads nothing for long; a link that somebody else takes away.
"""

from __future__ import annotations

import contextlib
import os
import termios

from .. import log
from ..conversation import LineSettings
from ..errors import PortGone
from ..ports._loop import Loop
from ..ports._port import Port
from ..ports._timers import Timer
from ..ports.listener import Listener, tcp_socket
from ..ports.network import network_port
from ..ports.player import Player
from ..ports.serial_port import SPEEDS, ParityPort
from .faults import Fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..conversation import Conversation
    from ..ports.udp import DatagramListener

# A pty that cannot be had (descriptors, the link's folder) is asked for again after this time.
RETRY_S = 1.0
CALL_S = 10.0  # to connect to whom it calls
# What a wrong speed makes of a byte; any fixed pattern that no protocol takes for its own will do.
WRONG_SPEED = bytes(byte ^ 0xA5 for byte in range(256))


class FaultyPort(ParityPort):
    """A port whose sender suffers `fault`; with `paced` it keeps to the time that the line settings ask for."""

    __slots__ = ("_due", "_queue", "_timer", "fault", "paced")

    def __init__(self, loop: Loop, name: str, fault: Fault | None, paced: bool) -> None:
        super().__init__(loop, name)
        self.fault = fault
        self.paced = paced
        self._queue: list[tuple[float, bytes]] = []
        self._due = 0.0
        self._timer = Timer(self._send_next)

    def _read(self) -> bytes:
        data = super()._read()
        if data and self.fault is not None and self.fault.kind == "echo" and self.fault.strikes():
            self._put_out(data)
        return data

    def send(self, data: bytes) -> bool:
        if self.fd < 0:
            raise PortGone(f"{self.name}: the port is closed")
        if self.fault is not None and self.fault.kind == "close" and self.fault.strikes():
            raise PortGone(f"{self.name}: the plug was pulled")
        pieces = self.fault.apply(data) if self.fault is not None else [(0.0, data)]
        if not self.paced and len(pieces) == 1 and not pieces[0][0]:
            return self._put_out(pieces[0][1])
        self._due = max(self._due, self.loop.time)
        for delay, piece in pieces:
            self._due += delay
            self._enqueue(piece)
        self.loop.arm(self._timer, self._queue[0][0] if self._queue else self._due)
        return False

    def _put_out(self, data: bytes) -> bool:
        return super().send(data)

    def _enqueue(self, piece: bytes) -> None:
        """Cut a piece into what goes out each 10 ms, so that a client sees bytes come at the line's own pace."""
        size = max(1, int(0.010 / self.character_s)) if self.paced and self.character_s else len(piece)
        for start in range(0, len(piece), size or 1):
            part = piece[start : start + size]
            if self.paced:
                self._due += len(part) * self.character_s
            self._queue.append((self._due, part))

    def _send_next(self) -> None:
        try:
            while self._queue and self._queue[0][0] <= self.loop.time:
                self._put_out(self._queue.pop(0)[1])
        except PortGone as error:
            self._lose(error)
            return
        if self._queue:
            self.loop.arm(self._timer, self._queue[0][0])
        elif self.loop.time < self._due:
            self.loop.arm(self._timer, self._due)
        elif not self._unsent.waiting:
            self.on_sent()

    def _emptied(self) -> None:
        if not self._queue and self._timer.deadline is None:
            self.on_sent()

    def close(self) -> None:
        self._queue = []
        self._timer.deadline = None
        super().close()

    def apply(self, settings: LineSettings) -> None:
        super().apply(settings)
        self.character_s = settings.character_bits() / settings.baudrate if self.paced else 0.0


class PtyPort(FaultyPort):
    """The master side of a pty whose slave is linked at `link`.

    What the client writes is here at once, but the client reckons with the time that it takes on a wire, and switches
    its speed only then; so it is handed on only then.
    """

    __slots__ = ("_arrival", "_arrived", "_arrives_at", "link", "slave")

    def __init__(self, loop: Loop, link: str, fault: Fault | None, paced: bool) -> None:
        super().__init__(loop, link, fault, paced)
        self.link = link
        self.slave = -1
        self._arrived = b""
        self._arrives_at = 0.0
        self._arrival = Timer(self._hand_on)

    def open(self) -> None:
        """Raises: OSError."""
        master, self.slave = os.openpty()  # the slave is held open: a client that leaves must not end the meter
        self.attach(master)
        try:
            raw = termios.tcgetattr(self.slave)
            raw[0] = raw[1] = raw[3] = 0
            raw[2] = termios.CS8 | termios.CREAD | termios.CLOCAL
            termios.tcsetattr(self.slave, termios.TCSANOW, raw)
            os.set_blocking(master, False)
            self._unlink()
            os.symlink(os.ttyname(self.slave), self.link)
        except (OSError, termios.error) as error:
            self.close()
            raise OSError(*error.args) from None

    def _unlink(self) -> None:
        if os.path.islink(self.link):
            with contextlib.suppress(FileNotFoundError):  # its whole folder may just be being removed
                os.unlink(self.link)

    def apply(self, settings: LineSettings) -> None:
        super().apply(settings)
        self.software_parity = settings.parity if settings.data_bits == 7 and settings.parity != "none" else ""

    def _at_wrong_speed(self) -> bool:
        """Raises: PortGone."""
        try:
            return self.settings is not None and termios.tcgetattr(self.fd)[4] != SPEEDS[self.settings.baudrate]
        except (termios.error, ValueError) as error:
            raise PortGone(f"{self.name}: the speed cannot be asked for: {error}") from None

    def _read(self) -> bytes:
        data = super()._read()
        if data and self.settings is not None:
            if self._at_wrong_speed():
                data = data.translate(WRONG_SPEED)
            self._arrived += data
            wire_s = len(data) * self.settings.character_bits() / self.settings.baudrate
            self._arrives_at = max(self._arrives_at, self.loop.time) + wire_s
            self.loop.arm(self._arrival, self._arrives_at)
        return b""

    def _hand_on(self) -> None:
        data, self._arrived = self._arrived, b""
        self.on_data(data)

    def _put_out(self, data: bytes) -> bool:
        return super()._put_out(data.translate(WRONG_SPEED) if self._at_wrong_speed() else data)

    def _close_descriptor(self) -> None:
        self._arrival.deadline = None
        self._arrived = b""
        os.close(self.fd)
        os.close(self.slave)
        self._unlink()


class AcceptedPort(FaultyPort):
    """One accepted TCP connection."""

    __slots__ = ()

    def __init__(self, loop: Loop, fd: int, fault: Fault | None, paced: bool) -> None:
        super().__init__(loop, "client", fault, paced)
        self.attach(fd)

    def _close_descriptor(self) -> None:
        os.close(self.fd)


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
        if isinstance(self.port, PtyPort) and not isinstance(error, PortGone):
            self._begin()
            return
        self.port.close()
        fault = self.port.fault if isinstance(self.port, PtyPort) else None
        if fault is not None and fault.kind == "close":
            self.port.loop.arm(self._reopen, self.port.loop.time + (fault.argument or 0) / 1000.0)

    def _plug_in(self) -> None:
        if isinstance(self.port, PtyPort) and not self.port.is_open():
            try:
                self.port.open()
            except OSError as error:
                log.warning(f"{self.port.name}: no pty: {error}; tried again", fold=self.port.name)
                self.port.loop.arm(self._reopen, self.port.loop.time + RETRY_S)
                return
            self._begin()

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
        self.port.on_open = self._opened
        self.port.open(CALL_S)

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
    ) -> PtyPort:
        """Serve on a pty linked at `link`; the port returned may be closed to pull the plug."""
        port = PtyPort(self.loop, link, fault, paced)
        port.open()
        self.meters.append(SimulatedMeter(port, line, meter))
        return port

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
            accepted = AcceptedPort(self.loop, fd, fault, paced is not None)
            self.meters = [one for one in self.meters if one.port.is_open()]
            self.meters.append(SimulatedMeter(accepted, paced, meter))

        listener = Listener(self.loop, tcp_socket(host, port), serve)
        self._listeners.append(listener)
        return listener.port

    def on_udp(self, port: int, meter: Callable[[], Conversation], host: str = "127.0.0.1") -> int:
        """Serve on a UDP port, 0 for any free one: each peer has a conversation of its own. Returns: the port."""
        from ..ports.udp import DatagramListener, PeerPort, udp_socket

        def serve(peer: PeerPort) -> None:
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
