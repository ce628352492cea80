"""A page of the devices and a page of values over the control socket: order, bounds, what fails, and what it costs."""

from __future__ import annotations

import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterd.daemon import glance as module
from meterd.daemon.glance import MAX_ROWS, MAX_WORDS, SORTS, WORDS, glance
from meterd.errors import ConfigError
from meterd.model import Reading, Signal
from meterd.ports.work import at_once
from meterd.recalculation import Recalculation

from .runtime_rig import Rig, counting_meter, tcp_device
from .test_control import knock, take  # noqa: F401  (a fixture)
from .test_control import rig as control_rig
from .test_linear import SIZES, assert_linear, calls_of

rig = control_rig


@pytest.fixture
def site(monkeypatch):
    """Two that are read, one whose meter is dead, one that refuses."""
    made = Rig(monkeypatch)
    port = made.host.on_tcp(0, counting_meter(silent=("dead",)))
    other = made.host.on_tcp(0, counting_meter(answer=b"no"))
    made.configure(
        tcp_device("alpha", port, scan_rate_ms=100_000),
        tcp_device("dead", port, scan_rate_ms=100_000, timeout_ms=100),
        tcp_device("beta", port, scan_rate_ms=100_000),
        tcp_device("grim", other, scan_rate_ms=100_000),
    )
    made.run(20.0, lambda: {job.status.reason for job in made.daemon.jobs.values()} == {None, "no_bytes", "refused"})
    yield made
    made.close()


def asked(rig: Rig, *words: str) -> dict:
    return at_once(glance(rig.daemon, words[0], list(words[1:])))


def aliases(answer: dict) -> list[str]:
    return [row["device"] for row in answer["devices"]]


def test_the_worst_are_first_and_all_are_counted(site):
    page = asked(site, "page")
    assert aliases(page) == ["dead", "grim", "alpha", "beta"]
    assert page["states"] == {"no_bytes": 1, "refused": 1, "good": 2}
    assert list(page["states"]) == ["no_bytes", "refused", "good"]
    assert (page["devices_all"], page["matching"], page["lines_all"]) == (4, 4, 2)
    dead, grim, alpha, _ = page["devices"]
    assert (alpha["signals"], alpha["signals_ok"], alpha["reason"], alpha["trouble"]) == (1, 1, "good", "")
    assert (dead["signals_ok"], dead["last_good_age_s"]) == (0, None) and dead["trouble"]
    assert "it said no" in grim["trouble"] and "failing" not in grim
    assert {line["devices"] for line in page["lines"]} == {1, 3}
    assert page["daemon"]["cost_ms"] > 0.0 and page["daemon"]["longest_portion_ms"] <= page["daemon"]["cost_ms"]


def test_a_page_is_a_part_of_the_order(site):
    whole = aliases(asked(site, "page", "sort=device"))
    assert whole == ["alpha", "beta", "dead", "grim"]
    assert aliases(asked(site, "page", "sort=device", "from=1", "count=2")) == whole[1:3]
    assert aliases(asked(site, "page", "sort=device", "from=3", "count=9")) == whole[3:]
    assert asked(site, "page", "from=99")["devices"] == []
    assert aliases(asked(site, "page", "sort=age"))[:2] == ["dead", "grim"]
    assert aliases(asked(site, "page", "sort=signals"))[2:] == ["alpha", "beta"]
    assert aliases(asked(site, "page", "sort=line"))[-1 if whole else 0] in whole
    found = asked(site, "page", "match=GRIM")
    assert aliases(found) == ["grim"] and found["matching"] == 1 and found["devices_all"] == 4
    assert aliases(asked(site, "page", "match=no_bytes")) == ["dead"]
    line = site.daemon.jobs["grim"].plan.device.line
    assert aliases(asked(site, "page", f"line={line}")) == ["grim"]


def test_readings_say_what_they_are_worth(site):
    rows = {row["device"]: row for row in asked(site, "readings")["readings"]}
    assert (rows["alpha"]["quality"], rows["alpha"]["words"], rows["alpha"]["signal"]) == ("good", None, "E")
    assert rows["alpha"]["value"].isdigit() and rows["alpha"]["time_ms"] == 1_700_000_000_000
    assert (rows["dead"]["value"], rows["dead"]["quality"]) == (None, "invalid") and rows["dead"]["words"]
    assert "it said no" in rows["grim"]["words"]
    one = asked(site, "readings", "device=beta")
    assert [row["device"] for row in one["readings"]] == ["beta"] and one["signals_all"] == 1
    assert one["device"]["device"] == "beta" and one["device"]["reason"] == "good"
    part = asked(site, "readings", "from=1", "count=2")
    assert [row["device"] for row in part["readings"]] == ["dead", "beta"] and part["signals_all"] == 4


def test_a_value_of_a_device_that_has_failed_since_is_stale(site):
    status = site.daemon.jobs["alpha"].status
    status.failed("timeout", words="nothing came", now_s=site.loop.time)
    [row] = asked(site, "readings", "device=alpha")["readings"]
    assert row["quality"] == "stale" and row["words"] == "nothing came" and row["value"].isdigit()


