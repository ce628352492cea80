"""What a meter's objects are: class and short name from the association's object list, or inferred and confirmed.

The list is read once per meter; what the configured signals need of it is kept over
restarts, so that one costs no further reading. A meter that does not give its list is
asked for attribute 1 (the logical name, which every class has) under the classes that the OBIS code suggests; only
an echo of the name confirms a class.
"""

from __future__ import annotations

from ...model import shared
from ...obis import format_logical_name, parse_logical_name
from . import enumerations as codes
from .enumerations import CLOCK, DATA, DEMAND_REGISTER, EXTENDED_REGISTER, PROFILE_GENERIC, REGISTER
from .memory import NO_WAIT, NOTHING
from .naming import Item, attribute_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...conversation import Conversation
    from .memory import DlmsMemory
    from .reader import Reader

# Where a class keeps the scaler_unit of its value attributes (Blue Book 4.3.2 to 4.3.4).
SCALERS = {REGISTER: {2: 3}, EXTENDED_REGISTER: {2: 3}, DEMAND_REGISTER: {2: 4, 3: 4}}
# Scans from one attempt at an object list that does not come to the next.
MAX_LIST_WAIT = 63
# Noted wherever a list was read: by it the meter is known again.
DEVICE_NUMBER = b"\x00\x00\x60\x01\x00\xff"
CANDIDATES = (REGISTER, EXTENDED_REGISTER, DATA, DEMAND_REGISTER)


_names: dict[str, str] = {}
_places: dict[tuple[int, int], tuple[int, int]] = {}


class MeterObject:
    """One entry of an object list. `attributes` those that may be read, or None where the meter does not say."""

    __slots__ = ("attributes", "base_name", "class_id", "logical_name", "version")

    def __init__(
        self, class_id: int, version: int, logical_name: bytes, base_name: int = 0,
        attributes: list[int] | None = None,
    ) -> None:  # fmt: skip
        self.class_id = class_id
        self.version = version
        self.logical_name = logical_name
        self.base_name = base_name
        self.attributes = attributes


def object_list(reader: Reader) -> Conversation:
    """The association's object list. Returns: [MeterObject], empty where the meter refuses it. Raises: LineError."""
    name = reader.association.object_name
    item = Item(codes.ASSOCIATION_LN, name, 2, short_name=attribute_name(codes.SN_ASSOCIATION, 2))
    code, value = yield from reader.attempt(item)
    if code or not isinstance(value, list):
        return []
    decode = _logical_entry if reader.names.logical else _short_entry
    found = []
    for entry in value:
        meter_object = decode(entry)
        if meter_object is not None:
            found.append(meter_object)
    return found


def _logical_entry(entry: Any) -> MeterObject | None:
    """class id, version, logical name, access rights (Blue Book, Association LN, object_list_element)."""
    if not isinstance(entry, tuple) or len(entry) < 3:
        return None
    class_id, version, logical_name = entry[:3]
    if not isinstance(class_id, int) or not isinstance(logical_name, bytes) or len(logical_name) != 6:
        return None
    return MeterObject(class_id, version, logical_name, attributes=_readable(entry[3] if len(entry) > 3 else None))


def _readable(rights: Any) -> list[int] | None:
    """The attributes whose access mode is not `no access`; None where the structure is not the standard's."""
    try:
        return [attribute for attribute, mode, *_ in rights[0] if mode]
    except (TypeError, ValueError, IndexError):
        return None


def _short_entry(entry: Any) -> MeterObject | None:
    """base name, class id, version, logical name (Blue Book, Association SN, object_list_element)."""
    if not isinstance(entry, tuple) or len(entry) != 4:
        return None
    base_name, class_id, version, logical_name = entry
    if not isinstance(base_name, int) or not isinstance(class_id, int):
        return None
    if not isinstance(logical_name, bytes) or len(logical_name) != 6:
        return None
    return MeterObject(class_id, version, logical_name, base_name & 0xFFFF)


