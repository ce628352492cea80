"""Selective access to a profile's buffer: by range of a column, or by entries (Blue Book, class Profile generic,
selective access to the buffer attribute).

A range asks for the rows whose `column` lies from `start` to `end`, both included; no `columns` means all of them.
"""

from __future__ import annotations

from ...._axdr import decode_typed, decode_whole
from ....errors import DecodeError
from .. import enumerations as codes
from .apdu import Record
from .encode import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    # class id, logical name, attribute, data index (0: the whole attribute)
    Column = tuple[int, bytes, int, int]

BY_RANGE = 1
BY_ENTRY = 2
CLOCK: Column = (8, bytes((0, 0, 1, 0, 0, 255)), 2, 0)


class Range(Record):
    """Rows by the value of a column; `start` and `end` natural values (12 octets where the column is the clock)."""

    __slots__ = ("column", "columns", "end", "start")

    def __init__(self, column: Column, start: Any, end: Any, columns: list[Column]) -> None:
        self.column = column
        self.start = start
        self.end = end
        self.columns = columns


class Entry(Record):
    """Rows `first` to `last` counted from 1 (`last` 0: the newest); columns likewise."""

    __slots__ = ("first", "first_column", "last", "last_column")

    def __init__(self, first: int, last: int = 0, first_column: int = 1, last_column: int = 0) -> None:
        self.first = first
        self.last = last
        self.first_column = first_column
        self.last_column = last_column


def by_range(column: Column, start: bytes, end: bytes, columns: Sequence[Column] = ()) -> bytes:
    """Access selector 1 and its range descriptor; `start` and `end` are 12-octet date-times, sent as octet strings."""
    descriptor = [
        _column(column),
        (codes.OCTET_STRING, start),
        (codes.OCTET_STRING, end),
        (codes.ARRAY, [_column(chosen) for chosen in columns]),
    ]
    return bytes((BY_RANGE,)) + encode(codes.STRUCTURE, descriptor)


def by_entry(first: int, last: int = 0, first_column: int = 1, last_column: int = 0) -> bytes:
    """Access selector 2 and its entry descriptor."""
    descriptor = [
        (codes.DOUBLE_LONG_UNSIGNED, first),
        (codes.DOUBLE_LONG_UNSIGNED, last),
        (codes.LONG_UNSIGNED, first_column),
        (codes.LONG_UNSIGNED, last_column),
    ]
    return bytes((BY_ENTRY,)) + encode(codes.STRUCTURE, descriptor)


def decode_selection(data: bytes) -> Range | Entry:
    """The selection that `by_range` or `by_entry` encoded, or a foreign client. Raises: DecodeError."""
    selector = data[:1]
    descriptor = decode_whole(data, 1) if data else None
    if not isinstance(descriptor, tuple) or len(descriptor) != 4:
        raise DecodeError("a selective access descriptor is a structure of four")
    if selector == b"\x01":
        column, start, end, columns = descriptor
        if not isinstance(columns, list):
            raise DecodeError("the selected columns of a range are an array")
        return Range(_read_column(column), start, end, [_read_column(chosen) for chosen in columns])
    if selector == b"\x02":
        for number in descriptor:
            if not isinstance(number, int):
                raise DecodeError("an entry descriptor holds four numbers")
        return Entry(*descriptor)
    raise DecodeError(f"access selector {data[0]} is not known")


def end_of_selection(data: bytes, offset: int) -> int:
    """The offset behind an access selector and its parameters at `offset`. Raises: DecodeError."""
    return decode_typed(data, offset + 1)[1]


def _column(column: Column) -> tuple[int, list[tuple[int, Any]]]:
    class_id, logical_name, attribute, data_index = column
    return codes.STRUCTURE, [
        (codes.LONG_UNSIGNED, class_id),
        (codes.OCTET_STRING, logical_name),
        (codes.INTEGER, attribute),
        (codes.LONG_UNSIGNED, data_index),
    ]


def _read_column(value: Any) -> Column:
    if not isinstance(value, tuple) or len(value) != 4:
        raise DecodeError("a capture object is a structure of four")
    class_id, logical_name, attribute, data_index = value
    whole = isinstance(class_id, int) and isinstance(attribute, int) and isinstance(data_index, int)
    if not whole or not isinstance(logical_name, bytes) or len(logical_name) != 6:
        raise DecodeError("a capture object names class, logical name, attribute and data index")
    return class_id, logical_name, attribute, data_index
