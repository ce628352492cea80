"""An answer that is a bare row of numbers, as a Kamstrup Multical 401 gives to `/#1`: `answer` row.

No identification comes before it and no block check behind it; the numbers stand in a fixed order, with blanks between,
and have neither addresses nor units nor decimal points, so they are read by their places, `[0]`, `[1]` and so on. The
meter hears the request at 300 baud and answers at 1200 a second or two later (`read_baudrate`).

Standard: none; the meter's technical description, chapter 12, has it. Assumption: all numbers of a row have as many
digits, as they do, which is all there is to tell a row that lost characters; what was changed the parity tells. Dirt:
the request's echo, noise while the line changes its speed, rows without a line end.
"""

from __future__ import annotations

from ...conversation import Receive
from ...errors import Garbled, Incomplete

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..._readout_block import DataSet
    from ...conversation import Conversation
    from .session import Session

MAX_ROW = 512  # characters; ten numbers of seven digits are 79
LEAST_DIGITS = 4  # of a number: shorter ones are more easily what is left of something else
DAMAGED = 0x80  # set in a character whose parity was wrong
NOISE = b" \x00\x7f\xff"  # what an idle or switching line makes of itself, and blanks
SHOWN = 40


class RowDecoder:
    """A `Decoder` whose frame is a line with a digit in it that begins no request."""

    __slots__ = ("_held", "discarded", "reason")

    missing = 1

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._held = b""
        self.discarded = 0
        self.reason = ""

    @property
    def pending(self) -> int:
        return len(self._held) if _may_be_row(self._held) else 0

    def feed(self, data: bytes) -> bytes | None:
        self._held += data
        while True:
            line, end, rest = self._held.replace(b"\r", b"\n").partition(b"\n")
            if not end and len(line) <= MAX_ROW:
                return None
            self._held = rest
            if end and _may_be_row(line):
                return line
            if line.strip(NOISE):
                self.discarded += len(line)
                self.reason = "no row of numbers"

    def finish(self) -> bytes:
        """What is held when nothing more comes: some rows have no line end."""
        rest, self._held = self._held, b""
        return rest


def _may_be_row(line: bytes) -> bool:
    return not line.lstrip(NOISE).startswith(b"/") and any(0x30 <= byte & ~DAMAGED <= 0x39 for byte in line)


def read_row(session: Session, mode_control: int, attempts: int) -> Conversation:
    """Ask for the row, at most `attempts` times over. Returns: its data sets. Raises: Silence, Incomplete, Garbled."""

    def read() -> Conversation:
        decoder = RowDecoder()
        try:
            line = yield Receive(decoder, session.settings.timeout_ms, session.settings.gap_ms)
        except Incomplete:
            line = decoder.finish()
        return numbers_of(line)

    return (yield from session.dialogue(mode_control, attempts, read))


def numbers_of(line: bytes) -> list[DataSet]:
    """The numbers of a row, as data sets without an address. Raises: Garbled where it is none, or not whole."""
    numbers = [field.decode("latin-1") for field in line.strip(NOISE).split()]
    if any(byte & DAMAGED for byte in line.strip(NOISE)):
        raise Garbled(f"a character of the row {shown(line)} has wrong parity")
    if not all(number.isdigit() for number in numbers):
        raise Garbled(f"the answer {shown(line)} is no row of numbers")
    if len(numbers) < 2 or len(set(map(len, numbers))) > 1 or len(numbers[0]) < LEAST_DIGITS:
        raise Garbled(f"the row {shown(line)} is not whole: its numbers have not as many digits each")
    return [(None, None, index, number, None) for index, number in enumerate(numbers)]


def shown(line: bytes) -> str:
    text = line.strip(NOISE)
    return repr(text[:SHOWN].decode("latin-1")) + ("…" if len(text) > SHOWN else "")
