"""General block transfer: any APDU cut into numbered blocks (Green Book 9.3.13, 9.5 General-Block-Transfer).

Assumption: blocks count from 1 without gaps; `window` says how many blocks the sender of the APDU takes before it
confirms. Dirt: none of its own; a broken head is a DecodeError.
"""

from __future__ import annotations

from .. import enumerations as codes
from .apdu import Cursor, Record, octet_string

LAST = 0x80
STREAMING = 0x40
WINDOW_MASK = 0x3F


class GeneralBlock(Record):
    """One block: `block` its number, `acknowledged` the last block that came from the other side, `raw` its share."""

    __slots__ = ("acknowledged", "block", "last", "raw", "streaming", "window")

    def __init__(self, last: bool, streaming: bool, window: int, block: int, acknowledged: int, raw: bytes) -> None:
        self.last = last
        self.streaming = streaming
        self.window = window
        self.block = block
        self.acknowledged = acknowledged
        self.raw = raw

    def encode(self) -> bytes:
        control = LAST * self.last | STREAMING * self.streaming | self.window
        head = bytes((codes.GENERAL_BLOCK_TRANSFER, control))
        return head + self.block.to_bytes(2, "big") + self.acknowledged.to_bytes(2, "big") + octet_string(self.raw)


def is_general_block(apdu: bytes) -> bool:
    return apdu[:1] == b"\xe0"


def decode(apdu: bytes) -> GeneralBlock:
    """Raises: DecodeError."""
    cursor = Cursor(apdu)
    cursor.expect(codes.GENERAL_BLOCK_TRANSFER)
    control = cursor.octet()
    block = cursor.number(2)
    acknowledged = cursor.number(2)
    raw = cursor.octet_string()
    cursor.end()
    streaming = bool(control & STREAMING)
    return GeneralBlock(bool(control & LAST), streaming, control & WINDOW_MASK, block, acknowledged, raw)
