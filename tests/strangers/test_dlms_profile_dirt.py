"""What real buffers hold beside plain rows, and how they are asked for: each row once, in the order of capture."""

from __future__ import annotations

import datetime
import json
import random
from typing import Any

import pytest

from meterd._axdr import decode_typed
from meterd.cosem import Delta
from meterd.errors import DecodeError
from meterd.model import INVALID, Memory
from meterd.protocols.dlms import driver
from meterd.protocols.dlms.apdus.encode import encode
from meterd.protocols.dlms.data import plain
from meterd.protocols.dlms.memory import recall
from tests.pair import Outcome, converse
from tests.unit.dlms_pair import Random, device, memory, signal

from .dlms_meter import data, obis, register
from .profile_meter import (
    CLOCK,
    ENERGY,
    HOUR,
    MINUTE,
    NAME,
    ProfileMeter,
    array,
    column,
    number,
    octets,
    stamp,
    structure,
)
from .serve import in_virtual_time

NOON = datetime.datetime(2027, 2, 3, 12)
BILLING = "0.0.0.1.2.255"


def quarter(index: int) -> datetime.datetime:
    return NOON + 15 * index * MINUTE


def filled(rows: int, start: int = 0, **manners: Any) -> ProfileMeter:
    meter = ProfileMeter(period=900, **manners)
    more(meter, start, rows)
    return meter


def more(meter: ProfileMeter, start: int, rows: int) -> None:
    for index in range(start, start + rows):
        meter.capture(stamp(quarter(index)), number(500 + index))
        meter.now = stamp(quarter(index) + MINUTE)


def scan(meter: ProfileMeter, kept: Memory | None = None, **of_signal: Any) -> Outcome:
    wanted = {"column": ENERGY, "class_id": 7, "profile_rows": 20, **of_signal}
    plan = driver.plan(device(), [signal(NAME, **{name: given for name, given in wanted.items() if given is not None})])
    return converse(driver.conversation(plan, memory() if kept is None else kept), in_virtual_time(meter))


one_scan = scan


def values(outcome: Outcome) -> list[Any]:
    assert outcome.error is None, outcome.error
    return [reading.value for reading in outcome.readings]


def right(first: int, count: int) -> list[int]:
    return [500 + index for index in range(first, first + count)]


def restarted(kept: Memory) -> Memory:
    return Memory(dict(kept.persistent), random_bytes=Random())


WAYS = [{}, {"by_number": False}, {"by_time": False}, {"by_number": False, "by_time": False}]


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("place", [0, 2, 6])
def test_a_stamp_from_the_future_moves_nothing(way: dict[str, bool], place: int, newest_first: bool) -> None:
    meter = ProfileMeter(period=900, newest_first=newest_first, **way)
    kept = memory()
    for index in range(7):
        wrong = datetime.timedelta(days=20_000) if index == place else 0 * HOUR
        meter.capture(stamp(quarter(index) + wrong), number(500 + index))
        meter.now = stamp(quarter(index))
    first = scan(meter, kept)
    assert values(first) == right(0, 7)
    if place != 6:
        assert [reading.reason for reading in first.readings if reading.quality == INVALID] == ["clock"]
    for start, rows in ((7, 1), (8, 9), (17, 40)):
        more(meter, start, rows)
        assert values(scan(meter, kept)) == right(start, rows)
    kept = restarted(kept)
    more(meter, 57, 3)
    assert values(scan(meter, kept)) == right(57, 3)
    assert values(scan(meter, kept)) == []


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("back", [25 * MINUTE, 5 * HOUR, datetime.timedelta(days=400)])
def test_a_clock_that_was_set_back_hides_nothing(way: dict[str, bool], back: datetime.timedelta) -> None:
    meter, kept = filled(12, **way), memory()
    assert values(scan(meter, kept)) == right(0, 12)
    for index in range(12, 40):
        meter.capture(stamp(quarter(index) - back), number(500 + index))
        meter.now = stamp(quarter(index) - back)
        if index in (14, 15, 30, 39):
            values_now = values(scan(meter, kept))
            assert values_now == right({14: 12, 15: 15, 30: 16, 39: 31}[index], {14: 3, 15: 1, 30: 15, 39: 9}[index])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("told", [{"deviation": False}, {"deviation": True}, {"deviation": False, "status": False}])
