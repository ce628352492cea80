"""The player and callbacks that meddle: each conversation ends once, and hears of an abort between two steps."""

from __future__ import annotations

from typing import Any

import pytest

from meterd import log
from meterd._readout_dialogue import IdentificationDecoder
from meterd.conversation import NOTICE, WARNING, Pause, Receive, Report, ReportAll, Send, Tell
from meterd.errors import Aborted
from meterd.model import Reading, Signal
from meterd.ports._player import WAIT
from meterd.ports.rare_steps import MOST_TOLD
from tests.unit.scripted_port import Rig, data, sent

SIGNAL = Signal("M1", "E", {})


def reports(heard: list[Any], goodbye: bool) -> Any:
    try:
        for number in range(5):
            yield ReportAll([Reading(SIGNAL, number), Reading(SIGNAL, number)])
        yield Pause(20.0)
    except Aborted as error:
        heard.append(error)
        if goodbye:
            heard.append((yield Send(b"goodbye")))
        raise


@pytest.mark.parametrize("goodbye", [False, True])
def test_an_abort_from_within_a_report(goodbye: bool) -> None:
    rig, heard = Rig({}), []
    rig.player.report_to(lambda reading: rig.player.abort("enough"))
    error = rig.play(reports(heard, goodbye))
    assert isinstance(error, Aborted)
    assert [str(found) for found in heard] == (["enough", "None"] if goodbye else ["enough"])
    assert rig.script.sent == ([b"goodbye"] if goodbye else [])


def test_an_abort_from_within_a_report_and_the_next_conversation_at_once() -> None:
    rig = Rig({})
    heard: list[Any] = []

    def on_end(error: Exception | None) -> None:
        rig.ends.append(error)
        if len(rig.ends) == 1:
            rig.player.start(iter_report())

    def iter_report() -> Any:
        yield Report(Reading(SIGNAL, "next"))
        rig.player.on_end = rig.ends.append

    rig.player.report_to(lambda reading: rig.player.abort("enough"))
    rig.player.on_end = on_end
    rig.player.start(reports(heard, False))
    while len(rig.ends) < 2:
        rig.loop.turn()
    rig.loop.close()
    assert [type(error) for error in rig.ends] == [Aborted, Aborted]
    assert len(heard) == 1


def test_an_end_that_fails_is_told_once() -> None:
    rig = Rig({})
    told: list[Any] = []

    def on_end(error: Exception | None) -> None:
        told.append(error)
        raise ValueError("a defect of who is told")

    def conversation() -> Any:
        yield Report(Reading(SIGNAL, 1))

    rig.player.on_end = on_end
    rig.player.start(conversation())
    with pytest.raises(ValueError, match="a defect"):
        while True:
            rig.loop.turn()
    rig.loop.close()
    assert told == [None]


@pytest.mark.parametrize("step", [WAIT, None, 5, ReportAll([None])])  # type: ignore[list-item]
def test_what_is_no_step_is_thrown_back(step: Any) -> None:
    def conversation() -> Any:
        yield step

    assert isinstance(Rig({}).play(conversation()), TypeError)


def test_the_end_of_a_transmission_that_nobody_waits_for_is_no_answer() -> None:
    """A port may tell more than once that bytes have left: while the answer is awaited, in a pause, behind the end."""
    answers: list[Any] = []

    def conversation() -> Any:
        answers.append((yield Send(b"one")))
        answers.append((yield Receive(IdentificationDecoder(), 200, 100)))
        answers.append((yield Send(b"two")))
        answers.append((yield Pause(0.05)))

    frame = b"/ABC5x\r\n"
    rig = Rig({0: [sent, sent, sent, data(frame)], 1: [sent, sent, sent]}, lambda number: False)
    began = rig.loop.time
    assert rig.play(conversation()) is None
    sent(rig)
    assert answers[0] is answers[2] is answers[3] is None
    assert answers[1] is not None
    assert rig.loop.time >= began + 0.05
    assert len(rig.ends) == 1


@pytest.mark.parametrize("poll_delay_s", [0.0, 0.02])
def test_a_port_that_fails_on_a_defect_ends_the_conversation_and_not_the_loop(poll_delay_s: float) -> None:
    def leaves(number: int) -> bool:
        raise ValueError("a defect of the port")

    def conversation() -> Any:
        yield Send(b"one")

    rig = Rig({}, leaves)
    error = rig.play(conversation(), poll_delay_s)
    assert isinstance(error, ValueError)
    assert str(error) == "a defect of the port"


def test_what_is_told_has_a_bound(said: list[str]) -> None:
    def conversation() -> Any:
        for number in range(1000):
            assert (yield Tell(WARNING, f"sentence {'x' * number}")) is None
        yield Report(Reading(SIGNAL, 1))

    rig = Rig({})
    assert rig.play(conversation()) is None
    assert len(rig.readings) == 1
    assert 1 <= len(said) <= MOST_TOLD
    assert said[0] == "scripted: sentence "


def test_the_levels_of_what_is_told_are_those_of_the_log() -> None:
    assert (NOTICE, WARNING) == (log.NOTICE, log.WARNING)
