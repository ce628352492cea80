"""How far a meter's clock is from ours, wherever a meter tells its time: meters written apart from our codecs."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from meterd.conversation import MeterTime
from meterd.daemon.clock_drift import drift_s
from meterd.model import Reading
from meterd.protocols.iec62056_21.clock import clock_in
from meterd.sinks.status import DeviceStatus
from tests.pair import Outcome
from tests.strangers import iec_meter
from tests.strangers.dlms_meter import data, register
from tests.strangers.mbus_bus import VOLUME, Bus, Slave
from tests.strangers.test_dlms_exchange import DRAWN, Listing, listing, number, octets, scan
from tests.strangers.test_dlms_profile_dirt import filled, one_scan
from tests.unit.dlms_pair import memory
from tests.unit.elgama_case import device as elgama_device
from tests.unit.elgama_case import scan as elgama_scan
from tests.unit.elgama_case import signal as elgama_signal
from tests.unit.test_mbus_habits import V, read

NOON_MS = int(datetime(2026, 7, 1, 12, tzinfo=UTC).timestamp()) * 1000
WINTER_MS = int(datetime(2026, 12, 1, 12, tzinfo=UTC).timestamp()) * 1000


@pytest.fixture(params=["UTC0", "EET-2EEST,M3.5.0/3,M10.5.0/4", "CST6CDT,M3.2.0,M11.1.0"])
def zone(request: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def eastern(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "EET-2EEST,M3.5.0/3,M10.5.0/4")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def local(now_ms: int, ahead_s: float = 0.0) -> str:
    return datetime.fromtimestamp(now_ms / 1000 + ahead_s).isoformat(timespec="seconds")


@pytest.mark.parametrize("ahead_s", [-86_400, -61, 0, 7, 3600, 100_000])
@pytest.mark.parametrize("now_ms", [NOON_MS, WINTER_MS, NOON_MS + 400])
def test_local_time_follows_the_zone_of_the_gateway(zone: str, now_ms: int, ahead_s: int) -> None:
    assert drift_s(MeterTime([local(now_ms, ahead_s)]), now_ms - now_ms % 1000) == ahead_s


def test_an_offset_from_utc_is_exact(zone: str) -> None:
    assert drift_s(MeterTime(["2026-07-01T15:00:09+03:00"]), NOON_MS) == 9
    assert drift_s(MeterTime(["2026-07-01T11:59:00Z"]), NOON_MS) == -60


def test_a_meter_is_believed_its_summer_time(eastern: None) -> None:
    assert drift_s(MeterTime(["2026-07-01T15:00:01"], True), NOON_MS) == 1
    assert drift_s(MeterTime(["2026-07-01T14:00:02"], False), NOON_MS) == 2  # one that stays at winter time
    assert drift_s(MeterTime(["2026-12-01T14:00:03"], False), WINTER_MS) == 3
    assert drift_s(MeterTime(["2026-07-01T14:00:00"]), NOON_MS) == -3600  # it does not say so


def test_the_likely_reading_of_a_date_counts() -> None:
    assert drift_s(MeterTime(["2001-07-26T12:00:05Z", "2026-07-01T12:00:05Z"]), NOON_MS) == 5


@pytest.mark.parametrize("text", ["2026-07-01", "2026-02-30T00:00:00", "", "now", "9999-12-31T23:59:59-14:00", "26"])
def test_what_is_no_time_gives_none(text: str) -> None:
    found = drift_s(MeterTime([text]), NOON_MS)
    assert found is None or text.startswith("9999")


@pytest.mark.parametrize("now_ms", [0, 5_000, 1_000_000_000_000])
def test_a_gateway_whose_clock_was_never_set_knows_no_drift(now_ms: int) -> None:
    assert drift_s(MeterTime(["1970-01-01T00:00:00Z"]), now_ms) is None


# ---- what the device says of it


def row(status: DeviceStatus) -> list[Reading]:
    return [one for one in status.readings(NOON_MS, 100.0) if one.signal.alias == "_clock_drift_s"]


def test_a_device_that_tells_no_time_has_no_such_signal() -> None:
    status = DeviceStatus("m")
    status.succeeded(1.0)
    assert row(status) == []


def test_a_drift_is_known_until_a_scan_fails() -> None:
    status = DeviceStatus("m")
    status.told_time(-42)
    status.succeeded(1.0)
    (told,) = row(status)
    assert (told.value, told.unit, told.quality) == (-42, "s", "good")
    status.failed("no_bytes", now_s=2.0)
    (told,) = row(status)
    assert (told.value, told.quality, told.reason) == (None, "invalid", "clock")
    status.told_time(3)
    status.succeeded(3.0)
    assert row(status)[0].value == 3


# ---- where meters tell it


def times(outcome: Outcome) -> list[tuple[list[str], bool | None]]:
    assert outcome.error is None, outcome.error
    return [(one.texts, one.summer) for one in outcome.times]


def dlms_time(deviation: str, status: int) -> bytes:
    return octets(bytes.fromhex("07EA 07 01 FF 0F 00 1E 00") + bytes.fromhex(deviation) + bytes((status,)))


CLOCK = "0.0.1.0.0.255"
LOCAL = "2026-07-01T15:00:30"


@pytest.mark.parametrize("jobs", [(CLOCK,), (CLOCK, DRAWN), (DRAWN, CLOCK)])
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (dlms_time("FF4C", 0x80), [([f"{LOCAL}+03:00"], None)]),
        (dlms_time("8000", 0x80), [([LOCAL], True)]),
        (dlms_time("8000", 0x00), [([LOCAL], False)]),
        (dlms_time("8000", 0xFF), [([LOCAL], None)]),
        (dlms_time("FF4C", 0x81), []),  # the meter itself calls it invalid
        (octets(b"\xff" * 12), []),
        (octets(b"no time"), []),
    ],
)
def test_dlms(jobs: tuple[str, ...], value: bytes, expected: Any) -> None:
    objects = {**register(DRAWN, number(77), 0, 30), **data(CLOCK, value, 8), **listing((3, DRAWN), (8, CLOCK))}
    kept, meter = memory(), Listing(objects=objects)
    first, second = scan(meter, kept, jobs), scan(meter, kept, jobs)
    assert times(first) == times(second) == expected
    assert len(first.readings) == len(jobs)


def test_a_dlms_meter_that_is_not_asked_for_its_clock_is_not_asked_for_it() -> None:
    objects = {**register(DRAWN, number(77), 0, 30), **data(CLOCK, dlms_time("8000", 0), 8)}
    assert times(scan(Listing(objects=objects), memory(), (DRAWN,))) == []


def test_a_dlms_load_profile_asks_for_the_time_anyway() -> None:
    outcome = one_scan(filled(3))
    asked = [data for data in outcome.sent() if bytes.fromhex("0008 0000010000FF 02") in data]
    assert len(times(outcome)) == len(asked)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("0.9.1(150030)\r\n0.9.2(260701)", [(["2026-07-01T15:00:30", "2001-07-26T15:00:30"], None)]),
        ("1-0:0.9.1*255(15:00:30)\r\n1-0:0.9.2*255(2026-07-01)", [(["2026-07-01T15:00:30"], None)]),
        ("0.9.1(1150030)\r\n0.9.2(1260701)", [(["2026-07-01T15:00:30"], True)]),
        ("0.9.4(1260701150030)", [(["2026-07-01T15:00:30"], True)]),
        ("0.9.4(2607011500)", [(["2026-07-01T15:00:00"], None)]),
        ("0.9.4(2260701120030)", [(["2026-07-01T12:00:30Z"], None)]),
        ("0-0:1.0.0(260701150030S)", [(["2026-07-01T15:00:30"], True)]),
        ("0-0:1.0.0(261201130030W)", [(["2026-12-01T13:00:30"], False)]),
        ("0-0:1.0.0(269901130030W)", []),
        ("1-0:1.0.0(261201130030W)", []),
        ("0.9.1(150030)", []),
        ("0.9.2(260701)", []),
        ("0.9.1()\r\n0.9.2()", []),
        ("0.9.10(150030)\r\n0.9.20(260701)", []),
    ],
)
def test_iec_lists(rows: str, expected: Any) -> None:
    block = iec_meter.framed(f"F.F(0)\r\n1.8.0(5*kWh)\r\n{rows}\r\n!\r\n".encode())
    outcome = iec_meter.read(iec_meter.lister(b"/TWC5CLOCK\r\n", block), [iec_meter.signal("1.8.0")])
    assert times(outcome) == expected


def test_a_time_within_a_profile_is_none_of_the_clock() -> None:
    assert clock_in([("0.9.4", "0.9.4", 1, "2607011500", None)]) is None
    assert clock_in([("P.01", "P.01", 0, "2607011500", None), (None, None, 0, "0.9.1", None)]) is None


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ("04 6D 1E 0F 41 37", [(["2026-07-01T15:30"], False)]),
        ("04 6D 1E 8F 41 37", [(["2026-07-01T15:30"], True)]),
        ("04 6D 9E 0F 41 37", []),  # the meter itself calls it invalid
        ("44 6D 1E 0F 41 37", []),  # of another storage: when something was
        ("02 6C 41 37", []),
    ],
)
def test_mbus_time_points(record: str, expected: Any) -> None:
    outcome = read(Bus(Slave(telegrams=[VOLUME + bytes.fromhex(record)])).hear, V)
    assert times(outcome) == expected


@pytest.mark.parametrize("use_time", [0, 1])
def test_elgama(use_time: int) -> None:
    outcome = elgama_scan(elgama_device(use_time=use_time), [elgama_signal("1.8.0")], {})
    assert outcome.error is None
    stamps = {one.meter_time for one in outcome.readings}
    assert [one.texts for one in outcome.times] == ([[stamp] for stamp in stamps] if use_time else [])


def test_the_time_costs_no_import_where_no_meter_tells_it() -> None:
    import subprocess
    import sys

    code = "import sys, meterd.daemon.line, meterd.daemon.outcome; print('datetime' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert found.stdout == "False\n"
