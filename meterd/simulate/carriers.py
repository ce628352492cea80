"""What simulated meters are reached on: a pty, or a connection that was accepted; with faults, and at a line's pace.

A pty has no speed of its own, but both sides share its termios: it is looked up what speed the client has set, and what
is said at another speed than the meter's arrives as garbage both ways, as on a wire.
Dirt it must survive: a plug that is pulled at any moment; a client that reads nothing for long; a link that somebody
else takes away.
"""

from __future__ import annotations

import contextlib
import os
import termios

from ..errors import PortGone
from ..ports._port import Port
from ..ports._timers import Timer
from ..ports.serial_port import SPEEDS
from ..ports.seven_bits import SevenBits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..conversation import LineSettings
    from ..ports._loop import Loop
    from .faults import Fault

# What a wrong speed makes of a byte; any fixed pattern that no protocol takes for its own will do.
WRONG_SPEED = bytes(byte ^ 0xA5 for byte in range(256))


class Sender:
    """How what a meter says leaves its `port`: with `fault`, and, where it is `paced`, no faster than the line settings
    allow. `put_out` is the port's way to its descriptor.
    """

    __slots__ = ("_character_s", "_due", "_port", "_put_out", "_queue", "_timer", "fault", "paced")

    def __init__(self, port: Port, fault: Fault | None, paced: bool, put_out: Callable[[bytes], bool]) -> None:
        self._port = port
        self._put_out = put_out
        self._queue: list[tuple[float, bytes]] = []
        self._due = 0.0
        self._character_s = 0.0
        self._timer = Timer(self._send_next)
        self.fault = fault
        self.paced = paced
        port.transmit = self.transmit

    def echo(self, heard: bytes) -> bytes:
        """What came in, which the fault may send back."""
        if heard and self.fault is not None and self.fault.kind == "echo" and self.fault.strikes():
            self._put_out(heard)
        return heard

    def transmit(self, data: bytes) -> bool:
        port, loop = self._port, self._port.loop
        if not port.is_open():
            raise PortGone(f"{port.name}: the port is closed")
        if self.fault is not None and self.fault.kind == "close" and self.fault.strikes():
            raise PortGone(f"{port.name}: the plug was pulled")
        pieces = self.fault.apply(data) if self.fault is not None else [(0.0, data)]
        if not self.paced and len(pieces) == 1 and not pieces[0][0]:
            return self._put_out(pieces[0][1])
        self._due = max(self._due, loop.time)
        for delay, piece in pieces:
            self._due += delay
            self._enqueue(piece)
        port.underway = True
        loop.arm(self._timer, self._queue[0][0] if self._queue else self._due)
        return False

    def _enqueue(self, piece: bytes) -> None:
        """Cut a piece into what goes out each 10 ms, so that a client sees bytes come at the line's own pace."""
        character_s = self._character_s
        size = max(1, int(0.010 / character_s)) if self.paced and character_s else len(piece)
        for start in range(0, len(piece), size or 1):
            part = piece[start : start + size]
            if self.paced:
                self._due += len(part) * character_s
            self._queue.append((self._due, part))

    def _send_next(self) -> None:
        port, loop = self._port, self._port.loop
        try:
            while self._queue and self._queue[0][0] <= loop.time:
                self._put_out(self._queue.pop(0)[1])
        except PortGone as error:
            port.lose(error)
            return
        if self._queue:
            loop.arm(self._timer, self._queue[0][0])
        elif loop.time < self._due:
            loop.arm(self._timer, self._due)
        else:
            port.underway = False
            if not port.waiting:  # else its end is told when there has been room
                port.on_sent()

    def keep_pace(self, settings: LineSettings | None) -> None:
        paced = self.paced and settings is not None
        self._character_s = settings.character_bits() / settings.baudrate if paced and settings else 0.0

    def stop(self) -> None:
        self._queue = []
        self._timer.deadline = None


