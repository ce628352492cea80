"""Scans that keep their place in time: lines of a large site spread over the period, and scans by the clock."""

from __future__ import annotations

import itertools
import time

import pytest

from meterd.daemon.daemon import AT_ONCE
from meterd.daemon.rhythm import Aligned, Phase, local_seconds, place_of
from meterd.daemon.schedule import Schedule
from meterd.daemon.turns import Turn

from .runtime_rig import Rig, tcp_device


class Wall:
    """A clock on the wall that is `ahead` of the loop's."""

    def __init__(self, ahead: float) -> None:
        self.now = 0.0
        self.ahead = ahead

    def __call__(self) -> float:
        return self.now + self.ahead


def starts_of(turn: Turn, costs: list[float], wall: Wall | None = None) -> list[float]:
    """When the scans of a line's only device begin that last so long, one after the other."""
    schedule = Schedule([turn])
    now, starts = turn.due, []
    for cost in costs:
        while schedule.pick(now) is None:
            found = schedule.next_time(now)
            assert found is not None and found > now
            now = found
        starts.append(now)
        begun, now = now, now + cost
        if wall is not None:
            wall.now = now
        schedule.finished(turn, begun, now, True)
    return starts


def in_rhythm(rhythm: Phase | Aligned, due: float) -> Turn:
    turn = Turn(due, rhythm.period_s)
    turn.rhythm = rhythm
    return turn


def test_a_line_finds_its_phase_and_keeps_it() -> None:
    starts = starts_of(in_rhythm(Phase(10.0, 3.0), 101.0), [0.1] * 5)
    assert starts == pytest.approx([101.0, 103.0, 113.0, 123.0, 133.0])


def test_no_scan_comes_later_than_its_period_allows() -> None:
    for phase in range(10):
        starts = starts_of(in_rhythm(Phase(10.0, float(phase)), 57.3), [0.1] * 4)
        assert all(later - earlier <= 10.0 + 1e-6 for earlier, later in itertools.pairwise(starts))


def test_a_line_that_was_late_once_returns_to_its_phase_and_one_that_is_too_slow_goes_on_at_once() -> None:
    starts = starts_of(in_rhythm(Phase(10.0, 3.0), 103.0), [0.1, 14.0, 0.1, 0.1, 0.1])
    assert starts == pytest.approx([103.0, 113.0, 127.0, 133.0, 143.0])
    slow = starts_of(in_rhythm(Phase(10.0, 3.0), 103.0), [12.0] * 4)
    assert slow == pytest.approx([103.0, 115.0, 127.0, 139.0])


def test_lines_that_an_outage_had_begin_together_spread_again() -> None:
    """Three thousand lines that all begin at one time: in their next period no hundredth of it has a burst."""
    period, slots = 10.0, [0] * 100
    for number in range(3000):
        phase = Phase(period, place_of(f"192.0.2.{number % 250}:{4000 + number}") * period)
        again = phase.after(1000.0, 1000.2)
        assert 1000.2 <= again <= 1010.2
        slots[int((again - 1000.0) / period * 100) % 100] += 1
    assert max(slots) < 3 * 30


def test_a_place_is_the_same_tomorrow_and_different_next_door() -> None:
    assert place_of("192.0.2.7:4059") == place_of("192.0.2.7:4059")
    assert len({place_of(f"192.0.2.{number}:4059") for number in range(250)}) > 240
    assert all(0 <= place_of(f"PORT{number}") < 1 for number in range(1000))


def test_scans_begin_at_quarter_hours_after_the_first() -> None:
    # Started at 14:09:30 of the clock; a scan lasts 40 s.
    wall = Wall(ahead=14 * 3600 + 9 * 60 + 30)
    starts = starts_of(in_rhythm(Aligned(900.0, 0.0, wall), 0.0), [40.0] * 4, wall)
    clock = [(start + wall.ahead) / 900.0 for start in starts[1:]]
    assert clock == pytest.approx([57.0, 58.0, 59.0])


def test_lines_are_spread_within_their_window_only() -> None:
    for place in (0.0, 0.25, 0.999):
        wall = Wall(ahead=12345.0)
        starts = starts_of(in_rhythm(Aligned(60.0, place * 5.0, wall), 0.0), [1.0] * 5, wall)
        assert [(start + wall.ahead) % 60.0 for start in starts[1:]] == pytest.approx([place * 5.0] * 4)


def test_a_timer_that_rings_early_and_a_clock_that_is_corrected_repeat_no_scan() -> None:
    for early in (0.0, 0.0005, 0.4):
        wall = Wall(ahead=0.0)
        rhythm = Aligned(900.0, 2.0, wall)
        wall.now = 1805.0
        assert rhythm.after(1802.0 - early, 1805.0) == pytest.approx(2702.0)


def test_a_scan_that_outlasts_its_time_is_followed_by_the_next_time_of_the_clock() -> None:
    wall = Wall(ahead=0.0)
    rhythm = Aligned(60.0, 0.0, wall)
    wall.now = 130.0
    assert rhythm.after(0.0, 130.0) == pytest.approx(180.0)


def test_a_clock_that_was_set_is_followed_from_the_next_scan_on() -> None:
    wall = Wall(ahead=0.0)
    rhythm = Aligned(900.0, 0.0, wall)
    wall.now, wall.ahead = 910.0, 1_795_000_000.0
    assert (rhythm.after(900.0, 910.0) + wall.ahead) % 900.0 == pytest.approx(0.0)


@pytest.mark.parametrize("lines", [AT_ONCE, AT_ONCE + 1])
def test_only_large_sites_are_spread(monkeypatch: pytest.MonkeyPatch, lines: int) -> None:
    rig = Rig(monkeypatch)
    rig.configure(*(tcp_device(f"m{number}", 40000 + number, scan_rate_ms=5000) for number in range(lines)))
    turns = list(rig.daemon.jobs.values())
    rig.close()
    assert len(turns) == lines
    assert all((turn.rhythm is not None) == (lines > AT_ONCE) for turn in turns)


def test_the_parameters_of_a_device_give_it_its_rhythm(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(monkeypatch)
    asked = {"scan_rate_ms": 60_000, "scan_align": True, "scan_spread_ms": 2000}
    rig.configure(tcp_device("a", 40001, **asked), tcp_device("b", 40002))
    rhythms = {alias: job.rhythm for alias, job in rig.daemon.jobs.items()}
    rig.close()
    assert rhythms["b"] is None
    assert isinstance(rhythms["a"], Aligned)
    assert (rhythms["a"].period_s, rhythms["a"].offset_s) == (60.0, place_of("127.0.0.1:40001") * 2.0)


def test_a_day_begins_at_midnight_of_the_local_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC-2")  # two hours east
    time.tzset()
    try:
        assert local_seconds() - time.time() == pytest.approx(7200, abs=1)
    finally:
        monkeypatch.undo()
        time.tzset()
