"""What stands in a P1 telegram: values with or without a time of their own, meters behind the meter, text in hex.

DSMR P1 companion standard 5.0.2, clauses 6.4 and 6.12; e-MUCS H 1.7 (Belgium). A value may stand behind its time:
`0-1:24.2.1(201216140000W)(00012.345*m3)`, `1-0:1.6.0(…)(…*kW)`; before DSMR 4 gas stood behind a whole header:
`0-1:24.3.0(121030140000)(00)(60)(1)(0-1:24.2.1)(m3)` with the value on the next line. `0-n:24.1.0` tells what kind of
meter sends on channel n. A meter that has never sent one bears a time of 1970, or none: it has no value yet.
Numbers and messages of 0-n:96.1.x and 0-n:96.13.x are text in hexadecimal digits.
"""

from __future__ import annotations

from ... import values
from ...model import failed
from ..iec62056_21.codes import is_short_for
from ..iec62056_21.selection import Selector, as_written, clean_unit
from ..iec62056_21.stamps import Moment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..._readout_block import DataSet
    from ...model import Reading, Signal

    Group = tuple[str, str | None]

MOST_CHANNELS = 9
# Device types of EN 13757-3 as P1 tells them, in decimal digits.
KINDS = {"electricity": (2,), "gas": (3,), "heat": (4, 12, 13), "cold": (10, 11), "water": (6, 7, 8, 21)}
# Where a channel's last value stands: converted for temperature or not, or in the way of DSMR 2.2 and 3.
VALUE_PLACES = ("24.2.1", "24.2.3", "24.3.0")
OLD_HEADER = 6  # groups before the value
SEASONS = {"S": "1", "W": "0"}
NEVER = "70"  # the year of a time that nobody has set
HEX_PLACES = ("96.1.", "96.13.")
HEX_DIGITS = frozenset("0123456789ABCDEFabcdef")


class Telegram:
    """`groups` {address: its groups in order}."""

    __slots__ = ("groups",)

    def __init__(self, data_sets: list[DataSet]) -> None:
        self.groups: dict[str, list[Group]] = {}
        for _, address, _, value, unit in data_sets:
            if address:
                self.groups.setdefault(address, []).append((value, unit))

    def numbers(self) -> list[str]:
        """What the meter itself is called by, as it prints it and in plain text."""
        found = []
        for address, groups in self.groups.items():
            if address.startswith("0-0:96.1.") or address == "0-0:42.0.0":
                found += [groups[0][0], text_of(groups[0][0])]
        return [number for number in dict.fromkeys(found) if number.strip(" 0")]

    def reading(self, signal: Signal) -> Reading:
        tag = signal["tag_job_todo"]
        selector = Selector(tag)
        address = self.address_of(tag)
        if address is not None:
            return _whole(signal, address, self.groups[address])
        address = None if selector.address in (None, tag) else self.address_of(selector.address or "")
        groups = self.groups.get(address or "", [])
        if selector.index >= len(groups):
            return failed(signal, "not_found")
        value, unit = groups[selector.index]
        return _typed(signal, address or "", value, unit, None)

    def address_of(self, tag: str) -> str | None:
        """As it stands in the telegram, for a word, a whole or a short address; None where that is in none, or many."""
        if tag in self.groups:
            return tag
        kinds = KINDS.get(tag.lower())
        if kinds is not None:
            return self._channel(kinds)
        found = [address for address in self.groups if is_short_for(tag, address)]
        return found[0] if len(found) == 1 else None

    def _channel(self, kinds: tuple[int, ...]) -> str | None:
        for channel in range(1, MOST_CHANNELS):
            told = self.groups.get(f"0-{channel}:24.1.0", [("", None)])[0][0]
            if told.isascii() and told.isdigit() and len(told) <= 3 and int(told) in kinds:
                places = [f"0-{channel}:{place}" for place in VALUE_PLACES]
                return next((place for place in places if place in self.groups), None)
        return None


def _whole(signal: Signal, address: str, groups: list[Group]) -> Reading:
    """The value under an address, which may stand behind its time."""
    value, unit = groups[0]
    if address.endswith(VALUE_PLACES[2]) and len(groups) > OLD_HEADER:
        return _timed(signal, address, value, groups[OLD_HEADER][0], groups[OLD_HEADER - 1][0])
    if len(groups) == 2 and unit is None and moment_of(value) is not None:
        return _timed(signal, address, value, *groups[1])
    return _typed(signal, address, value, unit, None)


def _timed(signal: Signal, address: str, stamp: str, value: str, unit: str | None) -> Reading:
    moment = moment_of(stamp)
    if stamp.startswith(NEVER) or not value.strip():
        return failed(signal, "not_read_yet", "the meter behind this one has not told it a value yet")
    return _typed(signal, address, value, unit, None if moment is None else moment.iso())


def _typed(signal: Signal, address: str, value: str, unit: str | None, time: str | None) -> Reading:
    if signal["number_type"] == "STRING":
        if address.rpartition(":")[2].startswith(HEX_PLACES):
            value = text_of(value)
        value = value if value.isascii() else as_written(value)
    return values.reading(signal, value, clean_unit(unit), time)


def moment_of(text: str) -> Moment | None:
    """`YYMMDDhhmmss` with S or W for summer and winter time behind it; without a letter before DSMR 4."""
    season = SEASONS.get(text[-1:])
    if season is not None and len(text) == 13:
        return Moment.parse(season + text[:-1])
    return Moment.parse(text) if len(text) == 12 else None


def text_of(value: str) -> str:
    """What hexadecimal digits spell, where that is printable text; else they themselves."""
    if len(value) % 2 or not value or not HEX_DIGITS.issuperset(value):
        return value
    octets = bytes.fromhex(value)
    return octets.decode("ascii") if octets.isascii() and octets.decode("ascii").isprintable() else value
