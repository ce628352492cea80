"""A profile-generic object as it is asked: its columns, what it selects by, and rows as they were captured.

The problem: which rows a meter gives is its own matter. Selection by number (entry descriptor) and by time (range
descriptor, Blue Book 4.3.6.2.2) are both optional, and what is granted for the association says nothing of the one
object. So each is tried until it is refused, and that is remembered for as long as the process runs.

The dirt: sort methods that are no order of capture; a number of entries that is not told; a time that only the rows
themselves show.
"""

from __future__ import annotations

from ...errors import DecodeError, ProtocolError
from .apdus import selection
from .data import date_time_seconds
from .enumerations import CLOCK, PROFILE_GENERIC
from .naming import Item, attribute_name
from .profile_rows import Row, captured, captured_time, told_time
from .reader import PARAMETERISED, SELECTIVE
from .reading import failure_reason
from .targets import CLOCK_NAME
from .times import meter_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ...conversation import Conversation
    from .memory import DlmsMemory
    from .reading import ScalerUnit, Values
    from .targets import Target

BUFFER, CAPTURE_OBJECTS, CAPTURE_PERIOD, SORT_METHOD, ENTRIES_IN_USE = 2, 3, 4, 5, 7
LAST_IN_FIRST_OUT = 2  # beyond it: sorted by a column
BACK_S = 120
MAX_PERIOD_S = 366 * 86_400  # beyond it, it is no period by which rows come
BY_NUMBER, BY_TIME = "number", "time"


