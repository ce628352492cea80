"""Whole APDUs out of M-Bus long frames (EN 13757-3 annex on DLMS transport, as Austrian customer interfaces send them).

`68 L L 68 C A CI STSAP DTSAP … CS 16`: the low half of CI is the number of the segment, from 0 and from 15 on to 0
again, bit 4 says that it is the last one. An APDU that is alone has CI 10; of two, 00 and 11.
Dirt: half of a list at first, damaged frames, other M-Bus traffic on the line.
"""

from __future__ import annotations

from ..._mbus import MbusDecoder
from ...conversation import Receive
from ...errors import Garbled, Incomplete, Silence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..._mbus import MbusFrame
    from ...conversation import Conversation

NUMBER, LAST = 0x0F, 0x10
HIGHEST_CI = NUMBER | LAST
ACCESS_POINTS = 2  # octets: STSAP and DTSAP
LARGEST = 65_535
MOST_PASSED_OVER = 256


class Segments:
    """The APDUs on a line, one after the other; the same face as `frames.Apdus`."""

    __slots__ = ("_broken_in", "_decoder", "_gap_ms", "whose")

    def __init__(self, gap_ms: int) -> None:
        self._broken_in: MbusFrame | None = None
        self._decoder = MbusDecoder()
        self._gap_ms = gap_ms
        self.whose: tuple[int, bytes] | None = None

    def has_begun(self) -> bool:
        """Whether of the next APDU something came already."""
        return self._broken_in is not None or self._decoder.pending > 0

    def next(self, timeout_ms: int | None) -> Conversation:
        """Returns: bytes. Raises: Silence, Incomplete, Garbled."""
        frame: MbusFrame = yield from self._first(timeout_ms)
        self.whose = _whose(frame)
        joined = [frame.data[ACCESS_POINTS:]]
        size = len(joined[0])
        while not frame.ci & LAST:
            number = frame.ci & NUMBER
            try:
                frame = yield from self._frame(self._gap_ms)
            except Silence as error:
                raise Incomplete(f"a list broke off behind {size} octets: {error}") from None
            if not frame.ci & NUMBER:
                self._broken_in = frame
            if _whose(frame) != self.whose:
                raise Garbled("two meters talk at once: a list goes on under another address")
            if frame.ci & NUMBER != (number + 1) & NUMBER:
                raise Garbled(f"a frame in the middle of a list is lost: {frame.ci & NUMBER} follows {number}")
            self._broken_in = None
            joined.append(frame.data[ACCESS_POINTS:])
            size += len(joined[-1])
            if size > LARGEST:
                raise Garbled(f"a list has no end after {size} octets")
        return b"".join(joined)

    def _first(self, timeout_ms: int | None) -> Conversation:
        """The next that begins a list; the rest of one whose beginning was not seen is passed over."""
        broken_in, self._broken_in = self._broken_in, None
        if broken_in is not None:
            return broken_in
        for _ in range(MOST_PASSED_OVER):
            frame: MbusFrame = yield from self._frame(timeout_ms)
            if not frame.ci & NUMBER:
                return frame
        raise Garbled("only ends of lists come, and no beginning")

    def _frame(self, timeout_ms: int | None) -> Conversation:
        """The next that bears a part of an APDU."""
        for _ in range(MOST_PASSED_OVER):
            try:
                frame: MbusFrame = yield Receive(self._decoder, timeout_ms, self._gap_ms)
            except Incomplete:
                self._decoder.reset()
                raise
            if is_part(frame):
                return frame
        raise Garbled("only other M-Bus frames come, and no list of DLMS")


def is_part(frame: MbusFrame) -> bool:
    """Whether a frame bears a part of an APDU."""
    return 0 <= frame.ci <= HIGHEST_CI and len(frame.data) > ACCESS_POINTS


def _whose(frame: MbusFrame) -> tuple[int, bytes]:
    return (frame.address, frame.data[:ACCESS_POINTS])
