"""Letters between a thread and the loop: in their order, one call for many, and none for what has time."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from meterd.ports._loop import Loop
from meterd.ports.letter_box import LetterBox
from tests.unit.mqtt_case import turn_until


class Reader:
    def __init__(self) -> None:
        self.loop = Loop()
        self.got: list[int] = []
        self.calls = 0
        self.box = LetterBox(self.loop, self.serve)

    def serve(self) -> None:
        self.calls += 1
        self.got += [number for (number,) in self.box.letters()]


@pytest.fixture
def reader() -> Iterator[Reader]:
    made = Reader()
    yield made
    made.loop.close()


def test_letters_of_a_thread_come_in_their_order(reader: Reader) -> None:
    thread = threading.Thread(target=lambda: [reader.box.post((number,)) for number in range(2000)])
    thread.start()
    turn_until(reader.loop, lambda: len(reader.got) == 2000)
    thread.join(30)
    assert reader.got == [*range(2000)]


def test_the_loop_is_called_once_for_all_that_lie_there_and_anew_for_the_next(reader: Reader) -> None:
    for number in range(5):
        reader.box.post((number,))
    reader.loop.turn()
    assert (reader.calls, reader.got) == (1, [0, 1, 2, 3, 4])
    reader.box.post((5,))
    reader.loop.turn()
    assert (reader.calls, reader.got[5:]) == (2, [5])


def test_what_has_time_is_served_with_what_has_none(reader: Reader) -> None:
    reader.box.post((1,), at_leisure=True)
    reader.loop.turn(wait=False)
    assert (reader.calls, len(reader.box)) == (0, 1)
    reader.box.post((2,))
    reader.loop.turn()
    assert (reader.calls, reader.got, len(reader.box)) == (1, [1, 2], 0)


def test_at_the_end_a_letter_ends_the_wait_and_calls_the_loop_no_more(reader: Reader) -> None:
    reader.box.wait(0.0)
    thread = threading.Thread(target=lambda: reader.box.post((7,), at_leisure=True))
    thread.start()
    while not len(reader.box):
        reader.box.wait(30.0)
    thread.join(30)
    reader.loop.turn(wait=False)
    assert reader.calls == 0
    reader.box.wait(30.0)  # there is one: not waited for
    reader.serve()
    assert reader.got == [7]