class Buffer:
    """One buffer within one association. `believed` puts right what a maker's rows say wrongly."""

    def __init__(self, values: Values, target: Target, memory: DlmsMemory) -> None:
        item = values.item(target)
        if item is None:
            raise ProtocolError(f"{target} is not there")
        self.values = values
        self.target = target
        self.memory = memory
        self.base_name = (item.short_name - 8) & 0xFFFF if item.short_name else 0
        self.name = str(target)
        self.state: dict[str, Any] = memory.profile(self.name)
        self.believed: Callable[[Any, int], Any] | None = None
        self.numbered = True  # rows may be asked for by their numbers
        self.columns: list[Item] = []
        self.clock = -1
        self.period = 0
        self.entries = 0
        self.newest_first = self.sorted = False
        self.set_back = False  # the meter's clock, since the last scan

    def logical(self) -> bool:
        return self.values.directory.logical()

    def _attribute(self, attribute: int, chosen: bytes = b"") -> Item:
        name = 0 if self.logical() else attribute_name(self.base_name, attribute)
        return Item(PROFILE_GENERIC, self.target.logical_name, attribute, chosen, name)

    def describe(self) -> Conversation:
        """Columns, their scalers, capture period, order, how many rows there are, and the time where it is needed.

        Raises: NotGiven, DecodeError, LineError.
        """
        items = [self._attribute(n) for n in (CAPTURE_OBJECTS, CAPTURE_PERIOD, SORT_METHOD, ENTRIES_IN_USE)]
        if self.logical() and not (self.state.get("numbers") and self.may(BY_NUMBER, 1)):
            items.append(Item(CLOCK, CLOCK_NAME, 2))
        results: list[tuple[Any, Any]] = []
        while len(results) < len(items):
            results += yield from self.values.reader.read(self.values.reader.batch(items, len(results)))
        (code, objects), (_, period), (_, order), (_, entries), *now = results
        if code:
            raise NotGiven(failure_reason(code))
        self.period = period if isinstance(period, int) and 0 < period <= MAX_PERIOD_S else 0
        self.newest_first = order == LAST_IN_FIRST_OUT
        self.sorted = isinstance(order, int) and order > LAST_IN_FIRST_OUT
        self.entries = entries if isinstance(entries, int) else 0
        for _, time in now:
            self._notice(time)
            told = meter_time(time)
            if told is not None:
                yield told
        yield from self._name_columns(objects)

    def _notice(self, now: Any) -> None:
        """Whether the meter's clock was set back, so that new rows lie before old ones."""
        try:
            seconds = date_time_seconds(now) if isinstance(now, bytes) else None
        except DecodeError:
            return
        if seconds is not None:
            self.set_back = seconds < self.state.get("now", seconds) - BACK_S
            self.state["now"] = seconds

    def _name_columns(self, objects: Any) -> Conversation:
        if not isinstance(objects, list) or not objects:
            raise DecodeError(f"{self.name}: the capture objects are no list")
        captured_objects = [_column(entry) for entry in objects]
        directory = self.values.directory
        if not self.logical():
            yield from directory.learn([name for _, name, _ in captured_objects], [])
        for class_id, name, attribute in captured_objects:
            found = None if self.logical() else directory.find(name)
            short_name = attribute_name(found[1], attribute) if found else 0
            self.columns.append(Item(class_id, name, attribute, short_name=short_name))
        self.clock = captured_time(self.columns)
        if self.clock < 0 and 0 <= self.state.get("time", -1) < len(self.columns):
            self.clock = self.state["time"]
        yield from self.values.learn_scalers([item for item in self.columns if self.logical() or item.short_name])

    def scaler(self, item: Item) -> ScalerUnit | str:
        """Scaler and unit of a column, or the reason why there is none."""
        return self.values.scaler(item) if item.short_name or self.logical() else "not_found"

    def index(self, column: tuple[bytes, int] | int) -> int | None:
        """Where a column stands; None where there is none such."""
        if isinstance(column, int):
            return column - 1 if column <= len(self.columns) else None
        for index, item in enumerate(self.columns):
            if (item.logical_name, item.attribute) == column:
                return index
        return None

    # Rows

    def may(self, how: str, entries: int | None = None) -> bool:
        """Whether rows may be asked for by number or by time, for all that is known."""
        granted = self.values.reader.association.granted
        if (SELECTIVE if self.logical() else PARAMETERISED) not in granted:
            return False
        if (self.name, how) in self.memory.unselective:
            return False
        if how == BY_TIME:
            return self.clock >= 0
        return self.numbered and (self.entries if entries is None else entries) > 0 and not self.sorted

    def refuse(self, how: str) -> None:
        """Rows cannot be asked for like that."""
        self.memory.unselective |= {(self.name, how)}

    def tail(self, rows: int) -> Conversation:
        """The newest `rows`. Returns: [Row], or None where they cannot be asked for by number."""
        rows = min(rows, self.entries)
        first, last = (1, rows) if self.newest_first else (self.entries - rows + 1, 0)
        return (yield from self._numbered(first, last))

    def _numbered(self, first: int, last: int) -> Conversation:
        """The rows with these numbers, 0 for the last there is. Returns: as `tail`."""
        return (yield from self._selected(selection.by_entry(first, last), BY_NUMBER))

    def count_up(self) -> Conversation:
        """Whether the row with the first number is older than that with the last: some meters count the other way."""
        first = yield from self._numbered(1, 1)
        last = yield from self._numbered(self.entries, self.entries)
        if not first or not last or None in (first[0].seconds, last[0].seconds):
            return False
        return (first[0].seconds < last[0].seconds) != self.newest_first

    def span(self, start: bytes, end: bytes) -> Conversation:
        """The rows of this time. Returns: [Row], or None where they cannot be asked for by time."""
        if not self.may(BY_TIME):
            return None
        column = self.columns[self.clock]
        clock = (column.class_id, column.logical_name, column.attribute, 0)
        as_told = self.values.reader.as_told
        return (yield from self._selected(selection.by_range(clock, as_told(start), as_told(end)), BY_TIME))

    def _selected(self, chosen: bytes, how: str) -> Conversation:
        code, found = yield from self.values.reader.attempt(self._attribute(BUFFER, chosen))
        if code:
            self.refuse(how)
            return None
        return self._rows(found)

    def everything(self) -> Conversation:
        """The whole buffer. Returns: [Row]. Raises: NotGiven."""
        code, found = yield from self.values.reader.attempt(self._attribute(BUFFER))
        if code:
            raise NotGiven(failure_reason(code))
        return self._rows(found)

    def _rows(self, found: Any) -> list[Row]:
        """Raises: DecodeError where they are none, or where nothing is their time."""
        if not isinstance(found, list):
            raise DecodeError(f"{self.name}: the buffer is no array")
        if self.clock < 0:
            self.clock = self.state["time"] = told_time(found, len(self.columns))
        if self.clock < 0 and found:
            raise DecodeError(f"{self.name}: no column is a time")
        if self.believed is not None:
            found = [self.believed(row, self.clock) for row in found]
        rows = captured(found, self.columns, self.clock, self.period, self.newest_first)
        if self.sorted:
            rows.sort(key=lambda row: row.seconds or 0)
        return rows


class NotGiven(ProtocolError):
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
