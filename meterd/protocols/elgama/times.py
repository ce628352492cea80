"""The meter's clock as the time that readings are stamped with.

A DLMS clock is a COSEM date-time whose deviation and status a profile may tell to ignore: GAMA 300 meters are known to
have them wrong in summer. An IEC 62056-21 clock is one text, or a date and a time (OBIS 0.9.4, or 0.9.2 and 0.9.1),
with any separators, with or without a leading character for the season (IEC 62056-21 annex, date and time formats).
"""

from __future__ import annotations

from ...errors import DecodeError
from ...model import GOOD, INVALID
from ..dlms.data import clock_is_invalid, date_time_octets, date_time_seconds, date_time_text
from ..dlms.times import NO_DEVIATION, STATUS_UNKNOWN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...model import Reading

CENTURY = 2000
DATE_DIGITS, TIME_DIGITS, SHORT_TIME_DIGITS = 6, 6, 4
LENGTH = 12


def as_told(octets: bytes, clock: dict[str, Any]) -> bytes:
    """A COSEM date-time without what the profile says not to believe."""
    deviation = NO_DEVIATION if clock.get("ignore_deviation") else octets[9:11]
    status = bytes((STATUS_UNKNOWN,)) if clock.get("ignore_status") else octets[11:]
    return octets[:9] + deviation + status


def cosem_time(value: Any, clock: dict[str, Any]) -> bytes | None:
    """The clock's twelve octets, or None where they tell no whole time, or the meter itself calls them invalid."""
    if not isinstance(value, bytes) or len(value) != LENGTH:
        return None
    octets = as_told(bytes(value), clock)
    try:
        whole = date_time_seconds(octets) is not None
    except DecodeError:
        return None
    # The status stays, so that a load profile's rows, which have it too, can be counted back from here.
    return octets[:11] + bytes(value[11:]) if whole and not clock_is_invalid(octets) else None


def cosem_text(octets: bytes | None) -> str | None:
    """ISO 8601 of what `cosem_time` gave."""
    return None if octets is None else date_time_text(octets)


def iec_time(date: str, time: str) -> str | None:
    """ISO 8601 from the texts of a date and a time; None where they are none."""
    date_digits, time_digits = _digits(date), _digits(time)
    # ZYYMMDD and Zhhmmss: Z tells the season and whether the clock was set.
    date_digits = date_digits[-DATE_DIGITS:] if len(date_digits) in (DATE_DIGITS, DATE_DIGITS + 1, 8) else ""
    time_digits = time_digits[-TIME_DIGITS:] if len(time_digits) in (TIME_DIGITS, TIME_DIGITS + 1) else time_digits
    if not date_digits or len(time_digits) not in (TIME_DIGITS, SHORT_TIME_DIGITS):
        return None
    year, month, day = int(date_digits[:2]) + CENTURY, date_digits[2:4], date_digits[4:]
    clock = f"{time_digits[:2]}:{time_digits[2:4]}:{time_digits[4:] or '00'}"
    text = f"{year}-{month}-{day}T{clock}"
    try:
        date_time_octets(text)
    except ValueError:
        return None
    return text


def iec_date_time(text: str) -> str | None:
    """ISO 8601 from one text with both, YYMMDDhhmm[ss]; None where it is none."""
    digits = _digits(text)
    for length in (DATE_DIGITS + TIME_DIGITS, DATE_DIGITS + SHORT_TIME_DIGITS):
        for season in (0, 1):
            if len(digits) == length + season:
                found = digits[season:]
                return iec_time(found[:DATE_DIGITS], found[DATE_DIGITS:])
    if len(digits) == 8 + TIME_DIGITS:
        return iec_time(digits[:8], digits[8:])
    return None


def _digits(text: str) -> str:
    return "".join(character for character in text if character.isascii() and character.isdigit())


class Stamp:
    """What readings are stamped with: `use` whether by the meter, `text` its time, or None while it is not known."""

    __slots__ = ("text", "use")

    def __init__(self, use: bool) -> None:
        self.use = use
        self.text: str | None = None

    def put_on(self, reading: Reading) -> Reading:
        """The reading with the meter's time; without a usable one it keeps the gateway's, and says so."""
        if not self.use or reading.value is None:
            return reading
        if self.text is not None:
            reading.meter_time = self.text
        elif reading.quality == GOOD:
            reading.quality, reading.reason = INVALID, "clock"
        return reading
