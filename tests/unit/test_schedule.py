"""Who is talked to next: fairness between live and dead devices, as arithmetic."""

from meterd.daemon.schedule import LIVE, SILENT, Schedule, Turn


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
    live.due = 9.0
    assert schedule.pick(8.0) is None  # neither a whole nor a brief attempt ends before the living one's time
    live.due = 10.7
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
