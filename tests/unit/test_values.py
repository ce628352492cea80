"""number_type: what each type takes, refuses, and never clips."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterd._number import Number
from meterd.errors import DecodeError, OutOfRange
from meterd.model import GOOD, INVALID, OVERFLOW, Signal
from meterd.parameters import NUMBER_TYPES
from meterd.values import reading, typed


@pytest.mark.parametrize(
    ("text", "number_type", "printed"),
    [
        ("000007,4", "FLOAT", "7.4"),
        ("0147238.4", "DOUBLE", "147238.4"),
        ("00000.000", "FLOAT", "0.000"),
        ("-0003.10", "FLOAT", "-3.10"),
        (" 0042 ", "FLOAT", "42"),
        ("0042", "UNSIGNED8", "42"),
        ("42.000", "SIGNED16", "42"),
        ("255", "UNSIGNED8", "255"),
        ("-128", "SIGNED8", "-128"),
        ("18446744073709551615", "UNSIGNED64", "18446744073709551615"),
        ("001", "DIGITAL", "1"),
        ("12:30:05", "STRING", "12:30:05"),
        (" 007 ", "STRING", " 007 "),
    ],
)
def test_texts_become_values_with_the_meters_digits(text: str, number_type: str, printed: str) -> None:
    assert str(typed(text, number_type)) == printed


@pytest.mark.parametrize("number_type", [name for name in NUMBER_TYPES if name != "STRING"])
@pytest.mark.parametrize("text", ["", "  ", "12:30", "FDF5", "1e3", "nan", "1.2.3", "--1", "٣", "1" * 65])
def test_what_is_no_number_is_refused(text: str, number_type: str) -> None:
    with pytest.raises(DecodeError):
        typed(text, number_type)


@pytest.mark.parametrize(
    ("value", "number_type"),
    [
        ("256", "UNSIGNED8"),
        ("-1", "UNSIGNED32"),
        ("128", "SIGNED8"),
        (Number(1, 30), "SIGNED64"),
        (2, "DIGITAL"),
        ("18446744073709551616", "UNSIGNED64"),
    ],
)
def test_beyond_the_range_is_an_overflow_and_never_clipped(value: Any, number_type: str) -> None:
    with pytest.raises(OutOfRange):
        typed(value, number_type)


@pytest.mark.parametrize("number_type", ["SIGNED8", "UNSIGNED64", "DIGITAL"])
@pytest.mark.parametrize("value", ["0.5", Number(5, -1), 0.5])
def test_a_fraction_is_not_cut_off(value: Any, number_type: str) -> None:
    with pytest.raises(DecodeError):
        typed(value, number_type)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_float_that_is_no_number_is_refused(value: float) -> None:
    with pytest.raises(DecodeError):
        typed(value, "FLOAT")


def test_binary_values_pass_too() -> None:
    assert typed(True, "DIGITAL") == 1
    assert typed(2.0, "UNSIGNED8") == 2
    assert typed(1.5, "FLOAT") == 1.5
    assert typed(Number(1472384, -1), "STRING") == "147238.4"


@given(st.integers(-(10**20), 10**20), st.integers(0, 12))
def test_a_decimal_text_comes_back_with_its_own_digits(mantissa: int, places: int) -> None:
    number = Number(mantissa, -places) if places else mantissa
    assert str(typed(str(number), "DOUBLE")) == str(number)


def test_readings_carry_quality_and_reason() -> None:
    signal = Signal("meter", "a", {"number_type": "UNSIGNED8"})
    good, over, wrong = reading(signal, "7", "kWh"), reading(signal, "300", "kWh"), reading(signal, "x")
    assert (good.value, good.unit, good.quality, good.reason) == (7, "kWh", GOOD, None)
    assert (over.value, over.quality, over.reason) == (None, OVERFLOW, "type")
    assert (wrong.value, wrong.quality, wrong.reason) == (None, INVALID, "type")
