"""The objects of the simulated DLMS meter: class, logical name, short name, and attributes already encoded.

Energies, a demand, a maximum, floats, texts, a clock, a load profile and the associations: one of every kind that a
reader must be able to tell apart. Values are made from the object's place alone, so that a test can foretell them.
"""

from __future__ import annotations

from ..errors import DecodeError
from ..obis import format_logical_name, parse_logical_name
from ..protocols.dlms import enumerations as codes
from ..protocols.dlms.apdus import selection as selections
from ..protocols.dlms.apdus.encode import encode
from ..protocols.dlms.naming import SHORT_NAME_STEP, attribute_name
from ..protocols.dlms.times import later, row_seconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FIRST_BASE_NAME = 0x0100
BASE_NAME_STEP = 0x40
EPOCH = bytes((0x07, 0xEA, 1, 1, 0xFF, 0, 0, 0, 0, 0x80, 0x00, 0x00))
WH, VARH, WATT, VOLT, HERTZ, NO_UNIT = 30, 32, 27, 35, 44, 255
PERIOD_S = 900
OBJECT_UNDEFINED, CLASS_INCONSISTENT, OTHER_REASON, READ_WRITE_DENIED = 4, 9, 250, 3


class MeterObject:
    """One object; `attributes` {index: encoded value}; `public` ones are there for every client."""

    __slots__ = ("attributes", "base_name", "class_id", "logical_name", "public")

    def __init__(self, class_id: int, logical_name: str, attributes: dict[int, bytes], public: bool = False) -> None:
        self.class_id = class_id
        self.logical_name = parse_logical_name(logical_name)
        self.attributes = {1: encode(codes.OCTET_STRING, self.logical_name), **attributes}
        self.base_name = 0
        self.public = public

    def read(self, attribute: int, selection: bytes = b"") -> tuple[int, bytes]:
        """(0, encoded value) or (data-access-result, b'')."""
        if attribute not in self.attributes:
            return (OBJECT_UNDEFINED, b"")
        if selection:
            return (OTHER_REASON, b"")
        return (0, self.attributes[attribute])


class Profile(MeterObject):
    """A profile-generic object whose rows are (clock, status, energy in Wh, reactive energy in varh)."""

    __slots__ = ("newest_first", "rows", "selective", "sparse")

    def __init__(self, logical_name: str, rows: int, newest_first: bool, selective: bool, sparse: bool) -> None:
        names = ((8, "0.0.1.0.0.255"), (1, "0.0.96.10.1.255"), (3, "1.0.1.8.0.255"), (3, "1.0.3.8.0.255"))
        columns = [
            (codes.STRUCTURE, [
                (codes.LONG_UNSIGNED, class_id), (codes.OCTET_STRING, parse_logical_name(name)),
                (codes.INTEGER, 2), (codes.LONG_UNSIGNED, 0),
            ])
            for class_id, name in names
        ]  # fmt: skip
        super().__init__(7, logical_name, {
            3: encode(codes.ARRAY, columns),
            4: encode(codes.DOUBLE_LONG_UNSIGNED, PERIOD_S),
            5: encode(codes.ENUM, 2 if newest_first else 1),
            6: encode(codes.NULL),
            8: encode(codes.DOUBLE_LONG_UNSIGNED, max(rows, 10_000)),
        })  # fmt: skip
        self.newest_first = newest_first
        self.selective = selective
        self.sparse = sparse
        self.rows: list[tuple[bytes, int, int, int]] = []
        self.grow(rows)

    def grow(self, count: int) -> None:
        """Capture further rows."""
        for index in range(len(self.rows), len(self.rows) + count):
            self.rows.append((later(EPOCH, PERIOD_S * index), index & 0xFF, 1_000_000 + index * 7, 50_000 + index))

    def read(self, attribute: int, selection: bytes = b"") -> tuple[int, bytes]:
        if attribute == 7:
            return (0, encode(codes.DOUBLE_LONG_UNSIGNED, len(self.rows)))
        if attribute != 2:
            return super().read(attribute, selection)
        rows = list(reversed(self.rows)) if self.newest_first else self.rows
        if selection:
            if not self.selective:
                return (OTHER_REASON, b"")
            try:
                rows = _select(rows, selections.decode_selection(selection))
            except DecodeError:
                return (12, b"")
        return (0, self._encode(rows))

    def _encode(self, rows: list[tuple[bytes, int, int, int]]) -> bytes:
        encoded = []
        for index, (clock, status, active, reactive) in enumerate(rows):
            time = (codes.NULL, None) if self.sparse and index else (codes.OCTET_STRING, clock)
            encoded.append((codes.STRUCTURE, [
                time, (codes.UNSIGNED, status), (codes.DOUBLE_LONG_UNSIGNED, active),
                (codes.DOUBLE_LONG_UNSIGNED, reactive),
            ]))  # fmt: skip
        return encode(codes.ARRAY, encoded)


