"""The TCP wrapper (IEC 62056-47): bytes to APDUs."""

from ._decoder import FrameDecoder

class WrapperFrame:
    """One APDU with the wPorts of its sender and its receiver."""

    @property
    def source(self) -> int: ...
    @property
    def destination(self) -> int: ...
    @property
    def apdu(self) -> bytes: ...

class WrapperDecoder(FrameDecoder):
    """`meterd.conversation.Decoder` whose frames are `WrapperFrame`. Never raises: a header bounds what is held."""

    def feed(self, data: bytes) -> WrapperFrame | None: ...

def encode_wrapper(source: int, destination: int, apdu: bytes) -> bytes:
    """An APDU with its header. Raises: DecodeError where it is too long for the length field."""
