"""A data read-out: one dialogue that yields every data set of the meter's list, verified.

IEC 62056-21 clauses 6.3.4 (data message) and 6.4.1 to 6.4.4 (modes A to D); DSMR P1 companion standard 5.2 (CRC16). A
list that is framed by STX and ETX has a block check character and counts only if that is right. A list without one
cannot be verified, unless it ends in a CRC16; it is believed where the meter has never shown a check, and where no ETX
follows, which would mean that only the STX was lost. A list that ends in ETX but lacks the check character is believed
when it does so again. The line on which a list without STX begins must have been seen from its start.
"""

from __future__ import annotations

from ..._readout_block import parse_readout
from ..._readout_list import ReadoutDecoder
from ...conversation import Receive, Send
from ...errors import Garbled, Incomplete, Silence
from .listening import Anything, quiet
from .messages import BREAK, ETX
from .p1 import fits
from .session import Session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..._readout_message import Message
    from ...conversation import Conversation

TRAILER_MS = 200  # an ETX comes at once behind the list's last line, if at all


def read_out(
    session: Session, mode_control: int, wanted: dict[str, int] | None, attempts: int, early_stop: bool = False
) -> Conversation:
    """Sign on and read the list, at most `attempts` times over.

    `wanted` {address: index of the last group needed} is what an early stop waits for, None for all of it.
    Returns: ReadOut. Raises: Silence, Incomplete, Garbled, WrongMeter.
    """
    reader = _Reader(session, wanted, early_stop)
    return (yield from session.dialogue(mode_control, attempts, reader.read))


class ReadOut:
    """A list: its `data_sets`, and the `text` that they stand in."""

    __slots__ = ("data_sets", "text")

    def __init__(self, message: Message, text: bytes | None = None) -> None:
        self.text = message.text if text is None else text
        self.data_sets = message.data_sets if text is None else parse_readout(text)


class _Reader:
    __slots__ = ("early_stop", "session", "wanted")

    def __init__(self, session: Session, wanted: dict[str, int] | None, early_stop: bool) -> None:
        self.session = session
        self.wanted = wanted
        self.early_stop = early_stop

    def read(self) -> Conversation:
        found: ReadOut = yield from self._read()
        self.session.identify(found.data_sets)
        return found

    def _read(self) -> Conversation:
        session, learnt = self.session, self.session.learnt
        # A meter known to send no check has nothing to lose by an early stop.
        stops = self.early_stop or (learnt.block_check is False and not learnt.crc16)
        decoder = ReadoutDecoder(
            session.seven_bit, self.wanted if stops else None, session.rest, bare=not learnt.block_check
        )
        try:
            message = yield from session.first_block(decoder)
        except Incomplete:
            message = decoder.finish()
            if not self._believed(message):
                raise
        if not message.complete:
            return (yield from self._stopped(message))
        message = yield from session.good(decoder, message)
        if message.bcc is None:
            yield from self._unframed(decoder)
            self._check_crc16(message)
            if learnt.block_check is None:
                learnt.block_check = False
            return ReadOut(message)
        text = yield from session.whole(decoder, message)
        session.verified()
        learnt.block_check = True
        return ReadOut(message, text)

    def _believed(self, message: Message | None) -> bool:
        """Whether a list that is whole but for its block check may pass: not before the meter has done so twice."""
        learnt = self.session.learnt
        if message is None or not message.complete or message.partial or learnt.block_check:
            return False
        before, learnt.checkless = learnt.checkless or learnt.block_check is False, True
        return before

    def _check_crc16(self, message: Message) -> None:
        """Raises: Garbled where a list that ends in a CRC16, or should, is not what was sent."""
        learnt = self.session.learnt
        verdict = fits(self.session.identification, message.text)
        if verdict is None and learnt.crc16:
            raise Garbled("the list has no CRC16 behind its '!', where the meter had one before")
        if verdict is False:
            raise Garbled("the CRC16 behind the list's '!' is not that of what came")
        learnt.crc16 = learnt.crc16 or bool(verdict)

    def _unframed(self, decoder: ReadoutDecoder) -> Conversation:
        """Raises: Garbled where the list had a frame, only that its STX was lost: its block check was not looked at."""
        behind = decoder.take_rest()
        if not behind:
            try:
                behind = yield Receive(Anything(), TRAILER_MS, TRAILER_MS)
            except Silence:
                return
        if behind.startswith(ETX):
            raise Garbled("the list ended with ETX but did not begin with STX")

    def _stopped(self, message: Message) -> Conversation:
        """All that is wanted was seen: hush the meter and leave the line quiet."""
        if self.session.mode == "C":
            yield Send(BREAK)
        yield from quiet()
        return ReadOut(message)
