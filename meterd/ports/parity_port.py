"""Parity done in software: seven data bits and their parity carried as eight.

UARTs and ptys that cannot do seven bits, and converters in 8N1 before a meter in 7E1, pass each character with its
parity in bit 7. Behind `_read` that bit tells that the parity was wrong.
"""

from __future__ import annotations

from .._crc import add_parity, strip_parity
from ._loop import Loop
from ._port import Port


class ParityPort(Port):
    """A port that may carry 7E1 or 7O1 within 8N1; `software_parity` is 'even', 'odd' or empty."""

    __slots__ = ("software_parity",)

    def __init__(self, loop: Loop, name: str) -> None:
        super().__init__(loop, name)
        self.plain = False
        self.software_parity = ""

    def _read(self) -> bytes:
        data = super()._read()
        return strip_parity(data, self.software_parity == "odd") if self.software_parity else data

    def send(self, data: bytes) -> bool:
        if self.software_parity:
            parity = add_parity(data, self.software_parity == "odd")
            # As in receiving, bit 7 tells of a wrong parity: a replayed wire log brings its damage along.
            data = (
                parity if data.isascii() else bytes(one ^ byte & 0x80 for one, byte in zip(parity, data, strict=True))
            )
        return super().send(data)
