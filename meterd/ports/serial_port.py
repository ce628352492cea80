"""A serial port: opened with pyserial, then read and written through its file descriptor.

Two things that no driver tells: a UART or pty that cannot do 7 data bits accepts them and quietly stays at 8 (the
AR9331 of small gateways, every pty), so settings are read back and parity is then done in software; and `tcdrain`
blocks, so the end of a transmission is found with a timer and the kernel's count of unsent bytes.
"""

from __future__ import annotations

import posix
import select
import termios
from fcntl import ioctl
from struct import unpack

from ..conversation import LineSettings
from ..errors import PortGone
from ._port import Port
from ._timers import Timer
from .seven_bits import SevenBits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ._loop import Loop

SPEEDS = {
    baudrate: getattr(termios, f"B{baudrate}")
    for baudrate in (300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)
}
SIZES = {5: termios.CS5, 6: termios.CS6, 7: termios.CS7, 8: termios.CS8}
FORMAT_FLAGS = termios.CSIZE | termios.PARENB | termios.PARODD | termios.CSTOPB

# Device numbers of ptys, which have no line and hence no character format.
PTY_MAJORS = range(136, 144)
# While a frame is under way and it is not known how much is missing, look no more often than after this many
# characters, or this time where that is shorter.
HUSH_CHARACTERS = 8
HUSH_S = 0.010
# Bytes that have not left after this much more than their time on the wire never will: the driver hangs.
SEND_LIMIT_S = 10.0
# Who has a port that does not open is looked for no more often.
TOLD_AGAIN_S = 60.0


def format_flags(settings: LineSettings) -> int:
    """termios c_cflag bits for a character format."""
    flags = SIZES[settings.data_bits]
    if settings.parity != "none":
        flags |= termios.PARENB
    if settings.parity == "odd":
        flags |= termios.PARODD
    if settings.stop_bits == 2:
        flags |= termios.CSTOPB
    return flags