def _select(rows: list[Any], chosen: Any) -> list[Any]:
    if isinstance(chosen, selections.Entry):
        return rows[chosen.first - 1 : chosen.last or None]
    start, end = row_seconds(chosen.start), row_seconds(chosen.end)
    return [row for row in rows if start <= row_seconds(row[0]) <= end]


def _unit(scaler: int, unit: int) -> bytes:
    return encode(codes.STRUCTURE, [(codes.INTEGER, scaler), (codes.ENUM, unit)])


def register(logical_name: str, tag: int, value: Any, scaler: int, unit: int) -> MeterObject:
    return MeterObject(3, logical_name, {2: encode(tag, value), 3: _unit(scaler, unit)})


def standard_objects(serial: str, registers: int, profile: Profile, counts: int = 0) -> list[MeterObject]:
    """What every simulated meter has, and `registers` energies 1.0.1.8.n.255 beyond that (n from 1)."""
    u32 = codes.DOUBLE_LONG_UNSIGNED
    objects = [
        MeterObject(1, "0.0.42.0.0.255", {2: encode(codes.OCTET_STRING, b"SIM" + serial.encode())}, public=True),
        MeterObject(8, "0.0.1.0.0.255", {
            2: encode(codes.OCTET_STRING, later(EPOCH, PERIOD_S * max(len(profile.rows) - 1, 0))),
            3: encode(codes.LONG, 0), 4: encode(codes.UNSIGNED, 0),
        }, public=True),
        MeterObject(1, "0.0.96.1.0.255", {2: encode(codes.VISIBLE_STRING, serial)}),
        MeterObject(1, "0.0.96.10.1.255", {2: encode(codes.UNSIGNED, 0)}),
        Counting("1.0.1.8.0.255", 1_472_384, counts, 0, WH),
        register("1.0.2.8.0.255", codes.LONG64_UNSIGNED, 18_446_744_073_709_551_615, -3, WH),
        register("1.0.3.8.0.255", u32, 50_000, 1, VARH),
        register("1.0.1.7.0.255", codes.DOUBLE_LONG, -1234, -1, WATT),
        register("1.0.32.7.0.255", codes.LONG_UNSIGNED, 2301, -1, VOLT),
        register("1.0.14.7.0.255", codes.FLOAT32, 50.0, 0, HERTZ),
        MeterObject(4, "1.0.1.6.0.255", {
            2: encode(u32, 4200), 3: _unit(0, WATT), 4: encode(codes.UNSIGNED, 0),
            5: encode(codes.OCTET_STRING, later(EPOCH, 3600)),
        }),
        MeterObject(5, "1.0.1.4.0.255", {
            2: encode(u32, 377), 3: encode(u32, 391), 4: _unit(1, WATT), 5: encode(codes.UNSIGNED, 0),
            6: encode(codes.OCTET_STRING, later(EPOCH, 1800)), 7: encode(codes.OCTET_STRING, EPOCH),
            8: encode(u32, PERIOD_S), 9: encode(codes.LONG_UNSIGNED, 1),
        }),
        profile,
    ]  # fmt: skip
    objects += [register(f"1.0.1.8.{n}.255", u32, 1000 * n + n, -1, WH) for n in range(1, registers + 1)]
    return objects


