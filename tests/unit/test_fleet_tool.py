"""A fleet's reconnecting, played with a fake clock: what is said in docs/fleet.md holds, by meterd's own pauses."""

from __future__ import annotations

import pytest

from meterd.sinks import mqtt_connection
from meterd.sinks.backoff import STEADY_S, Backoff, chance
from tools import fleet
from tools.fleet import PATIENCE_S, Settings, Storm, drain, report


def test_pauses_double_up_to_their_bound_and_chance_has_half_of_each() -> None:
    for share, least in ((0.0, 0.5), (0.999999, 1.0)):
        pauses = Backoff(20.0, lambda share=share: share)
        found = [pauses.after(0.0) for _ in range(8)]
        assert found == pytest.approx([least * pause for pause in (1, 2, 4, 8, 16, 20, 20, 20)], rel=1e-3)


def test_a_connection_that_lasted_makes_the_next_pause_short_and_one_that_did_not_does_not() -> None:
    pauses = Backoff(120.0, lambda: 0.0)
    for _ in range(6):
        pauses.after(0.0)
    assert pauses.after(STEADY_S) == 32.0
    assert pauses.after(STEADY_S + 0.1) == 0.5 and pauses.after(0.0) == 1.0


def test_chance_is_even() -> None:
    found = [chance() for _ in range(4000)]
    assert 0.0 <= min(found) < 0.01 and 0.99 < max(found) < 1.0 and 0.47 < sum(found) / len(found) < 0.53


def test_what_is_played_is_what_connects() -> None:
    assert fleet.Backoff is mqtt_connection.Backoff and fleet.CONNECT_S is mqtt_connection.CONNECT_S


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_long_outage_spreads_attempts_over_the_longest_pause(seed: int) -> None:
    """Attempts a second are gateways by the mean pause: three quarters of reconnect_max_s."""
    settings = Settings(gateways=2000, outage_s=1800.0, handshakes_per_s=500.0, reconnect_max_s=60.0, seed=seed)
    outcome = Storm(settings).play()
    mean = settings.gateways / (0.75 * settings.reconnect_max_s)
    assert outcome.refused / settings.outage_s == pytest.approx(mean, rel=0.25)
    assert outcome.peak() < 2 * mean
    assert len(outcome.connected_at) == settings.gateways == outcome.attempts, "nobody in vain"
    assert outcome.connected_by(1.0, settings.gateways) <= settings.reconnect_max_s + 10


def test_a_short_outage_brings_all_at_once_and_they_get_in_all_the_same() -> None:
    settings = Settings(gateways=2000, outage_s=0.1, handshakes_per_s=100.0)
    outcome = Storm(settings).play()
    assert outcome.peak() == settings.gateways and outcome.given_up > 0
    assert len(outcome.connected_at) == settings.gateways
    assert outcome.connected_by(0.5, settings.gateways) >= settings.gateways / 2 / settings.handshakes_per_s


def test_a_broker_that_is_too_slow_for_the_longest_pause_never_sees_all_and_a_longer_one_helps() -> None:
    """The rule of the docs: handshakes/s × (three quarters of reconnect_max_s + 10 s) more than the gateways."""
    slow = {"gateways": 4000, "outage_s": 1.0, "handshakes_per_s": 20.0}
    settings = Settings(reconnect_max_s=120.0, **slow)  # type: ignore[arg-type]
    assert settings.handshakes_per_s * (0.75 * settings.reconnect_max_s + 10) < settings.gateways
    outcome = Storm(settings).play()
    assert outcome.connected_by(1.0, settings.gateways) == float("inf") and "NOT ALL" in report(settings, outcome)
    settings = Settings(reconnect_max_s=600.0, **slow)  # type: ignore[arg-type]
    assert settings.handshakes_per_s * (0.75 * settings.reconnect_max_s + 10) > settings.gateways
    outcome = Storm(settings).play()
    assert outcome.connected_by(1.0, settings.gateways) < PATIENCE_S and "NOT ALL" not in report(settings, outcome)


def test_one_seed_is_one_course() -> None:
    settings = Settings(gateways=300, outage_s=30.0)
    assert report(settings, Storm(settings).play()) == report(settings, Storm(settings).play())


def test_what_was_kept_goes_out_no_faster_than_anybody_allows() -> None:
    settings = Settings(outage_s=900.0, drain_per_s=10.0, readings_per_s=1e9, readings_per_scan=90, scan_s=900.0)
    kept, seconds = drain(settings, [0.0] * 100)
    assert kept == 100 * 90
    assert seconds == pytest.approx(90 / (10.0 - 0.1), abs=2)
    settings = Settings(outage_s=900.0, drain_per_s=10.0, readings_per_s=100.0, readings_per_scan=90, scan_s=900.0)
    assert drain(settings, [0.0] * 100)[1] == pytest.approx(100 * 90 / (100.0 - 100 * 0.1), rel=0.05)
    settings = Settings(drain_per_s=10.0, readings_per_s=10.0, readings_per_scan=90, scan_s=900.0)
    assert drain(settings, [0.0] * 100)[1] == float("inf"), "what comes anew is all that is taken"


def test_the_tool_prints_what_it_saw(capsys: pytest.CaptureFixture[str]) -> None:
    assert fleet.main(["--gateways", "200", "--outage-s", "20", "--handshakes-per-s", "50"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("200 gateways, the broker away for 20 s, 50 handshakes/s") and "the last after" in said
