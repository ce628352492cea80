"""HDLC frame type 3: bytes to frames."""

from ._decoder import FrameDecoder

HDLC_MAX_FRAME: int  # bytes between the flags that the 11-bit length field can name: 2047

class HdlcFrame:
    """One frame whose HCS and FCS were right. Made by the decoder only; immutable."""

    @property
    def destination(self) -> bytes:
        """Destination address as on the wire: 1, 2 or 4 bytes, lowest bit set in the last one only."""

    @property
    def source(self) -> bytes:
        """Source address as on the wire: 1, 2 or 4 bytes."""

    @property
    def control(self) -> int:
        """Control byte, 0..255."""

    @property
    def segmented(self) -> bool:
        """Segmentation bit of the format field: further frames carry the rest of this message."""

    @property
    def information(self) -> bytes:
        """Information field without its check sequences; b'' if the frame has none."""

class HdlcDecoder(FrameDecoder):
    """`meterd.conversation.Decoder` whose frames are `HdlcFrame`.

    Framed by the length field: there is no byte stuffing, 0x7E may occur inside a frame. One flag may close a frame
    and open the next; runs of flags are idle line and not counted as discarded. `missing` is exact once the length
    field is there, else the least. Never raises on any bytes.
    """

    def feed(self, data: bytes) -> HdlcFrame | None: ...

def encode_frame(
    destination: bytes, source: bytes, control: int, information: bytes = b"", segmented: bool = False
) -> bytes:
    """A whole frame with both flags. Addresses are given as on the wire.

    Raises: DecodeError if an address is not 1, 2 or 4 bytes ended by a set lowest bit, if `control` is not 0..255, or
    if the frame would be longer than 2047 bytes.
    """
