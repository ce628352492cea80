"""A part of `make soak`, as far as it is about readings that must arrive, in every run of the tests."""

from __future__ import annotations

import pytest

from tests.needs import needs

from . import delivery, store_damage, store_power_cut

pytest.importorskip("paho.mqtt.client", reason="paho-mqtt is missing: make build")


@pytest.mark.timeout(300)
def test_what_was_taken_while_the_broker_was_away_arrives() -> None:
    words, sound = delivery.run("away", 0, 200, 17, plain=True)
    assert sound, words


@pytest.mark.timeout(300)
def test_a_store_that_is_damaged_opens_and_says_so() -> None:
    words, sound = store_damage.damaged(41)
    assert sound, words


@pytest.mark.timeout(300)
def test_what_was_taken_arrives_whoever_is_killed() -> None:
    words, sound = delivery.run("kills", 12, 0, 17, plain=True)
    assert sound, words


@pytest.mark.timeout(300)
def test_a_power_cut_takes_nothing_that_was_written_whatever_became_of_unsynced_writes() -> None:
    needs("strace")
    words, sound = store_power_cut.power_cuts(2)
    assert sound, words


@pytest.mark.timeout(300)
@pytest.mark.parametrize("synchronous", ["NORMAL", "OFF"])
def test_a_store_that_does_not_sync_is_found_wanting(synchronous: str) -> None:
    needs("strace")
    words, sound = store_power_cut.power_cuts(0, synchronous=synchronous)
    assert not sound, words
