"""A tenth of `make soak`, and less, in every run of the tests: the whole is in docs/figures.md with its seed."""

from __future__ import annotations

import pytest

from . import __main__ as soak
from . import hostile


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("part", "kills", "cuts"), [("kills", 100, 1), ("take_over", 30, 1), ("cut_files", 1, 10),
                                                   ("two_processes", 1, 1), ("lies", 1, 1), ("unreadable", 1, 1),
                                                   ("full_and_read_only", 1, 1)])  # fmt: skip
def test_no_counter_is_shown_twice(part: str, kills: int, cuts: int) -> None:
    said = soak.soak(kills, cuts, 14, [part])
    assert said[-1].endswith(f"{part}: 0 repeated []")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("part", ["hostile", "unread", "descriptors"])
def test_every_answer_of_a_sound_meter_becomes_a_reading_whatever_others_do(part: str) -> None:
    said = hostile.run(part, 4.0)
    assert not [line for line in said if line.startswith("FAIL")], "\n".join(said)