class SerialCarrier:
    """The device node at `path`. `shortcoming` says in words what of the last settings it cannot do, or is empty."""

    __slots__ = (
        "_character_s", "_hush_timer", "_send_limit", "_send_timer", "_serial", "_settings", "_seven_bits", "_told",
        "loop", "path", "port", "shortcoming",
    )  # fmt: skip

    def __init__(self, loop: Loop, path: str) -> None:
        self.loop = loop
        self.path = path
        self.port = port = Port(loop, path, self)
        port.transmit = self._transmit
        port.hush = self._hush
        self.shortcoming = ""
        self._serial: Any = None
        self._settings: LineSettings | None = None
        self._character_s = 0.0
        self._seven_bits: SevenBits | None = None
        self._hush_timer = Timer(self._listen)
        self._send_timer = Timer(self._check_sent)
        self._send_limit = 0.0
        self._told: tuple[int | None, float, str] = (None, 0.0, "")  # why it did not open: until when that stands

    def open(self, timeout_s: float, opened: Callable[[PortGone | None], None]) -> None:
        """It is open before this returns, or the cause is told in words."""
        try:
            self._open()
        except PortGone as error:
            opened(error)
        else:
            opened(None)

    def _open(self) -> None:
        """Raises: PortGone."""
        from ..gateway.pyserial import load

        serial = load()
        try:
            self._serial = serial.Serial(self.path, timeout=0, exclusive=True)
        except (serial.SerialException, OSError, ValueError, termios.error) as error:
            raise PortGone(f"{self.path}: {self._why_not(error)}") from None
        self._settings = None
        self.port.attach(self._serial.fileno())
        self.apply(LineSettings(9600))

    def _why_not(self, error: Exception) -> str:
        """Why it does not open; who has it is looked for again only after a while, for that is a walk over /proc."""
        number, now = _number(error), self.loop.time
        if self._told[0] != number or now >= self._told[1]:
            from .holders import why

            self._told = (number, now + TOLD_AGAIN_S, why(self.path, number) or _cause(error))
        return self._told[2]

    def release(self) -> None:
        self._hush_timer.deadline = None
        if self._serial is not None:
            try:
                if self._send_timer.deadline is not None:
                    # Else closing waits until it has left, up to 30 s.
                    termios.tcflush(self._serial.fileno(), termios.TCOFLUSH)
                self._serial.close()
            except (OSError, termios.error):
                pass  # the node is gone already
            self._serial = None
        self._send_timer.deadline = None

    # ---- settings

    def apply(self, settings: LineSettings | None) -> None:
        port = self.port
        if port.fd < 0:
            raise PortGone(f"{self.path}: the port is closed")
        if settings is None or settings == self._settings:
            return
        try:
            self._configure(settings)
        except (OSError, termios.error) as error:
            port.close()
            raise PortGone(f"{self.path}: {_cause(error)}") from None
        self._settings = settings
        self._character_s = settings.character_bits() / settings.baudrate

    def _configure(self, settings: LineSettings) -> None:
        wanted = format_flags(settings)
        self._carry(None)
        self.shortcoming = ""
        try:
            got = self._set(settings.baudrate, wanted)
        except termios.error:
            got = -1  # a pty says EINVAL where nothing but the character format would change
        if termios.tcgetattr(self.port.fd)[5] != SPEEDS[settings.baudrate]:
            self.shortcoming = f"the port does not take a speed of {settings.baudrate} baud"
        if got == wanted:
            return
        if settings.data_bits == 7 and settings.parity != "none" and settings.stop_bits == 1:
            self._carry(SevenBits(self.port, settings.parity))
        elif settings.data_bits != 8:
            raise PortGone(f"{self.path}: the port cannot do {settings.data_bits} data bits")
        elif posix.major(posix.fstat(self.port.fd).st_rdev) not in PTY_MAJORS:
            self.shortcoming = f"the port cannot do {settings}; it runs 8N1"
        self._set(settings.baudrate, termios.CS8)

    def _carry(self, seven_bits: SevenBits | None) -> None:
        """Characters as the port has them, or seven bits within its eight."""
        self._seven_bits = seven_bits
        self.port.receive = None if seven_bits is None else seven_bits.receive

    def _set(self, baudrate: int, flags: int) -> int:
        """Set speed and format, immediately (the caller has drained); returns the format read back."""
        fd = self.port.fd
        attributes = termios.tcgetattr(fd)
        attributes[2] = attributes[2] & ~FORMAT_FLAGS | flags | termios.CLOCAL | termios.CREAD
        attributes[4] = attributes[5] = SPEEDS[baudrate]
        # With pyserial's VMIN of 0 an empty read would look like the end of the file.
        attributes[6][termios.VMIN] = 1
        termios.tcsetattr(fd, termios.TCSANOW, attributes)
        return termios.tcgetattr(fd)[2] & FORMAT_FLAGS

    # ---- bytes

    def _transmit(self, data: bytes) -> bool:
        port, timer, now = self.port, self._send_timer, self.loop.time
        port.write(data if self._seven_bits is None else self._seven_bits.encode(data))
        # What was sent before, and whose end nobody waited for, comes first. No margin: at 300 baud a meter may answer
        # at its new speed sooner than one more character takes.
        begins = now if timer.deadline is None else max(now, timer.deadline)
        deadline = begins + len(data) * self._character_s
        self._send_limit = deadline + SEND_LIMIT_S
        self.loop.arm(timer, deadline)
        port.underway = True
        return False

    def _check_sent(self) -> None:
        """The time that the bytes need on the wire has passed; ask the kernel whether they have left."""
        port = self.port
        try:
            waiting = unpack("i", ioctl(port.fd, termios.TIOCOUTQ, b"\0\0\0\0"))[0]
        except OSError:
            waiting = 0  # a driver without the count; the time must do
        waiting += port.waiting
        if waiting and self.loop.time > self._send_limit:
            port.lose(PortGone(f"{self.path}: the port takes bytes but does not send them"))
        elif waiting:
            self.loop.arm(self._send_timer, self.loop.time + max(waiting * self._character_s, 0.001))
        else:
            port.underway = False
            port.on_sent()

    def _hush(self, characters: int, limit_s: float) -> None:
        port = self.port
        if port.fd < 0 or port.waiting:
            return
        if characters > 1:
            seconds = characters * self._character_s
        else:
            seconds = min(HUSH_S, HUSH_CHARACTERS * self._character_s)
        self.loop.modify(port.fd, 0)
        self.loop.arm(self._hush_timer, self.loop.time + min(seconds, limit_s))

    def _listen(self) -> None:
        if self.port.fd >= 0:
            self.loop.modify(self.port.fd, select.POLLIN | (select.POLLOUT if self.port.waiting else 0))


def _cause(error: Exception) -> str:
    """pyserial wraps the operating system's words in its own; keep the operating system's."""
    number = _number(error)
    return str(error) if number is None else posix.strerror(number)


def _number(error: Exception) -> int | None:
    found = getattr(error, "errno", None) or (error.args[0] if error.args else None)
    return found if isinstance(found, int) else None
