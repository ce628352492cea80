"""The outbox: numbers that never come back, bounds, losses told by range, and nothing gone that nobody has."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from meterd.model import Reading, Signal
from meterd.sinks.outbox import Outbox

SIGNAL = Signal("M7", "volume", {})


def reading(value: int = 0) -> Reading:
    return Reading(SIGNAL, value)


def filled(most: int, count: int) -> Outbox:
    outbox = Outbox(most)
    for value in range(1, count + 1):
        assert outbox.put([reading(value)]) == value
    return outbox


def numbers(taken: list[tuple[int, Reading]]) -> list[int]:
    assert all(number == held.value for number, held in taken)
    return [number for number, _ in taken]


def test_what_is_peeked_stays_until_it_is_dropped() -> None:
    outbox = filled(10, 5)
    assert numbers(outbox.peek(2)) == [1, 2]
    assert numbers(outbox.peek(2)) == [3, 4]
    assert outbox.drop(3) == 3
    assert (len(outbox), outbox.under_way()) == (2, 1)
    outbox.again()
    assert numbers(outbox.peek(9)) == [4, 5]
    assert outbox.drop(5) == 2
    assert outbox.peek(9) == []
    assert outbox.put([reading(6)]) == 6


def test_only_what_was_handed_out_can_be_acknowledged() -> None:
    outbox = filled(10, 3)
    assert outbox.drop(99) == 0
    assert numbers(outbox.peek(1)) == [1]
    assert outbox.drop(99) == 1
    assert numbers(outbox.peek(9)) == [2, 3]


def test_past_the_bound_the_oldest_that_was_not_handed_out_is_lost_and_told() -> None:
    outbox = filled(3, 5)
    assert (outbox.lost, outbox.losses()) == (2, [(1, 2)])
    assert numbers(outbox.peek(9)) == [3, 4, 5]
    assert outbox.put([reading(6)]) == 6  # all are under way: it is the new one that goes
    assert (outbox.lost, outbox.losses()) == (3, [(1, 2), (6, 6)])
    assert outbox.drop(4) == 2
    assert outbox.losses() == [(6, 6)]
    outbox.put([reading(7)])
    assert numbers(outbox.peek(9)) == [7]
    outbox.drop(7)
    assert (outbox.losses(), outbox.lost, len(outbox)) == ([], 3, 0)


def test_losses_are_told_in_order_also_where_an_older_reading_goes_after_a_younger() -> None:
    outbox = filled(1, 1)
    assert numbers(outbox.peek(1)) == [1]
    outbox.put([reading(2)])  # the other is under way
    outbox.again()
    outbox.put([reading(3)])
    assert (outbox.lost, outbox.losses()) == (2, [(1, 2)])
    outbox.put([reading(4)])
    assert (outbox.lost, outbox.losses()) == (3, [(1, 3)])
    assert numbers(outbox.peek(9)) == [4]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(1, 9)),
        st.tuples(st.just("peek"), st.integers(0, 5)),
        st.tuples(st.just("drop"), st.integers(0, 40)),
        st.just(("again", 0)),
    ),
    max_size=80,
)


@given(most=st.integers(1, 6), steps=STEPS)
def test_every_reading_is_acknowledged_waiting_or_counted_lost(most: int, steps: list[tuple[str, int]]) -> None:
    outbox = Outbox(most)
    put, acknowledged, handed = 0, 0, 0
    for what, argument in steps:
        if what == "put":
            put = outbox.put([reading(put + one) for one in range(1, argument + 1)])
        elif what == "peek":
            found = numbers(outbox.peek(argument))
            assert found == sorted(found)
            assert all(number > handed for number in found)
            handed = max([handed, *found])
        elif what == "drop":
            acknowledged += outbox.drop(argument)
        else:
            outbox.again()
            handed = 0
        assert len(outbox) <= most
        assert acknowledged + len(outbox) + outbox.lost == put
        assert len(outbox.losses()) <= len(outbox) + 1