@pytest.mark.parametrize("cuts", [(1,), (2, 4), (3, 5, 6), (4, 7)])
def test_the_hour_that_autumn_has_twice(way: dict[str, bool], told: dict[str, bool], cuts: tuple[int, ...]) -> None:
    meter, kept = ProfileMeter(period=900, **way), memory()
    published: list[int] = []
    for index in range(14):
        utc = datetime.datetime(2027, 10, 30, 23, 15) + 15 * index * MINUTE
        meter.capture(stamp(utc, **told), number(70 + index // 3))
        meter.now = stamp(utc, **told)
        if index in cuts or index == 13:
            published += values(scan(meter, kept))
            assert values(scan(meter, kept)) == []
    assert published == [70 + index // 3 for index in range(14)]


@pytest.mark.parametrize("way", WAYS)
def test_what_was_seen_before_the_first_form_kept_rows_goes_on(way: dict[str, bool]) -> None:
    meter = filled(9, **way)
    kept = memory()
    kept.persistent["profiles"] = {f"{NAME}:2": {"last": list(stamp(quarter(4)))}}
    kept.persistent["meter"] = "16/03/LN"
    assert values(scan(meter, kept)) == right(5, 4)
    more(meter, 9, 2)
    assert values(scan(meter, restarted(kept))) == right(9, 2)


def test_rows_that_lack_columns_or_a_time_are_left_out_with_a_word_each() -> None:
    lines: list[str] = []
    kept = Memory(random_bytes=Random())

    def scan(meter: ProfileMeter, kept: Memory) -> Outcome:
        outcome = one_scan(meter, kept)
        lines.extend(outcome.told)
        return outcome

    meter = filled(3)
    meter.capture(stamp(quarter(3)), short=True)
    more(meter, 4, 1)
    meter.capture(b"\xff" * 12, number(505))
    assert values(scan(meter, kept)) == [*right(0, 3), 504]
    assert len(lines) == 2
    assert "1 of 2 columns" in lines[0] and NAME in lines[0] and "time" in lines[1]
    assert values(scan(meter, kept)) == []
    meter.capture(stamp(quarter(6)), short=True)
    assert values(scan(meter, kept)) == []
    assert len(lines) == 3, "what was left out once is not told again"
    more(meter, 7, 1)
    assert values(scan(meter, kept)) == right(7, 1)
    assert len(lines) == 3


@pytest.mark.parametrize("sparse", [False, True])
def test_values_that_are_left_out_or_told_as_differences(sparse: bool) -> None:
    meter = ProfileMeter(period=900, sparse=sparse)
    steps = ("06 00001000", "1C FF", "1D 0100", "1E FFFFFF00", "1F 09", "20 0101", "21 00010000")
    for index, step in enumerate(steps):
        meter.capture(stamp(quarter(index)), bytes.fromhex(step))
    assert values(scan(meter)) == [4096, 4095, 4351, 4095, 4104, 4361, 69_897]
    meter.rows = meter.rows[2:]
    kept = Memory(random_bytes=Random())
    assert scan(meter, kept).readings[0].reason == "type"


@pytest.mark.parametrize("tag", range(28, 34))
def test_a_difference_alone_is_no_value(tag: int) -> None:
    told = bytes([tag]) + b"\x01" * (1, 2, 4)[(tag - 28) % 3]
    (found, delta), end = decode_typed(told)
    assert (found, end, type(delta)) == (tag, len(told), Delta)
    assert encode(found, delta) == told
    with pytest.raises(DecodeError):
        plain(delta)
    name = register(ENERGY, told, 0, 30)
    plan = driver.plan(device(), [signal(ENERGY)])
    meter = ProfileMeter()
    meter.quirks.objects = name
    outcome = converse(driver.conversation(plan, memory()), in_virtual_time(meter))
    assert [(reading.value, reading.reason) for reading in outcome.readings] == [(None, "type")]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("time", [column(3, BILLING), column(1, "0.0.94.91.9.255")])
def test_a_time_column_that_is_no_clock(way: dict[str, bool], time: bytes) -> None:
    meter = ProfileMeter(period=0, **way)
    meter.columns = [column(3, ENERGY), time]
    kept = memory()

    def capture(month: int) -> None:
        told = stamp(datetime.datetime(2027, month, 1), deviation=False)
        meter.capture(told, number(month))
        meter.rows[-1].cells = [number(month), octets(told)]

    meter._encoded = lambda rows: [structure(*row.cells) for row in rows]  # type: ignore[method-assign]
    for month in (4, 5, 6):
        capture(month)
    outcome = scan(meter, kept)
    assert values(outcome) == [4, 5, 6]
    assert [str(reading.meter_time)[:10] for reading in outcome.readings] == ["2027-04-01", "2027-05-01", "2027-06-01"]
    capture(7)
    assert values(scan(meter, restarted(kept))) == [7]
    assert values(scan(meter, kept)) in ([], [7])


def test_a_time_in_seconds_since_1970() -> None:
    meter = ProfileMeter(period=60, by_time=False)
    meter.columns = [column(1, "0.0.1.1.0.255"), column(3, ENERGY)]
    meter._encoded = lambda rows: [structure(*row.cells) for row in rows]  # type: ignore[method-assign]
    for index in range(3):
        meter.capture(b"", number(1_800_000_000 + 60 * index), number(index))
    outcome = scan(meter)
    assert values(outcome) == [0, 1, 2]
    assert outcome.readings[1].meter_time == "2027-01-15T08:01:00+00:00"


def test_digits_are_never_good_without_their_power_of_ten() -> None:
    meter = filled(2)
    del meter.quirks.objects[3, obis(ENERGY), 3]
    outcome = scan(meter)
    assert [(reading.value, reading.reason) for reading in outcome.readings] == [(None, "not_found")] * 2
    rows = scan(meter, column=None)
    assert [(reading.value, reading.quality, reading.reason) for reading in rows.readings] == [
        ("[null]", INVALID, "not_found")
    ] * 2
    assert values(scan(meter, scaler=2)) == [50_000, 50_100]
    meter.quirks.objects = {**meter.quirks.objects, **register(ENERGY, number(0), -1, 30)}
    assert [str(value) for value in values(scan(meter, scaler=2))] == ["50.0", "50.1"], "what the meter tells counts"


def test_a_register_whose_power_of_ten_is_configured() -> None:
    meter = ProfileMeter()
    del meter.quirks.objects[3, obis(ENERGY), 3]
    plan = driver.plan(device(), [signal(ENERGY, scaler=-2), signal(ENERGY, alias="bare")])
    outcome = converse(driver.conversation(plan, memory()), in_virtual_time(meter))
    assert {reading.signal.alias: (str(reading.value), reading.reason) for reading in outcome.readings} == {
        "1_0_1_8_0_255": ("0.01", None),
        "bare": ("None", "not_found"),
    }


def test_a_whole_buffer_is_not_read_in_every_scan() -> None:
    meter, kept = filled(30, by_number=False, by_time=False, has_clock=False), memory()
    assert values(scan(meter, kept)) == right(10, 20)
    meter.whole_reads = 0
    for _ in range(200):
        assert values(scan(meter, kept)) == []
    assert meter.whole_reads < 10
    more(meter, 30, 1)
    assert values(scan(meter, kept)) == right(30, 1), "there is one row more, the meter says"
    meter.counts = False
    scan(meter, kept)
    more(meter, 31, 1)
    found: list[Any] = []
    for _ in range(200):
        found += values(scan(meter, kept))
    assert found == right(31, 1)


@pytest.mark.parametrize("way", [{"by_number": False}, {}])
def test_ranges_that_bring_nothing_are_not_believed_for_ever(way: dict[str, bool]) -> None:
    meter, kept = filled(400, has_clock=False, counts=False, **way), memory()
    assert values(scan(meter, kept)) == right(380, 20)
    for index in range(400, 430):
        meter.capture(stamp(quarter(index) - 9 * HOUR), number(500 + index))
    found: list[Any] = []
    for _ in range(80):
        found += values(scan(meter, kept))
    assert found == right(400, 30)


def test_numbers_that_count_the_other_way() -> None:
    class Reversed(ProfileMeter):
        def _buffer(self) -> bytes:
            if self.selection[1:2] != b"\x02":
                return super()._buffer()
            first, last = int.from_bytes(self.selection[5:9], "big"), int.from_bytes(self.selection[10:14], "big")
            rows = self.rows[::-1][first - 1 : last or None]
            return b"\x00" + array(self._encoded(rows[::-1]))

    meter, kept = Reversed(period=900), memory()
    more(meter, 0, 50)
    assert values(scan(meter, kept)) == right(30, 20)
    for start in range(50, 62, 3):
        more(meter, start, 3)
        assert values(scan(meter, kept)) == right(start, 3)
    kept = restarted(kept)
    more(meter, 62, 3)
    assert values(scan(meter, kept)) == right(62, 3)


def test_a_gap_beyond_what_is_looked_for_by_number_is_filled_in_windows() -> None:
    meter, kept = filled(20, capacity=5000), memory()
    assert values(scan(meter, kept)) == right(0, 20)
    more(meter, 20, 3000)
    kept = restarted(kept)
    assert values(scan(meter, kept)) == right(20, 3000)
    assert meter.whole_reads == 1
    assert len(kept.persistent["profiles"][f"{NAME}:2"]["seen"]) < 20, "few rows are kept"


def test_another_meter_goes_on_in_time() -> None:
    kept = memory()
    assert values(scan(filled(12, serial="1000001"), kept)) == right(0, 12)
    other = filled(30, 5, serial="1000002", capacity=600)
    assert values(scan(other, kept))[-23:] == right(12, 23)
    more(other, 35, 2)
    assert values(scan(other, kept)) == right(35, 2)
    assert recall(kept).identity == {"0000600100ff": "1000002"}


def test_a_column_of_a_register_holds_its_own_time() -> None:
    meter = ProfileMeter(period=900)
    meter.columns = [column(8, CLOCK), column(4, "1.0.1.6.0.255", 5), column(1, "0.0.96.2.0.255")]
    meter.quirks.objects = {**meter.quirks.objects, **data("0.0.96.2.0.255", number(1))}
    meter.capture(stamp(quarter(0)), octets(stamp(quarter(-3))), octets(b"ID-7\0\0"))
    outcome = scan(meter, column=None)
    assert values(outcome) == ['["2027-02-03T12:15:00+01:00", "ID-7"]']


SIZES = {0: 0, 3: 1, 5: 4, 6: 4, 13: 1, 15: 1, 16: 2, 17: 1, 18: 2, 20: 8, 21: 8, 22: 1, 23: 4, 24: 8, 25: 12, 26: 5,
         27: 4, 28: 1, 29: 2, 30: 4, 31: 1, 32: 2, 33: 4, 255: 0}  # fmt: skip


def anything(chance: random.Random, depth: int = 0) -> bytes:
    """A value of any type."""
    tag = chance.choice([*SIZES, 9, 9, 10, *((1, 2) if depth < 2 else ())])
    if tag in (1, 2):
        parts = [anything(chance, depth + 1) for _ in range(chance.randrange(4))]
        return bytes([tag, len(parts)]) + b"".join(parts)
    if tag in (9, 10):
        text = chance.choice([b"", chance.randbytes(6), stamp(quarter(chance.randrange(99))), chance.randbytes(12)])
        return bytes([tag, len(text)]) + text
    return bytes([tag]) + chance.randbytes(SIZES[tag])


class Hostile(ProfileMeter):
    """Mixes anything into rows and columns."""

    chance = random.Random(0)

    def _encoded(self, rows: list[Any]) -> list[bytes]:
        parts = super()._encoded(rows)
        chance = self.chance
        for index in range(len(parts)):
            time = chance.choice([octets(stamp(quarter(chance.randrange(99)))), b"\0", anything(chance)])
            some = structure(*[anything(chance) for _ in range(chance.randrange(4))])
            parts[index] = chance.choice(
                [parts[index]] * 5 + [structure(time, anything(chance)), some, anything(chance)]
            )
        return parts


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("seed", range(12))
def test_any_row_ends_in_readings_or_in_a_reason(seed: int, way: dict[str, bool]) -> None:
    chance = random.Random(seed)
    period = chance.choice((0, 1, 900, 2**32 - 1))
    meter, kept = Hostile(period=period, newest_first=seed % 3 == 0, has_clock=seed % 2 == 0, **way), memory()
    meter.chance = chance
    if seed % 4 == 3:
        meter.columns = [chance.choice((anything(chance), column(3, ENERGY), column(1, "0.0.1.1.0.255"))) for _ in "ab"]
    for _ in range(6):
        more(meter, chance.randrange(50), chance.randrange(6))
        kept = restarted(kept) if chance.random() < 0.3 else kept
        outcome = scan(meter, kept, column=chance.choice((ENERGY, "2", None)))
        assert outcome.error is None, outcome.error
        for reading in outcome.readings:
            assert reading.value is not None or reading.reason in ("type", "not_found", "clock")
        json.dumps(kept.persistent)
