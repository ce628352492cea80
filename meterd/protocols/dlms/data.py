"""What COSEM values mean: dates and times as ISO 8601 text, scaler and unit, what a reading may hold.

Sources: Blue Book 4.1.6.1 (date, time and date-time formats), 4.3.2 (scaler_unit, units). Assumption: the type tags are
gone, the octets are not. Dirt: wildcards in any field, a deviation of 0x8000 (not specified), day-of-week that fits no
calendar (ignored: the date decides), scalers beyond reason, NaN from meters that send floats.
"""

from __future__ import annotations

from ..._number import Number
from ...cosem import BitString, Date, DateTime, Delta, Time
from ...errors import DecodeError
from ...model import shared
from .enumerations import UNITS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

DATE_TIME_LENGTH = 12
DATE_LENGTH = 5
TIME_LENGTH = 4
_ANY = 0xFF
_ANY_YEAR = 0xFFFF
# Month and day may also say: daylight saving begins or ends, last or second last day of the month.
_SPECIAL = 0xFD
_NO_DEVIATION = -0x8000
_MAX_DEVIATION = 14 * 60
_MONTH_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_STATUS_ANY = 0xFF
_INFINITY = float("inf")
_FIRST_YEAR, _LAST_YEAR = 1970, 2255
# Two letters and a NUL may as well be a number of three octets.
_SHORTEST_PADDED = 3


def date_text(octets: bytes) -> str | None:
    """`2026-11-22` from five octets; None if year, month or day is not specified. Raises: DecodeError."""
    if len(octets) != DATE_LENGTH:
        raise DecodeError(f"a date has 5 octets, not {len(octets)}")
    year, month, day = octets[0] << 8 | octets[1], octets[2], octets[3]
    if year == _ANY_YEAR or month >= _SPECIAL or day >= _SPECIAL:
        return None
    if not 1 <= month <= 12 or not 1 <= day <= _days_in(year, month):
        raise DecodeError(f"there is no date {year}-{month}-{day}")
    return f"{year:04}-{month:02}-{day:02}"


def _days_in(year: int, month: int) -> int:
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 28 if month == 2 and not leap else _MONTH_DAYS[month - 1]


def time_text(octets: bytes) -> str | None:
    """`17:10:00` from four octets, with `.25` where hundredths are told and not 0; None if the hour is not specified.

    Minutes and seconds that are not specified are left out. Raises: DecodeError.
    """
    if len(octets) != TIME_LENGTH:
        raise DecodeError(f"a time has 4 octets, not {len(octets)}")
    hour, minute, second, hundredths = octets
    for found, limit in ((hour, 24), (minute, 60), (second, 60), (hundredths, 100)):
        if found >= limit and found != _ANY:
            raise DecodeError(f"there is no time {hour}:{minute}:{second}.{hundredths}")
    if hour == _ANY:
        return None
    if minute == _ANY:
        return f"{hour:02}"
    if second == _ANY:
        return f"{hour:02}:{minute:02}"
    fraction = f".{hundredths:02}" if 0 < hundredths < _ANY else ""
    return f"{hour:02}:{minute:02}:{second:02}{fraction}"


def _deviation(octets: bytes) -> int | None:
    """Minutes from local time to UTC, or None where they are not specified."""
    minutes = int.from_bytes(octets[9:11], "big", signed=True)
    if minutes == _NO_DEVIATION:
        return None
    if not -_MAX_DEVIATION <= minutes <= _MAX_DEVIATION:
        raise DecodeError(f"a deviation of {minutes} minutes is no time zone")
    return minutes


def date_time_text(octets: bytes) -> str | None:
    """`2026-11-22T17:10:00+02:00` from twelve octets; without offset where the deviation is not specified.

    A deviation counts from local time to UTC, so −120 is +02:00. A time of day that is not specified is left out with
    its offset. None if the date is not specified. Raises: DecodeError.
    """
    if len(octets) != DATE_TIME_LENGTH:
        raise DecodeError(f"a date-time has 12 octets, not {len(octets)}")
    date = date_text(octets[:5])
    time = time_text(octets[5:9])
    deviation = _deviation(octets)
    if date is None or time is None:
        return date
    if deviation is None:
        return f"{date}T{time}"
    sign = "-" if deviation > 0 else "+"
    hours, minutes = divmod(abs(deviation), 60)
    return f"{date}T{time}{sign}{hours:02}:{minutes:02}"


def date_time_seconds(octets: bytes) -> int | None:
    """Seconds since 1970 UTC; local time is taken for UTC where no deviation is specified.

    None if date or time is not wholly specified. Raises: DecodeError.
    """
    if date_time_text(octets) is None or _ANY in octets[5:8]:
        return None
    days = _days_since_1970(octets[0] << 8 | octets[1], octets[2], octets[3])
    hour, minute, second = octets[5:8]
    return ((days * 24 + hour) * 60 + minute + (_deviation(octets) or 0)) * 60 + second


def _days_since_1970(year: int, month: int, day: int) -> int:
    """Days by the Gregorian calendar, its year begun in March so that the leap day comes last."""
    year -= month < 3
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return year * 365 + year // 4 - year // 100 + year // 400 + day_of_year - 719468


