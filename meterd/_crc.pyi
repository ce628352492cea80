"""Check characters of the wire protocols, and parity done in software."""

def fcs16(data: bytes, start: int = 0xFFFF) -> int:
    """CRC-16/X-25 of `data` (ISO/IEC 13239 FCS: reflected 0x1021, start 0xFFFF, result inverted).

    Goes onto the wire low byte first. To continue over a further piece pass `fcs16(first) ^ 0xFFFF` as `start`.
    """

def crc16(data: bytes, start: int = 0) -> int:
    """CRC-16/ARC of `data` (reflected 0x8005), as P1 telegrams end in it; `start` is that of what came before."""

def bcc(data: bytes) -> int:
    """IEC 62056-21 block check character of `data` (ISO 1155): the exclusive or of its bytes, 0..255.

    `data` begins after STX or SOH and ends with ETX or EOT.
    """

def checksum(data: bytes) -> int:
    """M-Bus check sum of `data` (EN 13757-2): the sum of its bytes modulo 256."""

def add_parity(data: bytes, odd: bool) -> bytes:
    """7E1 (or 7O1 if `odd`) as an 8N1 port must send it: bit 7 of each byte carries the parity of the lower seven.

    Bit 7 of the input is ignored.
    """

def strip_parity(data: bytes, odd: bool) -> bytes:
    """7E1 (or 7O1 if `odd`) as an 8N1 port received it: the 7 bits of each character.

    A character with wrong parity comes out as 0x80 | its 7 bits, so that a decoder can tell it from a good one.
    """
