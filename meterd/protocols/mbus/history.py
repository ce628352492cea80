"""Which time belongs to a record, and the values that a compact profile packs into one record.

The problem: a profile of equal steps travels as one record of variable length: a byte that says how its elements are
coded and spaced, a byte that says how far apart they are, and the elements. It hangs on a base time and, where the
elements are differences, on a base value, both under the profile's own storage number.
Assumption: the elements take the storage numbers behind the base's; the profile itself stays where it is in the
telegram, so that records keep their numbers, and what it holds comes behind all records. How a profile looks in a
telegram with the most significant byte first (CI 76) no standard says: there it stays bytes.
Standard: EN 13757-3:2018 annex F, VIFE 13 (inverse: each element is older than the one before) and 1F (younger). VIFE
1E (elements with register numbers) is left as it is.
Dirt it must survive: element codings that carry no number, a base that is missing, elements marked as illegal (with
differences all behind them are unknown), steps out of the calendar.
"""

from __future__ import annotations

from ..._mbus_records import decode_records
from ..._mbus_values import OCTETS, TIME
from ...conversation import MeterTime
from ...model import GOOD
from .vif import MEANINGS, split

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

    from ..._mbus_values import Record

TIMES = ("time point", "date")
INVERSE, PROFILE, CHAINED_TABLE = 0x13, 0x1F, 0x7C
SIZES = {0x1: 1, 0x2: 2, 0x3: 3, 0x4: 4, 0x6: 6, 0x7: 8, 0x9: 1, 0xA: 2, 0xB: 3, 0xC: 4, 0xE: 6}
LARGE_INTEGER = 0x7
FUNCTIONS = ("instantaneous", "maximum", "minimum", "error")
ABSOLUTE, RISING, FALLING, SIGNED_STEPS = range(4)
SPACING_SECONDS = (1, 60, 3600, 86400)
DAYS, MONTHLY, LONGEST = 3, 254, 250
NO_NUMBER = (1 << 63).to_bytes(8, "little")
DATE, TIME_POINT = b"\x6c", b"\x6d"
TYPE_F, TYPE_I = b"\x04", b"\x06"  # DIF of a value as it is now
SUMMER_TIME = 0x80


class Stamps:
    """The date and time records among `records`, by the storage number that they belong to: looked for once."""

    __slots__ = ("_events", "_plain")

    def __init__(self, records: list[Record]) -> None:
        self._plain: dict[int, list[Record]] = {}
        self._events: dict[int, list[Record]] = {}
        for record in records:
            if record.quantity in TIMES and record.function == "instantaneous" and isinstance(record.value, str):
                stamps = self._events if record.meaning.qualifiers else self._plain
                stamps.setdefault(record.storage, []).append(record)
        # A record is no stamp of its own, so a second one of each may be asked for: the first two, the last two.
        for kept, place in ((self._plain, slice(2, None)), (self._events, slice(-2))):
            for stamps_there in kept.values():
                del stamps_there[place]

    def of(self, record: Record) -> str | None:
        """When the meter says the value was: its date or time record of the same storage number.

        One that is the begin or end of something (VIFE 6A to 6F) stamps an event's values, where there is no plain
        one; of several the last.
        """
        storage = record.storage
        for other in (*self._plain.get(storage, ()), *reversed(self._events.get(storage, ()))):
            if other is not record:
                return str(other.value)
        return None


def meter_time(records: list[Record]) -> MeterTime | None:
    """What the meter's clock says: its date and time (type F or I) as they are now; None where it tells none."""
    for record in records:
        if record.vib == TIME_POINT and record.dib in (TYPE_F, TYPE_I) and isinstance(record.value, str):
            if record.quality != GOOD or "T" not in record.value:
                return None
            # EN 13757-3 annex A: bit 7 of the hour of type F is set while it is summer time.
            summer = bool(record.data[1] & SUMMER_TIME) if record.dib == TYPE_F and not record.msb_first else None
            return MeterTime([record.value], summer)
    return None


def history(records: list[Record]) -> list[Record]:
    """What the compact profiles among `records` hold: each element as a record, and its time as one behind it."""
    profiles = [record for record in records if record.meaning.kind == OCTETS]
    stamps = Stamps(records if profiles else [])
    return [element for record in profiles for element in _unpacked(record, records, stamps)]


