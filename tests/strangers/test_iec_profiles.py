"""IEC load profiles: the rows published are those that a meter captured, each once, whatever clock and line do."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from typing import Any

import pytest

from meterd.model import Memory
from meterd.protocols.iec62056_21 import driver
from meterd.protocols.iec62056_21.rows import rows_in
from meterd.protocols.iec62056_21.stamps import Moment, clock_readings, parts_of, seconds_of
from tests.pair import Outcome, converse
from tests.strangers.iec_meter import device, exclusive_or, framed, lister, programmable, signal

IDENT = b"/QRS5PROFILE\r\n"
SUMMER_BEGINS = datetime.datetime(2026, 3, 29, 1)  # UTC
SUMMER_ENDS = datetime.datetime(2026, 10, 25, 1)
ERROR = framed(b"(ER23)")


class Capturing:
    """A meter in Central Europe that captures a row each period; `offset` by how much its clock is wrong."""

    def __init__(self, start: datetime.datetime, period_min: int = 15, size: int = 4000) -> None:
        self.utc = start
        self.offset = datetime.timedelta()
        self.period = datetime.timedelta(minutes=period_min)
        self.size = size
        self.buffer: list[tuple[str, int, str, tuple[str, str]]] = []  # stamp, steady seconds, status, values
        self.captured: list[tuple[str, str, str]] = []
        self.count = 0
        self.ident = IDENT
        self.heeds_season = True
        self.needs_end = False
        self.knows_clock = True
        self.questions: list[bytes] = []

    def clock(self) -> tuple[datetime.datetime, str]:
        utc = self.utc + self.offset
        summer = SUMMER_BEGINS <= utc < SUMMER_ENDS
        return utc + datetime.timedelta(hours=2 if summer else 1), "1" if summer else "0"

    def run(self, periods: int, powered: bool = True) -> None:
        for _ in range(periods):
            self.utc += self.period
            if not powered:
                continue
            local, season = self.clock()
            self.count += 1
            # Nights are all alike: rows are known by more than their values.
            values = ("0.000" if self.count % 7 < 4 else f"{self.count / 1000:.3f}", "0.250")
            stamp = season + local.strftime("%y%m%d%H%M%S")
            self.buffer = [*self.buffer, (stamp, self.steady(local, season), "00", values)][-self.size :]
            self.captured.append((local.isoformat(), *values))

    @staticmethod
    def steady(local: datetime.datetime, season: str) -> int:
        return int((local - datetime.datetime(2000, 1, 1)).total_seconds()) - 3600 * (season == "1")

    def answer(self, command: bytes, data: bytes) -> bytes:
        self.questions.append(data)
        name, _, brackets = data.decode().partition("(")
        local, season = self.clock()
        if name in ("0.9.1", "0.9.2"):
            if not self.knows_clock:
                return ERROR
            text = season + local.strftime("%H%M%S" if name == "0.9.1" else "%y%m%d")
            return framed(f"{name}({text})".encode())
        if name != "P.01":
            return ERROR
        start, _, end = brackets.rstrip(")").partition(";")
        if start and not end and self.needs_end:
            return ERROR
        if not start:
            return framed(self.text(self.buffer))
        if not self.heeds_season:
            return framed(self.text([row for row in self.buffer if row[0][1:] >= start[1:]]))
        steady = self.steady(datetime.datetime.strptime(start[1:], "%y%m%d%H%M%S"), start[0])
        return framed(self.text([row for row in self.buffer if row[1] >= steady]))

    def text(self, rows: list[tuple[str, int, str, tuple[str, str]]]) -> bytes:
        lines: list[str] = []
        before: tuple[str, int] | None = None
        for stamp, steady, status, values in rows:
            if before is None or stamp[0] != before[0] or steady != before[1] + self.period.seconds:
                minutes = self.period.seconds // 60
                lines.append(f"P.01({stamp})({status})({minutes:02})(2)(1.5.0)(kW)(2.5.0)(kW)\r\n")
            lines.append("".join(f"({value})" for value in values) + "\r\n")
            before = (stamp[0], steady)
        return "".join(lines).encode()


class Reader:
    """Scans with what survives a restart, and what does not."""

    def __init__(self, meter: Capturing, **given: Any) -> None:
        self.meter = meter
        self.kept: dict[str, Any] = {}
        self.memory = Memory(self.kept)
        self.given = given
        self.rows: list[tuple[str, str, str]] = []

    def restart(self) -> None:
        self.kept = json.loads(json.dumps(self.memory.persistent))
        self.memory = Memory(self.kept)

    def scan(self, fault: Any = None) -> Outcome:
        wanted = [signal("P.01#1.5.0", job="R5:P.01"), signal("P.01#2", job="R5:P.01")]
        plan = driver.plan(device(**self.given), wanted)
        assert not plan.refused and not plan.signals
        conversation = driver.conversation(plan, self.memory)
        outcome = converse(
            conversation, programmable(self.meter.ident, self.meter.answer), byte_s=1e-5, limit_s=600.0, fault=fault
        )
        pairs = [one for one in outcome.readings if one.value is not None]
        for first, second in zip(pairs[::2], pairs[1::2], strict=True):
            assert first.meter_time == second.meter_time and (first.unit, second.unit) == ("kW", "kW")
            self.rows.append((str(first.meter_time), str(first.value), str(second.value)))
        return outcome


def as_published(captured: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    return [(time, first, second) for time, first, second in captured]


@pytest.mark.parametrize("heeds_season", [True, False])
@pytest.mark.parametrize("needs_end", [True, False])
def test_a_year_with_outages_restarts_and_both_changes_of_season(heeds_season: bool, needs_end: bool) -> None:
    meter = Capturing(datetime.datetime(2026, 1, 10), 60, size=9000)
    meter.heeds_season, meter.needs_end = heeds_season, needs_end
    reader = Reader(meter, profile_rows=48)
    meter.run(100)
    assert reader.scan().error is None
    assert reader.rows == meter.captured[-48:]
    for step in range(120):
        meter.run(3 + step * 7 % 140, powered=step % 11 != 5)
        if step % 9 == 4:
            reader.restart()
        if step % 4 != 3:  # else the line is down for that long
            assert reader.scan().error is None
            assert reader.scan().readings == [], "nothing is new at once"
    assert meter.utc > SUMMER_ENDS + datetime.timedelta(days=20)
    reader.scan()
    assert reader.rows == meter.captured[-len(reader.rows) :] and len(reader.rows) == len(meter.captured) - 52


def test_the_hour_that_autumn_has_twice_is_there_twice() -> None:
    meter = Capturing(datetime.datetime(2026, 10, 24, 22))
    reader = Reader(meter)
    meter.run(4)
    reader.scan()
    for _ in range(24):
        meter.run(1)
        reader.scan()
    assert reader.rows == meter.captured
    assert len([time for time, *_ in reader.rows if "T02:" in time]) == 8


@pytest.mark.parametrize("hours", [-30, -3, 3, 200])
def test_a_clock_that_was_set_loses_no_row(hours: int) -> None:
    meter = Capturing(datetime.datetime(2026, 6, 1))
    reader = Reader(meter)
    meter.run(40)
    reader.scan()
    meter.offset = datetime.timedelta(hours=hours)
    for _ in range(6):
        meter.run(2)
        reader.scan()
        reader.restart()
    meter.offset = datetime.timedelta()  # and back
    for _ in range(6):
        meter.run(2)
        reader.scan()
    assert reader.rows == meter.captured


def test_without_a_clock_the_first_read_takes_the_newest_rows() -> None:
    meter = Capturing(datetime.datetime(2026, 6, 1))
    meter.knows_clock = False
    reader = Reader(meter, profile_rows=10)
    meter.run(60)
    reader.scan()
    meter.run(5)
    reader.scan()
    assert reader.rows == meter.captured[-15:]


def test_an_exchanged_meter_begins_anew() -> None:
    meter = Capturing(datetime.datetime(2026, 6, 1))
    reader = Reader(meter, profile_rows=8)
    meter.run(20)
    reader.scan()
    reader.scan()
    reader.meter = other = Capturing(datetime.datetime(2026, 6, 2))
    other.ident = b"/TUV5OTHER\r\n"
    other.run(20)
    [told] = reader.scan().told
    assert "OTHER" in told and "wait for the next scan" in told
    assert reader.rows == meter.captured[-8:], "an identification has no block check: one that came once may be noise"
    told = reader.scan().told
    assert reader.rows == meter.captured[-8:] + other.captured[-8:]
    assert len(told) == 2, "its habits, and the rows of its profile"
    assert all("forgotten" in one and "OTHER" in one for one in told)
    assert reader.scan().told == []


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("noisy", [b"/ABX5meter\r\n", b"/abc5\x1fETER\r\n"])
def test_a_damaged_identification_is_no_exchanged_meter(restarted: bool, noisy: bytes) -> None:
    meter = Capturing(datetime.datetime(2026, 6, 1))
    reader = Reader(meter, profile_rows=8)
    meter.run(20)
    reader.scan()
    meter.run(3)
    if restarted:
        reader.restart()
    sound, meter.ident = meter.ident, noisy
    told = reader.scan().told
    meter.ident = sound
    meter.run(2)
    told += reader.scan().told + reader.scan().told
    assert reader.rows == meter.captured[12:], "each row once, those of the noisy scan too"
    assert not any("forgotten" in one for one in told)


@pytest.mark.parametrize("number", range(1, 8))
def test_a_block_lost_on_the_way_costs_no_row_and_doubles_none(number: int) -> None:
    meter = Capturing(datetime.datetime(2026, 6, 1))
    reader = Reader(meter)
    meter.run(30)
    reader.scan()
    meter.run(12)
    reader.scan(lambda side, at, data: [] if (side, at) == ("meter", number) else [(0.0, data)])
    reader.scan()
    assert reader.rows == meter.captured


def test_the_same_rows_in_a_read_out() -> None:
    meter = Capturing(datetime.datetime(2026, 6, 1))
    memory, found = Memory(), []
    wanted = [signal("P.01#1.5.0"), signal("P.01#", "STRING"), signal("P.01#9", "STRING"), signal("0.0.0", "STRING")]
    for periods in (5, 3, 0):
        meter.run(periods)
        text = b"0.0.0(70010)\r\n" + meter.text(meter.buffer) + b"!\r\n"
        plan = driver.plan(device(), wanted)
        outcome = converse(driver.conversation(plan, memory), lister(IDENT, framed(text)), limit_s=300.0)
        assert outcome.error is None and [one.alias for one in plan.signals] == ["0.0.0"]
        found += [one for one in outcome.readings if one.signal.alias == "P.01#1.5.0"]
        assert {one.reason for one in outcome.readings if one.signal.alias == "P.01#9"} == {"not_found"}
    assert [(one.meter_time, str(one.value)) for one in found] == [row[:2] for row in meter.captured]


def test_a_refused_profile_fails_alone() -> None:
    wanted = [signal("P.02#1", job="R5:P.02"), signal("R5:0.9.1", "STRING")]
    plan = driver.plan(device(), wanted)
    meter = Capturing(datetime.datetime(2026, 6, 1))
    outcome = converse(driver.conversation(plan, Memory()), programmable(IDENT, meter.answer))
    assert {one.signal.alias: one.reason for one in outcome.readings} == {"P.02#1": "refused", "R5:0.9.1": None}


# ---------------------------------------------------------------- the forms


def test_odd_rows() -> None:
    text = (
        b"P.01(1260301120000)(08)(15)(3)(1.5)(kW)(2.5)(kW)(C)()(1)(2)(3)\r\n(4)(5)\r\n(6)(7)(8)(9)\r\n(10)(11)(12)\r\n"
        b"P.01(garbage)(00)(15)(1)(1.5)(kW)\r\n(13*W)\r\nP.02(1260301120000)(00)(15)(1)(1.5)(kW)\r\n(14)\r\n"
        b"P.98(1260301120001)(80)()(1)(0.9.1)()(115959)\r\n"
    )
    rows = rows_in(text, "P.01")
    assert [(row.moment.iso() if row.moment else None, row.text()) for row in rows] == [
        ("2026-03-01T12:00:00", "(08)(1)(2)(3)"), ("2026-03-01T12:15:00", "(08)(4)(5)"), (None, "(00)(13*W)"),
    ]  # fmt: skip
    assert [row.text() for row in rows_in(text, "P.98")] == ["(80)(115959)"]


@pytest.mark.parametrize(
    ("status", "reason"),
    [("00", None), ("88", None), ("01", "type"), ("02", "clock"), ("0004", "clock"), ("", None), ("zz", None)],
)
def test_what_the_status_says_of_a_period_is_that_of_its_first_row(status: str, reason: str | None) -> None:
    text = f"P.01(1260301120000)({status})(15)(1)(1.5)(kW)\r\n(3.5)\r\n(4.5)\r\n!\r\n".encode()
    plan = driver.plan(device(), [signal("P.01#1.5")])
    readings = converse(driver.conversation(plan, Memory()), lister(IDENT, framed(text))).readings
    assert [(str(one.value), one.reason) for one in readings] == [("3.5", reason), ("4.5", None)]
    assert readings[0].quality == ("good" if reason is None else "invalid")


def test_stamps_are_those_of_the_calendar() -> None:
    zero = datetime.datetime(2000, 1, 1)
    for days in range(0, 36500, 13):
        seconds = days * 86400 + days * 7919 % 86400
        moment = zero + datetime.timedelta(seconds=seconds)
        assert parts_of(seconds) == (moment.year - 2000, *moment.timetuple()[1:6])
        assert seconds_of(*parts_of(seconds)) == seconds
    for wrong in ("1260230120000", "1261301000000", "12603011260", "x260301120000", "", "1" * 20):
        assert Moment.parse(wrong) is None
    for right in ("1260301120000", "260301120000", "12603011200", "2603011200"):
        moment = Moment.parse(right)
        assert moment is not None and moment.stamp() == right and moment.iso() == "2026-03-01T12:00:00"


def test_a_clock_whose_order_nobody_knows() -> None:
    def isos(date: str) -> list[str]:
        return [one.iso()[:10] for one in clock_readings(date, "07:15:30")]

    assert isos("1260301") == ["2026-03-01"]
    assert isos("010326") == ["2001-03-26", "2026-03-01"]
    assert isos("26-03-31") == ["2026-03-31", "2031-03-26"]
    assert isos("28-02-30") == ["2030-02-28"]
    assert isos("2026-03-31") == ["2026-03-31"]
    assert isos("31.03.2026") == ["2026-03-31"]
    assert isos("") == isos("999999") == []


def bad_check(text: bytes) -> bytes:
    return bytes((exclusive_or(text)[0] ^ 1,))


def test_rows_of_a_block_whose_check_is_wrong_are_none() -> None:
    meter = Capturing(datetime.datetime(2026, 6, 1))
    meter.run(5)

    def damaged() -> Iterator[Any]:
        right = meter.answer
        meter.answer = lambda command, data: framed(right(command, data)[1:-2], bad_check)  # type: ignore[method-assign]
        yield from programmable(IDENT, meter.answer)

    plan = driver.plan(device(retry_counter=0), [signal("P.01#1", job="R5:P.01")])
    outcome = converse(driver.conversation(plan, Memory()), damaged())
    assert outcome.error is not None and outcome.readings == []
