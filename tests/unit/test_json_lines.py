"""A reading as one line of JSON, held against Python's own parser: its digits, and what lines have in common."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterd._number import Number
from meterd._reading import Reading, Signal
from meterd.sinks._json import json_line

SIGNALS = [Signal(device, alias, {}) for device in ("m", 'a "b"', "x" * 90) for alias in ("E", "\\\n", "é")]
UNITS = [None, "Wh", "V", "m³", "u" * 80]


def parsed(line: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(line, parse_float=Decimal, parse_int=Decimal)
    return found


def told(reading: Reading) -> dict[str, object]:
    signal = reading.signal
    value = None if reading.value is None else Decimal(str(reading.value))
    return {
        "device": signal.device_alias, "signal": signal.alias, "value": value, "unit": reading.unit,
        "time_ms": reading.time_ms, "meter_time": reading.meter_time, "quality": reading.quality,
        "reason": reading.reason,
    }  # fmt: skip


@given(st.integers(-(2**70), 2**70), st.integers(-20, 3))
def test_a_number_is_printed_digit_by_digit_as_it_is(mantissa, exponent):
    for value in (mantissa, Number(mantissa, exponent)):
        assert f'"value":{value},' in json_line(Reading(SIGNALS[0], value))


@pytest.mark.parametrize("digits", range(1, 20))
def test_numbers_around_each_power_of_ten(digits):
    for number in (10**digits - 1, 10**digits, 10**digits + 1, -(10**digits), 5 * 10**digits):
        assert f'"value":{number},' in json_line(Reading(SIGNALS[0], number))
        assert f'"time_ms":{abs(number) % 2**63},' in json_line(Reading(SIGNALS[0], 1, None, abs(number) % 2**63))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(SIGNALS), st.sampled_from([None, 1, Number(15, -1)]), st.sampled_from(UNITS),
            st.sampled_from([0, 7, 1795958699575]), st.sampled_from([None, "2026-11-29T08:00:00Z"]),
            st.sampled_from(["good", "stale"]), st.sampled_from([None, "timeout"]),
        ),
        min_size=2, max_size=12,
    )
)  # fmt: skip
def test_no_line_has_anything_of_the_one_before(rows):
    for row in rows:
        reading = Reading(*row)
        assert parsed(json_line(reading)) == told(reading)
