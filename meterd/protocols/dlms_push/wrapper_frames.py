"""Whole APDUs out of the wrapper of TCP and UDP (IEC 62056-47 clause 5.3), as meters that connect to us send them.

The wrapper has no check and no mark at its beginning: once a connection is out of step, what follows can be taken for
anything. So an octet too many or too few ends it (Garbled), and the meter is to call again; what stands behind an APDU
is looked at before that is handed on.
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


class Wrapped:
    """The APDUs of a connection, one after the other; the same face as `frames.Apdus`. `whose` are the wPorts of the
    last one: source and destination."""

    __slots__ = ("_ahead", "_gap_ms", "decoder", "whose")

    def __init__(self, gap_ms: int) -> None:
        self.decoder = WrapperDecoder()
        self.whose: tuple[int, int] = (0, 0)
        self._ahead: WrapperFrame | None = None
        self._gap_ms = gap_ms

    @property
    def wport(self) -> int:
        """Of the sender of the last one."""
        return self.whose[0]

    def has_begun(self) -> bool:
        """Whether of the next APDU something came already."""
        return self._ahead is not None or self.decoder.pending > 0

    def next(self, timeout_ms: int | None) -> Conversation:
        """Returns: bytes. Raises: Silence, Incomplete, Garbled."""
        frame, self._ahead = self._ahead, None
        if frame is None:
            try:
                frame = yield Receive(self.decoder, timeout_ms, self._gap_ms)
            except Incomplete:
                self.decoder.reset()
                raise
        self._ahead = self.decoder.feed(b"")
        if self.decoder.discarded:
            raise Garbled(f"octets came that belong to no APDU: {self.decoder.reason}")
        self.whose = (frame.source, frame.destination)
        return frame.apdu

    def answer(self, apdu: bytes) -> Conversation:
        """Send one to whom the last came from; what came behind that is kept."""
        source, destination = self.whose
        yield Send(encode_wrapper(destination, source, apdu), keep_input=True)
