"""Load profiles and logs: a reading for each row that is new, with the meter's own time.

What was reported is remembered over restarts: the last rows themselves, in the order in which the meter wrote them. A
scan asks back behind the last one, so that gaps of any length are filled from where they began; the answer is laid over
the remembered rows, and what follows them is new. Comparing rows instead of times is what survives the hour that autumn
has twice, and a clock that was set. A clock that stands before the last row was set back: then the scan asks back from
the clock.
"""

from __future__ import annotations

from ... import values
from ...conversation import NOTICE, Report, Tell
from ...errors import Refused
from ...model import GOOD, INVALID, failed
from .codes import is_short_for
from .rows import Row, rows_in
from .selection import as_written, clean_unit
from .stamps import HOUR_S, Moment, clock_readings, meter_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..._readout_dialogue import ProgrammingDecoder
    from ...conversation import Conversation
    from ...model import Memory, Plan, Reading, Signal
    from .programming import Programming
    from .requests import Columns
    from .session import Session

MAX_REMEMBERED = 128  # rows, and at least the overlap of profiles of one minute and more
OVERLAP_S = 2 * HOUR_S  # two, for a meter may or may not heed the season in what it is asked
FIRST_PERIOD_S = 900  # as long as a profile's period is not known
DAY_S = 86400
MAX_NAMED = 10  # columns, in a sentence
RANGES = ("({start};)", "({start};{end})", "()")  # from then on; the same for meters that want an end; all of it


class Remembered:
    """What is kept of one profile: `rows` reported last, as keys; `last` the stamp of the last one; `meter` whose they
    are; `order` which of the readings of its clock is right; `form` the RANGES that it takes."""

    __slots__ = ("form", "last", "meter", "order", "period_s", "rows")

    def __init__(self, kept: dict[str, Any]) -> None:
        self.rows: list[str] = [row for row in kept.get("rows", []) if isinstance(row, str)][-MAX_REMEMBERED:]
        self.last = str(kept.get("last") or "")
        self.meter = str(kept.get("meter") or "")
        self.order: int | None = kept.get("order")
        self.form = int(kept.get("form") or 0) % len(RANGES)
        self.period_s = int(kept.get("period_s") or 0)

    @classmethod
    def of(cls, memory: Memory, address: str, session: Session) -> Conversation:
        """What is known of a profile, if it is still the meter that it was learnt from.

        Returns: Remembered; None where it seems to be another one, which is believed at its second word.
        """
        kept = memory.persistent.get("iec_profiles", {}).get(address)
        found = cls(kept if isinstance(kept, dict) else {})
        meter = session.who()
        if found.meter == meter:
            return found
        if found.meter and not session.learnt.is_sure():
            yield Tell(
                NOTICE, f"the meter calls itself {meter}, and its profile {address} was that of {found.meter}: its "
                "rows wait for the next scan, for this may be noise", "profile",
            )  # fmt: skip
            return None
        if found.meter:
            yield Tell(
                NOTICE, f"the meter calls itself {meter}, and its profile {address} was that of {found.meter}: what "
                "was seen of its rows is forgotten", "profile",
            )  # fmt: skip
        return cls({"meter": meter})

    def keep(self, memory: Memory, address: str) -> None:
        memory.persistent.setdefault("iec_profiles", {})[address] = {
            name: getattr(self, name) for name in self.__slots__
        }
        memory.save()

    def take(self, rows: list[Row], most: int) -> list[Row]:
        """Those of `rows` that are new, remembered from now on; of a profile never seen the newest `most`."""
        keys = [row.key() for row in rows]
        first = not self.rows and not self.last
        new = rows[-most:] if first else [rows[at] for at in _new(keys, self.rows)]
        if not new:
            return []
        self.rows = (self.rows + [row.key() for row in new])[-MAX_REMEMBERED:]
        if new[-1].moment is not None:
            self.last = new[-1].moment.stamp()
        self.period_s = new[-1].header.period_s
        return new


def _new(keys: list[str], known: list[str]) -> list[int]:
    """Which of the rows that came are not among those known, laid one over the other in the order of writing."""
    for size in range(min(len(keys), len(known)), 0, -1):
        if keys[:size] == known[-size:]:
            return list(range(size, len(keys)))
    for at in range(len(keys) - len(known), 0, -1):
        if keys[at : at + len(known)] == known:
            return list(range(at + len(known), len(keys)))
    left: dict[str, int] = {}  # the meter has changed something: each row known counts once
    for key in known:
        left[key] = left.get(key, 0) + 1
    found = []
    for at, key in enumerate(keys):
        if left.get(key, 0):
            left[key] -= 1
        else:
            found.append(at)
    return found


def report_listed(plan: Plan, memory: Memory, session: Session, text: bytes) -> Conversation:
    """The rows of profiles that stand in a read-out."""
    for address, columns in plan.requests.listed_rows.items():
        rows = rows_in(text, address)
        if not rows:
            yield from _fail(columns, "not_found", f"no rows of a load profile {address} are in the read-out")
            continue
        known: Remembered | None = yield from Remembered.of(memory, address, session)
        if known is not None:
            yield from _report(columns, rows, known.take(rows, plan.device["profile_rows"]))
            known.keep(memory, address)


class AskedRows:
    """The profiles that are asked for in programming mode, within one dialogue."""

    __slots__ = ("memory", "plan", "programming", "waiting")

    def __init__(self, plan: Plan, memory: Memory, programming: Programming) -> None:
        self.plan = plan
        self.memory = memory
        self.programming = programming
        self.waiting: list[tuple[tuple[str, str], Columns]] = list(plan.requests.asked_rows.items())

    def run(self, decoder: ProgrammingDecoder) -> Conversation:
        """Raises: LineError; what is refused fails alone."""
        while self.waiting:
            (command, address), columns = self.waiting[0]
            try:
                yield from _Asked(self, decoder, command, address).read(columns)
            except Refused as error:
                yield from _fail(columns, error.reason)
            del self.waiting[0]


