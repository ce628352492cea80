"""A part of `python -m tests.soak.delivery` and of `store_damage`, in every run of the tests."""

from __future__ import annotations

import pytest

from . import delivery, store_damage

pytest.importorskip("paho.mqtt.client", reason="paho-mqtt is missing: make build")


@pytest.mark.timeout(300)
def test_what_was_taken_while_the_broker_was_away_arrives() -> None:
    words, sound = delivery.run("away", 0, 200, 17, plain=True)
    assert sound, words


@pytest.mark.timeout(300)
def test_a_store_that_is_damaged_opens_and_says_so() -> None:
    words, sound = store_damage.damaged(41)
    assert sound, words
