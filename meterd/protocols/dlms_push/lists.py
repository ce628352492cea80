"""What a pushed list says: values with their codes, in each of the forms in which lists explain themselves.

EventNotification (Green Book 9.3.9): one attribute, its value, perhaps the time.
DataNotification (9.3.10): invoke id, date-time, one value, the body, which is one of
- entries of code, value and mostly (scaler, unit), each a structure of its own (Aidon);
- a structure in which codes and values take turns, with no scaler (Kamstrup, newer Kaifa and Landis+Gyr);
- values behind the list of the objects that they are attributes of (IDIS: push object list of the push setup);
- values alone, of which only their maker knows which is which: a profile says it (see `profile`), and without one the
  list is refused in words.
Dirt: a date-time with a type tag in the header (Kaifa), elements of other kinds between entries.
"""

from __future__ import annotations

from ...errors import DecodeError
from ...obis import format_logical_name
from ..dlms import enumerations as codes
from ..dlms.apdus.apdu import Cursor
from ..dlms.data import date_time_text, plain, scale, scaler_unit, unit_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .profile import Profile

NAME_OCTETS = 6
VALUE, SCALER_UNIT = 2, 3
DATE_TIME = 12
EVENT = bytes((codes.EVENT_NOTIFICATION_REQUEST,))
TAGGED_DATE_TIME = b"\x09\x0c"
MOST_DEEP = 4
FIRST_PRINTABLE = 0x20
# Where lists tell the meter's number.
NUMBERS = tuple(
    bytes(name) for name in ((0, 0, 96, 1, 0, 255), (0, 0, 96, 1, 1, 255), (1, 1, 0, 0, 5, 255), (0, 0, 42, 0, 0, 255))
)

Key = tuple[bytes, int]


class Nameless(DecodeError):
    """A list that does not say which value is which: `apdu`, and its `values` in their order."""

    def __init__(self, apdu: bytes, values: list[Any]) -> None:
        super().__init__(
            f"the list has no OBIS codes: which of its {len(values)} values is which it does not say, so none is "
            "taken; a profile can say it (docs/listening.md)"
        )
        self.apdu = apdu
        self.values = values


class Pushed:
    """`found` {(logical name, attribute): (value, scaler or None, unit)}; `time` ISO 8601 or None."""

    __slots__ = ("_profile", "found", "time")

    def __init__(self, apdu: bytes, profile: Profile | None = None) -> None:
        """Raises: DecodeError."""
        self._profile = profile
        self.time: str | None = None
        self.found: dict[Key, tuple[Any, int | None, str | None]] = {}
        cursor = Cursor(apdu)
        if apdu[:1] == EVENT:
            self._take_event(cursor)
            return
        cursor.expect(codes.DATA_NOTIFICATION)
        cursor.number(4)
        if cursor.data[cursor.offset : cursor.offset + 2] == TAGGED_DATE_TIME:
            cursor.take(1)
        self._take_time(cursor.octet_string())
        body = cursor.value()
        if not self._by_objects(body):
            self._by_codes(body, 0)
        if not self.found and profile is not None:
            self._by_places(profile, body)
        if not self.found:
            raise Nameless(apdu, leaves(body))

    def _take_time(self, stamp: bytes) -> None:
        if len(stamp) not in (0, DATE_TIME):
            raise DecodeError(f"a date-time has {DATE_TIME} octets, not {len(stamp)}")
        self.time = date_time_text(stamp) if stamp else None

    def _take_event(self, cursor: Cursor) -> None:
        cursor.expect(codes.EVENT_NOTIFICATION_REQUEST)
        if cursor.octet():
            self._take_time(cursor.octet_string())
        cursor.number(2)  # class
        key = (cursor.take(NAME_OCTETS), cursor.octet())
        self.found[key] = (cursor.value(), None, None)

    def value(self, key: Key, scaler: int | None) -> tuple[Any, str | None] | None:
        """What a reading may hold, and its unit; None where the list has no such entry. Raises: DecodeError."""
        entry = self.found.get(key)
        if entry is None:
            return None
        value, power, unit = entry
        if power is None:
            known, unit = (None, unit) if self._profile is None else self._profile.known(key, unit)
            power = known if scaler is None else scaler
        return (plain(value if power is None else scale(value, power)), unit)

    def numbers(self) -> list[str]:
        """What the meter calls itself."""
        entries = [self.found.get((name, VALUE)) for name in NUMBERS]
        return [str(plain(entry[0])) for entry in entries if entry is not None]

    def names(self) -> list[str]:
        """Every entry, as a job."""
        return [
            format_logical_name(name) + (f":{attribute}" if attribute != VALUE else "")
            for name, attribute in self.found
        ]

    def _by_places(self, profile: Profile, body: Any) -> None:
        """Values alone, each as the profile has it at its place. Raises: DecodeError for a list that it has not."""
        for key, value in profile.named(leaves(body)):
            self.found.setdefault(key, (value, None, None))

    def _by_objects(self, body: Any) -> bool:
        """Values behind the objects that they are of; the list of objects may be one of its own entries."""
        if not isinstance(body, (list, tuple)) or len(body) < 2 or not isinstance(body[0], (list, tuple)):
            return False
        keys = [_capture_object(each) for each in body[0]]
        values = body[len(body) - len(keys) :] if len(body) - 1 <= len(keys) <= len(body) else ()
        if not keys or None in keys or len(values) != len(keys):
            return False
        whole = {key: value for key, value in zip(keys, values, strict=True) if key is not None}
        for key, value in whole.items():
            told = whole.get((key[0], SCALER_UNIT)) if key[1] == VALUE else None
            scaler, unit = scaler_unit(told) if told is not None else (None, None)
            self.found[key] = (value, scaler, unit)
        return True

    def _by_codes(self, body: Any, depth: int) -> None:
        """Entries of code and value, one after the other or each by itself."""
        if not isinstance(body, (list, tuple)) or depth > MOST_DEEP:
            return
        at = 0
        while at < len(body):
            one = body[at]
            at += 1
            if not _is_code(one) or at == len(body):
                self._by_codes(one, depth + 1)
                continue
            value = body[at]
            at += 1
            scaler = unit = None
            if at < len(body) and _is_scaler_unit(body[at]):
                scaler, unit = body[at][0], unit_name(body[at][1])
                at += 1
            self.found.setdefault((one, VALUE), (value, scaler, unit))


def _is_code(value: Any) -> bool:
    """Six octets of an OBIS code, and no text of six characters: no medium (group A) is a printable one."""
    return type(value) is bytes and len(value) == NAME_OCTETS and value[0] < FIRST_PRINTABLE


def leaves(body: Any) -> list[Any]:
    """Every single value of a body, in its order, however it is nested (A-XDR bounds how deep)."""
    if not isinstance(body, (list, tuple)):
        return [body]
    return [leaf for one in body for leaf in leaves(one)]


def _capture_object(entry: Any) -> Key | None:
    """Class, logical name, attribute and data index, as a push object list has them."""
    if not isinstance(entry, (list, tuple)) or not 4 <= len(entry) <= 6:
        return None
    class_id, name, attribute = entry[:3]
    if type(class_id) is not int or type(name) is not bytes or len(name) != NAME_OCTETS or type(attribute) is not int:
        return None
    return (name, attribute)


def _is_scaler_unit(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and len(value) == 2 and all(type(part) is int for part in value)
