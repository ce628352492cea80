"""Heat meters that answer `/#1` with a bare row of numbers, written apart from meterd's codecs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from meterd.errors import Garbled, PortGone, Silence
from meterd.protocols.iec62056_21 import driver
from tests.strangers.iec_meter import device, hear, read, say, signal, told

NUMBERS = (81234, 4711023, 30218, 8105, 4022, 4083, 117, 246, 9871, 0)
ROW = b" ".join(b"%07d" % number for number in NUMBERS)
PLACES = [signal(f"[{place}]") for place in (0, 3, 9)]
RIGHT = {"[0]": ("81234", None, None), "[3]": ("8105", None, None), "[9]": ("0", None, None)}
GIVEN: dict[str, Any] = {
    "request": "/#1", "answer": "row", "baudrate": 300, "read_baudrate": 1200, "databits": 7, "parity": "even",
    "stopbits": 2, "retry_counter": 1,
}  # fmt: skip


def heat_meter(*answers: bytes) -> Iterator[Any]:
    """One answer for each request, the last one for all that follow."""
    waiting = list(answers)
    try:
        while True:
            yield from hear(rb"/#1\r\n")
            answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
            if answer:
                yield from say(answer, wait=1.2)
    except PortGone:
        return


@pytest.mark.parametrize(
    "answer", [ROW + b"\r\n", ROW, b"\x00\xff" + ROW + b"\n", b"/#1\r\n " + ROW + b" \r\n", b"\r\n" + ROW + b"\r"]
)
def test_a_row_is_read_by_places(answer: bytes) -> None:
    assert told(read(heat_meter(answer), PLACES, **GIVEN)) == RIGHT


def test_it_is_heard_at_the_answers_speed() -> None:
    outcome = read(heat_meter(ROW), PLACES, **GIVEN)
    speeds = [step.baudrate for step in outcome.settings]
    assert speeds[:2] == [300, 1200]


def test_a_row_that_lost_or_changed_a_character_is_asked_for_again() -> None:
    for place in range(len(ROW)):
        for damaged in (
            ROW[:place] + ROW[place + 1 :],  # lost
            ROW[:place] + bytes((ROW[place] | 0x80,)) + ROW[place + 1 :],  # its parity was wrong
        ):
            assert told(read(heat_meter(damaged, ROW), PLACES, **GIVEN)) == RIGHT, damaged
            outcome = read(heat_meter(damaged), PLACES, **GIVEN)
            assert isinstance(outcome.error, Garbled) and outcome.readings == [], damaged


@pytest.mark.parametrize("cut", [1, 6, 20, 44, 78])
def test_a_row_cut_short_is_no_row(cut: int) -> None:
    outcome = read(heat_meter(ROW[:cut]), PLACES, **GIVEN)
    assert outcome.error is not None and outcome.readings == []


def test_a_place_beyond_the_row_is_not_found() -> None:
    outcome = read(heat_meter(ROW), [signal("[10]")], **GIVEN)
    assert [reading.reason for reading in outcome.readings] == ["not_found"]


def test_a_meter_that_is_silent_is_called_silent() -> None:
    assert isinstance(read(heat_meter(b""), PLACES, **GIVEN).error, Silence)


@pytest.mark.parametrize("tag", ["1.8.0", "R5:1.8.0", "1.8.0[2]", "[0&1]", "P.01#1.5.0"])
def test_what_names_no_place_is_refused_alone(tag: str) -> None:
    plan = driver.plan(device(**GIVEN), [signal(tag), PLACES[0]])
    [(bad, message)] = plan.refused
    assert bad.alias == tag and "[0]" in message
    assert len(plan.signals) == 1
