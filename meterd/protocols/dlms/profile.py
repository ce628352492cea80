"""Load profiles: the rows of a profile-generic buffer become readings with the meter's own times (Blue Book 4.3.6).

The problem: a buffer is a ring that fills while nobody looks, and every row of it is to be reported once, in the order
of capture. The first time the newest rows are read. From then on the newest few are asked for by their number: what
stands behind the last row seen is new, whatever its time says. Where more has come than those, it is asked for by
time, from some time before the last row on and in windows after a restart, and what was seen is left out row by row;
then the newest rows are looked at once more, so that nothing is missed whose stamp lies out of order. `profile_seen`
keeps over restarts what that takes.

The dirt: meters that select by number only, by time only, or not at all (then the whole buffer is read, ever less often
while it brings nothing); numbers that count the other way; rows that cannot be told, left out with a line in the log.
"""

from __future__ import annotations

from ...conversation import WARNING, Report, Tell
from ...errors import DecodeError
from ...model import INVALID, failed
from .data import clock_is_invalid, date_time_text, plain, scale
from .profile_buffer import BY_NUMBER, BY_TIME, Buffer, NotGiven
from .profile_seen import Seen, ahead_of_time
from .reading import meaning, reading_of, told_scaler
from .targets import parse_column
from .times import later, row_seconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...conversation import Conversation
    from ...model import Reading, Signal
    from .memory import DlmsMemory
    from .profile_rows import Row
    from .reading import Values
    from .targets import Target

FAR_YEAR = 2099
# Rows of one window when a long gap is filled, and windows of one scan.
WINDOW_ROWS = 1000
MAX_WINDOWS = 64
# A range begins so much before the last row: autumn sets clocks back by an hour, and half an hour is a whole one.
OVERLAP_S = 3600
# The newest rows that are looked at in every scan; so many times as many where the last one seen is not among them.
TAIL_ROWS, TAIL_STEP, MOST_TAIL_ROWS = 4, 4, 256
# Scans from one reading of a whole buffer that brings nothing to the next: where nothing else is to be had, and where
# ranges bring nothing either.
MAX_WHOLE_WAIT, FIRST_DOUBT, MAX_DOUBT = 63, 64, 4096


