"""Which data set of an answer feeds which signal, and what its text is worth.

The manual's rule: the address exactly as the meter prints it before the bracket (`1.8.0*24`). Ours on top: a suffix
`[n]` picks the n-th group under that address, from 0, counted over repeated addresses and continuation lines; an
address that itself ends so is found first. `[n]` alone picks from the groups that stand before any address.
"""

from __future__ import annotations

from ... import values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..._readout_block import DataSet
    from ...model import Reading, Signal

    Found = dict[tuple[str | None, int], DataSet]


class Selector:
    """`text` as configured; `address` and `index` where its suffix, if any, is taken as one."""

    __slots__ = ("address", "index", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.address: str | None = text
        self.index = 0
        address, bracket, suffix = text.rpartition("[")
        if bracket and suffix.endswith("]") and suffix[:-1].isascii() and suffix[:-1].isdigit():
            self.address = address.rstrip() or None
            self.index = int(suffix[:-1])

    def pick(self, found: Found) -> DataSet | None:
        return found.get((self.text, 0)) or found.get((self.address, self.index))

    def __repr__(self) -> str:
        return f"Selector({self.text})"


def by_address(data_sets: list[DataSet], asked: str | None = None) -> Found:
    """Data sets under (effective address, index); those without an address stand under what was `asked` for."""
    return {(asked if data_set[1] is None else data_set[1], data_set[2]): data_set for data_set in data_sets}


def reading_of(signal: Signal, data_set: DataSet) -> Reading:
    """The reading of one data set: the text under the signal's number type, and the unit or None."""
    value, unit = data_set[3], data_set[4]
    if unit is None and signal["number_type"] != "STRING":
        # Iskra MT171 puts a blank where the asterisk should stand: `0054321 kWh`.
        number, _, behind = value.strip().partition(" ")
        if behind.strip() and not behind.strip()[0].isdigit():
            value, unit = number, behind.strip()
    return values.reading(signal, value, unit or None)
