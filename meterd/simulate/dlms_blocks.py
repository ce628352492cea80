"""A simulated DLMS meter's block transfer: what is too long for one APDU (Green Book 9.3.6, 9.3.7, 9.4.6.13)."""

from __future__ import annotations


class Blocks:
    """What is too long for one APDU: an answer that goes out block by block, or parameters that come so."""

    def __init__(self) -> None:
        self.raw = b""
        self.number = 0  # of the last block that went or came

    def begin(self, raw: bytes = b"") -> None:
        self.raw, self.number = raw, 0

    def next(self, acknowledged: int, size: int) -> tuple[bool, int, bytes] | None:
        """(last, number, raw) behind the acknowledged block; None if there is none."""
        if acknowledged != self.number or not self.raw:
            return None
        self.number += 1
        raw, self.raw = self.raw[:size], self.raw[size:]
        return (not self.raw, self.number, raw)
