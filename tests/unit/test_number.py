"""Exact numbers: printed as the meter sent them, equal where they are equal, the same after a journey."""

from __future__ import annotations

import copy
import pickle
import struct
from decimal import Decimal
from typing import Any

import pytest
import ujson
from hypothesis import given
from hypothesis import strategies as st

from meterd._number import MAX_EXPONENT, Number

numbers = st.builds(Number, st.integers(-(10**30), 10**30), st.integers(-MAX_EXPONENT, MAX_EXPONENT))


@given(numbers)
def test_a_number_is_what_it_prints(number: Number) -> None:
    exact = Decimal(f"{number.mantissa}e{number.exponent}")
    assert Decimal(str(number)) == exact
    assert float(number) == float(str(number))
    assert int(number) == int(exact)
    assert number.is_integral() == (exact == int(exact))
    assert repr(number) == f"Number({number})" and ujson.dumps(number) == str(number)


EDGE = 1 << 53


@given(
    st.integers(-(10**18), 10**18) | st.integers(-EDGE - 3, -EDGE + 3) | st.integers(EDGE - 3, EDGE + 3)
    | st.sampled_from([0, 5, 2**63 - 1, 2**63, -(2**63), 2**64]),
    st.integers(-MAX_EXPONENT, MAX_EXPONENT) | st.sampled_from([-23, -22, 22, 23]),
)  # fmt: skip
def test_as_a_float_it_is_what_its_digits_are(mantissa: int, exponent: int) -> None:
    number = Number(mantissa, exponent)
    assert struct.pack("<d", float(number)) == struct.pack("<d", float(str(number)))


@given(numbers, numbers)
def test_equal_values_are_equal_however_finely_they_count(one: Number, other: Number) -> None:
    same = Number(one.mantissa * 100, one.exponent - 2) if one.exponent > 2 - MAX_EXPONENT else one
    assert same == one and hash(same) == hash(one)
    assert (one == other) == (Decimal(str(one)) == Decimal(str(other)))
    assert (one == one.mantissa) == (one.exponent == 0 or one.mantissa == 0)


@given(numbers)
def test_a_number_survives_pickling_and_copying(number: Number) -> None:
    for again in (pickle.loads(pickle.dumps(number)), copy.copy(number), copy.deepcopy(number)):
        assert (again.mantissa, again.exponent) == (number.mantissa, number.exponent)


@pytest.mark.parametrize("exponent", [MAX_EXPONENT + 1, -MAX_EXPONENT - 1, 10**6])
def test_a_power_of_ten_out_of_range_is_refused(exponent: int) -> None:
    with pytest.raises(ValueError, match="is out of range"):
        Number(1, exponent)


def test_nobody_changes_a_number() -> None:
    number: Any = Number(5, -1)
    for name in ("mantissa", "exponent"):
        with pytest.raises(AttributeError):
            setattr(number, name, 1)
    assert (number == 0.5, number == "0.5", number == None) == (False, False, False)  # noqa: E711


@pytest.mark.parametrize(
    ("text", "printed"), [(" 0012,50 ", "12.50"), ("-3", "-3"), ("+.5", "0.5"), ("7.", "7"), ("-0,0", "0.0")]
)
def test_decimal_texts_are_read(text: str, printed: str) -> None:
    assert str(Number.parse(text)) == printed


@pytest.mark.parametrize("text", ["", ".", "1e5", "nan", "1 000", "--1", "٣", "1.2.3", "9" * 65])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a decimal number"):
        Number.parse(text)