class Counting(MeterObject):
    """A register whose value is `step` more at each reading of it, and begins anew beyond 32 bits."""

    __slots__ = ("step", "value")

    def __init__(self, logical_name: str, value: int, step: int, scaler: int, unit: int) -> None:
        super().__init__(3, logical_name, {3: _unit(scaler, unit)})
        self.value = value
        self.step = step
        self._show()

    def _show(self) -> None:
        self.attributes[2] = encode(codes.DOUBLE_LONG_UNSIGNED, self.value)

    def read(self, attribute: int, selection: bytes = b"") -> tuple[int, bytes]:
        found = super().read(attribute, selection)
        if attribute == 2 and self.step:
            self.value = self.value + self.step & 0xFFFFFFFF
            self._show()
        return found


class ObjectTable:
    """All objects by logical name and by short name, with the two association objects."""

    def __init__(self, objects: list[MeterObject], listed: bool) -> None:
        self.objects = objects
        for index, entry in enumerate(objects):
            entry.base_name = FIRST_BASE_NAME + index * BASE_NAME_STEP
        self.listed = listed

    def logical_list(self, public: bool) -> bytes:
        """Association LN, attribute 2: the objects with their access rights."""
        elements: list[tuple[int, Any]] = []
        for entry in self._visible(public):
            rights = [
                (codes.STRUCTURE, [(codes.INTEGER, n), (codes.ENUM, 1), (codes.NULL, None)])
                for n in sorted({*entry.attributes, *({2, 7} if entry.class_id == 7 else ())})
            ]
            access = (codes.STRUCTURE, [(codes.ARRAY, rights), (codes.ARRAY, [])])
            elements.append((codes.STRUCTURE, [
                (codes.LONG_UNSIGNED, entry.class_id), (codes.UNSIGNED, 0), (codes.OCTET_STRING, entry.logical_name),
                access,
            ]))  # fmt: skip
        return encode(codes.ARRAY, elements)

    def short_list(self, public: bool) -> bytes:
        """Association SN, attribute 2: base name, class, version, logical name."""
        elements: list[tuple[int, Any]] = [
            (codes.STRUCTURE, [
                (codes.LONG, entry.base_name - (0x10000 if entry.base_name > 0x7FFF else 0)),
                (codes.LONG_UNSIGNED, entry.class_id), (codes.UNSIGNED, 0), (codes.OCTET_STRING, entry.logical_name),
            ])
            for entry in self._visible(public)
        ]  # fmt: skip
        return encode(codes.ARRAY, elements)

    def _visible(self, public: bool) -> list[MeterObject]:
        return [entry for entry in self.objects if entry.public or not public]

    def by_logical_name(self, class_id: int, name: bytes, public: bool) -> MeterObject | int:
        """The object, or the data-access-result why there is none."""
        for entry in self._visible(public):
            if entry.logical_name == name:
                return entry if entry.class_id == class_id else CLASS_INCONSISTENT
        return OBJECT_UNDEFINED

    def by_short_name(self, name: int, public: bool) -> tuple[MeterObject, int] | None:
        """The object and the attribute that a short name stands for."""
        for entry in self._visible(public):
            offset = name - entry.base_name
            if 0 <= offset < BASE_NAME_STEP and offset % SHORT_NAME_STEP == 0:
                return (entry, offset // SHORT_NAME_STEP + 1)
        return None

    def place(self, logical_name: str, attribute: int) -> int:
        """The short name of an attribute. Raises: DecodeError where there is no such object."""
        name = parse_logical_name(logical_name)
        for entry in self.objects:
            if entry.logical_name == name:
                return attribute_name(entry.base_name, attribute)
        raise DecodeError(f"the simulated meter has no object {format_logical_name(name)}")
