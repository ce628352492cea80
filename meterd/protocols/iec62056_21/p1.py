"""The CRC16 at the end of a list: DSMR P1 companion standard, clause 5.2 (telegrams of smart meters' P1 port).

Four hexadecimal digits stand behind the '!' of the last line: CRC-16/ARC over everything from the '/' of the
identification to the '!'. Older P1 telegrams (DSMR 2 and 3) and all other lists have nothing there.
"""

from __future__ import annotations

from binascii import a2b_hex

from ..._crc import crc16
from .messages import LINE_END

CRC16_DIGITS = 4


def fits(identification: bytes, text: bytes) -> bool | None:
    """Whether the CRC16 behind the list `text` is that of what came; None where there is none."""
    told = told_crc16(text)
    if told is None:
        return None
    # What stands between the identification and the first line is a blank line, or nothing.
    whole = text[: text.rindex(b"!") + 1]
    head = identification + LINE_END
    return told in (crc16(whole, crc16(head + LINE_END)), crc16(whole, crc16(head)))


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
