"""The nearest address of a meter's list: what was most likely meant, and in bounded time."""

from __future__ import annotations

import pytest

from meterd.nearest_address import MAX_LETTERS, MAX_NOTED, Addresses

LIST = ["0.0.0", "0.9.1", "1.8.0", "1.8.1", "2.8.0*07", "F.F", "C.7.0", "31.7", "1-0:15.8.0"]


@pytest.mark.parametrize(
    ("asked", "near"),
    [
        ("1.8.9", "1.8.0"),
        ("1.8.1*03", "1.8.1"),
        ("2.8.0", "2.8.0*07"),
        ("1-0:1.8.0", "1.8.0"),
        ("15.8.0", "1-0:15.8.0"),
        ("31.7.0", "31.7"),
        ("C.7", "C.7.0"),
        ("Q", None),
        ("", None),
        ("zz", None),
    ],
)
def test_the_nearest(asked: str, near: str | None) -> None:
    assert Addresses(LIST).nearest(asked) == near


def test_it_is_a_sentence() -> None:
    assert Addresses(LIST).missing("1.8.9", "the read-out") == "1.8.9 is not in the read-out; nearest: 1.8.0"
    assert Addresses(LIST).missing("Q", "the read-out") == "Q is not in the read-out; it has 9 others"
    assert Addresses([]).missing("Q", "the read-out") == "Q is not in the read-out, which is empty"


def test_lists_and_names_without_end_cost_no_more_than_their_bound() -> None:
    many = Addresses(f"{number}." + "9" * 500 for number in range(3 * MAX_NOTED))
    assert many.count == 3 * MAX_NOTED
    assert len(many._beginnings) + len(many._endings) <= 2 * MAX_NOTED * MAX_LETTERS
    assert many.nearest("7." + "9" * 9000) == "7." + "9" * 500
