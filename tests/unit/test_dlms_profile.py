"""Load profiles: every row once, whatever the meter leaves out and whenever it is read."""

from __future__ import annotations

from typing import Any

import pytest

from meterd.model import Memory
from meterd.protocols.dlms.times import later, row_seconds
from meterd.simulate import dlms as simulated
from meterd.simulate.dlms_objects import EPOCH
from tests.pair import Outcome

from .dlms_pair import device, memory, scan, signal

PROFILE = "1.0.99.1.0.255"


def energies(outcome: Outcome) -> list[Any]:
    assert outcome.error is None, outcome.error
    return [reading.value for reading in outcome.readings]


def right(first: int, count: int) -> list[int]:
    return [1_000_000 + index * 7 for index in range(first, first + count)]


def restarted(kept: Memory) -> Memory:
    fresh = memory()
    fresh.persistent.update(kept.persistent)
    return fresh


SHAPES = ({}, {"newest_first": "1"}, {"sparse": "1"}, {"selective": "0"}, {"sparse": "1", "newest_first": "1"},
          {"lists": "no", "pdu": "200"}, {"blocks": "0"})  # fmt: skip


@pytest.mark.parametrize("referencing", ["LN", "SN"])
@pytest.mark.parametrize("meter", SHAPES)
@pytest.mark.parametrize("mode", ["DLMS-HDLC", "DLMS-WRAPPER"])
def test_rows_come_once_over_scans_and_restarts(referencing: str, meter: dict[str, str], mode: str) -> None:
    wire = {"DLMS-HDLC": "hdlc", "DLMS-WRAPPER": "wrapper"}[mode]
    factory = simulated.meter(mode=wire, rows="48", grow="2", **meter)
    of = device(type=referencing, mode=mode, max_pdu_size=int(meter.get("pdu", 65535)))
    wanted = [signal(PROFILE, column="1.0.1.8.0.255", profile_rows=10)]
    kept = memory()
    first = scan(of, wanted, factory, kept, chunk=100)
    assert energies(first) == right(40, 10)
    assert first.readings[0].meter_time == "2026-01-01T10:00:00"
    assert {reading.unit for reading in first.readings} == {"Wh"}
    assert energies(scan(of, wanted, factory, kept, chunk=100)) == right(50, 2)
    kept = restarted(kept)
    assert energies(scan(of, wanted, factory, kept, chunk=100)) == right(52, 2)
    assert energies(scan(of, wanted, factory, kept, chunk=100)) == right(54, 2)


@pytest.mark.parametrize("referencing", ["LN", "SN"])
@pytest.mark.parametrize("window", [1, 3, 7])
@pytest.mark.parametrize("info", [64, 500, 2030])
@pytest.mark.parametrize("pdu", [64, 300, 65535])
def test_three_hundred_rows_through_every_size(referencing: str, window: int, info: int, pdu: int) -> None:
    of = device(type=referencing, max_info_field=info, window_size=window, max_pdu_size=pdu)
    meter = {"info": str(info), "window": str(window), "rows": "300"}
    wanted = [signal(PROFILE, column="1.0.1.8.0.255", profile_rows=300)]
    assert energies(scan(of, wanted, meter, byte_s=0.00001)) == right(0, 300)


def test_an_outage_is_filled_in_windows() -> None:
    factory = simulated.meter(rows="100", grow="2500")
    wanted = [signal(PROFILE, column="1.0.1.8.0.255", profile_rows=5)]
    kept = memory()
    assert energies(scan(device(), wanted, factory, kept, byte_s=0.00001)) == right(2595, 5)
    assert energies(scan(device(), wanted, factory, restarted(kept), byte_s=0.00001)) == right(2600, 2500)


def test_a_buffer_without_news_gives_nothing() -> None:
    factory = simulated.meter(rows="3")
    kept = memory()
    wanted = [signal(PROFILE, column="4")]
    assert energies(scan(device(), wanted, factory, kept)) == [500000, 500010, 500020]
    assert energies(scan(device(), wanted, factory, kept)) == []
    assert energies(scan(device(), wanted, simulated.meter(rows="0"), memory())) == []


def test_whole_rows_and_missing_columns() -> None:
    factory = simulated.meter(rows="2")
    wanted = [signal(PROFILE, alias="row"), signal(PROFILE, alias="none", column="1.0.9.9.9.255")]
    outcome = scan(device(), wanted, factory)
    assert [(r.signal.alias, r.value, r.reason) for r in outcome.readings] == [
        ("row", "[0, 1000000, 500000]", None),
        ("none", None, "not_found"),
        ("row", "[1, 1000007, 500010]", None),
        ("none", None, "not_found"),
    ]


def test_a_profile_that_is_not_there() -> None:
    outcome = scan(device(), [signal("1.0.99.2.0.255", column="1")], {})
    assert [reading.reason for reading in outcome.readings] == ["not_found"]


def test_times_later_and_in_order() -> None:
    new_year = bytes((0x07, 0xE9, 12, 31, 0xFF, 23, 45, 0, 0, 0xFF, 0xC4, 0))
    assert later(new_year, 900)[:8] == bytes((0x07, 0xEA, 1, 1, 0xFF, 0, 0, 0))
    assert later(later(new_year, 900), -900)[:8] == new_year[:4] + b"\xff" + new_year[5:8]
    leap = bytes((0x07, 0xE8, 2, 28, 0xFF, 23, 59, 59, 0, 0x80, 0, 0))
    assert later(leap, 1)[2:4] == bytes((2, 29))
    assert row_seconds(later(EPOCH, 86_400 * 366)) - row_seconds(EPOCH) == 86_400 * 366


def test_the_hour_that_runs_twice_keeps_its_order() -> None:
    summer = bytes((0x07, 0xEA, 10, 25, 0xFF, 2, 30, 0, 0, 0x80, 0, 0x80))
    winter = bytes((0x07, 0xEA, 10, 25, 0xFF, 2, 0, 0, 0, 0x80, 0, 0x00))
    assert row_seconds(winter) - row_seconds(summer) == 1800
