"""The hub, a device's status, and how readings are written."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterd import log
from meterd._number import Number
from meterd.daemon.job import LOOK_S
from meterd.gateway.json_text import encode
from meterd.model import GOOD, INVALID, OVERFLOW, REASONS, STALE, Reading, Signal, failed
from meterd.ports._port import Counts
from meterd.sinks.format import fields, json_line, msgpack_fields, wcc_line
from meterd.sinks.hub import Hub
from meterd.sinks.status import COUNTERS, DeviceStatus

from .runtime_rig import Rig, counting_meter, tcp_device

ENERGY = Signal("M1", "E", {})
NOW = 1_732_290_300_123


class Listener:
    def __init__(self) -> None:
        self.readings: list[Reading] = []
        self.calls: list[str] = []

    def accept(self, reading: Reading) -> None:
        self.readings.append(reading)

    def flush(self) -> None:
        self.calls.append("flush")

    def reopen(self) -> None:
        self.calls.append("reopen")

    def close(self) -> None:
        self.calls.append("close")


class Faulty(Listener):
    def accept(self, reading: Reading) -> None:
        raise RuntimeError("broken")

    def flush(self) -> None:
        raise OSError("broken")


@pytest.fixture
def lines() -> Iterator[list[str]]:
    said: list[str] = []
    log.configure(log.DEBUG, lambda level, text: said.append(text), clock=lambda: 0.0)
    yield said
    log.configure()


def seen(*readings: Reading) -> list[tuple[Any, str, str | None, int]]:
    listener = Listener()
    hub = Hub([listener], lambda: NOW)
    for reading in readings:
        hub.publish(reading)
    return [(each.value, each.quality, each.reason, each.time_ms) for each in listener.readings]


def test_readings_are_stamped_once() -> None:
    assert seen(Reading(ENERGY, 5)) == [(5, GOOD, None, NOW)]
    assert seen(Reading(ENERGY, 5, time_ms=7)) == [(5, GOOD, None, 7)]


@pytest.mark.parametrize("reason", REASONS)
def test_a_failed_read_is_the_last_value_gone_stale(reason: str) -> None:
    last = Reading(ENERGY, Number(1472384, -1), "kWh", 5, "2026-11-22T15:45:00+01:00")
    listener = Listener()
    hub = Hub([listener], lambda: NOW)
    hub.publish(last)
    hub.publish(failed(ENERGY, reason))
    hub.publish(failed(Signal("M1", "E", {}), reason))
    stale = listener.readings[1]
    assert (str(stale.value), stale.unit, stale.meter_time) == ("147238.4", "kWh", "2026-11-22T15:45:00+01:00")
    assert (stale.quality, stale.reason, stale.time_ms) == (STALE, reason, NOW)
    assert fields(listener.readings[2]) == fields(stale)


def test_the_last_value_is_the_one_that_came_last_whichever_object_was_read() -> None:
    before, after = Signal("M1", "E", {}), Signal("M1", "E", {})  # as before and after a reload
    for order in ((before, after, before), (before, after, after)):
        told = seen(*(Reading(signal, value) for value, signal in enumerate(order)), failed(before, "key"))
        assert told[-1][:2] == (2, STALE)
        told = seen(*(Reading(signal, value) for value, signal in enumerate(order)), failed(after, "key"))
        assert told[-1][:2] == (2, STALE)


def test_what_was_forgotten_is_not_the_last_value_and_what_comes_later_is() -> None:
    before, signal, listener = Signal("M1", "E", {}), Signal("M1", "E", {}), Listener()
    hub = Hub([listener], lambda: NOW)
    hub.publish(Reading(before, 1))
    hub.publish(Reading(signal, 2))
    hub.forget("M1")
    assert (before.last_good(), signal.last_good(), dict(hub.last_good)) == (None, None, {})
    hub.publish(failed(signal, "key"))
    for again in (before, signal):
        hub.publish(Reading(again, 3))
        hub.publish(failed(again, "key"))
    told = [(each.value, each.quality) for each in listener.readings[2:]]
    assert told == [(None, INVALID), (3, GOOD), (3, STALE), (3, GOOD), (3, STALE)]


def test_what_another_hub_keeps_is_not_taken_for_ones_own() -> None:
    signal, listener = Signal("M1", "E", {}), Listener()
    hub, other = Hub([listener], lambda: NOW), Hub([], lambda: NOW)
    hub.publish(Reading(signal, 1))
    other.publish(Reading(signal, 2))
    hub.publish(failed(signal, "key"))
    hub.publish(Reading(signal, 3))
    hub.publish(failed(signal, "key"))
    told = [(each.value, each.quality) for each in listener.readings]
    assert told == [(1, GOOD), (None, INVALID), (3, GOOD), (3, STALE)]


def test_without_an_earlier_value_null_leaves() -> None:
    assert seen(failed(ENERGY, "timeout"), failed(Signal("M2", "E", {}), "key")) == [
        (None, INVALID, "timeout", NOW),
        (None, INVALID, "key", NOW),
    ]


def test_another_signals_value_never_stands_in() -> None:
    other = seen(Reading(Signal("M2", "E", {}), 1), Reading(Signal("M1", "F", {}), 2), failed(ENERGY, "timeout"))
    assert other[2][:2] == (None, INVALID)


def test_an_overflow_is_neither_remembered_nor_made_stale() -> None:
    assert seen(
        Reading(ENERGY, 1),
        Reading(ENERGY, 255, quality=OVERFLOW, reason="type"),
        Reading(ENERGY, None, quality=OVERFLOW, reason="type"),
        failed(ENERGY, "timeout"),
    ) == [(1, GOOD, None, NOW), (255, OVERFLOW, "type", NOW), (None, OVERFLOW, "type", NOW), (1, STALE, "timeout", NOW)]


def test_a_forgotten_device_has_no_last_value() -> None:
    listener = Listener()
    hub = Hub([listener], lambda: NOW)
    hub.publish(Reading(ENERGY, 1))
    hub.forget("M1")
    hub.forget("M2")
    hub.publish(failed(ENERGY, "timeout"))
    assert listener.readings[1].value is None


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_number_is_no_value_anywhere(value: float) -> None:
    assert seen(Reading(ENERGY, value)) == [(None, INVALID, "type", NOW)]
    assert seen(Reading(ENERGY, 1.5), Reading(ENERGY, value))[1] == (1.5, STALE, "type", NOW)
    told = json.loads(json_line(Reading(ENERGY, value, "V", 1)))
    assert (told["value"], told["quality"], told["reason"]) == (None, INVALID, "type")
    assert wcc_line(Reading(ENERGY, value, "V", 1)).endswith(" nan,1,IV")


def test_a_failing_sink_is_reported_once_and_takes_nobody_down(lines: list[str]) -> None:
    listener = Listener()
    hub = Hub([Faulty(), listener], lambda: NOW)
    for value in range(5):
        hub.publish(Reading(ENERGY, value))
        hub.flush()
    hub.reopen()
    hub.close()
    assert [each.value for each in listener.readings] == [0, 1, 2, 3, 4]
    assert listener.calls == ["flush"] * 5 + ["reopen", "flush", "close"]
    assert len(lines) == 2  # one for accept, one for flush
    assert "Faulty lost readings: RuntimeError: broken" in lines[0]


# ---- status


def scan_counts() -> Counts:
    counts = Counts()
    counts.bytes_sent, counts.bytes_received, counts.timeouts, counts.bad_frames, counts.retries = 10, 20, 1, 2, 3
    return counts


TWO = [Signal("M1", "E", {}), Signal("M1", "P", {})]


def test_status_readings_need_no_configuration() -> None:
    status = DeviceStatus("M1")
    status.plan(TWO, {})
    before = {each.signal.alias: (each.value, each.quality) for each in status.readings(NOW, 100.0)}
    assert before["_connected"] == (None, INVALID)
    assert before["_reason"] == ("not_read_yet", GOOD)
    assert before["_last_good_age_s"] == (None, INVALID)
    scan_counts().move_to(status.passed)
    status.succeeded(94.001)
    status.failed("refused", refused=True)
    after = {each.signal.alias: each.value for each in status.readings(NOW, 100.0)}
    assert after == {
        "_connected": 1, "_reason": "refused", "_last_good_age_s": 5, "_reads_ok": 1, "_timeouts": 1,
        "_bad_frames": 2, "_refused": 1, "_bytes_sent": 10, "_bytes_received": 20, "_retries": 3,
        "_signals": 2, "_signals_ok": 0,
    }  # fmt: skip


def test_status_changes_are_told_at_once_and_once() -> None:
    listener = Listener()
    hub = Hub([listener], lambda: NOW)
    status = DeviceStatus("M1")
    for outcome in ("no_bytes", "no_bytes", "disconnected", None, None, "auth"):
        if outcome is None:
            status.succeeded(7.0)
        else:
            status.failed(outcome)
        hub.publish_status(status, 7.0)
    told = [(each.signal.alias, each.value) for each in listener.readings]
    assert told == [
        ("_connected", 0), ("_reason", "no_bytes"), ("_connected", 0), ("_reason", "disconnected"),
        ("_connected", 1), ("_reason", "good"), ("_connected", 1), ("_reason", "auth"),
    ]  # fmt: skip
    hub.publish_status(status, 7.0, whole=True)
    assert len(listener.readings) == 8 + 5 + len(COUNTERS)
    assert all(each.time_ms == NOW and each.signal.device_alias == "M1" for each in listener.readings)


def scan(status: DeviceStatus, now_s: float, **outcomes: str) -> list[str]:
    """One scan that ends well; `outcomes` by signal, empty where it was good. Returns: what is well again."""
    for alias, reason in outcomes.items():
        if reason:
            status.fails(alias, reason, f"words of {reason}")
    well = status.settle([signal for signal in TWO if signal.alias in outcomes])
    status.succeeded(now_s)
    return well


def test_a_device_is_as_its_worst_signal_is() -> None:
    status = DeviceStatus("M1")
    status.plan(TWO, {})
    scan(status, 1.0, E="", P="not_found")
    assert (status.connected, status.reason, status.signals_ok, status.last_good_s) == (True, "not_found", 1, 1.0)
    assert status.sentence() == "P: words of not_found"
    scan(status, 2.0, E="refused", P="not_found")
    assert (status.reason, status.signals_ok, status.reads_ok) == ("refused", 0, 1)
    assert status.last_good_s == 1.0, "a scan without one value is no good scan"
    assert status.sentence() == "E: words of refused; and 1 more of 2 signals fail"
    assert scan(status, 3.0, P="") == ["P"]
    assert (status.reason, status.signals_ok) == ("refused", 1), "what was not read in this scan is as it was"
    assert scan(status, 4.0, E="", P="") == ["E"]
    assert (status.reason, status.sentence(), status.failing_signals()) == (None, "", {})


def test_a_device_whose_signals_get_no_answer_at_all_is_not_connected() -> None:
    status = DeviceStatus("M1")
    status.plan(TWO, {})
    scan(status, 1.0, E="no_bytes", P="timeout")
    assert (status.connected, status.reason) == (False, "no_bytes")
    scan(status, 2.0, E="no_bytes", P="refused")
    assert status.connected
    status.failed("timeout", signals_ok=1)
    assert status.connected, "it gave one of its values before that"


def test_signals_that_cannot_be_read_as_configured_keep_a_device_from_being_good() -> None:
    status = DeviceStatus("M1")
    status.plan(TWO, {"P": ("type", "is no address")})
    scan(status, 1.0, E="")
    assert (status.reason, status.signals_ok, status.sentence()) == ("type", 1, "P: is no address")
    assert not status.fails("P", "type", ""), "that was told when it was planned"
    status.plan(TWO, {})
    scan(status, 2.0, E="", P="")
    assert (status.reason, status.signals_ok) == (None, 2)


@pytest.mark.parametrize(
    ("wall_s", "told"), [(10.0, []), (11.9, []), (3610.0, ["forward by 3600"]), (0.0, ["back by 10"])]
)
def test_the_gateways_clock_is_told_when_it_is_set(wall_s: float, told: list[str]) -> None:
    said: list[str] = []
    log.configure(log.NOTICE, lambda level, text: said.append(text))
    now = [NOW]
    hub = Hub([], lambda: now[0])
    status = DeviceStatus("M1")
    try:
        hub.publish_status(status, 50.0)
        now[0] = NOW + int(wall_s * 1000)
        hub.publish_status(status, 60.0)
        hub.publish_status(status, 60.0)
    finally:
        log.configure()
    assert [words for words in said if "clock was set" in words] == said
    assert len(said) == len(told) == hub.clock_jumps
    assert all(part in line for part, line in zip(told, said, strict=True))


def test_the_clocks_are_looked_at_while_scans_bring_nothing_new(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(monkeypatch)
    now, looked = [NOW], []
    rig.hub.now_ms = lambda: (looked.append(1), now[0])[1]
    rig.configure(tcp_device("a", rig.host.on_tcp(0, counting_meter()), scan_rate_ms=1))
    try:
        rig.run(20.0, lambda: len(rig.toy.scans) >= 5)
        now[0] += 3_600_000
        before, begun = len(looked), rig.loop.time
        rig.run(20.0, lambda: rig.hub.clock_jumps == 1)
        assert len(looked) - before <= 3 + (rig.loop.time - begun) / LOOK_S, "not after every scan"
    finally:
        rig.close()


# ---- formats


def test_the_json_line_has_the_eight_fields_in_order_and_the_meters_digits() -> None:
    reading = Reading(ENERGY, Number(14723840, -2), "kWh", NOW, "2026-11-22T15:45:00+01:00")
    assert json_line(reading) == (
        '{"device":"M1","signal":"E","value":147238.40,"unit":"kWh","time_ms":1732290300123,'
        '"meter_time":"2026-11-22T15:45:00+01:00","quality":"good","reason":null}'
    )


@pytest.mark.parametrize(
    ("value", "quality", "expected"),
    [
        (Number(14723840, -2), GOOD, "147238.40,5,"),
        (1 << 70, GOOD, "1180591620717411303424,5,"),
        (-0.1, STALE, "-0.1,5,NT"),
        (None, INVALID, "nan,5,IV"),
        (255, OVERFLOW, "255,5,OV"),
        (True, GOOD, "1,5,"),
        ("2026-11-22T15:45:00", GOOD, "2026-11-22T15:45:00,5,"),
        ('a,"b"\r\nc', GOOD, '"a,""b""  c",5,'),
        ("", GOOD, ",5,"),
    ],
)
def test_wcc_lite_lines(value: Any, quality: str, expected: str) -> None:
    assert wcc_line(Reading(ENERGY, value, time_ms=5, quality=quality)) == f"tag/M1/E/rin {expected}"


numbers = st.builds(Number, st.integers(-(10**30), 10**30), st.integers(-20, 20))
values = (
    st.none() | st.booleans() | st.integers() | numbers | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)


@given(values)
def test_json_carries_every_value_exactly(value: Any) -> None:
    line = encode(json_line(Reading(ENERGY, value)))
    assert b"\n" not in line
    told = json.loads(line, parse_float=str, parse_int=str)["value"]
    if isinstance(value, bool):
        assert told == str(int(value))
    elif isinstance(value, float):
        assert float(told) == value
    else:
        assert told == (value if value is None or isinstance(value, str) else str(value))


@given(values.filter(lambda value: not isinstance(value, str) or value.isprintable()))
def test_msgpack_carries_every_value_exactly(value: Any) -> None:
    told = msgpack.unpackb(msgpack.packb(msgpack_fields(Reading(ENERGY, value))))["value"]
    if isinstance(value, Number):
        exact = Number.parse(told) if isinstance(told, str) else told
        if isinstance(exact, float):
            assert exact == float(value)
            assert len(str(abs(value.reduced()[0]))) <= 15
        else:
            assert value == exact
    elif isinstance(value, int):
        assert int(told) == value
    else:
        assert told == value


@given(st.text())
def test_a_wcc_lite_line_is_one_line(value: str) -> None:
    line = wcc_line(Reading(ENERGY, value))
    assert len(line.splitlines()) == 1
    assert line.endswith(",0,")
