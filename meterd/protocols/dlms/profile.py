"""Load profiles: the rows of a profile-generic buffer become readings with the meter's own times (Blue Book 4.3.6).

The problem: a buffer is a ring that fills while nobody looks. The first time the newest rows are read by entry; from
then on by range from the last row seen, whose time is kept over restarts, so that an outage is
filled and nothing is reported twice. After a restart, when the gap may be long, it is read in windows.

The dirt: the clock may be any column; rows leave out what can be recovered (a time that follows from the capture
period, a value that has not changed); rows may be sorted either way; meters without selective access give everything;
local time without deviation runs twice through one hour in autumn, where the clock status tells which; a row whose
time nothing tells (cleared after a power failure) is left out, for nothing says where it belongs.
"""

from __future__ import annotations

from ...conversation import Report
from ...errors import DecodeError, ProtocolError
from ...model import INVALID, failed
from .apdus import selection
from .data import DATE_TIME_LENGTH, clock_is_invalid, date_time_seconds, date_time_text, plain, scale
from .enumerations import CLOCK, PROFILE_GENERIC
from .reader import PARAMETERISED, SELECTIVE, Item, LogicalNames, attribute_name
from .reading import failure_reason, reading_of
from .targets import parse_column
from .times import later, row_seconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...conversation import Conversation
    from ...model import Signal
    from .memory import DlmsMemory
    from .reading import Values
    from .targets import Target

BUFFER, CAPTURE_OBJECTS, CAPTURE_PERIOD, SORT_METHOD, ENTRIES_IN_USE = 2, 3, 4, 5, 7
LAST_IN_FIRST_OUT = 2
FAR_YEAR = 2099
# Rows of one window when a long gap is filled, and windows of one scan.
WINDOW_ROWS = 1000
MAX_WINDOWS = 64


