"""A 300-row profile and a list of registers over a line that fails: right values or a reason, and the next scan good.

Faults hit one frame at a time, of either side, at positions spread over the whole conversation.
"""

from __future__ import annotations

from typing import Any

import pytest

from meterd.simulate import dlms as simulated
from tests.pair import Outcome

from .dlms_pair import KEYS, device, memory, scan, signal

PROFILE = "1.0.99.1.0.255"
ROWS = 300
FAULTS = ("drop", "flip", "truncate", "duplicate", "delay")
POSITIONS = 8  # of each side, spread evenly
JOBS = ("1.0.1.8.0.255", "1.0.3.8.0.255", "0.0.96.1.0.255", "1.0.32.7.0.255")
EXPECTED = {"1_0_1_8_0_255": 1472384, "1_0_3_8_0_255": 500000, "0_0_96_1_0_255": "12345678"}


def damage(kind: str, data: bytes) -> list[tuple[float, bytes]]:
    if kind == "drop":
        return []
    if kind == "flip":
        middle = len(data) // 2
        return [(0.0, data[:middle] + bytes((data[middle] ^ 0x10,)) + data[middle + 1 :])]
    if kind == "truncate":
        return [(0.0, data[: len(data) // 2])]
    if kind == "duplicate":
        return [(0.0, data), (0.02, data)]
    return [(3.0, data)]


class OneFault:
    """Strikes the `position`-th message of one side."""

    def __init__(self, kind: str, side: str, position: int) -> None:
        self.kind = kind
        self.side = side
        self.position = position

    def __call__(self, sender: str, index: int, data: bytes) -> list[tuple[float, bytes]]:
        if sender == self.side and index == self.position:
            return damage(self.kind, data)
        return [(0.0, data)]


def signals() -> list[Any]:
    column = [signal(PROFILE, alias="energy", column="1.0.1.8.0.255", profile_rows=ROWS)]
    return [*column, *(signal(job) for job in JOBS)]


def rows_of(outcome: Outcome) -> list[tuple[str | None, Any]]:
    return [(r.meter_time, r.value) for r in outcome.readings if r.signal.alias == "energy" and r.reason is None]


def right_rows(count: int) -> list[int]:
    return [1_000_000 + index * 7 for index in range(count)]


def check_values(outcome: Outcome) -> None:
    for reading in outcome.readings:
        alias = reading.signal.alias
        if alias in EXPECTED and reading.reason is None:
            assert reading.value == EXPECTED[alias], alias
        assert (reading.value is None) == (reading.reason is not None)


SHAPES = {
    "segments": ({"info": "128"}, {"max_info_field": 128}),
    "window 7": ({"info": "128", "window": "7"}, {"max_info_field": 128, "window_size": 7}),
    "blocks": ({"info": "600", "pdu": "500"}, {"max_info_field": 600, "max_pdu_size": 500}),
    "general blocks": ({"info": "600", "pdu": "500", "gbt": "1"}, {"max_info_field": 600, "max_pdu_size": 500}),
    "ciphered": (
        {"info": "600", "security": "both", **{k: v for k, v in KEYS.items() if k != "system_title"}},
        {"max_info_field": 600, "security": "both", **KEYS},
    ),
    "mode E": ({"mode": "iec"}, {"mode": "IEC"}),
}


@pytest.mark.parametrize("referencing", ["LN", "SN"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", FAULTS)
def test_no_fault_makes_a_wrong_value(shape: str, kind: str, referencing: str) -> None:
    theirs, mine = SHAPES[shape]
    of = device(type=referencing, **{"client_address": 32, **mine})
    clean = scan(of, signals(), {**theirs, "rows": str(ROWS)}, byte_s=0.0001)
    assert clean.error is None
    assert [value for _, value in rows_of(clean)] == right_rows(ROWS)
    for side in ("client", "meter"):
        count = len(clean.sent(side))
        for position in sorted({index * count // POSITIONS for index in range(POSITIONS)}):
            struck(of, theirs, OneFault(kind, side, position))


def struck(of: Any, theirs: dict[str, str], fault: OneFault) -> None:
    """Two scans, the first with a fault: together they give every row once, and the second is good."""
    factory = simulated.meter(**theirs, rows=str(ROWS))
    kept = memory()
    where = f"{fault.kind} of the {fault.side}'s message {fault.position}"
    first = scan(of, signals(), factory, kept, fault=fault, byte_s=0.0001, limit_s=200)
    check_values(first)
    second = scan(of, signals(), factory, kept, byte_s=0.0001, limit_s=200)
    assert second.error is None, where
    check_values(second)
    assert {r.signal.alias for r in second.readings} >= set(EXPECTED), where
    assert [value for _, value in rows_of(first) + rows_of(second)] == right_rows(ROWS), where
    if fault.kind in ("drop", "flip", "truncate", "duplicate") and "mode" not in theirs:
        assert first.error is None, f"{where}: {first.error}"


@pytest.mark.parametrize("referencing", ["LN", "SN"])
@pytest.mark.parametrize("kind", ["drop", "duplicate", "delay"])
def test_the_wrapper_never_takes_a_late_answer_for_another(kind: str, referencing: str) -> None:
    of = device(type=referencing, mode="DLMS-WRAPPER")
    theirs = {"mode": "wrapper", "pdu": "500", "rows": str(ROWS), "lists": "no"}
    of.parameters["max_pdu_size"] = 500
    clean = scan(of, signals(), theirs, byte_s=0.0001)
    assert [value for _, value in rows_of(clean)] == right_rows(ROWS)
    for side in ("client", "meter"):
        for position in range(0, len(clean.sent(side)), 3):
            factory = simulated.meter(**theirs)
            kept = memory()
            first = scan(of, signals(), factory, kept, fault=OneFault(kind, side, position), byte_s=0.0001)
            check_values(first)
            second = scan(of, signals(), factory, kept, byte_s=0.0001)
            assert second.error is None
            check_values(second)
            assert [value for _, value in rows_of(first) + rows_of(second)] == right_rows(ROWS)


@pytest.mark.parametrize("mode", ["DLMS-HDLC", "DLMS-WRAPPER", "IEC"])
def test_a_dead_meter_costs_its_time_outs_and_no_more(mode: str) -> None:
    def nothing(sender: str, index: int, data: bytes) -> list[tuple[float, bytes]]:
        return []

    of = device(mode=mode, timeout_ms=1000)
    outcome = scan(of, signals(), {}, fault=nothing, byte_s=0.0)
    assert outcome.error is not None
    assert outcome.error.reason == "no_bytes"
    assert outcome.seconds <= 6.0
    assert not outcome.readings


def test_every_third_frame_is_lost() -> None:
    def lossy(sender: str, index: int, data: bytes) -> list[tuple[float, bytes]]:
        return [] if index % 3 == 2 else [(0.0, data)]

    outcome = scan(device(timeout_ms=300), signals(), {"info": "128"}, fault=lossy, byte_s=0.0001)
    assert outcome.error is None
    assert [value for _, value in rows_of(outcome)] == right_rows(ROWS)
    check_values(outcome)
