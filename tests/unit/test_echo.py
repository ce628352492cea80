"""Echoes: taken out whole, however they come; and only echoes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from meterd.ports._echo import MAX_ECHO, Echo

pieces = st.lists(st.integers(1, 7), max_size=30)


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    found, at = [], 0
    for size in sizes:
        found.append(data[at : at + size])
        at += size
    return [piece for piece in [*found, data[at:]] if piece]


def through(echo: Echo, data: bytes, sizes: list[int]) -> bytes:
    return b"".join(echo.strip(piece) if echo.expected else piece for piece in cut(data, sizes))


@given(st.binary(min_size=2, max_size=40), st.binary(max_size=40), pieces)
def test_an_echo_is_taken_out_and_the_answer_is_not(sent, answer, sizes):
    echo = Echo()
    echo.sent(sent)
    assert through(echo, sent + answer, sizes) == answer


@given(st.binary(min_size=2, max_size=40), st.binary(max_size=40), pieces)
def test_whatever_is_no_echo_comes_through_whole(sent, answer, sizes):
    echo = Echo()
    echo.sent(sent)
    got = through(echo, answer, sizes)
    assert got + echo.give_up() == (answer[len(sent) :] if answer.startswith(sent) else answer)
    assert echo.expected == echo.held == b""


@given(
    st.binary(min_size=2, max_size=10), st.binary(min_size=2, max_size=10), st.binary(max_size=10), pieces, st.data()
)
def test_two_transmissions_may_come_back_late(first, second, answer, sizes, data):
    early = data.draw(st.integers(0, len(first)))
    echo = Echo()
    echo.sent(first)
    through(echo, first[:early], [])
    echo.sent(second)
    assert through(echo, first[early:] + second + answer, sizes) == answer


def test_a_single_character_is_no_echo():
    echo = Echo()
    echo.sent(b"\x06")
    assert echo.expected == b""


def test_what_is_expected_is_bounded():
    echo = Echo()
    for _ in range(1000):
        echo.sent(bytes(100))
    assert len(echo.expected) <= MAX_ECHO + 100
