"""Every fuzz target on its seeds, on the corpus that was kept, and on a few mutated inputs, on the release build."""

from __future__ import annotations

import pytest

from tests.fuzz import engine

MUTATED = 300


@pytest.mark.parametrize("name", engine.names())
def test_no_input_breaks_a_target(name: str) -> None:
    target = engine.load(name)
    kept = [*target.SEEDS, *engine.corpus(name)]
    assert kept, "a target without seeds fuzzes nothing"
    for data in kept:
        target.one(data)
    mutate = engine.Mutator(kept, 1)
    for _ in range(MUTATED):
        target.one(mutate())


def test_the_engine_repeats_itself_for_a_seed_and_keeps_its_bound() -> None:
    first, second, other = (engine.Mutator([b"/?!\r\n" * 900, b"abc"], seed) for seed in (5, 5, 6))
    inputs = [first() for _ in range(500)]
    assert inputs == [second() for _ in range(500)]
    assert inputs != [other() for _ in range(500)]
    assert max(map(len, inputs)) <= engine.LONGEST
