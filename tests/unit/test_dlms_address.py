"""Server addresses: the table of what is known of meters, and what holds for every number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterd.protocols.dlms.links.address import (
    DEFAULT_FORMULA,
    MAX_HALF,
    apply_formula,
    client_address,
    parse_formula,
    parse_raw,
    serial_address,
    server_address,
    split_address,
    wrapper_port,
)

TABLE = [
    (0, 1, 1, "03"),
    (1, 0, 1, "03"),
    (1, 17, 1, "02 23"),
    (1, 17, 2, "02 23"),
    (1, 17, 4, "00 02 00 23"),
    (1, 4226, 1, "00 02 42 05"),
    (0, 1600, 1, "00 00 18 81"),
    (1, 2836, 4, "00 02 2C 29"),
    (16, 16, 1, "20 21"),
    (0, 17, 2, "00 23"),
    (1, 0, 2, "02 01"),
    (0, 127, 1, "FF"),
    (0, 128, 1, "00 00 02 01"),
    (1, 1, 2, "02 03"),
    (0x3FFF, 0x3FFF, 1, "FE FE FE FF"),
]


@pytest.mark.parametrize(("logical", "physical", "size", "wire"), TABLE)
def test_known_addresses(logical: int, physical: int, size: int, wire: str) -> None:
    assert server_address(logical, physical, size) == bytes.fromhex(wire)


@pytest.mark.parametrize(
    ("serial", "wire"),
    [(12345678, "00 02 68 2D"), (2141421, "00 02 24 EB"), (2250259, "00 02 12 D7"), (0, "00 02 0E D1")],
)
def test_serial_numbers(serial: int, wire: str) -> None:
    assert serial_address(serial) == bytes.fromhex(wire)


@pytest.mark.parametrize(("client", "wire"), [(16, "21"), (32, "41"), (48, "61"), (1, "03")])
def test_client_addresses(client: int, wire: str) -> None:
    assert client_address(client) == bytes.fromhex(wire)


@pytest.mark.parametrize("client", [-1, 128])
def test_a_client_has_seven_bits(client: int) -> None:
    with pytest.raises(ValueError, match="client"):
        client_address(client)


@given(st.integers(0, MAX_HALF), st.integers(0, MAX_HALF), st.sampled_from((1, 2, 4)))
def test_halves_stay_apart(logical: int, physical: int, size: int) -> None:
    wire = server_address(logical, physical, size)
    assert len(wire) in (1, 2, 4)
    assert len(wire) >= size or not (logical and physical)
    assert wire[-1] & 1
    assert not any(byte & 1 for byte in wire[:-1])
    if len(wire) == 1:
        assert split_address(wire) == (logical or physical, 0)
    else:
        assert split_address(wire) == (logical, physical)
    assert parse_raw(wire.hex()) == wire


@pytest.mark.parametrize(("logical", "physical", "size"), [(0, 1, 3), (0, 1, 0), (MAX_HALF + 1, 0, 4), (0, -1, 1)])
def test_impossible_addresses(logical: int, physical: int, size: int) -> None:
    with pytest.raises(ValueError, match="address"):
        server_address(logical, physical, size)


@pytest.mark.parametrize("text", ["", "02", "03 03", "02 03 05", "zz", "00 02 68 2C", "00 02 68 2D 01"])
def test_raw_addresses_must_end_where_they_say(text: str) -> None:
    with pytest.raises(ValueError, match="bytes in hex"):
        parse_raw(text)


@pytest.mark.parametrize(
    ("formula", "serial", "result"),
    [
        (DEFAULT_FORMULA, 98765432, 6432),
        ("SN", 77, 77),
        ("sn%10000+1000", 123456, 4456),
        ("SN % 10000 + 16", 12345678, 5694),
        ("SN * 2 - 4 / 3", 10, 5),
        ("7 + SN", 5, 12),
    ],
)
def test_formulas_run_from_left_to_right(formula: str, serial: int, result: int) -> None:
    assert apply_formula(formula, serial) == result


@pytest.mark.parametrize(
    "formula",
    [
        "",
        "SN +",
        "+ SN",
        "SN SN",
        "(SN)",
        "SN ** 2",
        "SN; 1",
        "__import__('os')",
        "SN % 0",
        "SN / 0",
        "1.5",
        "SN" + "+1" * 60,
    ],
)
def test_other_formulas_are_refused(formula: str) -> None:
    with pytest.raises(ValueError, match="formula"):
        parse_formula(formula)


@given(st.text(alphabet="SN0123456789%+-*/ ().", max_size=40), st.integers(0, 10**12))
def test_any_text_is_a_formula_or_a_value_error(text: str, serial: int) -> None:
    try:
        assert isinstance(apply_formula(text, serial), int)
    except ValueError as error:
        assert str(error)


def test_division_by_a_serial_number_of_zero() -> None:
    with pytest.raises(ValueError, match="divides by zero"):
        apply_formula("10 % SN", 0)


def test_the_wrapper_addresses_the_logical_device() -> None:
    assert wrapper_port(1, 17) == 1
    assert wrapper_port(0, 17) == 17