class Profile:
    """One buffer and the signals that it feeds."""

    def __init__(self, values: Values, target: Target, memory: DlmsMemory) -> None:
        self.buffer = Buffer(values, target, memory)
        self.target = target
        self.memory = memory
        self.name = self.buffer.name
        self.state: dict[str, Any] = self.buffer.state
        self.seen = Seen(self.state)
        self.more = 0  # entries than there were when the last row was seen
        self.reported = 0

    def read(self) -> Conversation:
        """Report what is new. Raises: LineError, Disconnected, SecurityError; what is refused fails with a reason."""
        try:
            yield from self.buffer.describe()
            if self.seen.mark is None:
                yield from self._begin()
            else:
                yield from self._continue()
        except (NotGiven, DecodeError) as error:
            words = "" if isinstance(error, NotGiven) else str(error)
            for signal in self.target.signals:
                yield Report(failed(signal, error.reason, words))

    # Which rows to ask for

    def _newest(self) -> int:
        return max(signal["profile_rows"] for signal in self.target.signals)

    def _begin(self) -> Conversation:
        """Never seen before: the newest rows."""
        buffer, rows = self.buffer, self._newest()
        found = None
        if buffer.entries > rows and buffer.may(BY_NUMBER):
            self.state["numbers"] = yield from buffer.count_up()
            if self.state["numbers"]:
                found = yield from buffer.tail(rows)
        if found is None:
            found = yield from buffer.everything()
        if found and all(row.fault for row in found):
            raise DecodeError(f"{self.name}: not one row can be told: {found[-1].fault}")
        yield from self._report(found[-rows:])

    def _continue(self) -> Conversation:
        """From the last row seen to the newest."""
        buffer = self.buffer
        self.more = buffer.entries - self.state.get("entries", buffer.entries)
        # Rows are asked for by time as well until it is known that their numbers count as they should.
        trusted = self.state.get("numbers") or not buffer.may(BY_TIME)
        if trusted and (yield from self._behind_some()):
            return
        if buffer.may(BY_TIME):
            yield from self._by_time()
        if buffer.may(BY_NUMBER):
            yield from self._look_further()
        elif not buffer.may(BY_TIME) and self._whole_is_due(0, MAX_WHOLE_WAIT):
            yield from self._whole(MAX_WHOLE_WAIT)

    # By number

    def _behind_some(self) -> Conversation:
        """Look for the last row seen among some of the newest. Returns: whether all that is new has been reported."""
        rows = max(TAIL_ROWS, min(self.more + 2, MOST_TAIL_ROWS))  # as many as came, while the buffer fills
        while self.buffer.may(BY_NUMBER):
            if (yield from self._behind(rows)):
                return True
            if rows >= MOST_TAIL_ROWS:
                break
            rows = min(rows * TAIL_STEP, MOST_TAIL_ROWS)
        return False

    def _behind(self, rows: int) -> Conversation:
        """Report what stands behind the last row seen among the newest `rows`. Returns: whether that is all."""
        found = yield from self.buffer.tail(rows)
        if found is None:
            return False
        at = self.seen.behind(found)
        if at is None and rows < self.buffer.entries:
            return False
        yield from self._report(found[at:] if at is not None else self.seen.of_whole(found, self._newest()))
        return True

    def _look_further(self) -> Conversation:
        """Whether the last row seen is among the newest now, further and further back."""
        buffer = self.buffer
        rows = TAIL_ROWS if buffer.may(BY_TIME) else MOST_TAIL_ROWS
        before = self.seen.keys
        while buffer.may(BY_NUMBER) and not (yield from self._behind(rows)):
            rows *= TAIL_STEP
        if not buffer.may(BY_NUMBER):
            if not buffer.may(BY_TIME):
                yield from self._whole(MAX_WHOLE_WAIT)
        elif buffer.may(BY_TIME):
            self.state["numbers"] = rows < buffer.entries or buffer.entries <= TAIL_ROWS or self.seen.keys != before
            if not self.state["numbers"]:
                buffer.refuse(BY_NUMBER)

    # By time

    def _by_time(self) -> Conversation:
        """At once within one run, in windows after a restart.

        Where no other selection is known, a clock that was set back, and missing rows, show that some lie before.
        """
        memory = self.memory
        only = not (self.state.get("numbers") and self.buffer.may(BY_NUMBER))
        if only and self.buffer.set_back:
            yield from self._whole(MAX_DOUBT)
            return
        if self.name not in memory.caught_up and self._gap_may_be_long():
            yield from self._windows()
        memory.caught_up -= {self.name}
        last = bytes(self.state["last"])
        new = yield from self._range(FAR_YEAR.to_bytes(2, "big") + bytes((12, 31, 0xFF, 23, 59, 59, 0)) + last[9:])
        memory.caught_up |= {self.name}
        if new is not None:
            if only and self._is_doubtful(len(new)):
                yield from self._whole(MAX_DOUBT)
            else:
                yield from self._report(new)

    def _windows(self) -> Conversation:
        for _ in range(MAX_WINDOWS):
            new = yield from self._range(self._from_mark(WINDOW_ROWS * self.buffer.period))
            if not new:
                break
            yield from self._report(new)

    def _gap_may_be_long(self) -> bool:
        """Whether more than a window may have been captured since the last row seen, for all that is known."""
        period, now = self.buffer.period, self.state.get("now")
        if not period or not isinstance(now, int):
            return period > 0
        return now - row_seconds(bytes(self.state["last"])) > WINDOW_ROWS * period

    def _range(self, end: bytes) -> Conversation:
        """What is new from some time before the last row to `end`: [Row], or None where that cannot be asked for."""
        rows = yield from self.buffer.span(self._from_mark(-self._overlap()), end)
        return None if rows is None else self.seen.of_range(rows)

    def _from_mark(self, seconds: int) -> bytes:
        """The time so long after the mark, which stands itself for what no calendar has."""
        mark = bytes(self.state["last"])
        try:
            return later(mark, seconds)
        except DecodeError:
            return mark

    def _overlap(self) -> int:
        return OVERLAP_S + self.buffer.period

    def _is_doubtful(self, news: int) -> bool:
        """Whether ranges that bring nothing for long, or less than there is more, may begin at a wrong time."""
        news += self.reported
        if news and news >= self.more:
            self.memory.whole_waits.pop(self.name, None)
            return False
        return news < self.more or self._whole_is_due(FIRST_DOUBT, MAX_DOUBT)

    # The whole buffer

    def _whole(self, most: int) -> Conversation:
        new = self.seen.of_whole((yield from self.buffer.everything()), self._newest())
        _, pace, _ = self.memory.whole_waits.get(self.name, [0, 0, 0])
        pace = pace if new else min(2 * pace + 1, most)
        self.memory.whole_waits[self.name] = [pace // 2 if new else pace, pace, self.buffer.entries]
        self.state["entries"] = self.buffer.entries
        yield from self._report(new)

    def _whole_is_due(self, first: int, most: int) -> bool:
        waits = self.memory.whole_waits.setdefault(self.name, [first, min(first, most), self.buffer.entries])
        if waits[2] != self.buffer.entries:
            return True
        waits[0] -= 1
        return waits[0] < 0

    # Rows to readings

    def _report(self, rows: list[Row]) -> Conversation:
        doubted = ahead_of_time(rows)
        for row in rows:
            if row.fault:
                yield Tell(WARNING, f"{self.name}: a row is left out: {row.fault}", "rows")
                continue
            for signal in self.target.signals:
                yield Report(self._reading(signal, row, row.key in doubted))
        self.reported += len(rows)
        if rows:
            self.state["entries"] = self.buffer.entries
            self.seen.note(rows, self._overlap())
            self.memory.save()

    def _reading(self, signal: Signal, row: Row, doubtful: bool = False) -> Reading:
        clock = row.clock or b""
        meter_time = date_time_text(clock)
        if not signal["column"]:
            reading = self._whole_row(signal, row, meter_time)
        else:
            index = self.buffer.index(parse_column(signal["column"]))
            if index is None:
                return failed(signal, "not_found")
            item = self.buffer.columns[index]
            scaler = told_scaler(signal, self.buffer.scaler(item))
            reading = reading_of(signal, item, row.cells[index], scaler, meter_time)
        if (doubtful or clock_is_invalid(clock)) and reading.value is not None:
            reading.quality, reading.reason = INVALID, "clock"
        return reading

    def _whole_row(self, signal: Signal, row: Row, meter_time: str | None) -> Reading:
        """All columns but the clock, scaled where they have a scaler; a gap in it says that it is not all good."""
        columns, clock = self.buffer.columns, self.buffer.clock
        cells: list[Any] = []
        reason = None
        for index, (item, value) in enumerate(zip(columns, row.cells, strict=True)):
            if index == clock:
                continue
            scaler = self.buffer.scaler(item)
            if isinstance(scaler, str) or value is None:
                reason = scaler if isinstance(scaler, str) else "type"
                cells.append(None)
            else:
                cells.append(plain(scale(meaning(item, value), scaler[0])))
        reading = reading_of(signal, columns[clock], tuple(cells), (0, None), meter_time)
        if reason is not None and reading.value is not None:
            reading.quality, reading.reason = INVALID, reason
        return reading
