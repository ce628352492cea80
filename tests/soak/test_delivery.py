"""A part of `make soak`, as far as it is about readings that must arrive, in every run of the tests."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from tests.needs import needs

from . import delivery, store_damage, store_power_cut
from .delivery_judge import Verdict
from .delivery_site import Site
from .storing_consumer import Database

pytest.importorskip("paho.mqtt.client", reason="paho-mqtt is missing: make build")


WAYS = pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])


@pytest.mark.timeout(300)
@WAYS
def test_what_was_taken_while_the_broker_was_away_arrives(tls: bool) -> None:
    words, sound = delivery.run("away", 0, 200, 17, plain=True, tls=tls)
    assert sound, words


@pytest.mark.timeout(300)
def test_a_store_that_is_damaged_opens_and_says_so() -> None:
    words, sound = store_damage.damaged(41)
    assert sound, words


@pytest.mark.timeout(300)
@WAYS
def test_what_was_taken_arrives_whoever_is_killed(tls: bool) -> None:
    words, sound = delivery.run("kills", 12, 0, 17, plain=True, tls=tls)
    assert sound, words


SECOND_US = 1_000_000
FIRST, SECOND, END = SECOND_US, 6 * SECOND_US, 12 * SECOND_US  # when two daemons began, and the second ended
FIRST_KILLED = 5 * SECOND_US


@pytest.mark.parametrize(
    ("lost_at", "excused"),
    [
        (FIRST_KILLED - 40_000, True),  # not synced yet
        (FIRST_KILLED + 300, True),  # noted when the daemon that had asked for it was dead already
        (FIRST_KILLED - 2 * SECOND_US, False),
        (SECOND + 300, False),  # the next daemon lived on for long enough
        (END - 40_000, True),
        (END + SECOND_US, True),
    ],
)
def test_the_judge_excuses_what_the_last_moments_of_the_daemon_that_asked_took(
    tmp_path: Path, lost_at: int, excused: bool
) -> None:
    where = str(tmp_path / "consumer.sqlite")
    kept = (FIRST + 100_000, END - 2 * SECOND_US)
    base = Database(where)
    base.keep([(("soak", "e", number), ("d0", "s0", f'[{value}, "good"]', 0)) for number, value in enumerate(kept)])
    base.db.commit()
    base.close()
    site = SimpleNamespace(where=where, served=lambda: sorted((*kept, lost_at)), starts=[FIRST, SECOND],
                           deaths=[FIRST_KILLED, END], busy_us=[0, 0], stalls=[])  # fmt: skip
    verdict = Verdict(cast(Site, site))
    assert verdict.is_sound is excused, verdict.words
    assert "not there 1 " in verdict.words


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
