"""What a GAMA meter has written down with its own times: load profile, power-failure log.

A load profile is a profile-generic buffer and read as one (`dlms.profile`); what is Elgama's is how it begins: by range
back from the meter's clock, since that is the one selection that is known of these meters, and that a row's deviation
may be wrong, so that rows are ordered and stamped by their local time. A log is a plain list of structures with a time
and a number each; of either only what is newer than what was seen before is reported, oldest first.
"""

from __future__ import annotations

from ... import values
from ...conversation import Report
from ...errors import DecodeError
from ...model import GOOD, Signal, failed
from ..dlms.data import date_time_seconds, date_time_text, plain
from ..dlms.profile import Profile
from ..dlms.profile_buffer import BY_TIME
from ..dlms.reading import failure_reason
from ..dlms.targets import Target
from ..dlms.times import later, row_seconds
from .raw import NO_NAME
from .times import LENGTH, as_told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    from ...conversation import Conversation
    from ...model import Reading
    from ..dlms.memory import DlmsMemory
    from ..dlms.naming import Item
    from ..dlms.profile_rows import Row
    from ..dlms.reader import Reader
    from ..dlms.reading import Values
    from .profile import Content
    from .profile import Profile as ElgamaProfile
    from .requests import CosemRequests
    from .selection import Choice

    class Talk(Protocol):
        """What is said within one association, as far as rows need it."""

        requests: CosemRequests
        profile: ElgamaProfile
        reader: Reader
        memory: DlmsMemory
        values: Values

        def clock(self) -> Conversation: ...


def _told(clock: Content | None) -> Content:
    """What to believe of a written time. The status stays, for only it tells the two hours apart that autumn has."""
    return {"ignore_deviation": bool(clock and clock.get("ignore_deviation"))}


class LoadProfile(Profile):
    """One load profile and the signals that it feeds."""

    def __init__(self, talk: Talk, item: Item, choices: list[Choice]) -> None:
        target = Target(item.logical_name or NO_NAME, item.attribute, item.class_id, item.short_name)
        target.signals = tuple([_row_signal(choice, talk.requests.rows) for choice in choices])
        super().__init__(talk.values, target, talk.memory)
        self.buffer.numbered = False  # of these meters only ranges are known
        self.buffer.believed = self._believed
        self.talk = talk
        self.clock_part = talk.profile.clock or {}

    def _begin(self) -> Conversation:
        now = (yield from self.talk.clock()) if self.buffer.may(BY_TIME) and self.buffer.period else None
        if now is None:
            yield from super()._begin()
            return
        # As if everything before had been read: the way on is the same as ever.
        start = self.state["last"] = later(now, -self.buffer.period * self.talk.requests.rows)
        self.memory.caught_up |= {self.name}
        yield from self._continue()
        if self.state["last"] == start:
            # Nothing since then: an empty buffer, or a clock that is wrong and leads past all rows.
            del self.state["last"]
            yield from super()._begin()

    def _believed(self, row: Any, clock: int) -> Any:
        """The row, its time without what the profile says not to believe."""
        if not isinstance(row, (tuple, list)) or clock >= len(row):
            return row
        time = row[clock]
        if not isinstance(time, bytes) or len(time) != LENGTH:
            return row
        return [*row[:clock], as_told(bytes(time), _told(self.clock_part)), *row[clock + 1 :]]

    def _reading(self, signal: Signal, row: Row, doubtful: bool = False) -> Reading:
        found: Reading = super()._reading(signal, row, doubtful)
        if found.value is None:
            return found
        reading = values.reading(signal, found.value, found.unit, found.meter_time)
        doubted = found.quality != GOOD and not (found.reason == "clock" and self.clock_part.get("ignore_status"))
        if doubted and reading.quality == GOOD:
            reading.quality, reading.reason = found.quality, found.reason
        return reading


def _row_signal(choice: Choice, rows: int) -> Signal:
    """The signal as a load profile's, with the column that feeds it; '' for whole rows."""
    signal = choice.signal
    column = choice.column or (str(choice.field) if choice.field else "")
    parameters = {**signal.parameters, "column": _full_column(column), "profile_rows": rows, "scaler": None}
    return Signal(signal.device_alias, signal.alias, parameters, signal.log)


def _full_column(column: str) -> str:
    """C.D.E of a column means 1-0:C.D.E."""
    return f"1.0.{column}.255" if column.count(".") == 2 and not set(column) & set("-:*") else column


class EventLog:
    """A list of (time, number) and the signals that it feeds: the number, or the field that a signal names."""

    def __init__(self, talk: Talk, item: Item, choices: list[Choice]) -> None:
        self.talk = talk
        self.item = item
        self.choices = choices
        logs: dict[str, list[int]] = talk.memory.kept.persistent.setdefault("logs", {})
        self.logs = logs
        self.name = f"{item.short_name:04X}" if item.short_name else item.logical_name.hex()

    def read(self) -> Conversation:
        """Report what is new. Raises: LineError, Disconnected; what is refused fails with a reason."""
        code, found = yield from self.talk.reader.attempt(self.item)
        reason = failure_reason(code) if code else None
        entries: list[tuple[int, bytes, Any]] = []
        if reason is None:
            try:
                entries = self._entries(found)
            except DecodeError as error:
                reason = error.reason
        if reason is not None:
            for choice in self.choices:
                yield Report(failed(choice.signal, reason))
            return
        yield from self._report(entries)

    def _entries(self, found: Any) -> list[tuple[int, bytes, Any]]:
        """(seconds, time, entry) in the order of time. Raises: DecodeError."""
        if not isinstance(found, list):
            raise DecodeError("the log is no array")
        clock = self.talk.profile.clock
        entries = []
        for entry in found:
            times = [part for part in entry if isinstance(part, bytes)] if isinstance(entry, (tuple, list)) else []
            if not times or len(times[0]) != LENGTH:
                raise DecodeError("an entry of the log has no time")
            time = as_told(bytes(times[0]), _told(clock))
            if date_time_seconds(time) is not None:
                entries.append((row_seconds(time), time, entry))
        entries.sort(key=lambda each: each[0])
        return entries

    def _report(self, entries: list[tuple[int, bytes, Any]]) -> Conversation:
        """Those after the last one seen; several may stand at one second."""
        last, count = self.logs.get(self.name, [None, 0])
        if last is None:
            new = entries[-self.talk.requests.rows :]
        else:
            new = [each for each in entries if each[0] == last][count:] + [each for each in entries if each[0] > last]
        for _, time, entry in new:
            for choice in self.choices:
                yield Report(self._reading(choice, time, entry))
        if new:
            newest = entries[-1][0]
            self.logs[self.name] = [newest, sum(1 for each in entries if each[0] == newest)]
            self.talk.memory.save()

    def _reading(self, choice: Choice, time: bytes, entry: Any) -> Reading:
        field = choice.field
        if field is not None and field > len(entry):
            return failed(choice.signal, "not_found")
        parts = [part for part in entry if not isinstance(part, bytes)] if field is None else [entry[field - 1]]
        told = parts[0] if parts else None
        if type(told) is bytes and len(told) == LENGTH:
            told = date_time_text(time)
        try:
            found = plain(told)
        except DecodeError as error:
            return failed(choice.signal, error.reason)
        if found is None:
            return failed(choice.signal, "type")
        return values.reading(choice.signal, found, None, date_time_text(time))
