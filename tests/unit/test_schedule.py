"""Who is talked to next: fairness between live and dead devices, as arithmetic."""

from __future__ import annotations

import random

import pytest

from meterd.daemon.schedule import EPSILON_S, Schedule
from meterd.daemon.turns import LIVE, NOBODY, SILENT, SilentTurns, Turn, Turns


def run(turns, cost, seconds, answers):
    """Play a schedule in virtual time; returns {turn index: [start times]}."""
    schedule = Schedule(turns)
    now, starts = 0.0, {index: [] for index in range(len(turns))}
    while now < seconds:
        turn = schedule.pick(now)
        if turn is None:
            now = max(schedule.next_time(now), now + 1e-6)
            continue
        index = turns.index(turn)
        starts[index].append(now)
        begun, now = now, now + cost(index)
        schedule.finished(turn, begun, now, answers(index))
    return starts


def test_each_device_keeps_its_own_rate():
    starts = run([Turn(0.0, 1.0), Turn(0.0, 2.0), Turn(0.0, 5.0)], lambda i: 0.05, 60.0, lambda i: True)
    assert [len(starts[i]) for i in range(3)] == [60, 30, 12]


def test_earliest_due_comes_first_on_a_line_that_is_too_slow_for_all():
    starts = run([Turn(0.0, 1.0) for _ in range(4)], lambda i: 0.5, 120.0, lambda i: True)
    counts = [len(starts[i]) for i in range(4)]
    assert max(counts) - min(counts) <= 2
    assert sum(counts) == 240


def test_one_live_and_nine_dead_meters_on_one_line():
    for period, dead_cost in ((1.0, 0.3), (1.0, 2.5), (10.0, 7.5), (2.0, 2.5), (0.5, 5.0)):
        turns = [Turn(0.0, period) for _ in range(10)]
        starts = run(turns, lambda i, c=dead_cost: c if i else 0.1, 3600.0, lambda i: i == 0)
        first_round = 9 * dead_cost
        possible = (3600.0 - first_round) / period
        assert len(starts[0]) >= 0.95 * possible, (period, dead_cost)
        assert all(len(starts[i]) >= 2 for i in range(1, 10)), "the dead are tried again"


def test_the_live_device_keeps_its_cadence_from_the_start_where_attempts_fit_between():
    turns = [Turn(0.0, 1.0) for _ in range(10)]
    starts = run(turns, lambda i: 0.6 if i else 0.1, 60.0, lambda i: i == 0)
    assert len(starts[0]) >= 57


def test_a_dead_device_alone_is_tried_at_its_retry_rate():
    turn = Turn(0.0, 10.0, retry_s=1.0)
    starts = run([turn], lambda i: 0.5, 30.0, lambda i: False)
    assert len(starts[0]) == 20


def test_a_dead_device_that_comes_back_is_live_again():
    turns = [Turn(0.0, 1.0), Turn(0.0, 1.0)]
    schedule = Schedule(turns)
    schedule.finished(turns[1], 0.0, 2.0, False)
    assert turns[1].state == SILENT
    schedule.finished(turns[1], 3.0, 3.1, True)
    assert turns[1].state == LIVE


def test_nothing_to_do_is_never():
    assert Schedule().next_time(5.0) is None
    assert Schedule().pick(5.0) is None


def test_a_schedule_knows_its_own_turns_and_no_others():
    mine, other = [Turn(0.0, 1.0) for _ in range(3)], Turn(0.0, 1.0)
    schedule, elsewhere = Schedule(mine), Schedule([other])
    schedule.finished(mine[0], 0.0, 0.1, True)
    schedule.finished(mine[1], 0.1, 2.0, False)
    assert all(schedule.has(turn) and not elsewhere.has(turn) for turn in mine)
    assert elsewhere.has(other) and not schedule.has(other)
    for turn in mine:
        schedule.remove(turn)
        assert not schedule.has(turn)
    assert schedule.is_empty() and not elsewhere.is_empty()


