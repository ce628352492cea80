"""Whole APDUs out of the wrapper of TCP and UDP (IEC 62056-47 clause 5.3), as meters that connect to us send them.

The wrapper has no check and no mark at its beginning: once a connection is out of step, what follows can be taken for
anything. So an octet too many or too few ends it (Garbled), and the meter is to call again; what stands behind an APDU
is looked at before that is handed on.
While the meter is asked over the connection, all that comes is heard here too (`overhear`): what it pushes meanwhile is
nobody's answer, and is taken afterwards.
Dirt: half of an APDU, octets doubled or lost by a modem, a length that is not the APDU's.
"""

from __future__ import annotations

from ..._wrapper import WrapperDecoder, encode_wrapper
from ...conversation import Receive, Send
from ...errors import Garbled, Incomplete

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..._wrapper import WrapperFrame
    from ...conversation import Conversation


# EventNotification, DataNotification; the general ciphered forms, which may be answers as well.
UNASKED = frozenset((0x0F, 0xC2))
CIPHERED = frozenset((0xDB, 0xDD))
MOST_OVERHEARD = 64


class Wrapped:
    """The APDUs of a connection, one after the other; the same face as `frames.Apdus`. `whose` are the wPorts of the
    last one: source and destination."""

    __slots__ = ("_ahead", "_gap_ms", "decoder", "whose")

    def __init__(self, gap_ms: int) -> None:
        self.decoder = WrapperDecoder()
        self.whose: tuple[int, int] = (0, 0)
        self._ahead: list[WrapperFrame] = []
        self._gap_ms = gap_ms

    @property
    def wport(self) -> int:
        """Of the sender of the last one."""
        return self.whose[0]

    def has_begun(self) -> bool:
        """Whether of the next APDU something came already."""
        return bool(self._ahead) or self.decoder.pending > 0

    def next(self, timeout_ms: int | None) -> Conversation:
        """Returns: bytes. Raises: Silence, Incomplete, Garbled."""
        if self._ahead:
            frame = self._ahead.pop(0)
        else:
            try:
                frame = yield Receive(self.decoder, timeout_ms, self._gap_ms)
            except Incomplete:
                self.decoder.reset()
                raise
            behind = self.decoder.feed(b"")
            if behind is not None:
                self._ahead.append(behind)
        if self.decoder.discarded:
            raise Garbled(f"octets came that belong to no APDU: {self.decoder.reason}")
        self.whose = (frame.source, frame.destination)
        return frame.apdu

    def overhear(self, octets: bytes, ciphered: bool) -> None:
        """These came while somebody else listened; with `ciphered` such APDUs are not his either."""
        frame = self.decoder.feed(octets)
        while frame is not None:
            tag = frame.apdu[0] if frame.apdu else 0
            if (tag in UNASKED or (ciphered and tag in CIPHERED)) and len(self._ahead) < MOST_OVERHEARD:
                self._ahead.append(frame)
            frame = self.decoder.feed(b"")

    def answer(self, apdu: bytes) -> Conversation:
        """Send one to whom the last came from; what came behind that is kept."""
        source, destination = self.whose
        yield Send(encode_wrapper(destination, source, apdu), keep_input=True)
