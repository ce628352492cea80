"""Arithmetic on COSEM date-times, for rows of a profile: their order, and a time some seconds later.

The dirt: meters that tell the deviation with the other sign (UTC to local time, as some companion specifications have
it), in every time they tell and take.
"""

from __future__ import annotations

from ...conversation import MeterTime
from ...errors import DecodeError
from .data import clock_is_invalid, date_time_seconds, date_time_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NO_DEVIATION = b"\x80\x00"
DAYLIGHT_SAVING = 0x80
STATUS_UNKNOWN = 0xFF
_DAY = 86_400
_LAST_YEAR = 0xFFFE  # 0xFFFF means any
_UNIX_EPOCH = bytes((0x07, 0xB2, 1, 1, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF))
_LENGTH = 12
_MAX_DEVIATION = 14 * 60


def row_seconds(octets: bytes) -> int:
    """Seconds by which rows are ordered: UTC where the deviation is told.

    Without it, summer time is set back by an hour where the clock status tells it, so that the hour that runs twice in
    autumn keeps its order. Raises: DecodeError.
    """
    seconds = date_time_seconds(octets)
    if seconds is None:
        raise DecodeError("a row has no whole time")
    status = octets[11]
    if octets[9:11] == NO_DEVIATION and status != STATUS_UNKNOWN and status & DAYLIGHT_SAVING:
        seconds -= 3600
    return seconds


def later(octets: bytes, seconds: int) -> bytes:
    """The date-time `seconds` (may be negative) later, same zone, same status. Raises: DecodeError."""
    local = date_time_seconds(octets[:9] + NO_DEVIATION + octets[11:])
    if local is None:
        raise DecodeError("a time that is not whole has no successor")
    days, rest = divmod(local + seconds, _DAY)
    year, month, day = _civil(days)
    if not 1 <= year <= _LAST_YEAR:
        raise DecodeError(f"a date-time has no year {year}")
    hour, rest = divmod(rest, 3600)
    minute, second = divmod(rest, 60)
    return year.to_bytes(2, "big") + bytes((month, day, 0xFF, hour, minute, second, 0)) + octets[9:]


def from_unix(seconds: int) -> bytes:
    """The date-time of seconds since 1970, in UTC. Raises: DecodeError."""
    return later(_UNIX_EPOCH, seconds)


def meter_time(octets: Any) -> MeterTime | None:
    """A date-time that the meter's clock says now; None where it is not whole, or the meter itself calls it invalid.

    Where no deviation is told the clock status says whether it is summer time, unless that is not specified either.
    """
    if not isinstance(octets, bytes) or len(octets) != _LENGTH or clock_is_invalid(octets):
        return None
    try:
        if date_time_seconds(octets) is None:
            return None
        text = date_time_text(octets)
    except DecodeError:
        return None
    local = octets[9:11] == NO_DEVIATION and octets[11] != STATUS_UNKNOWN
    return None if text is None else MeterTime([text], bool(octets[11] & DAYLIGHT_SAVING) if local else None)


def _civil(days: int) -> tuple[int, int, int]:
    """Year, month, day of a day counted from 1970-01-01, by the Gregorian calendar."""
    days += 719_468
    era, day_of_era = divmod(days, 146_097)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month_index = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * month_index + 2) // 5 + 1
    month = month_index + 3 if month_index < 10 else month_index - 9
    return (year_of_era + era * 400 + (month <= 2), month, day)


def turned(value: Any) -> Any:
    """A value with the sign of the deviation changed in each of its times; twice gives the value back."""
    if isinstance(value, (list, tuple)):
        return type(value)([turned(element) for element in value])
    if isinstance(value, bytes) and _has_deviation(value):
        deviation = -int.from_bytes(value[9:11], "big", signed=True)
        return type(value)(value[:9] + deviation.to_bytes(2, "big", signed=True) + value[11:])
    return value


def _has_deviation(octets: bytes) -> bool:
    """Whether twelve octets have the shape of a date-time that tells one; wildcards may stand in hour to hundredths."""
    if len(octets) != _LENGTH or octets[9:11] == NO_DEVIATION:
        return False
    month, day, weekday = octets[2:5]
    date = 1 <= month <= 12 and 1 <= day <= 31 and (1 <= weekday <= 7 or weekday == 0xFF)
    return date and abs(int.from_bytes(octets[9:11], "big", signed=True)) <= _MAX_DEVIATION
