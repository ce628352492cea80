"""The rows of a profile buffer as they were captured: complete, in order, each with a time and a mark to know it by.

The problem: a meter leaves out of a row what its neighbour tells (Blue Book 4.3.6.2.2: null for a value that has not
changed, or for a time that follows from the capture period; delta types for small differences), and sends the newest
first where its buffer is sorted so. A row is known again by its time and a check of all its cells, since neither is
enough: autumn has one hour twice, and a clock that was set back writes stamps that were there before.

The dirt: rows that are shorter than others (event markers), times that nothing tells, time columns that are no clock
(0.0.0.1.2.255 of billing profiles), seconds since 1970 in place of a date-time. A row that cannot be told stays among
the others with its `fault` in words: it has been seen.
"""

from __future__ import annotations

from binascii import crc32

from ...cosem import Delta
from ...errors import DecodeError
from .data import DATE_TIME_LENGTH, date_time_seconds
from .enumerations import CLOCK
from .times import from_unix, later, row_seconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .naming import Item

VALUE_ATTRIBUTE = 2
# C and D of the codes under which meters capture their time where it is no clock (Blue Book 6.2.5, OBIS time entries).
_TIME_CODES = ((1, 0), (1, 1), (1, 2))
UNIX_CODE = (1, 1)
KEY_OF_CLOCK = 2 * DATE_TIME_LENGTH


class Row:
    """`cells` with everything in its place, `clock` the time as twelve octets, `seconds` to order by; or a `fault`."""

    __slots__ = ("cells", "clock", "fault", "key", "seconds")

    def __init__(self, cells: list[Any], clock: bytes | None, fault: str = "") -> None:
        self.cells = cells
        self.clock = clock
        self.fault = fault
        self.seconds = None if clock is None else row_seconds(clock)
        self.key = f"{'' if clock is None else clock.hex()}-{crc32(repr(cells).encode()):08x}"


def key_seconds(key: str) -> int | None:
    """By which seconds a row is ordered that is known by `key`; None where it has no time."""
    try:
        return row_seconds(bytes.fromhex(key[:KEY_OF_CLOCK])) if key[:1] != "-" else None
    except (ValueError, DecodeError):
        return None


def captured_time(columns: list[Item]) -> int:
    """The column that is the time by what was captured in it; −1 where none says so."""
    for index, item in enumerate(columns):
        if item.class_id == CLOCK and item.attribute == VALUE_ATTRIBUTE:
            return index
    for index, item in enumerate(columns):
        if item.attribute == VALUE_ATTRIBUTE and item.logical_name[:1] == b"\0" and _code(item) in _TIME_CODES:
            return index
    return -1


def told_time(rows: Any, width: int) -> int:
    """The first column that holds a whole date-time in every row that has it; −1 where there is none."""
    whole = [row for row in rows if isinstance(row, (tuple, list)) and len(row) == width]
    for index in range(width):
        cells = [row[index] for row in whole if row[index] is not None]
        if cells and all(_is_time(cell) for cell in cells):
            return index
    return -1


def _code(item: Item) -> tuple[int, int]:
    return (item.logical_name[2], item.logical_name[3])


def captured(rows: list[Any], columns: list[Item], clock: int, period: int, newest_first: bool) -> list[Row]:
    """`rows` as the meter sent them, oldest first; a time that was left out lies `period` from the one before."""
    found: list[Row] = []
    previous: list[Any] | None = None
    step = -period if newest_first else period
    for row in rows:
        if not isinstance(row, (tuple, list)) or len(row) != len(columns):
            size = len(row) if isinstance(row, (tuple, list)) else 1
            found.append(Row([row], None, f"it has {size} of {len(columns)} columns"))
            continue
        cells = _filled(row, previous)
        if row[clock] is None and cells[clock] is not None:
            cells[clock] = _stepped(cells[clock], step)
        previous = cells
        found.append(_told(cells, clock, _code(columns[clock])))
        if not _is_time(found[-1].clock):
            previous = [None if index == clock else cell for index, cell in enumerate(cells)]
    if newest_first:
        found.reverse()
    return found


def _stepped(time: Any, step: int) -> Any:
    """A captured time a period on; None where that is none."""
    try:
        return time + step if type(time) is int else later(time, step)
    except DecodeError:
        return None


def _filled(row: Any, previous: list[Any] | None) -> list[Any]:
    """A row's cells, those that were left out or sent as a difference taken from the row before."""
    cells = list(row)
    for index, cell in enumerate(cells):
        before = None if previous is None else previous[index]
        if cell is None:
            cells[index] = before
        elif isinstance(cell, Delta) and type(before) is int:
            cells[index] = before + cell.difference
    return cells


def _told(cells: list[Any], clock: int, code: tuple[int, int]) -> Row:
    if any(isinstance(cell, Delta) for cell in cells):
        return Row([str(cell) for cell in cells], None, "it tells a difference to a row that did not come")
    time = cells[clock]
    try:
        time = from_unix(time) if type(time) is int and code == UNIX_CODE else time
    except DecodeError:
        pass  # beyond every calendar
    if not _is_time(time):
        return Row(cells, None, "nothing tells its time")
    return Row(cells, bytes(time))


def _is_time(value: Any) -> bool:
    """Whether a cell is a whole date-time."""
    if not isinstance(value, bytes) or len(value) != DATE_TIME_LENGTH:
        return False
    try:
        return date_time_seconds(value) is not None
    except DecodeError:
        return False
