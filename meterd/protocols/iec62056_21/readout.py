"""A data read-out: one dialogue that yields every data set of the meter's list, verified.

IEC 62056-21 clauses 6.3.4 (data message) and 6.4.1 to 6.4.3 (modes A, B, C). A list that is framed by STX and ETX has a
block check character and counts only if that is right. A list without one cannot be verified; it is believed where the
meter has never shown a block check, and where no ETX follows, which would mean that only the STX was lost. A list that
ends in ETX but lacks the check character is believed when it does so again.
"""

from __future__ import annotations

from ..._readout_block import parse_readout
from ..._readout_list import ReadoutDecoder
from ...conversation import Receive, Send
from ...errors import Garbled, Incomplete, Silence
from .messages import BREAK, ETX
from .session import Anything, Session, quiet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..._readout_message import Message
    from ...conversation import Conversation

TRAILER_MS = 200  # an ETX comes at once behind the list's last line, if at all


def read_out(
    session: Session, mode_control: int, wanted: dict[str, int], attempts: int, early_stop: bool = False
) -> Conversation:
    """Sign on and read the list, at most `attempts` times over.

    `wanted` {address: index of the last group needed} is what an early stop waits for. Returns: list of data sets.
    Raises: Silence, Incomplete, Garbled.
    """
    reader = _ReadOut(session, wanted, early_stop)
    return (yield from session.dialogue(mode_control, attempts, reader.read))


class _ReadOut:
    __slots__ = ("_checkless", "session", "wanted")

    def __init__(self, session: Session, wanted: dict[str, int], early_stop: bool) -> None:
        self.session = session
        # A meter known to send no block check has nothing to lose by an early stop.
        self.wanted = wanted if early_stop or session.memory.volatile.get("block_check") is False else None
        self._checkless = session.memory.volatile.get("block_check") is False

    def read(self) -> Conversation:
        session = self.session
        checked = bool(session.memory.volatile.get("block_check"))
        decoder = ReadoutDecoder(session.settings.seven_bit, self.wanted, session.rest, bare=not checked)
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
            session.memory.volatile.setdefault("block_check", False)
            return message.data_sets
        text = yield from session.whole(decoder, message)
        session.verified()
        session.memory.volatile["block_check"] = True
        return parse_readout(text)

    def _believed(self, message: Message | None) -> bool:
        """Whether a list that is whole but for its block check may pass: not before the meter has done so twice."""
        if (
            message is None
            or not message.complete
            or message.partial
            or self.session.memory.volatile.get("block_check")
        ):
            return False
        before, self._checkless = self._checkless, True
        return before

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
        return message.data_sets
