"""The records of one readout, as its signals ask for them.

The problem: a telegram has up to a hundred records and as many signals may want one, so neither is walked for each of
the other: what signals go by is looked at once for all, when the second asks for it.
Assumption: an `Answer` lives as long as its readout is reported.
Dirt it must survive: any records, also none; the same description on many of them.
"""

from __future__ import annotations

from .history import Stamps, history

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..._mbus_values import Record
    from .jobs import Selector


class Answer:
    """What came of a readout: `records`, over all of its telegrams."""

    __slots__ = ("_asked", "_by_octets", "_by_quantity", "_longer", "_stamps", "records")

    def __init__(self, records: list[Record]) -> None:
        self.records = records
        self._asked = False
        self._by_octets: dict[bytes, list[Record]] = {}
        self._by_quantity: dict[tuple[str, int], list[Record]] = {}  # and storage number
        self._longer: Answer | None = None
        self._stamps: Stamps | None = None

    def find(self, selector: Selector) -> Record | None:
        """The record that the selector means, or None."""
        if selector.index is not None or not self._asked:  # for one signal alone a walk is cheaper
            self._asked = True
            return selector.find(self.records)
        if selector.octets:
            if not self._by_octets:
                for record in self.records:
                    self._by_octets.setdefault(record.dib + record.vib, []).append(record)
            return selector.find(self._by_octets.get(selector.octets, []))
        if not self._by_quantity:
            for record in self.records:
                self._by_quantity.setdefault((record.quantity.lower(), record.storage), []).append(record)
        return selector.find(self._by_quantity.get((selector.quantity, selector.fields["storage"]), []))

    def time_of(self, record: Record) -> str | None:
        """When the meter says that record's value was."""
        if self._stamps is None:
            self._stamps = Stamps(self.records)
        return self._stamps.of(record)

    def longer(self) -> Answer:
        """The same with what its compact profiles hold behind it; itself where they hold nothing."""
        if self._longer is None:
            past = history(self.records)
            self._longer = Answer([*self.records, *past]) if past else self
        return self._longer
