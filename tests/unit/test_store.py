"""The store: what was written comes back exactly, under its number, once; and what is lost is said."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterd import log
from meterd._number import Number
from meterd.model import INVALID, STALE, Reading, Signal
from meterd.sinks import store_file, store_keeper, unset_clock
from meterd.sinks.ranges import Ranges, total
from meterd.sinks.store_disk import Disk
from meterd.sinks.store_rows import Names, pack, unpack
from meterd.sinks.unset_clock import UnsetClock
from tests.unit.store_case import NOW_MS, SIGNALS, Rig

HOUR_MS = 3_600_000


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    yield
    log.configure()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "meterd.store"


def rows_in(path: Path) -> int:
    with sqlite3.connect(path) as db:
        found = db.execute("select count(*) from rows").fetchone()[0]
    db.close()
    return int(found)


# ---- ranges and rows

PIECES = st.lists(st.tuples(st.booleans(), st.integers(-20, 60), st.integers(0, 9)), max_size=30)


@given(PIECES)
def test_ranges_are_sets_of_numbers(pieces: list[tuple[bool, int, int]]) -> None:
    ranges, model = Ranges(), set()
    for adds, first, more in pieces:
        numbers = range(first, first + more + 1)
        if adds:
            ranges.add(first, first + more)
            model.update(numbers)
        else:
            ranges.remove(first, first + more)
            model.difference_update(numbers)
    assert {number for first, last in ranges for number in range(first, last + 1)} == model
    assert all(end + 1 < begin for (_, end), (begin, _) in zip([*ranges], [*ranges][1:], strict=False))
    assert [number in ranges for number in range(-25, 75)] == [number in model for number in range(-25, 75)]
    gaps = ranges.gaps(-10, 40)
    assert {number for first, last in gaps for number in range(first, last + 1)} == {*range(-10, 41)} - model
    assert total(gaps) == len({*range(-10, 41)} - model)


VALUES = st.one_of(
    st.none(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=20),
    st.builds(Number, st.integers(), st.integers(-9, 9)),
)
READINGS = st.lists(
    st.builds(
        Reading,
        st.builds(Signal, st.sampled_from(["a", "b-1"]), st.sampled_from(["E", "_reason", "x_9"]), st.just({})),
        VALUES,
        st.sampled_from([None, "kWh", "m³", "°C"]),
        st.integers(1_600_000_000_000, 1_900_000_000_000),
        st.sampled_from([None, "2026-01-02T03:04:05"]),
        st.sampled_from(["good", STALE, INVALID]),
        st.sampled_from([None, "timeout"]),
    ),
    min_size=1,
    max_size=20,
)


def told(reading: Reading) -> tuple[Any, ...]:
    signal = reading.signal
    return (signal.device_alias, signal.alias, type(reading.value), str(reading.value), reading.unit, reading.time_ms,
            reading.meter_time, reading.quality, reading.reason)  # fmt: skip


def is_whole(reading: Reading) -> bool:
    return not (isinstance(reading.value, Number) and reading.value.is_integral())


@given(READINGS, st.integers(1, 1 << 40))
def test_a_row_brings_back_each_reading_with_its_digits(readings: list[Reading], first: int) -> None:
    readings[0].raw = Reading(readings[0].signal, 1 << 70, "Wh")
    names = Names(lambda number, name: None)
    data = pack([(first + at, one) for at, one in enumerate(readings)], names, "0badcafe", 3, 0, None)
    row = unpack(first, first + len(readings) - 1, data, names)
    assert row is not None
    assert (row.epoch, row.shift) == ("0badcafe", 3)
    for was, became in zip(readings, row.readings, strict=True):
        expected, found = told(was), told(became)
        assert found[3] == expected[3]
        assert (found if is_whole(was) else found[3:]) == (expected if is_whole(was) else expected[3:])
    assert (row.readings[0].raw.value, row.readings[0].raw.unit) == (1 << 70, "Wh")  # type: ignore[union-attr]
    assert [one.raw for one in row.readings[1:]] == [None] * (len(readings) - 1)
    assert unpack(first + 1, first + len(readings), data, names) is None, "the same row elsewhere is another one"
    names.by_number[1] = names.by_number[1].replace("a", "b") + " "
    assert unpack(first, first + len(readings) - 1, data, names) is None, "a name that was changed is noticed"


# ---- restarts


def test_what_was_written_and_not_acknowledged_goes_out_after_kill_under_the_same_key(path: Path) -> None:
    rig = Rig(path)
    rig.put(*range(10))
    rig.written()
    keys = [rig.outbox.key(number) for number in rig.far.take(10)]
    rig.outbox.drop(4)
    rig.until(lambda: not rig.store._is_dirty and rig.store._writing is None)
    rig.put(99)  # not written any more
    rig.kill()
    again = Rig(path)
    assert again.says("the last run was cut off")
    assert again.all_of() == list(range(4, 10))
    assert [key for key, _ in again.far.got] == keys[4:]
    assert again.outbox.lost == 0
    epoch, outward, _ = again.outbox.to_tell()
    assert (epoch, outward[0][0]) == (keys[0][0], 11), "numbers that will not come are told"
    again.put(7)
    assert again.all_of() == [7]
    (epoch, sequence), _ = again.far.got[-1]
    assert epoch != keys[0][0], "what the lost readings were called nobody knows"
    assert sequence == outward[0][1] + 1
    again.close()


def test_a_polite_end_keeps_the_epoch_and_the_sequence_goes_on(path: Path) -> None:
    rig = Rig(path)
    rig.put(1, 2)
    rig.close()
    rig = Rig(path)
    rig.put(3)
    assert rig.all_of() == [1, 2, 3]
    assert [sequence for (_, sequence), _ in rig.far.got] == [1, 2, 3]
    assert len({epoch for (epoch, _), _ in rig.far.got}) == 1
    assert (rig.outbox.losses(), rig.outbox.lost) == ([], 0)
    rig.close()
    assert rows_in(path) == 0
    assert not rig.says("cut off")


def noting(writes: list[list[int]]) -> type[Disk]:
    """A disk that notes the numbers of what each commit writes."""

    class Noted(Disk):
        def write(self, write: Any) -> None:
            writes.append([number for number, _ in write.numbered])
            super().write(write)

    return Noted


def test_what_is_acknowledged_in_time_is_never_written(path: Path) -> None:
    writes: list[list[int]] = []
    rig = Rig(path, disk=noting(writes))
    for begin in range(0, 3000, 100):
        rig.put(*range(begin, begin + 100))
        rig.outbox.drop(rig.far.take(100)[-1])
        rig.written()
    assert not any(writes)
    rig.put(1)
    rig.written()
    assert [len(numbered) for numbered in writes if numbered] == [1]
    rig.close()


def test_rows_stay_until_every_sink_has_them(path: Path) -> None:
    rig = Rig(path, "one", "two")
    rig.put(*range(20))
    rig.written()
    assert rig.all_of(rig.takers["one"]) == list(range(20))
    assert rig.takers["two"].take(5) == [1, 2, 3, 4, 5]
    rig.takers["two"].outbox.drop(5)
    rig.close()
    rig = Rig(path, "one", "two", "three")
    assert rig.all_of(rig.takers["one"]) == []
    assert rig.all_of(rig.takers["three"]) == [], "a sink that is new begins with what comes"
    assert rig.all_of(rig.takers["two"]) == list(range(5, 20))
    rig.close()
    assert rows_in(path) == 0


def test_what_memory_has_no_room_for_comes_from_the_disk_in_order(path: Path) -> None:
    rig = Rig(path, room=50)
    for begin in range(0, 3000, 100):
        rig.put(*range(begin, begin + 100))
        rig.written()
    assert len(rig.outbox._live) <= 50
    assert len(rig.outbox) == 3000
    taken = rig.far.take(30)
    rig.until(lambda: len(taken) == 30 or taken.extend(rig.far.take(30 - len(taken))))
    rig.outbox.again()  # nothing of it has arrived
    rig.far.got.clear()
    rig.put(3000)
    assert rig.all_of(step=70) == list(range(3001))
    assert [sequence for (_, sequence), _ in rig.far.got] == list(range(1, 3002))
    rig.close()
    assert rows_in(path) == 0


def test_live_readings_may_overtake_the_backlog_on_the_disk(path: Path) -> None:
    rig = Rig(path, room=50)
    rig.put(*range(500))
    rig.written()
    rig.outbox.again()
    rig.put(1000, 1001)
    live = rig.outbox.peek_live(10)
    assert [reading.value for _, reading in live] == [1000, 1001]
    rig.outbox.drop_these([number for number, _ in live])
    rig.close()
    rig = Rig(path, room=50)
    assert rig.all_of() == list(range(500)), "the live ones are not sent again"
    rig.close()


@pytest.mark.parametrize("begins", ["store", "one", "two"])
def test_a_reading_has_one_number_whoever_lets_go_of_the_turn_first(path: Path, begins: str) -> None:
    rig = Rig(path, "one", "two")
    kept: dict[str, list[Reading]] = {"one": [], "two": []}

    def let_go(name: str) -> None:
        if name == "store":
            rig.store.flush()
        elif kept[name]:
            rig.takers[name].outbox.put(kept[name])
            kept[name] = []

    for at in range(4):  # each time somebody's timer comes in the middle of a turn
        for one in in_one_turn(3 * at, 3):
            rig.store.accept(one)
            for taken in kept.values():
                taken.append(one)
        let_go(begins)
    for name in ("two", "store", "one"):
        let_go(name)
    for taker in rig.takers.values():
        assert rig.all_of(taker) == list(range(12))
        assert [sequence for (_, sequence), _ in taker.got] == list(range(1, 13))
    rig.close()


# ---- bounds


def test_past_its_size_the_oldest_are_lost_counted_and_told(path: Path) -> None:
    rig = Rig(path, room=100, size=200_000)
    sent = 0
    while not rig.outbox.lost:
        rig.put(*(Number(sent + one, -2) for one in range(200)))
        sent += 200
        rig.written()
        assert sent < 100_000
    lost = rig.outbox.lost
    assert total(rig.outbox.losses()) == lost
    assert rig.says("the oldest readings are lost to far")
    rig.kill()
    assert path.stat().st_size < 250_000
    rig = Rig(path, room=100, size=200_000)
    assert rig.outbox.to_tell()[1][0] == (1, lost), "what was thrown away is still to be told"
    values = [str(value) for value in rig.all_of()]
    assert values == [str(Number(one, -2)) for one in range(lost, sent)]
    rig.close()


def test_what_is_older_than_it_may_be_goes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [NOW_MS - 3 * HOUR_MS]
    monkeypatch.setattr(store_keeper, "wall_clock_ms", lambda: now[0])
    rig = Rig(path, room=5, keep_hours=2)
    rig.put(*range(50), time_ms=now[0])
    rig.written()
    now[0] = NOW_MS
    rig.put(*range(50, 61))
    rig.written()
    assert rig.outbox.lost == 50
    assert rig.all_of() == list(range(50, 61))
    rig.close()


# ---- a disk that fails


def test_a_folder_that_is_not_there_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_keeper, "WAIT_S", 0.1)
    monkeypatch.setattr(store_keeper, "RETRY_S", 0.1)
    rig = Rig(tmp_path / "card" / "store")
    assert "its folder is not there" in rig.store.condition()[1]
    rig.put(1, 2)
    assert rig.far.take(1) == [1]
    assert rig.outbox.key(1)[1] == 1
    rig.outbox.drop(1)
    assert not (tmp_path / "card").exists(), "a folder is not made: it may be a card's"
    (tmp_path / "card").mkdir()
    rig.until(lambda: not rig.store.trouble)
    rig.written()
    key = rig.outbox.key(2)
    rig.kill()
    rig = Rig(tmp_path / "card" / "store")
    rig.until(lambda: rig.store.is_open)  # which a slow machine does not reach within WAIT_S
    assert rig.all_of() == [2]
    assert rig.far.got[0][0] == key
    rig.close()


def test_a_card_that_is_pulled_and_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_keeper, "RETRY_S", 0.05)
    card = tmp_path / "card"
    card.mkdir()
    rig = Rig(card / "store", room=5)
    rig.put(*range(20))
    rig.written()
    card.rename(tmp_path / "pulled")
    rig.put(*range(20, 30))
    rig.until(lambda: rig.store.trouble)
    assert "taken out" in rig.store.trouble or "folder" in rig.store.trouble
    taken = rig.far.take(100)
    assert taken[-1] == 30, "what is read now still leaves"
    rig.outbox.drop_these(taken)
    (tmp_path / "pulled").rename(card)
    rig.until(lambda: not rig.store.trouble)
    rig.all_of()
    values = [reading.value for _, reading in rig.far.got]
    assert sorted(values) == list(range(30))
    assert rig.outbox.lost == 0
    rig.close()


def test_another_card_in_its_place_is_left_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_keeper, "RETRY_S", 0.05)
    other = Rig(tmp_path / "other" / "store", wait=False)
    (tmp_path / "other").mkdir()
    other.until(lambda: other.store.is_open)
    other.put(77)
    other.written()
    other.close()
    (tmp_path / "card").mkdir()
    rig = Rig(tmp_path / "card" / "store", room=5)
    rig.put(*range(20))
    rig.written()
    (tmp_path / "card").rename(tmp_path / "pulled")
    (tmp_path / "other").rename(tmp_path / "card")
    rig.put(20)
    rig.until(lambda: rig.store.trouble)
    rig.until(lambda: not rig.store.trouble)
    assert rig.all_of() == list(range(16, 21)), "those that were in memory"
    assert rig.outbox.lost == 16
    rig.close()
    assert rows_in(tmp_path / "card" / "store.other") == 1


def in_one_turn(first: int, count: int) -> list[Reading]:
    return [Reading(SIGNALS[at % 4], first + at, "kWh", NOW_MS) for at in range(count)]


def test_more_than_memory_holds_in_one_turn_is_lost_told_and_not_sent(path: Path) -> None:
    rig = Rig(path / "no card", memory_readings=100, wait=False)
    rig.until(lambda: rig.store.trouble)
    came = in_one_turn(1, 250)
    for one in came:
        rig.store.accept(one)
    rig.outbox.put(came)
    rig.store._go_without()
    assert (rig.outbox.lost, rig.outbox.losses(), len(rig.outbox)) == (150, [(1, 150)], 100)
    assert rig.all_of() == list(range(151, 251))
    assert [sequence for (_, sequence), _ in rig.far.got] == list(range(151, 251))
    rig.close()


def test_a_full_disk_leaves_readings_in_memory_until_there_is_room(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_keeper, "RETRY_S", 0.05)
    monkeypatch.setattr(store_file, "PRAGMAS", (*store_file.PRAGMAS, "max_page_count=20"))
    rig = Rig(path, memory_readings=1000)
    for value in range(1500):
        rig.put(f"{value:0100d}")
    rig.until(lambda: rig.store.trouble)
    assert "the disk is full; readings wait in memory" in rig.store.trouble
    lost = rig.outbox.lost
    assert lost >= 500 - 100, "memory has a bound"
    assert total(rig.outbox.losses()) == lost
    monkeypatch.setattr(store_file, "PRAGMAS", store_file.PRAGMAS[:-1])
    rig.until(lambda: not rig.store.trouble)
    rig.written()
    assert [int(value) for value in rig.all_of()] == list(range(lost, 1500))
    rig.close()


def test_two_processes_do_not_share_a_store(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_keeper, "WAIT_S", 0.2)
    monkeypatch.setattr(store_keeper, "RETRY_S", 0.05)
    one = Rig(path)
    one.put(1)
    one.written()
    other = Rig(path)
    assert "another process has it open" in other.store.trouble
    other.put(5)
    assert other.all_of(acknowledge=False) == [5]
    assert other.far.got[0][0][0] != one.outbox.key(1)[0]
    one.close()
    other.until(lambda: not other.store.trouble)
    other.outbox.drop(1)
    other.all_of()
    assert other.far.got[-1][1].value == 1, "what the other one left is taken over"
    other.close()


class Slow(Disk):
    """A disk that does nothing until it is let."""

    gate = threading.Event()

    def _write(self, write: Any) -> None:
        self.gate.wait(60)
        super()._write(write)


def test_a_slow_disk_holds_up_nobody(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_keeper, "SLOW_S", 0.05)
    monkeypatch.setattr(store_keeper, "WAIT_S", 0.05)
    Slow.gate.clear()
    rig = Rig(path, disk=Slow)
    rig.put(*range(100))
    assert rig.all_of() == list(range(100))
    rig.until(lambda: "has been busy for" in rig.store.condition()[1])
    Slow.gate.set()
    rig.written()
    rig.close()


# ---- the clock


@pytest.mark.parametrize("is_fetched_before", [False, True])
def test_readings_of_1970_get_their_times_when_the_clock_is_set(
    path: Path, monkeypatch: pytest.MonkeyPatch, is_fetched_before: bool
) -> None:
    now = [5_000_000]

    def wall() -> int:
        return now[0]

    for module in (unset_clock, store_keeper):
        monkeypatch.setattr(module, "wall_clock_ms", wall)
    monkeypatch.setattr("meterd.sinks.store_disk.wall_clock_ms", wall)
    monkeypatch.setattr("meterd.sinks.store_disk.monotonic_ms", lambda: 1_000_000)
    monkeypatch.setattr(unset_clock, "monotonic_ms", lambda: 1_000_000)
    rig = Rig(path)
    rig.put(1, time_ms=4_990_000)
    rig.written()
    rig.kill()
    rig = Rig(path)  # the same boot
    rig.put(2, time_ms=4_999_000)
    rig.written()
    if is_fetched_before:
        rig.outbox._ask()
        rig.until(lambda: rig.outbox._ahead)
    now[0] = NOW_MS
    turn = [Reading(SIGNALS[0], 3, "kWh", 4_999_500), Reading(SIGNALS[0], 4, "kWh", NOW_MS)]  # it is set in between
    for one in turn:
        rig.store.accept(one)
    rig.outbox.put(turn)
    assert rig.says("the clock was set")
    assert rig.all_of() == [1, 2, 3, 4]
    assert [reading.time_ms for _, reading in rig.far.got] == [
        NOW_MS - 10_000, NOW_MS - 1000, NOW_MS - 500, NOW_MS
    ]  # fmt: skip
    rig.close()


def test_a_clock_that_is_set_before_the_first_look_is_noticed_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [5_000_000]
    monkeypatch.setattr(unset_clock, "wall_clock_ms", lambda: now[0])
    monkeypatch.setattr(unset_clock, "monotonic_ms", lambda: 1_000_000)
    clock = UnsetClock(10)
    early, late = (Reading(SIGNALS[0], 1, "kWh", time_ms) for time_ms in (4_999_500, NOW_MS + 7))
    now[0] = NOW_MS
    clock.note([early, late])
    assert (early.time_ms, late.time_ms) == (NOW_MS - 500, NOW_MS + 7)
    odd = Reading(SIGNALS[0], 1, "kWh", 6_000_000)
    clock.note([odd])
    assert odd.time_ms == 6_000_000, "nobody knows how far the clock was ahead then"


def test_a_disk_that_fails_is_told_once_and_is_good_when_it_has_written(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_keeper, "RETRY_S", 0.2)
    rig = Rig(path)
    rig.put(1)
    rig.written()
    failures: list[str] = []
    has_failed = rig.store._has_failed
    monkeypatch.setattr(rig.store, "_has_failed", lambda words: (failures.append(words), has_failed(words)))

    def full(self: store_file.StoreFile, state: object, low: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store_file.StoreFile, "commit", full)
    rig.put(2)
    rig.store._write()
    for _ in range(3):  # asked for before the failure is known
        rig.store._disk.fetch((rig.outbox, -1), 1, 2)
    rig.until(lambda: failures)
    assert rig.store.condition()[1]
    rig.until(lambda: len(failures) == 2)
    assert rig.store.condition()[1], "it could be opened, and that is no sign of health"
    assert len(rig.store._disk._jobs) == 0
    monkeypatch.undo()
    rig.until(lambda: not rig.store.condition()[1])
    assert rig.all_of() == [1, 2]
    rig.close()


def test_what_is_not_acknowledged_is_written_in_time_and_what_came_later_waits_for_its_own(path: Path) -> None:
    """At each half of the time it is written if something has waited since the last one."""
    writes: list[list[int]] = []
    rig = Rig(path, disk=noting(writes), durable_ms=600_000)
    rig.written()
    writes.clear()
    rig.put(*range(10))
    rig.store._look()
    assert (writes, rig.store.written) == ([], 0), "they have half of the time left"
    rig.outbox.drop(rig.far.take(10)[8])  # all but one
    rig.put(10)
    rig.store._look()
    assert writes == [[10, 11]], "the one that waited, and with it what waits anyway"
    rig.written()
    rig.put(11, 12)
    rig.store._look()
    assert (len(writes), rig.store.written) == (1, 11)
    rig.outbox.drop(rig.far.take(10)[-1])
    rig.store._look()
    rig.written()
    assert not any(writes[1:]), "the rows that were done are let go, and no others written"
    rig.close()


def test_after_a_far_end_that_was_late_once_the_card_is_spared_again(path: Path) -> None:
    """What is written to let go of rows writes no readings that are young: else each such write asks for the next."""
    writes: list[list[int]] = []
    rig = Rig(path, disk=noting(writes), durable_ms=600_000)
    rig.written()
    rig.put(0, 1)
    rig.store._look()
    rig.store._look()
    rig.until(lambda: rig.store.written == 2)
    writes.clear()
    for _ in range(10):  # each reading is acknowledged soon, but one is always young
        rig.put(1)
        rig.store._look()
        rig.until(lambda: rig.store._writing is None)
        rig.outbox.drop(rig.far.take(10)[-1])
    assert writes == [[]], "the rows are let go, once"
    rig.close()
    assert rows_in(path) == 0


def test_numbers_that_are_done_in_a_row_and_in_none(path: Path) -> None:
    rig = Rig(path, durable_ms=600_000)
    rig.put(*range(12))
    rig.far.take(12)
    rig.outbox.drop_these([3, 4, 5, 9, 1, 2, 40, 12])
    assert [one for one in range(1, 13) if one in rig.outbox.done] == [1, 2, 3, 4, 5, 9, 12]
    rig.outbox.drop_these([])
    rig.outbox.drop_these([6, 7, 8, 10, 11])
    assert rig.outbox.done.low() == 12
    rig.close()