def test_a_turn_that_moved_to_another_schedule_is_not_the_old_ones():
    turns = [Turn(0.0, 1.0) for _ in range(3)]
    old = Schedule(turns)
    for turn in turns:
        old.finished(turn, 0.0, 0.1, True)
    old.set_turns(turns[:1])
    new = Schedule(turns[1:])
    assert [old.has(turn) for turn in turns] == [True, False, False]
    assert [new.has(turn) for turn in turns] == [False, True, True]


def test_what_stands_for_all_empty_heaps_stays_empty():
    turns = [Turn(0.0, 0.5 + number, brief_s=0.5) for number in range(6)]
    run(turns, lambda i: 0.2, 100.0, lambda i: i % 2 == 0)
    assert {turn.state for turn in turns} == {LIVE, SILENT}
    assert list(NOBODY) == []


def met_at():
    """How one live meter and one that wants two calls in a row fare, where only a single call fits between scans."""
    live, sleeper = Turn(0.0, 4.0), Turn(0.0, 4.0, brief_s=2.6)
    schedule = Schedule([live, sleeper])
    now, met, scans, kinds = 0.0, None, 0, []
    while now < 600.0:
        turn = schedule.pick(now)
        if turn is None:
            now = max(schedule.next_time(now), now + 1e-6)
            continue
        begun = now
        if turn is live:
            scans += 1
            now += 1.0
        else:
            kinds.append(turn.brief)
            awake = begun > 300.0 and not turn.brief
            now += 2.5 if turn.brief else 3.0 if awake else 7.5
            if awake and met is None:
                met = begun
        schedule.finished(turn, begun, now, turn is live or (begun > 300.0 and not turn.brief))
    return met, scans, kinds


def test_a_meter_that_was_away_is_met_again_with_all_retries_while_its_neighbour_keeps_its_pace():
    met, scans, kinds = met_at()
    assert met is not None and met < 300.0 + 5.0 / 0.04
    assert scans >= 0.95 * 600 / 4
    assert True in kinds and False in kinds


def test_a_brief_turn_takes_no_time_from_the_living():
    live, dead = Turn(0.0, 3.0), Turn(0.0, 3.0, brief_s=2.6)
    schedule = Schedule([live, dead])
    schedule.finished(live, 0.0, 0.1, True)
    schedule.finished(dead, 0.1, 7.6, False)
    schedule.finished(live, 7.6, 7.7, True)
    assert schedule.pick(8.0) is live
    schedule.postpone(live, 9.0)
    assert schedule.pick(8.0) is None  # neither a whole nor a brief attempt ends before the living one's time
    schedule.postpone(live, 10.7)
    assert schedule.pick(8.0) is dead and dead.brief


def test_a_dead_device_alone_is_always_tried_with_all_it_has():
    turn = Turn(0.0, 8.0, brief_s=2.6)
    schedule = Schedule([turn])
    now = 0.0
    for _ in range(20):
        now = max(now, schedule.next_time(now))
        assert schedule.pick(now) is turn and not turn.brief
        schedule.finished(turn, now, now + 7.5, False)
        now += 7.5


def test_one_whose_attempt_is_too_long_does_not_stand_before_one_whose_attempt_fits():
    live, long, short = Turn(0.0, 2.5), Turn(0.0, 2.5), Turn(0.0, 2.5)
    costs = {0: 0.2, 1: 3.0, 2: 1.5}
    starts = run([live, long, short], lambda i: costs[i], 600.0, lambda i: i == 0)
    assert len(starts[0]) >= 0.95 * 240
    assert len(starts[2]) > 100, "each gap has room for it"
    assert len(starts[1]) >= 3


def test_of_those_due_together_the_first_given_comes_first():
    turns = [Turn(0.0, 1.0) for _ in range(9)]
    starts = run(turns, lambda i: 0.01, 3.0, lambda i: True)
    first_round = sorted(range(9), key=lambda index: starts[index][0])
    assert first_round == list(range(9))