class Directory:
    """Class and base name of the objects that the signals name, with the memory of them."""

    __slots__ = ("known", "memory", "reader")

    def __init__(self, reader: Reader, memory: DlmsMemory) -> None:
        self.reader = reader
        self.memory = memory
        self.known = memory.objects

    def logical(self) -> bool:
        return self.reader.names.logical

    def find(self, logical_name: bytes) -> tuple[int, int] | None:
        """Class id and base name, or None where nothing is known."""
        entry = self.known.get(format_logical_name(logical_name))
        return None if entry is None else (entry[0], entry[1])

    def at(self, short_name: int) -> tuple[int, int] | None:
        """Class id and attribute index of what stands at a short name, or None."""
        entry = self.known.get(str(short_name))
        return None if entry is None else (entry[0], entry[1])

    def learn(self, logical_names: list[bytes], short_names: list[int]) -> Conversation:
        """Find out about what is not known yet; what cannot be found out stays unknown. Raises: LineError."""
        logical_names = [name for name in logical_names if self.find(name) is None]
        short_names = [name for name in short_names if self.at(name) is None]
        if not logical_names and not short_names:
            return
        asked = self.memory.asked
        if not self._all_asked(asked, logical_names, short_names) and self._is_due():
            listed: list[MeterObject] = yield from object_list(self.reader)
            self._note(listed, logical_names, short_names)
            if listed:  # of what it names no more need be known
                self.memory.asked = (
                    asked.union(
                        [name for name in logical_names if self.find(name) is None],
                        [name for name in short_names if self.at(name) is None],
                    )
                    or NOTHING
                )
                self.memory.list_waits = NO_WAIT
        logical_names = [name for name in logical_names if self.find(name) is None]
        if logical_names and self.logical():
            yield from self._infer(logical_names)
        self.memory.save(lore=True)

    def forget(self, logical_names: list[bytes]) -> None:
        """Objects that do not fit any more: they are asked for anew."""
        for name in logical_names:
            self.known.pop(format_logical_name(name), None)
        self.memory.asked = self.memory.asked.difference(logical_names) or NOTHING

    def verify(self) -> Conversation:
        """Hold the base names against the meter, whose objects tell their own names (attribute 1).

        Returns: True where all are right, False where one is another object's, None where the meter does not tell.
        """
        items = [
            Item(class_id, parse_logical_name(text), 1, short_name=base)
            for text, (class_id, base) in self.known.items()
            if "." in text and base
        ]
        told = False
        while items:
            batch = self.reader.batch(items, 0)
            results: list[tuple[Any, Any]] = yield from self.reader.read(batch)
            for item, (code, value) in zip(batch, results, strict=True):
                if not code and value != item.logical_name:
                    return False
                told = told or not code
            del items[: len(batch)]
        return told or None

    def _is_due(self) -> bool:
        """A list that did not come is asked for again, ever less often: it may be long, or refused for good."""
        wait, next_wait = self.memory.list_waits
        if wait:
            self.memory.list_waits = (wait - 1, next_wait)
            return False
        self.memory.list_waits = (next_wait, min(2 * next_wait + 1, MAX_LIST_WAIT))
        return True

    def _all_asked(self, asked: frozenset[Any], logical_names: list[bytes], short_names: list[int]) -> bool:
        return asked.issuperset(logical_names) and asked.issuperset(short_names)

    def _note(self, listed: list[MeterObject], logical_names: list[bytes], short_names: list[int]) -> None:
        wanted = {*logical_names, DEVICE_NUMBER}
        for entry in listed:
            if entry.logical_name in wanted:
                self._keep(entry.logical_name, entry.class_id, entry.base_name)
        bases = sorted((entry.base_name, entry.class_id) for entry in listed)
        for name in short_names:
            below = [(base, class_id) for base, class_id in bases if base <= name]
            if below and (name - below[-1][0]) % 8 == 0:
                self.known[str(name)] = [below[-1][1], (name - below[-1][0]) // 8 + 1]

    def _keep(self, logical_name: bytes, class_id: int, base_name: int) -> None:
        text = shared(_names, format_logical_name(logical_name))
        self.known[text] = shared(_places, (class_id, base_name))

    def _infer(self, logical_names: list[bytes]) -> Conversation:
        """Ask for attribute 1 under one class after the other; only the object's own name confirms one."""
        for name in logical_names:
            for class_id in candidates(name):
                code, value = yield from self.reader.attempt(Item(class_id, name, 1))
                if not code and value == name:
                    self._keep(name, class_id, 0)
                    break


def candidates(logical_name: bytes) -> tuple[int, ...]:
    """Classes to try for an OBIS code, the likeliest first (Blue Book, relation to OBIS)."""
    group_a, _, group_c, group_d, _, _ = logical_name
    if logical_name[2:5] == b"\x01\x00\x00" and group_a == 0:
        return (CLOCK,)
    if group_c in (98, 99) or (group_c == 94 and group_a):
        return (PROFILE_GENERIC, *CANDIDATES)
    if group_a == 0 or group_c == 96 or group_c == 0:
        return (DATA, REGISTER, EXTENDED_REGISTER)
    if group_d in (2, 6):
        return (EXTENDED_REGISTER, REGISTER, DEMAND_REGISTER, DATA)
    if group_d in (4, 5):
        return (DEMAND_REGISTER, REGISTER, EXTENDED_REGISTER, DATA)
    return CANDIDATES
