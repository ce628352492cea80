"""The sign-on of IEC 62056-21 mode E (annex E): from 300 baud 7E1 text to HDLC at the meter's speed.

The reader asks `/?!`, the meter identifies itself and its fastest speed, the reader acknowledges with `2 Z 2` (HDLC
protocol, speed Z, binary mode), the meter confirms with the same characters at the old speed, and both switch.

The dirt: not every meter confirms, and on an optical head the confirmation cannot be told from an echo, so its
absence proves nothing; a meter that cannot do mode E answers with a plain read-out, which is said in so many words.
The mark of mode E in the identification (`\\2`) is missing on meters that do speak it, so it is not asked for.
"""

from __future__ import annotations

from ...._readout_dialogue import IdentificationDecoder
from ....conversation import LineSettings, Pause, Receive, Send, exchange, with_retries
from ....errors import Garbled, ProtocolError, Silence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ....conversation import Conversation

INITIAL_BAUDRATE = 300
SPEEDS = {"0": 300, "1": 600, "2": 1200, "3": 2400, "4": 4800, "5": 9600, "6": 19200}
CONFIRMATION_MS = 1500
# Reaction time of annex E: the meter needs it to switch.
SWITCH_PAUSE_S = 0.3
STX = b"\x02"
MIN_TEXT = 6
MAX_CONFIRMATION = 64


class ConfirmationDecoder:
    """Tells a meter's confirmation of the option from the beginning of a read-out; the frame is True or False."""

    __slots__ = ("_buffer", "_expected", "discarded", "reason")

    def __init__(self, expected: bytes) -> None:
        self._expected = expected
        self._buffer = b""
        self.discarded = 0
        self.reason = ""

    pending = 0
    missing = 1

    def feed(self, data: bytes) -> bool | None:
        """True once the confirmation is there, False once it is a read-out. Parity bits are not looked at."""
        self._buffer = (self._buffer + bytes(byte & 0x7F for byte in data))[-MAX_CONFIRMATION:]
        if self._expected in self._buffer:
            return True
        if _begins_readout(self._buffer):
            return False
        self.discarded += len(data)
        self.reason = "no confirmation of mode E"
        return None

    def reset(self) -> None:
        self._buffer = b""
        self.discarded = 0
        self.reason = ""


def sign_on(baudrate: int, address: str, timeout_ms: float, attempts: int) -> Conversation:
    """Bring a meter on an optical or serial line to HDLC, which is 8N1, at the meter's speed or `baudrate` at most.

    A `baudrate` of 300 is that of the sign-on itself and sets no limit.

    Returns: the identification line. Raises: LineError where nobody identifies, ProtocolError where it is no mode E.
    """
    slow = LineSettings(INITIAL_BAUDRATE, 7, "even", 1)
    yield slow
    request = f"/?{address}!\r\n".encode("ascii")
    decoder = IdentificationDecoder()
    identification: bytes = yield from with_retries(
        attempts, lambda: exchange(request, decoder, timeout_ms, timeout_ms)
    )
    speed = _speed(identification, baudrate)
    yield from _acknowledge(speed, identification)
    yield LineSettings(SPEEDS[speed])
    yield Pause(SWITCH_PAUSE_S)
    return identification


def _speed(identification: bytes, fastest: int) -> str:
    """The speed character to acknowledge: the meter's, or the configured one where that is slower."""
    offered = identification[4:5].decode("latin-1")
    if offered not in SPEEDS:
        raise ProtocolError(f"the meter identifies as {_shown(identification)}: it has no mode E to switch to")
    if SPEEDS[offered] <= fastest or fastest <= INITIAL_BAUDRATE:
        return offered
    return max((speed for speed in SPEEDS if SPEEDS[speed] <= fastest), key=lambda speed: SPEEDS[speed])


def _acknowledge(speed: str, identification: bytes) -> Conversation:
    option = f"\x062{speed}2\r\n".encode("ascii")
    yield Send(option)
    try:
        confirmed = yield Receive(ConfirmationDecoder(option), CONFIRMATION_MS, CONFIRMATION_MS)
    except (Silence, Garbled):
        return
    if not confirmed:
        raise ProtocolError(f"the meter {_shown(identification)} sends a plain read-out instead of going over to HDLC")


def _begins_readout(text: bytes) -> bool:
    """A data set in parentheses, or STX and readable text: what comes at the wrong speed looks like neither."""
    value = text.find(b"(")
    if value >= 0 and text.find(b")", value) > 0:
        return True
    block = text.partition(STX)[2][:MIN_TEXT]
    return len(block) == MIN_TEXT and all(0x20 <= byte < 0x7F or byte in b"\r\n" for byte in block)


def _shown(identification: bytes) -> str:
    return identification.decode("latin-1")