def test_one_that_is_hastened_is_next_and_one_that_is_postponed_waits():
    turns = [Turn(float(number), 10.0) for number in range(1, 6)]
    schedule = Schedule(turns)
    schedule.postpone(turns[4], 0.5)
    schedule.postpone(turns[0], 7.0)
    assert schedule.next_time(0.0) == 0.5
    assert schedule.pick(0.5) is turns[4]
    schedule.remove(turns[4])
    assert schedule.next_time(0.5) == 2.0


class LookedAt:
    """How often turns are compared, or a place is summed up or searched, whatever heap does it."""

    def __init__(self, monkeypatch) -> None:
        self.count = 0
        for owner, name in ((Turn, "comes_before"), (SilentTurns, "_sum_up"), (Turns, "__len__")):
            monkeypatch.setattr(owner, name, self._counted(getattr(owner, name)), raising=False)

    def _counted(self, function):
        def counting(*arguments):
            self.count += 1
            return function(*arguments)

        return counting


def looks_per_turn(monkeypatch, devices, dead_share):
    """Looks per pick, finish and next time, on a bus where a share of the devices is dead. On the mean: those that
    became due meanwhile are moved together, each once."""
    chance = random.Random(devices)
    turns = [Turn(number * 0.001, devices * 0.02, brief_s=0.3) for number in range(devices)]
    dead = {id(turn) for turn in turns if chance.random() < dead_share}
    costs = {id(turn): chance.choice((0.02, 0.05, 0.5, 1.5, 7.5)) for turn in turns}
    schedule = Schedule(turns)
    with monkeypatch.context() as patch:
        looked = LookedAt(patch)
        now, rounds = 0.0, 0
        while rounds < 5 * devices:
            turn = schedule.pick(now)
            if turn is None:
                now = max(schedule.next_time(now), now + EPSILON_S)
            else:
                rounds += 1
                begun, answered = now, id(turn) not in dead
                now += 0.001 if answered else 0.25 if turn.brief else costs[id(turn)]
                schedule.finished(turn, begun, now, answered)
                schedule.next_time(now)
    return looked.count / rounds


@pytest.mark.parametrize("dead_share", [0.0, 0.3, 0.9])
def test_a_turn_costs_hardly_more_with_three_thousand_devices_than_with_a_hundred(monkeypatch, dead_share):
    few, more, many = (looks_per_turn(monkeypatch, devices, dead_share) for devices in (100, 1000, 3000))
    # A heap of thirty times as many has five levels more.
    assert more < 2.0 * few + 10
    assert many < 2.5 * few + 10


def as_it_was(turns, now, live_due):
    """What `fitting` must find, by looking at every turn."""
    whole = [turn for turn in turns if turn.cost_s <= live_due - now]
    brief = [turn for turn in turns if 0.0 < turn.brief_s <= live_due - now]
    return [min(found, key=lambda turn: (turn.due, turn.order), default=None) for found in (whole, brief)]


@pytest.mark.parametrize("seed", range(20))
def test_the_search_for_what_fits_finds_what_a_look_at_all_finds(seed):
    chance = random.Random(seed)
    heap = SilentTurns()
    there = []
    for step in range(400):
        if there and chance.random() < 0.4:
            turn = there.pop(chance.randrange(len(there)))
            heap.remove(turn)
        elif there and chance.random() < 0.3:
            turn = chance.choice(there)
            turn.cost_s, turn.brief_s = chance.choice((0.1, 2.0, 9.0)), chance.choice((0.0, 1.0, 3.0))
            heap.changed(turn.place)
        else:
            turn = Turn(chance.randrange(20) * 0.5, 1.0)
            turn.order, turn.cost_s, turn.brief_s = step, chance.uniform(0.0, 9.0), chance.choice((0.0, 0.5, 4.0))
            there.append(turn)
            heap.add(turn)
        room = chance.uniform(0.0, 10.0)
        assert [heap.fitting(room), heap.fitting(room, brief=True)] == as_it_was(there, 0.0, room)
        assert heap.most_cost_s() == max((turn.cost_s for turn in there), default=0.0)
        assert not heap or heap[0] is min(there, key=lambda turn: (turn.due, turn.order))
