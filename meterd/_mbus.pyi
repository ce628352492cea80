"""M-Bus link layer: bytes to frames."""

from ._decoder import FrameDecoder

MBUS_MAX_FRAME: int
"""Bytes of the longest frame on the wire, 261."""

class MbusFrame:
    """One whole, undamaged frame.

    `control` and `address` are the C and A fields, both -1 for the single character E5; `ci` is the CI field, -1 in a
    short frame; `data` is the user data behind CI.
    """

    def __init__(self, control: int, address: int, ci: int = -1, data: bytes = b"") -> None: ...
    @property
    def control(self) -> int: ...
    @property
    def address(self) -> int: ...
    @property
    def ci(self) -> int: ...
    @property
    def data(self) -> bytes: ...
    @property
    def acknowledges(self) -> bool:
        """It is the single character E5."""

    @property
    def from_master(self) -> bool:
        """C says that a master sent it: heard by a master, it is an echo."""

class MbusDecoder(FrameDecoder):
    """A `meterd.conversation.Decoder` of M-Bus frames; keeps at most 4096 bytes."""

    def feed(self, data: bytes) -> MbusFrame | None: ...
