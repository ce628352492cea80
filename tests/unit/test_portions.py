"""Work in portions: in its order, a little in each turn, at once where that is asked for, and none after an end."""

from __future__ import annotations

import pytest

from meterd.ports._loop import Loop
from meterd.ports.portions import PORTION_S, Portions
from meterd.ports.work import at_once


class Clock:
    """Goes on by a little whenever somebody looks."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += PORTION_S / 10
        return self.now


@pytest.fixture
def loop():
    made = Loop()
    yield made
    made.close()


def counting(upto: int, done: list[int]):
    for number in range(upto):
        done.append(number)
        yield
    return upto


def test_at_once_does_all_and_gives_what_came_of_it():
    done: list[int] = []
    assert at_once(counting(7, done)) == 7
    assert done == list(range(7))


def test_each_turn_does_a_portion(loop):
    done: list[int] = []
    results: list[int] = []
    portions = Portions(loop, Clock())
    portions.begin(counting(100, done), results.append)
    seen = []
    while not results:
        loop.turn()
        seen.append(len(done))
    assert results == [100] and done == list(range(100))
    pieces = [later - earlier for earlier, later in zip([0, *seen], seen, strict=False)]
    assert len(pieces) > 10 and max(pieces) <= 10
    assert loop.next_deadline() is None, "nobody is woken for nothing"


def test_one_after_the_other_in_the_order_in_which_they_were_asked_for(loop):
    done: list[int] = []
    results: list[object] = []
    portions = Portions(loop, Clock())

    def then(result: int) -> None:
        results.append(result)
        if result == 30:
            portions.begin(counting(1, done), results.append)

    portions.begin(counting(30, done), then)
    portions.begin(counting(20, done), then)
    while loop.next_deadline() is not None:
        loop.turn()
    assert results == [30, 20, 1]
    assert done == [*range(30), *range(20), 0]


def test_finish_does_what_is_left_now(loop):
    done: list[int] = []
    results: list[int] = []
    portions = Portions(loop, Clock())
    portions.begin(counting(50, done), results.append)
    portions.begin(counting(5, done), results.append)
    loop.turn()
    assert 0 < len(done) < 50
    portions.finish()
    assert results == [50, 5] and done == [*range(50), *range(5)]
    assert loop.next_deadline() is None


def test_what_is_abandoned_is_closed_and_never_done(loop):
    done: list[int] = []
    closed: list[str] = []

    def careful():
        try:
            yield from counting(1000, done)
        finally:
            closed.append("closed")

    portions = Portions(loop, Clock())
    portions.begin(careful(), closed.append)
    loop.turn()
    portions.abandon()
    before = len(done)
    loop.turn(wait=False)
    assert closed == ["closed"] and len(done) == before < 1000


def test_work_may_abandon_all_work_including_itself(loop):
    portions = Portions(loop, Clock())
    results: list[object] = []

    def ends_all():
        try:
            yield
            portions.abandon()
            yield
            results.append("went on")
        finally:
            results.append("closed")

    portions.begin(ends_all(), results.append)
    portions.begin(counting(3, []), results.append)
    for _ in range(5):
        loop.turn(wait=False)
    assert results == ["closed"] and loop.next_deadline() is None


def test_a_piece_that_fails_holds_up_no_other(loop):
    results: list[int] = []
    portions = Portions(loop, Clock())

    def failing():
        yield
        raise ValueError("a defect")

    portions.begin(failing(), results.append)
    portions.begin(counting(3, []), results.append)
    with pytest.raises(ValueError, match="a defect"):
        for _ in range(5):
            loop.turn(wait=False)
    for _ in range(5):
        loop.turn(wait=False)
    assert results == [3]
