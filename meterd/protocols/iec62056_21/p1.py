"""The CRC16 at the end of a list: DSMR P1 companion standard, clause 5.2 (telegrams of smart meters' P1 port).

Four hexadecimal digits stand behind the '!' of the last line: CRC-16/ARC over everything from the '/' of the
identification to the '!'. Older P1 telegrams (DSMR 2 and 3) and all other lists have nothing there.
"""

from __future__ import annotations

from binascii import a2b_hex

from .messages import LINE_END

CRC16_DIGITS = 4
POLYNOMIAL = 0xA001  # x^16 + x^15 + x^2 + 1, the lowest bit first


def _table() -> tuple[int, ...]:
    found = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (POLYNOMIAL if byte & 1 else 0)
        found.append(byte)
    return tuple(found)


_TABLE: list[tuple[int, ...]] = []  # made where the first list with a CRC16 comes: few sites have one


def crc16(data: bytes) -> int:
    """CRC-16/ARC; the check value of b"123456789" is 0xBB3D."""
    if not _TABLE:
        _TABLE.append(_table())
    table = _TABLE[0]
    crc = 0
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return crc


def fits(identification: bytes, text: bytes) -> bool | None:
    """Whether the CRC16 behind the list `text` is that of what came; None where there is none."""
    told = told_crc16(text)
    if told is None:
        return None
    # What stands between the identification and the first line is a blank line, or nothing.
    whole = text[: text.rindex(b"!") + 1]
    head = identification + LINE_END
    return told in (crc16(head + LINE_END + whole), crc16(head + whole))


def told_crc16(text: bytes) -> int | None:
    """What a list's last line says; None where nothing stands there, -1, which no CRC is, for anything else."""
    _, mark, behind = text.rpartition(b"!")
    digits = behind.strip()
    if not mark or not digits:
        return None
    try:
        return int.from_bytes(a2b_hex(digits), "big") if len(digits) == CRC16_DIGITS else -1
    except ValueError:
        return -1