class Profile:
    """One buffer and the signals that it feeds."""

    def __init__(self, values: Values, target: Target, memory: DlmsMemory) -> None:
        item = values.item(target)
        if item is None:
            raise ProtocolError(f"{target} is not there")
        self.values = values
        self.target = target
        self.memory = memory
        self.base_name = (item.short_name - 8) & 0xFFFF if item.short_name else 0
        self.name = str(target)
        self.state: dict[str, Any] = memory.profiles.setdefault(self.name, {})
        self.columns: list[Item] = []
        self.clock = -1
        self.period = 0
        self.entries = 0
        self.newest_first = False

    def read(self) -> Conversation:
        """Report what is new. Raises: LineError, Disconnected, SecurityError; what is refused fails with a reason."""
        try:
            yield from self._describe()
            if self.clock < 0:
                raise DecodeError(f"{self.name}: no column is a clock")
            if "last" in self.state:
                yield from self._continue()
            else:
                yield from self._begin()
        except _Refusal as refusal:
            for signal in self.target.signals:
                yield Report(failed(signal, refusal.reason))
        except DecodeError as error:
            for signal in self.target.signals:
                yield Report(failed(signal, error.reason))

    # What the buffer is like

    def _attribute(self, attribute: int, chosen: bytes = b"") -> Item:
        logical = isinstance(self.values.reader, LogicalNames)
        name = 0 if logical else attribute_name(self.base_name, attribute)
        return Item(PROFILE_GENERIC, self.target.logical_name, attribute, chosen, name)

    def _describe(self) -> Conversation:
        """Columns, their scalers, capture period, order, and how many rows there are."""
        items = [self._attribute(n) for n in (CAPTURE_OBJECTS, CAPTURE_PERIOD, SORT_METHOD, ENTRIES_IN_USE)]
        results: list[tuple[Any, Any]] = []
        while len(results) < len(items):
            results += yield from self.values.reader.read(self.values.reader.batch(items, len(results)))
        (code, objects), (_, period), (_, order), (_, entries) = results
        if code:
            raise _Refusal(failure_reason(code))
        self.period = period if isinstance(period, int) else 0
        self.newest_first = order == LAST_IN_FIRST_OUT
        self.entries = entries if isinstance(entries, int) else 0
        yield from self._name_columns(objects)

    def _name_columns(self, objects: Any) -> Conversation:
        if not isinstance(objects, list) or not objects:
            raise DecodeError(f"{self.name}: the capture objects are no list")
        captured = [_column(entry) for entry in objects]
        directory = self.values.directory
        logical = isinstance(self.values.reader, LogicalNames)
        if not logical:
            yield from directory.learn([name for _, name, _ in captured], [])
        for index, (class_id, name, attribute) in enumerate(captured):
            found = None if logical else directory.find(name)
            short_name = attribute_name(found[1], attribute) if found else 0
            self.columns.append(Item(class_id, name, attribute, short_name=short_name))
            if class_id == CLOCK and attribute == 2 and self.clock < 0:
                self.clock = index
        yield from self.values.learn_scalers([item for item in self.columns if logical or item.short_name])

    # Which rows to ask for

    def _selective(self) -> bool:
        logical = isinstance(self.values.reader, LogicalNames)
        return (SELECTIVE if logical else PARAMETERISED) in self.values.reader.association.granted

    def _begin(self) -> Conversation:
        """Never seen before: the newest rows."""
        rows = max(signal["profile_rows"] for signal in self.target.signals)
        if self._selective() and self.entries > rows:
            first = 1 if self.newest_first else self.entries - rows + 1
            chosen = selection.by_entry(first, rows if self.newest_first else 0)
            code, found = yield from self.values.reader.attempt(self._attribute(BUFFER, chosen))
            if not code:
                yield from self._report(found, rows)
                return
        yield from self._report((yield from self._everything()), rows)

    def _everything(self) -> Conversation:
        code, found = yield from self.values.reader.attempt(self._attribute(BUFFER))
        if code:
            raise _Refusal(failure_reason(code))
        return found

    def _continue(self) -> Conversation:
        """From the last row seen to the newest: at once within one run, in windows after a restart."""
        caught_up = self.memory.caught_up
        if not self._selective() or self.state.get("unselective"):
            yield from self._report((yield from self._everything()))
            return
        if self.name not in caught_up and self.period > 0:
            for _ in range(MAX_WINDOWS):
                last = bytes(self.state["last"])
                if not (yield from self._range(last, later(last, WINDOW_ROWS * self.period))):
                    break
        caught_up.discard(self.name)
        last = bytes(self.state["last"])
        yield from self._range(last, FAR_YEAR.to_bytes(2, "big") + bytes((12, 31, 0xFF, 23, 59, 59, 0)) + last[9:])
        caught_up.add(self.name)

    def _range(self, start: bytes, end: bytes) -> Conversation:
        """Report the rows from `start` to `end`. Returns: how many of them were new."""
        column = self.columns[self.clock]
        clock = (column.class_id, column.logical_name, column.attribute, 0)
        code, found = yield from self.values.reader.attempt(
            self._attribute(BUFFER, selection.by_range(clock, start, end))
        )
        if code:
            # Some meters take no range at all; what else they refuse, they refuse again without it.
            found = yield from self._everything()
            self.state["unselective"] = True
        return (yield from self._report(found))

    # Rows to readings

    def _report(self, rows: Any, newest: int = 0) -> Conversation:
        """Report the rows after the last one seen, oldest first; at most the `newest` ones where that is not 0."""
        last = self.state.get("last")
        since = None if last is None else row_seconds(bytes(last))
        timed = [(row_seconds(row[self.clock]), row) for row in self._complete(rows)]
        timed.sort(key=lambda entry: entry[0])
        chosen = [row for seconds, row in timed if since is None or seconds > since][-newest:]
        for row in chosen:
            for signal in self.target.signals:
                yield Report(self._reading(signal, row))
        if chosen:
            self.state["last"] = list(chosen[-1][self.clock])  # JSON, in which it is kept, has no octets
            self.memory.save()
        return len(chosen)

    def _complete(self, rows: Any) -> list[list[Any]]:
        """Rows with everything in its place that the meter left out; without those whose time nothing tells.

        Raises: DecodeError for rows that are none, and where not one has a time.
        """
        if not isinstance(rows, list):
            raise DecodeError(f"{self.name}: the buffer is no array")
        complete: list[list[Any]] = []
        previous: list[Any] | None = None
        for row in rows:
            if not isinstance(row, (tuple, list)) or len(row) != len(self.columns):
                raise DecodeError(f"{self.name}: a row does not have {len(self.columns)} columns")
            values = list(row)
            if previous is not None:
                values = [old if value is None else value for value, old in zip(values, previous, strict=True)]
            if row[self.clock] is None and values[self.clock] is not None:
                step = -self.period if self.newest_first else self.period
                values[self.clock] = later(values[self.clock], step)
            if _is_time(values[self.clock]):
                complete.append(values)
            else:
                values[self.clock] = None
            previous = values
        if rows and not complete:
            raise DecodeError(f"{self.name}: no row has a time")
        return complete

    def _reading(self, signal: Signal, row: list[Any]) -> Any:
        clock = row[self.clock]
        meter_time = date_time_text(clock)
        if not signal["column"]:
            reading = reading_of(signal, self.columns[self.clock], self._whole(row), (0, None), meter_time)
        else:
            index = self._index(parse_column(signal["column"]))
            if index is None:
                return failed(signal, "not_found")
            item = self.columns[index]
            scaler = self.values.scaler(item) if item.short_name or self._logical() else "not_found"
            reading = reading_of(signal, item, row[index], scaler, meter_time)
        if clock_is_invalid(clock) and reading.value is not None:
            reading.quality, reading.reason = INVALID, "clock"
        return reading

    def _logical(self) -> bool:
        return isinstance(self.values.reader, LogicalNames)

    def _whole(self, row: list[Any]) -> tuple[Any, ...]:
        """All columns but the clock, scaled where they have a scaler."""
        cells = []
        for index, (item, value) in enumerate(zip(self.columns, row, strict=True)):
            scaler = self.values.scaler(item) if item.short_name or self._logical() else "not_found"
            if index != self.clock:
                cells.append(None if isinstance(scaler, str) else plain(scale(value, scaler[0])))
        return tuple(cells)

    def _index(self, column: tuple[bytes, int] | int) -> int | None:
        if isinstance(column, int):
            return column - 1 if column <= len(self.columns) else None
        for index, item in enumerate(self.columns):
            if (item.logical_name, item.attribute) == column:
                return index
        return None


class _Refusal(ProtocolError):
    """The meter does not give what the profile needs."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def _column(entry: Any) -> tuple[int, bytes, int]:
    """Class, logical name, attribute of a capture object. Raises: DecodeError."""
    if not isinstance(entry, tuple) or len(entry) != 4:
        raise DecodeError("a capture object is a structure of four")
    class_id, logical_name, attribute, _ = entry
    if not isinstance(class_id, int) or not isinstance(attribute, int):
        raise DecodeError("a capture object has a class and an attribute")
    if not isinstance(logical_name, bytes) or len(logical_name) != 6:
        raise DecodeError(f"a capture object has a logical name, not {logical_name!r}")
    return (class_id, logical_name, attribute)


def _is_time(value: Any) -> bool:
    """Whether a row's clock is a whole date-time."""
    if not isinstance(value, bytes) or len(value) != DATE_TIME_LENGTH:
        return False
    try:
        return date_time_seconds(value) is not None
    except DecodeError:
        return False
