"""One request over HDLC and its answer, in segments: what of either has arrived (IEC 62056-46, 6.4.4.4).

The problem: both sides count their frames modulo 8 and acknowledge the other's; what is lost is sent again under its
number. Assumptions: frames are whole and come from the meter that is asked.
The dirt: frames that came before, acknowledgements of frames that were never sent, answers without end.
"""

from __future__ import annotations

from ....errors import ProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...._hdlc import HdlcFrame

# An APDU is at most 65535 octets by its negotiation; ciphering and some meters' notion of it add a little.
MAX_APDU = 70_000
# With segments of one octet a meter could keep us for ever.
MAX_SEGMENTS = 5_000


class Exchange:
    """One request under way: which of its segments the meter has, and which of the answer's we have."""

    __slots__ = (
        "_first", "_sent", "_size", "_window", "acknowledged", "astray", "complete", "outgoing", "parts", "recv_seq",
        "repeat",
    )  # fmt: skip

    def __init__(self, outgoing: list[bytes], send_seq: int, recv_seq: int, window: int) -> None:
        self.outgoing = outgoing
        self.acknowledged = 0
        self.astray = 0
        self.parts: list[bytes] = []
        self.recv_seq = recv_seq
        self.complete = False
        self.repeat = False
        self._first = send_seq
        self._sent = 0
        self._size = 0
        self._window = window

    def send_seq(self, index: int) -> int:
        """N(S) of one segment."""
        return (self._first + index) & 7

    def progress(self) -> tuple[int, int]:
        return (self.acknowledged, len(self.parts))

    def due(self, window: int) -> list[int]:
        """Which segments to send: those not acknowledged, or, where the answer is overdue, the last one again."""
        start = self.acknowledged
        if start == len(self.outgoing) and self.repeat and self.outgoing and not self.parts:
            return [start - 1]
        segments = list(range(start, min(start + window, len(self.outgoing))))
        self._sent = max(self._sent, start + len(segments))
        return segments

    def acknowledge(self, recv_seq: int) -> None:
        """Take the meter's N(R); one that belongs to frames never sent is an old one."""
        count = (recv_seq - self._first - self.acknowledged) & 7
        if count <= self._sent - self.acknowledged:
            self.acknowledged += count
            self.astray = 0
        else:
            self.astray += 1

    def take(self, frame: HdlcFrame) -> bool:
        """Take an I frame. Returns: False for one that we have already. Raises: ProtocolError past the bounds."""
        self.acknowledge(frame.control >> 5)
        ahead = ((frame.control >> 1 & 7) - self.recv_seq) & 7
        if ahead:
            # One before it was lost: the meter goes back to it when its turn comes round. Else it is an old frame.
            return ahead < self._window
        if self.acknowledged < len(self.outgoing):
            return True  # no answer can come before the whole question has arrived
        self.recv_seq = (self.recv_seq + 1) & 7
        self.parts.append(frame.information)
        self._size += len(frame.information)
        if self._size > MAX_APDU or len(self.parts) > MAX_SEGMENTS:
            raise ProtocolError(f"the answer is longer than {MAX_APDU} octets or {MAX_SEGMENTS} segments")
        self.complete = not frame.segmented
        return True
