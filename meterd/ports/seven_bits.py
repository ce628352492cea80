"""Parity done in software: seven data bits and their parity carried as eight.

UARTs and ptys that cannot do seven bits, and converters in 8N1 before a meter in 7E1, pass each character with its
parity in bit 7. Behind `receive` that bit tells that the parity was wrong.
"""

from __future__ import annotations

from .._crc import add_parity, strip_parity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._port import Port


class SevenBits:
    """What a port that carries 7E1 or 7O1 within 8N1 receives and transmits; `parity` is 'even' or 'odd'."""

    __slots__ = ("_odd", "_port")

    def __init__(self, port: Port, parity: str) -> None:
        self._port = port
        self._odd = parity == "odd"

    def receive(self) -> bytes:
        return strip_parity(self._port.read(), self._odd)

    def transmit(self, data: bytes) -> bool:
        return self._port.write(self.encode(data))

    def encode(self, data: bytes) -> bytes:
        parity = add_parity(data, self._odd)
        if data.isascii():
            return parity
        # As in receiving, bit 7 tells of a wrong parity: a replayed wire log brings its damage along.
        return bytes(one ^ byte & 0x80 for one, byte in zip(parity, data, strict=True))