def date_time_octets(text: str) -> bytes:
    """Twelve octets from `2026-11-22T17:10[:00[.25]][+02:00|Z]`; without offset the deviation is not specified.

    Day of week and clock status stay unspecified. Raises: ValueError.
    """
    try:
        date, time = text.strip().replace(" ", "T", 1).split("T")
        year, month, day = map(int, date.split("-"))
        time, deviation = _split_offset(time)
        hour, minute, *rest = time.split(":")
        second, _, hundredths = (rest[0] if rest else "0").partition(".")
        octets = (
            year.to_bytes(2, "big")
            + bytes((month, day, _ANY, int(hour), int(minute), int(second), int((hundredths + "00")[:2])))
            + deviation.to_bytes(2, "big", signed=True)
            + bytes((_STATUS_ANY,))
        )
        if date_time_seconds(octets) is None or len(rest) > 1:
            raise ValueError
    except (ValueError, OverflowError, DecodeError):
        raise ValueError(f"{text!r} is not a time such as 2026-11-22T17:10:00+02:00") from None
    return octets


def _split_offset(time: str) -> tuple[str, int]:
    """The time of day, and the deviation."""
    if time[-1:] in ("Z", "z"):
        return time[:-1], 0
    for sign, direction in (("+", -1), ("-", 1)):
        time_of_day, found, offset = time.partition(sign)
        if found:
            hours, minutes = offset.split(":") if ":" in offset else (offset[:2], offset[2:] or "0")
            return time_of_day, direction * (int(hours) * 60 + int(minutes))
    return time, _NO_DEVIATION


def clock_is_invalid(octets: bytes) -> bool:
    """The meter itself calls this date-time invalid (clock status bit 0)."""
    return len(octets) == DATE_TIME_LENGTH and octets[11] != _STATUS_ANY and bool(octets[11] & 1)


def unit_name(code: int) -> str | None:
    """The unit as the standard writes it; None for "other unit", "no unit" and codes the standard does not have."""
    return UNITS.get(code)


_scaler_units: dict[tuple[int, str | None], tuple[int, str | None]] = {}


def scaler_unit(value: Any) -> tuple[int, str | None]:
    """Scaler and unit from the value of a scaler_unit attribute. Raises: DecodeError."""
    if not isinstance(value, (tuple, list)) or len(value) != 2 or not all(type(part) is int for part in value):
        raise DecodeError("scaler_unit is a structure of two numbers")
    found: tuple[int, str | None] = shared(_scaler_units, (value[0], unit_name(value[1])))
    return found


def scale(value: Any, scaler: int) -> Any:
    """`value` × 10^`scaler`: exact for whole numbers, a float for floats, anything else as it is.

    Raises: DecodeError for a scaler beyond any quantity, NaN and infinity.
    """
    if type(value) is int:
        if scaler == 0:
            return value
        try:
            return Number.scaled(value, scaler)
        except ValueError as error:
            raise DecodeError(str(error)) from None
    if type(value) is float:
        return _scaled_float(value, scaler)
    return value


def _scaled_float(value: float, scaler: int) -> float:
    if not -128 <= scaler <= 127:
        raise DecodeError(f"scaler {scaler} is out of range")
    # A division rounds once, a multiplication with 10^-n twice.
    scaled = value / 10.0**-scaler if scaler < 0 else value * 10.0**scaler
    if scaled != scaled or abs(scaled) == _INFINITY:
        raise DecodeError("the meter sent a float that is no number")
    return scaled


def plain(value: Any) -> Any:
    """What a reading may hold: int, Number, float, str or None.

    Dates and times become ISO 8601 text, or hex where they are not specified, and so do twelve octets that can hardly
    be anything else; octet strings text where every octet is printable ASCII, but for what fills them up, else hex;
    booleans 0 or 1; arrays and structures JSON text of their elements. Raises: DecodeError.
    """
    if isinstance(value, str):
        return str(value) if isinstance(value, BitString) else value.strip("\0").rstrip(" \0")
    if value is None or isinstance(value, Number):
        return value
    if isinstance(value, (int, float)):
        return int(value) if isinstance(value, bool) else scale(value, 0)
    if isinstance(value, (list, tuple)):
        return _json(value)
    if isinstance(value, Delta):
        raise DecodeError(f"the difference {value} to a value that did not come is no value")
    return _octets_text(value)


def _octets_text(octets: bytes) -> str:
    told: str | None = None
    if isinstance(octets, DateTime):
        told = date_time_text(octets)
    elif isinstance(octets, Date):
        told = date_text(octets)
    elif isinstance(octets, Time):
        told = time_text(octets)
    elif looks_like_date_time(octets):
        told = date_time_text(octets)
    else:
        told = _printable(octets)
    return octets.hex() if told is None else told


def looks_like_date_time(octets: bytes) -> bool:
    """Whether an octet string is a date-time: whole, of our age, and right in every octet that has limits."""
    if len(octets) != DATE_TIME_LENGTH or not _FIRST_YEAR <= octets[0] << 8 | octets[1] <= _LAST_YEAR:
        return False
    if not 1 <= octets[4] <= 7 and octets[4] != _ANY:
        return False
    try:
        return date_time_seconds(octets) is not None
    except DecodeError:
        return False


def _printable(octets: bytes) -> str | None:
    """Text, as short as it is where it was filled up to a fixed length with NULs, 0xFF or blanks; None for binary."""
    text = octets.strip(b"\0\xff")
    if len(text) != len(octets) and len(text) < _SHORTEST_PADDED:
        return None
    if not text or not all(0x20 <= octet <= 0x7E for octet in text):
        return None
    return text.decode("ascii").rstrip(" ") or text.decode("ascii")


_ESCAPES = {ord('"'): '\\"', ord("\\"): "\\\\", **{code: f"\\u{code:04x}" for code in range(32)}}


def _json(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join([_json(element) for element in value]) + "]"
    held = plain(value)
    if held is None:
        return "null"
    return f'"{held.translate(_ESCAPES)}"' if isinstance(held, str) else str(held)