class _Asked:
    def __init__(self, asked: AskedRows, decoder: ProgrammingDecoder, command: str, address: str) -> None:
        self.asked = asked
        self.decoder = decoder
        self.command = command
        self.address = address
        self.most: int = asked.plan.device["profile_rows"]
        self.known = Remembered({})

    def read(self, columns: Columns) -> Conversation:
        asked = self.asked
        known: Remembered | None = yield from Remembered.of(asked.memory, self.address, asked.programming.session)
        if known is None:
            return
        self.known = known
        last = Moment.parse(known.last)
        if last is None:
            rows = yield from self._first()
            new = known.take(rows, self.most)
        else:
            rows = yield from self._rows_from(last.later(-OVERLAP_S - known.period_s))
            new = known.take(rows, self.most)
            if not new:
                rows = yield from self._before(last)
                new = known.take(rows, self.most)
        yield from _report(columns, rows, new)
        if new:
            known.keep(self.asked.memory, self.address)

    def _first(self) -> Conversation:
        """The newest rows of a profile never seen: back from the meter's clock, or all where that is not known."""
        clocks = yield from self._clocks()
        rows: list[Row] = []
        if len(clocks) == 1:
            rows = yield from self._rows_from(clocks[0].later(-FIRST_PERIOD_S * self.most))
            if rows and len(rows) < self.most and rows[0].header.period_s > FIRST_PERIOD_S:
                rows = yield from self._rows_from(clocks[0].later(-rows[0].header.period_s * self.most))
        if not rows:
            rows = yield from self._fetch(RANGES[-1])
        self._learn_order(clocks, rows)
        return rows

    def _before(self, last: Moment) -> Conversation:
        """Rows from the clock on, where it stands before the last row: it was set back."""
        clocks = yield from self._clocks()
        order = self.known.order
        if order is None or order >= len(clocks):
            return []
        clock = Moment(clocks[order].face, last.season, last.width)
        if clock.face >= last.face - HOUR_S:
            return []
        return (yield from self._rows_from(clock.later(-OVERLAP_S - self.known.period_s)))

    def _learn_order(self, clocks: list[Moment], rows: list[Row]) -> None:
        newest = next((row.moment for row in reversed(rows) if row.moment is not None), None)
        if newest is not None:
            near = [at for at, clock in enumerate(clocks) if abs(clock.face - newest.face) < DAY_S]
            self.known.order = near[0] if near else None

    def _clocks(self) -> Conversation:
        """What the meter's clock may mean; nothing where it tells none."""
        texts = []
        for address in ("0.9.2", "0.9.1"):
            try:
                text = yield from self.asked.programming.fetch(self.decoder, b"R5", f"{address}()")
            except Refused:
                return []
            _, _, behind = text.decode("latin-1").partition("(")
            texts.append(behind.partition(")")[0])
        found = clock_readings(*texts)
        told = meter_time(found)
        if told is not None:
            yield told
        return found

    def _rows_from(self, start: Moment) -> Conversation:
        """Rows from a time on; a meter that refuses one way to ask is asked in the next."""
        while True:
            form = RANGES[self.known.form]
            end = start.later(366 * DAY_S)
            try:
                return (yield from self._fetch(form.format(start=start.stamp(), end=end.stamp())))
            except Refused:
                self.known.form += 1
                if self.known.form == len(RANGES):
                    self.known.form = 0
                    raise

    def _fetch(self, brackets: str) -> Conversation:
        programming = self.asked.programming
        text = yield from programming.fetch(self.decoder, self.command.encode("ascii"), self.address + brackets)
        return rows_in(text, self.address)


def _report(columns: Columns, rows: list[Row], new: list[Row]) -> Conversation:
    """A reading for each new row and signal; a column that no row has fails, whether a row is new or not."""
    for signal, column in columns:
        if rows and all(_place(row, column) is None for row in rows):
            there = ", ".join(code for code, _ in rows[-1].header.columns[:MAX_NAMED]) or "none"
            yield Report(failed(signal, "not_found", f"the load profile has no column {column}; its columns: {there}"))
    for row in new:
        for signal, column in columns:
            place = _place(row, column)
            if place is not None:
                yield Report(_reading(signal, row, place))


def _fail(columns: Columns, reason: str, words: str = "") -> Conversation:
    for signal, _ in columns:
        yield Report(failed(signal, reason, words))


def _place(row: Row, column: str) -> int | None:
    """The column that a signal names by its number, from 1, or its code; -1 for the whole row; None for none."""
    if not column:
        return -1
    codes = row.header.columns
    if column.isascii() and column.isdigit():
        return int(column) - 1 if 1 <= int(column) <= len(codes) else None
    for at, (code, _) in enumerate(codes):
        if is_short_for(column, code) or is_short_for(code, column):
            return at
    return None


def _reading(signal: Signal, row: Row, place: int) -> Reading:
    if row.moment is None:
        return failed(signal, "clock")
    time = row.moment.iso()
    if place < 0:
        return values.reading(signal, as_written(row.text()), None, time)
    if place >= len(row.values):
        reading = failed(signal, "not_found")
        reading.meter_time = time
        return reading
    value, unit = row.values[place]
    reading = values.reading(signal, value, clean_unit(unit or row.header.columns[place][1]), time)
    doubt = row.doubt()
    if doubt is not None and reading.quality == GOOD:
        reading.quality, reading.reason = INVALID, doubt
    return reading