def test_of_a_scan_that_broke_off_the_newest_values_are_good(site):
    job = site.daemon.jobs["alpha"]
    job.signals = [Signal("alpha", name, {}) for name in ("a", "b", "c")]
    for signal, time_ms in zip(job.signals, (9_000, 5_000, 8_000), strict=True):
        site.hub.publish(Reading(signal, 1, None, time_ms))
    job.status.failed("timeout", words="it fell silent", now_s=site.loop.time, signals_ok=2)
    rows = asked(site, "readings", "device=alpha")["readings"]
    assert [row["quality"] for row in rows] == ["good", "stale", "good"]


def test_a_recalculated_signal_is_shown_as_it_leaves(site):
    job = site.daemon.jobs["beta"]
    [signal] = job.signals
    signal.recalculation = Recalculation({"multiply": "0.001", "units": "MWh", "absolute_threshold": "1000"})
    site.hub.publish(Reading(signal, 41507, "kWh", 77))
    [row] = asked(site, "readings", "device=beta")["readings"]
    assert (row["value"], row["unit"], row["time_ms"]) == ("41.507", "MWh", 77)
    site.hub.publish(Reading(signal, "broken", None, 78))
    [row] = asked(site, "readings", "device=beta")["readings"]
    assert row["value"] is None and row["quality"] == "invalid" and "text" in row["words"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["page", "sort=colour"], "sort is one of state"),
        (["page", "from=-1"], "whole number"),
        (["page", "count=1e3"], "whole number"),
        (["page", "count=99999999999999999999"], "whole number"),
        (["page", "count=²"], "whole number"),
        (["page", "sort"], "page takes"),
        (["page", "device=alpha"], "page takes"),
        (["readings", "device=nobody"], "no device that is read here"),
        (["readings", "match="], "readings takes"),
    ],
)
def test_what_is_no_request_is_refused_in_words(site, words, told):
    with pytest.raises(ConfigError, match=told):
        asked(site, *words)


@given(
    st.sampled_from(["page", "readings"]),
    st.lists(
        st.builds("{}{}{}".format, st.sampled_from([*WORDS["page"], "device", ""]), st.sampled_from("=:"), st.text())
    ),
)
def test_whatever_is_asked_ends_in_an_answer_or_in_words(command, words):
    with pytest.MonkeyPatch.context() as patch:
        rig = Rig(patch)
        rig.configure(*(tcp_device(f"m{number}", 10_000 + number) for number in range(3)))
        try:
            answer = asked(rig, command, *words)
            assert answer["ok"] and len(answer.get("devices", answer.get("readings"))) <= 3
        except ConfigError as error:
            assert str(error)
        finally:
            rig.close()


def test_an_answer_is_bounded_whatever_is_asked_and_said(site):
    for job in site.daemon.jobs.values():
        job.status.failed("timeout", words="x" * 100_000, now_s=site.loop.time)
    page = asked(site, "page", "count=999999999")
    assert all(len(row["trouble"]) == MAX_WORDS for row in page["devices"])
    signals = [Signal("alpha", f"s{number}", {}) for number in range(3 * MAX_ROWS)]
    site.daemon.jobs["alpha"].signals = signals
    site.hub.publish(Reading(signals[0], "y" * 100_000, None, 1))
    answer = asked(site, "readings", "count=999999999")
    assert len(answer["readings"]) == MAX_ROWS and len(json.dumps(answer)) < MAX_ROWS * (2 * MAX_WORDS + 300)


def test_over_the_socket(rig, knock):  # noqa: F811
    port = rig.host.on_tcp(0, counting_meter())
    rig.configure(tcp_device("meter", port, scan_rate_ms=60_000))
    rig.run(5.0, lambda: rig.readings.of("meter", "good"))
    page = json.loads(take(rig, knock(b"page sort=age count=1\n")))
    assert page["ok"] and aliases(page) == ["meter"]
    answer = json.loads(take(rig, knock(b"readings device=meter\n")))
    assert [row["quality"] for row in answer["readings"]] == ["good"]
    refused = json.loads(take(rig, knock(b"page sort=up\n")))
    assert not refused["ok"] and "sort is one of" in refused["error"]


def test_a_gateway_without_it_says_which_package_brings_it(rig, knock, monkeypatch):  # noqa: F811
    monkeypatch.setitem(sys.modules, "meterd.daemon.glance", None)
    refused = json.loads(take(rig, knock(b"page\n")))
    assert not refused["ok"] and "opkg install meterd-top" in refused["error"]


@pytest.mark.parametrize(
    "request_words", [["page", f"sort={sort}", "count=20"] for sort in SORTS] + [["readings", "count=20"]]
)
def test_the_cost_grows_with_the_devices_and_no_faster(monkeypatch, said, request_words):
    counts = []
    for size in SIZES:
        rig = Rig(monkeypatch)
        rig.configure(*(tcp_device(f"m{number}", 10_000 + number) for number in range(size)))
        counts.append(calls_of(lambda rig=rig: asked(rig, *request_words)))
        rig.close()
    if request_words[0] == "page":
        assert_linear(counts)
    else:
        assert counts[2] <= 40 * SIZES[2]


def test_no_portion_looks_at_more_than_a_few_devices(monkeypatch, said):
    rig = Rig(monkeypatch)
    rig.configure(*(tcp_device(f"m{number}", 10_000 + number) for number in range(500)))
    work = glance(rig.daemon, "page", ["count=200"])
    portions = [calls_of(lambda: next(work, None)) for _ in range(40)]
    rig.close()
    assert max(portions) < 60 * module.PORTION
