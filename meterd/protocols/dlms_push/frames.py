"""Whole APDUs out of HDLC frames that come unasked (IEC 62056-46): UI frames, and I frames without a session.

A list longer than a frame comes in several, all but the last with the segmentation bit; the first may bear an LLC
header, E6 E7 00. Frames of another sender in between, a frame that is lost, or one that begins anew end what was held;
what has broken in is a list's first frame, and is taken for one.
Dirt: half of a frame at first, damaged ones, flags shared by two frames, senders that number their frames and such that
do not.
"""

from __future__ import annotations

from ..._hdlc import HdlcDecoder
from ...conversation import Receive
from ...errors import Garbled, Incomplete, Silence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..._hdlc import HdlcFrame
    from ...conversation import Conversation

LLC = (b"\xe6\xe7\x00", b"\xe6\xe6\x00")
UI = 0x03
POLL = 0x10
NUMBERED = 0x01  # clear in an I frame
LARGEST = 65_535
MOST_PASSED_OVER = 256


class Apdus:
    """The APDUs on a line, one after the other; `whose` are the addresses of the last one."""

    __slots__ = ("_broken_in", "_decoder", "_gap_ms", "whose")

    def __init__(self, gap_ms: int) -> None:
        self._broken_in: HdlcFrame | None = None
        self._decoder = HdlcDecoder()
        self._gap_ms = gap_ms
        self.whose: tuple[bytes, bytes] | None = None

    def has_begun(self) -> bool:
        """Whether of the next APDU something came already."""
        return self._broken_in is not None or self._decoder.pending > 0

    def next(self, timeout_ms: int | None) -> Conversation:
        """Returns: bytes. Raises: Silence, Incomplete, Garbled."""
        first, self._broken_in = self._broken_in, None
        if first is None:
            first = yield from self._frame(timeout_ms)
        self.whose = (first.source, first.destination)
        joined, size, more = [without_llc(first.information)], len(first.information), first.segmented
        control = first.control
        while more:
            try:
                frame: HdlcFrame = yield from self._frame(self._gap_ms)
            except Silence as error:
                raise Incomplete(f"a list broke off behind {size} octets: {error}") from None
            self._broken_in = frame
            if (frame.source, frame.destination) != self.whose:
                raise Garbled("two meters talk at once: a list goes on under another address")
            if frame.information.startswith(LLC):
                raise Garbled("a list begins in the middle of another: the end of the first is lost")
            self._broken_in = None
            if not _follows(control, frame.control):
                raise Garbled("a frame in the middle of a list is lost")
            joined.append(frame.information)
            size, more, control = size + len(frame.information), frame.segmented, frame.control
            if size > LARGEST:
                raise Garbled(f"a list has no end after {size} octets")
        return b"".join(joined)

    def _frame(self, timeout_ms: int | None) -> Conversation:
        """The next that carries something."""
        for _ in range(MOST_PASSED_OVER):
            try:
                frame: HdlcFrame = yield Receive(self._decoder, timeout_ms, self._gap_ms)
            except Incomplete:
                self._decoder.reset()
                raise
            if is_pushed(frame):
                return frame
        raise Garbled("only frames of a dialogue come: this port's meter is asked by somebody")


def is_pushed(frame: HdlcFrame) -> bool:
    """Whether a frame may come unasked and carries something."""
    return bool(frame.information) and (frame.control & ~POLL == UI or not frame.control & NUMBERED)


def _follows(before: int, now: int) -> bool:
    """Whether a frame may be the next of its list: a sender that numbers I frames does so one by one."""
    if before & NUMBERED or now & NUMBERED:
        return (before & ~POLL) == (now & ~POLL)
    first, second = before >> 1 & 7, now >> 1 & 7
    return second in (first, (first + 1) & 7)


def without_llc(information: bytes) -> bytes:
    return information[3:] if information.startswith(LLC) else information
