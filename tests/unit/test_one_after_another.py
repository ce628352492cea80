"""What one scan leaves behind for the next one of its line: nothing that is not the next one's."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from meterd.conversation import Receive, Send
from meterd.daemon.job import Job
from meterd.daemon.line import Line
from meterd.daemon.load import WINDOW_S, Load
from meterd.daemon.outcome import settle
from meterd.daemon.schedule import Schedule
from meterd.daemon.turns import LIVE, Turn
from meterd.errors import Aborted, Silence
from meterd.model import Device, Memory, Plan, Reading, Signal
from meterd.ports._port import Counts
from meterd.ports._timers import Timer
from meterd.ports.player import GOODBYE_S
from meterd.sinks.status import DeviceStatus
from tests.unit.runtime_rig import Words
from tests.unit.test_system_calls import Counted, Talk, counted, far_meter, talk

__all__ = ["counted", "far_meter", "talk"]

# ---- what is told


def device() -> tuple[Job, Any]:
    """A job, and what it takes of a line to settle its scans."""
    made = Device("m", "toy", {}, "127.0.0.1:1")
    signals = [Signal("m", "E", {})]
    job = Job(SimpleNamespace(), Plan(made, signals, None), signals, Memory(), DeviceStatus("m"), 0.0)  # type: ignore[arg-type]
    counts = Counts()
    line = SimpleNamespace(
        loop=SimpleNamespace(time=1.0), key="127.0.0.1:1", player=SimpleNamespace(counts=counts, reported=set()),
        started=0.0, hub=None, rounds=None, publish=lambda reading: None, is_asked=lambda: False,
    )  # fmt: skip
    return job, line


def test_each_outage_is_told_with_its_end_however_many_scans_were_well_before(said: list[str]) -> None:
    job, line = device()
    for _ in range(2):
        settle(line, job, None)
        settle(line, job, None)
        settle(line, job, Silence("no answer"))
        settle(line, job, None)
    assert said == ["m: no answer", "m: answers again"] * 2


def test_a_device_that_was_configured_anew_while_it_was_away_is_told_to_answer_again(said: list[str]) -> None:
    job, line = device()
    settle(line, job, Silence("no answer"))
    job, line = device()
    settle(line, job, None)
    assert said[-1] == "m: answers again"


def test_what_passed_is_counted_once_though_the_next_connection_fails(counted: Callable[[float], Counted]) -> None:
    site = counted(0.02)
    status = site.line.jobs[0].status
    site.line.port.close()
    sent = status.passed.bytes_sent
    assert sent
    site.line.port.carrier.place = "127.0.0.1:1"  # nobody listens there
    end = Timer(site.loop.stop)
    site.loop.arm(end, site.loop.time + 30.0)
    while status.reason is None and end.deadline is not None:
        site.loop.turn()
    assert status.reason == "disconnected"
    assert status.passed.bytes_sent == sent


class Asker:
    def __init__(self) -> None:
        self.readings: list[Reading] = []
        self.ends: list[Exception | None] = []
        self.accept = self.readings.append
        self.ended = self.ends.append


def test_who_asked_for_a_scan_gets_that_one_and_the_next_goes_straight_to_the_hub(
    counted: Callable[[float], Counted], monkeypatch: pytest.MonkeyPatch
) -> None:
    site, asker = counted(0.0), Asker()
    round_about: list[Reading] = []
    publish = Line.publish

    def publishing(line: Line, reading: Reading) -> None:
        round_about.append(reading)
        publish(line, reading)

    monkeypatch.setattr(Line, "publish", publishing)
    site.line.jobs[0].askers = [asker]
    site.scan(4)
    assert asker.readings == round_about
    assert len(round_about) == 1
    assert asker.ends == [None]


# ---- whose turn it is


def test_a_turn_that_was_brief_while_its_device_was_silent_is_whole_again() -> None:
    turn = Turn(0.0, 1.0)
    turn.state, turn.brief = LIVE, True
    assert Schedule([turn]).pick(0.0) is turn
    assert not turn.brief


def test_a_line_that_is_late_does_not_make_up_for_what_it_missed() -> None:
    turn = Turn(0.0, 1.0)
    turn.state = LIVE
    schedule = Schedule([turn])
    schedule.finished(schedule.pick(0.0), 0.0, 5.0, answered=True)  # type: ignore[arg-type]
    assert turn.due == 5.0
    assert schedule.next_time(5.0) == 5.0


def test_of_two_the_other_one_is_next() -> None:
    one, other = Turn(0.0, 1.0), Turn(0.5, 1.0)
    one.state = other.state = LIVE
    schedule = Schedule([one, other])
    schedule.finished(one, 0.0, 0.1, answered=True)
    assert schedule.next_time(0.1) == 0.5
    assert schedule.pick(0.5) is other


class Thorough(Schedule):
    """Takes no short cut."""

    def _are_all_live(self) -> bool:
        return False


def picks(kind: type[Schedule], seed: int) -> list[tuple[float, int, bool]]:
    """When which of three devices was tried, and whether briefly; they die and come back by `seed`."""
    chance = Random(seed)
    turns = [Turn(0.0, period, brief_s=0.3) for period in (1.0, 1.5, 7.0)]
    outages = [[chance.uniform(0.0, 400.0) for _ in range(4)] for _ in turns]
    schedule, now, found = kind(turns), 0.0, []
    while now < 400.0:
        turn = schedule.pick(now)
        if turn is None:
            now = max(now + 0.001, schedule.next_time(now) or 400.0)
            continue
        number = turns.index(turn)
        found.append((round(now, 6), number, turn.brief))
        dead = any(begin <= now < begin + 60.0 for begin in outages[number])
        started, cost_s = now, 0.3 if turn.brief else 2.0 if dead else chance.choice((0.05, 0.2))
        now += cost_s
        schedule.finished(turn, started, now, not dead)
    return found


@pytest.mark.parametrize("seed", range(12))
def test_the_short_way_of_a_line_whose_devices_all_answer_comes_to_the_same(seed: int) -> None:
    assert picks(Schedule, seed) == picks(Thorough, seed)


def test_a_turn_of_a_line_is_in_the_window_in_which_it_ended() -> None:
    load = Load(0.0)
    load.used(0.0, WINDOW_S - 10.0)
    load.used(WINDOW_S + 10.0, WINDOW_S + 20.0)
    assert load.share(2 * WINDOW_S + 100.0) == pytest.approx(10.0 / (WINDOW_S + 80.0))


# ---- aborts


def parting(said: list[str]) -> Any:
    try:
        yield Send(b"ask\n")
        yield Receive(Words(), 60_000, 500)
    finally:
        yield Send(b"bye\n")
        said.append("goodbye")


def test_every_conversation_that_is_aborted_says_goodbye(talk: Talk) -> None:
    parted: list[str] = []
    for count in (1, 2):
        talk.player.start(parting(parted))
        talk.loop.turn()
        talk.player.abort("enough")
        while talk.player.is_playing():
            talk.loop.turn()
        assert len(parted) == count
        assert isinstance(talk.ends[-1], Aborted)


def test_the_time_for_a_goodbye_ends_with_it(talk: Talk) -> None:
    parted: list[str] = []
    talk.player.start(parting(parted))
    talk.loop.turn()
    talk.player.abort("enough")
    while talk.player.is_playing():
        talk.loop.turn()
    talk.player.start(parting(parted))
    later: list[float] = []
    talk.loop.arm(Timer(lambda: later.append(talk.loop.time)), talk.loop.time + 3 * GOODBYE_S)
    while not later:
        talk.loop.turn()
    assert talk.player.is_playing()
    talk.player.abort("enough")
    while talk.player.is_playing():
        talk.loop.turn()
