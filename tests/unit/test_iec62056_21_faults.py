"""Faults at every place of a scan: right values or a reason, no wrong value, no hang, and the next scan is good."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meterd.model import Memory, Signal
from meterd.simulate.iec62056_21 import meter
from tests.pair import Fault, Outcome
from tests.unit.iec62056_21_case import printed, scan, signal

REGISTERS = "P.01=(2611221200)(08)(15)(6)|(1.25*kW)|(1.50*kW);C.9=(text)"
Bytes = Callable[[bytes], list[tuple[float, bytes]]]


def listed() -> list[Signal]:
    return [signal("0.0.0", "STRING"), signal("1.8.0*24"), signal("1.6.1[3]", "STRING"), signal("0.2.0", "DOUBLE")]


def registers() -> list[Signal]:
    return [
        signal("P.01[4]", job="R6:P.01"),
        signal("P.01[5]", job="R6:P.01"),
        signal("R5:C.9", "STRING"),
        signal("1.6.1[1]", "STRING", "R1:1.6.1"),
    ]


RIGHT = {
    "0.0.0": ("12345678", None, None), "1.8.0*24": ("147238.4", "kWh", None), "1.6.1[3]": ("2610151830", None, None),
    "0.2.0": ("1.04", None, None), "P.01[4]": ("1.25", "kW", None), "P.01[5]": ("1.50", "kW", None),
    "R5:C.9": ("text", None, None), "1.6.1[1]": ("2611021715", None, None),
}  # fmt: skip


def at(side: str, number: int, change: Bytes) -> Fault:
    return lambda who, count, data: change(data) if (who, count) == (side, number) else [(0.0, data)]


def check(outcome: Outcome, wanted: list[Signal]) -> None:
    """Every reading is right; what was not read has an error to say why."""
    assert outcome.error is not None or len(outcome.readings) == len(wanted)
    for alias, found in printed(outcome).items():
        assert found == RIGHT[alias] or found[0] is None, (alias, found)
    assert outcome.seconds < 150


def suffer(fault: Fault, wanted: list[Signal], tries: int = 2, **options: str) -> Outcome:
    memory, meter_side = Memory(), meter(registers=REGISTERS, password="abc", **options)
    outcome = scan(wanted, meter_side(), memory, fault, limit_s=200, password="abc", retry_counter=tries)
    check(outcome, wanted)
    again = scan(wanted, meter_side(), memory, password="abc", retry_counter=tries)
    assert again.error is None
    assert printed(again) == {one.alias: RIGHT[one.alias] for one in wanted}
    return outcome


CHANGES: dict[str, Bytes] = {
    "lost": lambda data: [],
    "doubled": lambda data: [(0.0, data), (0.0, data)],
    "doubled later": lambda data: [(0.0, data), (0.15, data)],
    "late": lambda data: [(1.0, data)],
    "too late": lambda data: [(4.0, data)],
    "noise before": lambda data: [(0.0, b"\x00\xff\x7f/?\x02(\x15"), (0.0, data)],
    "noise behind": lambda data: [(0.0, data), (0.0, b"\xff\x03!\r\n\x06")],
    "first byte lost": lambda data: [(0.0, data[1:])],
    "last byte lost": lambda data: [(0.0, data[:-1])],
    "halved": lambda data: [(0.0, data[: len(data) // 2])],
    "torn": lambda data: [(0.0, data[: len(data) // 2]), (1.0, data[len(data) // 2 :])],
    "hole": lambda data: [(0.0, data[: len(data) // 3] + data[len(data) // 2 :])],
    "check wrong": lambda data: [(0.0, data[:-1] + bytes([data[-1] ^ 1]))],
    "all ones": lambda data: [(0.0, b"\xff" * len(data))],
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(("side", "number"), [(side, number) for side in ("client", "meter") for number in range(6)])
def test_a_read_out_survives(side: str, number: int, change: str) -> None:
    outcome = suffer(at(side, number, CHANGES[change]), listed(), partial="8")
    if change in ("lost", "check wrong", "late"):
        assert outcome.error is None  # one fault is within the retries


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(("side", "number"), [(side, number) for side in ("client", "meter") for number in range(10)])
def test_programming_mode_survives(side: str, number: int, change: str) -> None:
    suffer(at(side, number, CHANGES[change]), registers())


@pytest.mark.parametrize("bit", [1, 64, 128])
@pytest.mark.parametrize("partial", ["0", "5"])
def test_every_byte_of_a_read_out_may_flip(bit: int, partial: str) -> None:
    whole = scan(listed(), meter(partial=partial)())
    for number, data in enumerate(whole.sent("meter")):
        for place in range(0, len(data), 1 if len(data) < 60 else 7):
            suffer(at("meter", number, flip(place, bit)), listed(), partial=partial)


@pytest.mark.parametrize("bit", [2, 32])
def test_every_byte_of_programming_mode_may_flip(bit: int) -> None:
    whole = scan(registers(), meter(registers=REGISTERS, password="abc")(), password="abc")
    for side in ("meter", "client"):
        for number, data in enumerate(whole.sent(side)):
            for place in range(len(data)):
                suffer(at(side, number, flip(place, bit)), registers())


def flip(place: int, bit: int) -> Bytes:
    return lambda data: [(0.0, data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :])]


@pytest.mark.parametrize("change", CHANGES)
def test_a_fault_that_stays_ends_in_a_reason(change: str) -> None:
    def always(who: str, number: int, data: bytes) -> list[tuple[float, bytes]]:
        return CHANGES[change](data) if who == "meter" else [(0.0, data)]

    suffer(always, listed(), tries=0, partial="8")
    suffer(always, registers(), tries=1)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6), st.booleans())
def test_any_bytes_end_in_readings_or_a_reason(noise: list[bytes], programming: bool) -> None:
    pieces = list(noise)

    def replace(who: str, number: int, data: bytes) -> list[tuple[float, bytes]]:
        return [(0.0, pieces.pop())] if who == "meter" and pieces else [(0.0, data)]

    wanted = registers() if programming else listed()
    outcome = scan(wanted, meter(registers=REGISTERS)(), fault=replace, limit_s=400)
    assert outcome.error is not None or len(outcome.readings) == len(wanted)
