"""Which data set of an answer feeds which signal, and what its text is worth.

The manual's rule: the address exactly as the meter prints it before the bracket (`1.8.0*24`). Ours on top: a suffix
`[n]` picks the n-th group under that address, from 0, counted over repeated addresses and continuation lines; `[n&m]`
the m-th of the parts that a maker has put into one group with `&` between, each with its own unit (`9.4[0&1]` of
`9.4(108.5*C&088.1*C)`). An address that itself ends so is found first. `[n]` alone picks from the groups that stand
before any address.

Dirt: units with blanks around them, or in UTF-8; a blank in place of the asterisk; load profiles, whose second header
would give an index another meaning.
"""

from __future__ import annotations

from ... import values
from .codes import is_short_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..._readout_block import DataSet
    from ...model import Reading, Signal

    Found = dict[tuple[str | None, int], DataSet]

BETWEEN_PARTS = "&"
PROFILE_MARK = "P."  # what stands in the address of a load profile or log, and of nothing else
HEADER_STAMP_DIGITS = range(10, 15)


class Selector:
    """`text` as configured; `address`, `index` and `part` (or None) where its suffix, if any, is taken as one;
    `in_profile`: it may be that of a load profile."""

    __slots__ = ("address", "in_profile", "index", "part", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.address: str | None = text
        self.index = 0
        self.part: int | None = None
        self.in_profile = PROFILE_MARK in text
        address, bracket, suffix = text.rpartition("[")
        if not bracket or not suffix.endswith("]"):
            return
        index, mark, part = suffix[:-1].partition(BETWEEN_PARTS)
        if _is_number(index or "0") and (_is_number(part) if mark else index):
            self.address = address.rstrip() or None
            self.index = int(index or "0")
            self.part = int(part) if mark else None

    def pick(self, found: Found) -> DataSet | None:
        data_set = found.get((self.text, 0))
        if data_set is not None:
            return data_set
        data_set = found.get((self.address, self.index))
        if data_set is None or self.part is None:
            return data_set
        parts = parts_of(data_set)
        if self.part >= len(parts):
            return None
        value, unit = parts[self.part]
        return (data_set[0], data_set[1], data_set[2], value, unit)

    def __repr__(self) -> str:
        return f"Selector({self.text})"


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def parts_of(data_set: DataSet) -> list[tuple[str, str | None]]:
    """The values within one group, each with its unit."""
    _, _, _, value, unit = data_set
    whole = value if unit is None else f"{value}*{unit}"
    parts = []
    for text in whole.split(BETWEEN_PARTS):
        value, star, unit = text.partition("*")
        parts.append((value, unit if star else None))
    return parts


def by_address(data_sets: list[DataSet], asked: str | None = None) -> Found:
    """Data sets under (effective address, index); those without an address stand under what was `asked` for."""
    return {(asked if data_set[1] is None else data_set[1], data_set[2]): data_set for data_set in data_sets}


def within_first_headers(found: Found, data_sets: list[DataSet]) -> Found:
    """`found` without what stands behind a load profile's second header, where an index would mean something else."""
    ends: dict[str | None, int] = {}
    for data_set in data_sets:
        own, address, index = data_set[:3]
        if own is None or not index or address in ends or PROFILE_MARK not in own:
            continue
        if _is_stamp(data_set[3]) and _has_period(found, own):
            ends[address] = index
    return {key: one for key, one in found.items() if key[1] < ends.get(key[0], key[1] + 1)} if ends else found


def _has_period(found: Found, address: str) -> bool:
    """Whether it is a load profile; of a log each entry has a header, and they are counted on."""
    period = found.get((address, 2))
    return period is not None and _is_number(period[3])


def _is_stamp(value: str) -> bool:
    return len(value) in HEADER_STAMP_DIGITS and _is_number(value)


def spelled_in_full(found: Found, asked: str) -> Found:
    """The answer to the question for `asked`, under that address, where the meter spells it out."""
    if any(address == asked for address, _ in found):
        return found
    full = next((address for address, _ in found if address is not None and is_short_for(asked, address)), None)
    if full is None:
        return found
    return {**found, **{(asked, index): one for (address, index), one in found.items() if address == full}}


def reading_of(signal: Signal, data_set: DataSet) -> Reading:
    """The reading of one data set: the text under the signal's number type, and the unit or None."""
    value, unit = data_set[3], data_set[4]
    number_type = signal["number_type"]
    if number_type != "STRING":
        if unit is None:
            # Iskra MT171 puts a blank where the asterisk should stand: `0054321 kWh`.
            number, _, behind = value.strip().partition(" ")
            if behind.strip() and not behind.strip()[0].isdigit():
                value, unit = number, behind.strip()
        elif BETWEEN_PARTS in unit:
            value, unit = parts_of(data_set)[0]
    elif not value.isascii():
        value = as_written(value)
    return values.reading(signal, value, clean_unit(unit))


def clean_unit(unit: str | None) -> str | None:
    if unit is None:
        return None
    unit = unit.strip()
    return (unit if unit.isascii() else as_written(unit)) or None


def as_written(text: str) -> str:
    """A text whose bytes were taken for Latin-1: newer firmware writes UTF-8."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text
