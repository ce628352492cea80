"""`meterd doctor` names the cause of each planted fault in its first line (tests/strangers/planted.py)."""

from __future__ import annotations

import pytest

from .planted import BEGIN, END, FAULTS, PAGE, Outcome, run_all


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    return run_all()


@pytest.mark.timeout(900)
def test_the_first_line_names_the_cause(outcomes: list[Outcome]) -> None:
    wrong = [
        f"{planted.name}: {outcome.said or outcome.errors}"
        for planted, outcome in zip(FAULTS, outcomes, strict=True)
        if planted.answer not in outcome.said.split("\n")[0] or planted.more not in outcome.said or not outcome.code
    ]
    assert not wrong, "\n".join(wrong)


def test_half_of_the_meters_are_written_apart() -> None:
    assert len(FAULTS) >= 30 and 2 * sum(planted.strange for planted in FAULTS) >= len(FAULTS)
    assert len({planted.name for planted in FAULTS}) == len(FAULTS)


def test_the_page_has_each_of_them() -> None:
    text = PAGE.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0]
    rows = [row.split(" | ")[0][2:] for row in text.splitlines() if "|" in row][2:]
    assert rows == [planted.name for planted in FAULTS]