class PtyCarrier:
    """The master side of a pty whose slave is linked at `link`.

    What the client writes is here at once, but the client reckons with the time that it takes on a wire, and switches
    its speed only then; so it is handed on only then.
    """

    __slots__ = (
        "_arrival",
        "_arrived",
        "_arrives_at",
        "_settings",
        "_seven_bits",
        "link",
        "master",
        "port",
        "sender",
        "slave",
    )

    def __init__(self, loop: Loop, link: str, fault: Fault | None, paced: bool) -> None:
        self.link = link
        self.master = self.slave = -1
        self.port = Port(loop, link, self)
        self.port.receive = self._receive
        self.sender = Sender(self.port, fault, paced, self._put_out)
        self._settings: LineSettings | None = None
        self._seven_bits: SevenBits | None = None
        self._arrived = b""
        self._arrives_at = 0.0
        self._arrival = Timer(self._hand_on)

    def open(self, timeout_s: float, opened: Callable[[PortGone | None], None]) -> None:
        try:
            self.make()
        except OSError as error:
            opened(PortGone(f"{self.link}: no pty: {error}"))
        else:
            opened(None)

    def make(self) -> None:
        """Raises: OSError."""
        self.master, self.slave = os.openpty()  # the slave is held open: a client that leaves must not end the meter
        self.port.attach(self.master)
        try:
            raw = termios.tcgetattr(self.slave)
            raw[0] = raw[1] = raw[3] = 0
            raw[2] = termios.CS8 | termios.CREAD | termios.CLOCAL
            termios.tcsetattr(self.slave, termios.TCSANOW, raw)
            os.set_blocking(self.master, False)
            self._unlink()
            os.symlink(os.ttyname(self.slave), self.link)
        except (OSError, termios.error) as error:
            self.port.close()
            raise OSError(*error.args) from None

    def _unlink(self) -> None:
        if os.path.islink(self.link):
            with contextlib.suppress(FileNotFoundError):  # its whole folder may just be being removed
                os.unlink(self.link)

    def apply(self, settings: LineSettings | None) -> None:
        self._settings = settings
        self.sender.keep_pace(settings)
        seven = settings is not None and settings.data_bits == 7 and settings.parity != "none"
        self._seven_bits = SevenBits(self.port, settings.parity) if seven and settings is not None else None

    def release(self) -> None:
        self.sender.stop()
        self._arrival.deadline = None
        self._arrived = b""
        if self.master >= 0:
            os.close(self.master)
            os.close(self.slave)
            self.master = self.slave = -1
            self._unlink()

    def _at_wrong_speed(self) -> bool:
        """Raises: PortGone."""
        settings = self._settings
        try:
            return settings is not None and termios.tcgetattr(self.master)[4] != SPEEDS[settings.baudrate]
        except (termios.error, ValueError) as error:
            raise PortGone(f"{self.link}: the speed cannot be asked for: {error}") from None

    def _receive(self) -> bytes:
        """Nothing yet: what has come is on its way for as long as it takes on a wire."""
        port = self.port
        data = self.sender.echo(port.read() if self._seven_bits is None else self._seven_bits.receive())
        if data and self._settings is not None:
            if self._at_wrong_speed():
                data = data.translate(WRONG_SPEED)
            self._arrived += data
            wire_s = len(data) * self._settings.character_bits() / self._settings.baudrate
            self._arrives_at = max(self._arrives_at, port.loop.time) + wire_s
            port.loop.arm(self._arrival, self._arrives_at)
        return b""

    def _hand_on(self) -> None:
        data, self._arrived = self._arrived, b""
        self.port.on_data(data)

    def _put_out(self, data: bytes) -> bool:
        if self._at_wrong_speed():
            data = data.translate(WRONG_SPEED)
        return self.port.write(data if self._seven_bits is None else self._seven_bits.encode(data))


class AcceptedCarrier:
    """One accepted TCP connection."""

    __slots__ = ("_fd", "port", "sender")

    def __init__(self, loop: Loop, fd: int, fault: Fault | None, paced: bool) -> None:
        self._fd = fd
        self.port = port = Port(loop, "client", self)
        self.sender = Sender(port, fault, paced, port.write)
        port.receive = self._receive
        port.attach(fd)

    def open(self, timeout_s: float, opened: Callable[[PortGone | None], None]) -> None:
        opened(PortGone("client: whoever has left calls again by himself"))

    def apply(self, settings: LineSettings | None) -> None:
        self.sender.keep_pace(settings)

    def release(self) -> None:
        self.sender.stop()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _receive(self) -> bytes:
        return self.sender.echo(self.port.read())