def _unpacked(record: Record, records: list[Record], stamps: Stamps) -> list[Record]:
    octets = record.data
    plain, code = _without_profile(record.vib)
    if len(octets) < 2 or code is None or record.msb_first or MEANINGS[plain].kind in (TIME, OCTETS):
        return []
    mode, coding, size = octets[0] >> 6, octets[0] & 0x0F, SIZES.get(octets[0] & 0x0F)
    if size is None:
        return []
    pieces = [octets[at : at + size] for at in range(2, len(octets) - size + 1, size)]
    if mode != ABSOLUTE:
        base = next((other for other in records if _is_base(other, record, plain)), None)
        number = None if base is None else _number(base.dib[0] & 0x0F, base.data, signed=True)
        if number is None:
            return []
        # A step is the younger value less the older one; FALLING steps are told without their minus.
        sign = (-1 if mode == FALLING else 1) * (-1 if code == INVERSE else 1)
        pieces = _summed(number, sign, coding, pieces, signed=mode == SIGNED_STEPS)
        coding = LARGE_INTEGER
    found: list[Record] = []
    start = stamps.of(record)
    for step, piece in enumerate(pieces, 1):
        found += decode_records(_dib(coding, record, step) + plain + piece, 0, MEANINGS)
        time = start and _time_record(start, step if code == PROFILE else -step, octets[0] >> 4 & 3, octets[1])
        if time:
            found += decode_records(_dib(time[0], record, step) + time[1], 0, MEANINGS)
    return found


def _is_base(other: Record, record: Record, plain: bytes) -> bool:
    same = ("storage", "tariff", "subunit", "function")
    return other.vib == plain and all(getattr(other, name) == getattr(record, name) for name in same)


def _without_profile(vib: bytes) -> tuple[bytes, int | None]:
    """The block without its VIFE 13 or 1F, and which of them it was; None where neither stands in it."""
    head, chain = split(vib)
    codes = [code & 0x7F for code in chain]
    for at, code in enumerate(codes):
        if code in (INVERSE, PROFILE) and (at == 0 or codes[at - 1] != CHAINED_TABLE):
            rest = codes[:at] + codes[at + 1 :]
            if not rest:
                # The extension bit of a plain-text VIF stands before its text.
                place = 0 if head[0] & 0x7F == CHAINED_TABLE else len(head) - 1
                return head[:place] + bytes([head[place] & 0x7F]) + head[place + 1 :], code
            return head + bytes([one | 0x80 for one in rest[:-1]] + rest[-1:]), code
    return vib, None


def _dib(coding: int, record: Record, step: int) -> bytes:
    """DIF and DIFE of an element: the profile's own, with the storage number `step` further on."""
    storage, tariff, subunit = record.storage + step, record.tariff, record.subunit
    octets = [coding | FUNCTIONS.index(record.function) << 4 | (storage & 1) << 6]
    storage >>= 1
    while storage or tariff or subunit:
        octets[-1] |= 0x80
        octets.append(storage & 0x0F | (tariff & 3) << 4 | (subunit & 1) << 6)
        storage, tariff, subunit = storage >> 4, tariff >> 2, subunit >> 1
    return bytes(octets)


def _number(coding: int, octets: bytes, signed: bool) -> int | None:
    """The bare number of a coding; None where it is marked as illegal or the coding has none."""
    if SIZES.get(coding) != len(octets):
        return None
    if coding > 8:
        digits = octets[::-1].hex()
        minus = signed and digits[0] == "f"
        digits = digits[1:] if minus else digits
        return None if digits.strip("0123456789") or not digits else (-1 if minus else 1) * int(digits)
    number = int.from_bytes(octets, "little", signed=signed)
    illegal = -(1 << 8 * len(octets) - 1) if signed else (1 << 8 * len(octets)) - 1
    return None if number == illegal else number


def _summed(number: int, sign: int, coding: int, pieces: list[bytes], signed: bool) -> list[bytes]:
    """Each value as an integer of 8 bytes, from a base value and steps; behind an illegal step there are none."""
    values: list[bytes] = []
    known = True
    for piece in pieces:
        step = _number(coding, piece, signed)
        number += sign * (step or 0)
        known = known and step is not None and abs(number) < 1 << 63
        values.append(number.to_bytes(8, "little", signed=True) if known else NO_NUMBER)
    return values


def _time_record(start: str, steps: int, unit: int, spacing: int) -> tuple[int, bytes] | None:
    """Coding, and VIF with data, of the time that is `steps` spacings behind `start`."""
    from datetime import datetime, timedelta

    try:
        base = datetime.fromisoformat(start)
        if unit == DAYS and spacing == MONTHLY:
            time = _months_on(base, steps)
        elif 0 < spacing <= LONGEST:
            time = base + timedelta(seconds=steps * spacing * SPACING_SECONDS[unit])
        else:
            return None
    except (ValueError, OverflowError):
        return None
    year = time.year - 2000
    if time.tzinfo is not None or not 0 <= year <= 80:
        return None
    date = bytes([time.day | (year & 7) << 5, time.month | year >> 3 << 4])
    if "T" not in start and unit == DAYS:
        return 0x2, DATE + date
    return 0x6, TIME_POINT + bytes([time.second, time.minute, time.hour]) + date + b"\x00"


def _months_on(base: datetime, months: int) -> datetime:
    """The same day of another month; from the last day of a month to the last day of the other."""
    from calendar import monthrange

    year, month = divmod(base.year * 12 + base.month - 1 + months, 12)
    last = monthrange(year, month + 1)[1]
    at_the_end = base.day == monthrange(base.year, base.month)[1]
    return base.replace(year=year, month=month + 1, day=last if at_the_end else min(base.day, last))
