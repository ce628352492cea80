"""Telegrams as they come: in plain text (DSMR P1 companion standard 5.2), or ciphered as a whole.

Plain: a list as in mode D of IEC 62056-21, with a CRC16 behind its `!` since DSMR 4; once a meter has shown one it must
be there. Ciphered (Luxembourg's Smarty, Austria): general-glo-ciphering (Green Book 9.2.7.2.4), that is DB 08, the
system title, a length of 1 to 3 octets, security control, invocation counter, the telegram, an authentication tag.
Such a telegram must be authentic, and newer than the last one (see `heard`).
Dirt: half of a telegram to begin with, noise, a DB within ciphertext, telegrams played back.
"""

from __future__ import annotations

from ..._readout_dialogue import IdentificationDecoder
from ..._readout_list import ReadoutDecoder
from ...conversation import LineSettings, Receive
from ...errors import DecodeError, Garbled, Incomplete
from ..iec62056_21.learnt import Learnt
from ..iec62056_21.pushed import Lists
from ..iec62056_21.settings import SessionSettings
from .values import Telegram

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..._readout_message import Message
    from ...conversation import Conversation
    from ...model import Device, Memory, Plan

GENERAL_GLO = 0xDB
TITLE_OCTETS = 8
HEAD = 2 + TITLE_OCTETS  # DB, 08, title
CONTROLS = b"\x20\x21\x30\x31"  # encrypted, with a tag or without, suite 0 or 1: all that meters send
LARGEST = 16_384
STX, NUL = b"\x02", b"\0"
LEAST = 1 + 4 + 12  # security control, counter, tag


class SealedDecoder:
    """One ciphered telegram out of what a line delivers; a frame is the whole APDU."""

    __slots__ = ("_held", "discarded", "missing", "reason")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._held = b""
        self.discarded = 0
        self.reason = ""
        self.missing = 1

    @property
    def pending(self) -> int:
        return len(self._held)

    def feed(self, data: bytes) -> bytes | None:
        held = self._held + data
        while True:
            begin = held.find(b"\xdb\x08")
            if begin < 0:
                begin = len(held) - held.endswith(b"\xdb")
            self._pass_over(begin)
            held = held[begin:]
            end = _end(held)
            again = held.find(held[:HEAD], HEAD) if end else -1
            if end >= 0 and not 0 <= again < end:
                break
            # The head of a telegram never stands within one: its length is wrong, or its end was lost.
            skipped = max(again, 1)
            self._pass_over(skipped)
            held = held[skipped:]
        if not end or len(held) < end:
            self._held = held
            self.missing = max(end - len(held), 1)
            return None
        self._held = held[end:]
        return held[:end]

    def _pass_over(self, count: int) -> None:
        if count:
            self.discarded += count
            self.reason = "no ciphered telegram (DB 08)"


def _end(held: bytes) -> int:
    """Where the telegram that begins here ends; 0 while that is not to be seen, -1 where none can begin."""
    if len(held) <= HEAD:
        return 0
    first = held[HEAD]
    octets = first & 0x7F if first > 0x7F else 0
    if octets > 2 or first == 0x80:
        return -1
    if len(held) < HEAD + 2 + octets:
        return 0
    if held[HEAD + 1 + octets] not in CONTROLS:
        return -1
    length = int.from_bytes(held[HEAD + 1 : HEAD + 1 + octets], "big") if octets else first
    return HEAD + 1 + octets + length if LEAST <= length <= LARGEST else -1


def opening(device: Device) -> LineSettings | None:
    if not device.has_line():
        return None
    return LineSettings(device["baudrate"], device["databits"], device["parity"], device["stopbits"])


class _Lines:
    """Takes in the lines of a telegram, in which no block ever begins: an STX is a damaged line end, and as the start
    of a block it would swallow telegram upon telegram until an ETX came."""

    __slots__ = ("_decoder",)

    def __init__(self, held: bytes) -> None:
        self._decoder = ReadoutDecoder(False, None, held.replace(STX, NUL))

    @property
    def pending(self) -> int:
        return self._decoder.pending

    @property
    def missing(self) -> int:
        return self._decoder.missing

    @property
    def discarded(self) -> int:
        return self._decoder.discarded

    @property
    def reason(self) -> str:
        return self._decoder.reason

    def feed(self, data: bytes) -> Message | None:
        return self._decoder.feed(data.replace(STX, NUL))

    def take_rest(self) -> bytes:
        return self._decoder.take_rest()

    def reset(self) -> None:
        self._decoder.reset()


class _Lists(Lists):
    def body(self, held: bytes) -> Any:
        return _Lines(held)


class Telegrams:
    """The telegrams on a port, one after the other; keys are those of the one device that such a port has."""

    __slots__ = ("_memory", "_plan", "_sealed", "gap_ms", "lists", "timeout_ms")

    def __init__(self, plan: Plan, memory: Memory) -> None:
        device = plan.device
        self.timeout_ms: int = device["timeout_ms"]
        self.lists = _Lists(SessionSettings("", opening(device), self.timeout_ms))
        self._plan = plan
        self._memory = memory
        self._sealed = SealedDecoder()
        self.gap_ms = self.lists.gap_ms

    def has_begun(self) -> bool:
        """Whether of the next telegram something came already."""
        return self._sealed.pending > 0 if self._plan.device["encryption_key"] else self.lists.has_begun()

    def remember(self, memory: Memory) -> None:
        """Raises: Garbled for a telegram without a CRC16 of a meter that had one before."""
        if self._plan.device["encryption_key"] is None:  # else it is authentic
            self.lists.remember(Learnt.of(memory))

    def next(self, timeout_ms: int | None) -> Conversation:
        """Returns: Telegram. Raises: Silence, Incomplete, Garbled, SecurityError."""
        if self._plan.device["encryption_key"] is None:
            return Telegram((yield from self.lists.next(timeout_ms)).data_sets)
        try:
            apdu: bytes = yield Receive(self._sealed, timeout_ms, self.timeout_ms)
        except Incomplete as error:
            self._sealed.reset()
            raise Incomplete(f"a telegram broke off: {error}") from None
        return Telegram(self._opened(apdu))

    def _opened(self, apdu: bytes) -> list[tuple[str | None, str | None, int, str, str | None]]:
        from .sealed import plain_of

        plain = plain_of(apdu, self._plan, self._memory)
        head, body = IdentificationDecoder(), None
        try:
            identification = head.feed(plain)
            body = ReadoutDecoder(False, None, head.take_rest())
            message: Message | None = body.feed(b"") if identification is not None else None
        except DecodeError as error:
            raise Garbled(str(error)) from None
        if identification is None or message is None:
            raise Garbled("what was deciphered is no telegram")
        self.lists.taken(identification, message)
        return message.data_sets
