"""What values of M-Bus records are seldom: in byte code, which takes a gateway less room than machine code.

`_mbus_values` has cut the record and calls these where it has no quick way. Octets come least significant first, in
whichever order the meter sends them, and as many as there are, with the `Meaning` of the record; each answer is (value,
refusal), one of them None.
Standard: EN 13757-3 annex A (type M), annex B (hexadecimal digits in BCD). Dirt it must survive: any octets, any size.
"""

from __future__ import annotations

from ._number import Number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Found = tuple[int | Number | str | None, tuple[str, str, str] | None]

RESOLUTIONS = (-1, 0, 8, 15)  # of type M, in bits behind the point of a second: 2 s, 1 s, 1/256 s, 1/32768 s
DURATION = -16  # in place of a time zone: no point of time
FROM_1970, DAYS_TO_2013 = 0x80, 15706
END_S = 253_402_300_800  # of the year 9999

UNSET = (None, ("invalid", "clock", "the time is unset"))
TOO_LATE = (None, ("invalid", "clock", "the time is beyond the year 9999"))
NO_TIME = (None, ("invalid", "type", "no time is coded like this"))


def scaled(told: int | bytes, meaning: Any) -> Found:
    """Exact: the number × factor × 10^exponent, plus the additive constant of a VIFE 78..7B; octets are binary."""
    number = int.from_bytes(told, "little") if isinstance(told, bytes) else told
    number *= meaning.factor
    exponent = meaning.exponent
    if meaning.offset is not None:
        # 10^(nn-3) units of the VIF itself: a thousandth is the finest.
        number = number * 1000 + int(10 ** (meaning.offset + 3))
        exponent -= 3
    return Number.scaled(number, exponent), None


def error_digits(octets: bytes, _: Any) -> Found:
    return None, ("invalid", "type", f"error digits {octets[::-1].hex()}")


def zoned_time(octets: bytes, _: Any) -> Found:
    """Type M: an octet of time zone (5 bits, hours), resolution (2 bits) and epoch (1 bit), then a count of ticks."""
    if not 2 <= len(octets) <= 9:
        return NO_TIME
    kind, ticks = octets[0], int.from_bytes(octets[1:], "little")
    if ticks + 1 == 1 << 8 * (len(octets) - 1):
        return UNSET
    zone = kind & 0x1F
    zone -= 32 if zone > 15 else 0
    shift = RESOLUTIONS[kind >> 5 & 3]
    if shift < 0:
        ticks, shift = 2 * ticks, 0
    if zone == DURATION:
        return Number.scaled(ticks * 5**shift, -shift), None
    seconds = (ticks >> shift) + zone * 3600 + (0 if kind & FROM_1970 else DAYS_TO_2013 * 86400)
    if not 0 <= seconds < END_S:
        return TOO_LATE
    days, rest = divmod(seconds, 86400)
    sign = "-" if zone < 0 else "+"
    clock = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"{_date_after(days)}T{clock}{sign}{abs(zone):02}:00", None


def _date_after(days: int) -> str:
    """So many days after 1970-01-01; not every machine's own calendar goes beyond 2038. Years begin with March here."""
    era, day = divmod(days + 719468, 146097)  # 400 years each, the first from 0000-03-01
    year = (day - day // 1460 + day // 36524 - day // 146096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153
    day -= (153 * month + 2) // 5
    return f"{400 * era + year + month // 10:04}-{(month + 2) % 12 + 1:02}-{day + 1:02}"
