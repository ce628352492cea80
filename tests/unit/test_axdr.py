"""A-XDR: every data type both ways, what is malformed, what would grow without end, and a foreign decoder's opinion."""

from __future__ import annotations

import math
import struct
import sys

import pytest
from dlms_cosem import dlms_data
from hypothesis import given, settings
from hypothesis import strategies as st

from meterd import _axdr
from meterd.cosem import BitString, Date, DateTime, Time
from meterd.errors import DecodeError
from meterd.protocols.dlms import data as meaning
from meterd.protocols.dlms import enumerations as codes
from meterd.protocols.dlms.apdus.encode import encode
from tests.gurux_client import Gurux
from tools import cosem_types

CLOCK = bytes.fromhex("07EA0B16070A0000000000FF")
DLMS_COSEM_TYPES = (
    codes.NULL, codes.BOOLEAN, codes.DOUBLE_LONG, codes.DOUBLE_LONG_UNSIGNED, codes.OCTET_STRING, codes.INTEGER,
    codes.LONG, codes.UNSIGNED, codes.LONG_UNSIGNED, codes.LONG64, codes.LONG64_UNSIGNED, codes.ENUM,
)  # fmt: skip

# Octets, natural value: one row for each data type of Blue Book 4.1.5, at its edges.
VALUES = [
    ("00", None),
    ("FF", None),
    ("0300", False),
    ("0301", True),
    ("0405A8", BitString("10101")),
    ("0400", BitString("")),
    ("0580000000", -(2**31)),
    ("057FFFFFFF", 2**31 - 1),
    ("06FFFFFFFF", 2**32 - 1),
    ("0900", b""),
    ("0903010203", b"\x01\x02\x03"),
    ("0A03414243", "ABC"),
    ("0A01B5", "µ"),
    ("0C02C2B5", "µ"),
    ("0D42", 42),
    ("0F80", -128),
    ("108000", -32768),
    ("11FF", 255),
    ("12FFFF", 65535),
    ("148000000000000000", -(2**63)),
    ("15FFFFFFFFFFFFFFFF", 2**64 - 1),
    ("161E", 30),
    ("1741480000", 12.5),
    ("184029000000000000", 12.5),
    ("19" + CLOCK.hex(), DateTime(CLOCK)),
    ("1A07EA0B1607", Date(CLOCK[:5])),
    ("1B0A000000", Time(CLOCK[5:9])),
    ("010211011102", [1, 2]),
    ("0202110109017F", (1, b"\x7f")),
    ("0100", []),
    ("0200", ()),
    # Compact arrays: of long-unsigned; of structures of a double-long-unsigned and an octet string; of arrays of two.
    ("13120400010002", [1, 2]),
    ("1302020609" + "0E" + "0000000101AA" + "0000000203010203", [(1, b"\xaa"), (2, b"\x01\x02\x03")]),
    ("130100021104" + "01020304", [[1, 2], [3, 4]]),
    ("131100", []),
]


@pytest.mark.parametrize(("octets", "value"), VALUES)
def test_value_both_ways(octets: str, value: object) -> None:
    data = bytes.fromhex(octets)
    found, end = _axdr.decode(b"\xaa" + data + b"\xbb", 1)
    assert (found, type(found), end) == (value, type(value), 1 + len(data))
    assert _axdr.decode_whole(data) == value
    typed, end = _axdr.decode_typed(data)
    assert typed[0] == data[0] and end == len(data)
    assert encode(*typed) == data


@pytest.mark.parametrize("octets", [octets for octets, _ in VALUES])
def test_cut_short_and_followed(octets: str) -> None:
    data = bytes.fromhex(octets)
    for end in range(len(data)):
        with pytest.raises(DecodeError):
            _axdr.decode_whole(data[:end])
    with pytest.raises(DecodeError, match="left over"):
        _axdr.decode_whole(data + b"\x00\x01")
    assert _axdr.decode_whole(data + bytes(5)) == _axdr.decode_whole(data), "zeros are padding"


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        ("", "announced"),
        ("07", "data type 7"),
        ("2200", "data type 34"),
        ("0980", "length octet 0x80"),
        ("0985000000000100", "length octet 0x85"),
        ("0984FFFFFFFF", "announced"),
        ("01820100", "announced"),
        ("0184FFFFFFFF00", "announced"),
        ("0DAA", "not BCD"),
        ("0D0F", "not BCD"),
        ("0C01FF", "utf8-string"),
        ("0201" * 17 + "00", "nested"),
        ("13" + "0201" * 17 + "0000", "nested"),
        ("13000100", "no size"),
        ("130200" + "0100", "no size"),
        ("1313110100", "cannot hold another"),
        ("1301FFFF" + "00" + "0100", "no size"),
        ("1301FFFF01FFFF11" + "0100", "elements announced"),
        ("1301FFFF0200" + "0100", "no size"),
        ("130100000B" + "0100", "no size"),
        ("1382FFFF", "data type|length octet|announced"),
    ],
)
def test_malformed(octets: str, words: str) -> None:
    with pytest.raises(DecodeError, match=words):
        _axdr.decode_whole(bytes.fromhex(octets))
    with pytest.raises(DecodeError, match=words):
        _axdr.decode_typed(bytes.fromhex(octets))


def test_nesting_up_to_the_bound() -> None:
    data = b"\x02\x01" * _axdr.MAX_DEPTH + b"\x11\x07"
    value = _axdr.decode_whole(data)
    for _ in range(_axdr.MAX_DEPTH):
        (value,) = value
    assert value == 7


def test_elements_up_to_the_bound() -> None:
    count = _axdr.MAX_ELEMENTS
    whole = b"\x01\x84" + count.to_bytes(4, "big") + bytes(count)
    assert len(_axdr.decode_whole(whole)) == count
    with pytest.raises(DecodeError, match="elements"):
        _axdr.decode_whole(b"\x01\x84" + (count + 1).to_bytes(4, "big") + bytes(count + 1))


def test_offsets_out_of_range() -> None:
    for offset in (-1, 3, sys.maxsize):
        with pytest.raises(DecodeError):
            _axdr.decode(b"\x11\x01", offset)
        with pytest.raises(DecodeError):
            _axdr.decode_length(b"\x11\x01", offset)


@pytest.mark.parametrize(
    ("head", "count"),
    [("0900", 0), ("0901", 1), ("097F", 127), ("098180", 128), ("0981FF", 255), ("09820100", 256), ("0982FFFF", 65535),
     ("098400010000", 65536)],
)  # fmt: skip
def test_lengths(head: str, count: int) -> None:
    data = bytes.fromhex(head) + bytes(count)
    assert encode(codes.OCTET_STRING, bytes(count)) == data
    assert _axdr.decode_whole(data) == bytes(count)
    assert _axdr.decode_length(data, 1) == (count, len(data) - count)


def test_longer_length_than_needed_is_understood() -> None:
    assert _axdr.decode_whole(bytes.fromhex("0983000002AABB")) == b"\xaa\xbb"


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        (codes.UNSIGNED, 256), (codes.UNSIGNED, -1), (codes.BCD, 100), (codes.DATE_TIME, b"short"), (99, 1),
        (codes.VISIBLE_STRING, "€"), (codes.COMPACT_ARRAY, ((codes.ARRAY, 2, 17), [(1, [(17, 1)])])),
    ],
)  # fmt: skip
def test_values_that_do_not_fit_their_type(tag: int, value: object) -> None:
    with pytest.raises((ValueError, OverflowError)):
        encode(tag, value)


def test_float_not_a_number_survives() -> None:
    assert math.isnan(_axdr.decode_whole(bytes.fromhex("177FC00000")))


@given(st.floats(allow_nan=False, width=32), st.floats(allow_nan=False))
@settings(max_examples=100)
def test_floats(single: float, double: float) -> None:
    assert encode(codes.FLOAT32, single) == b"\x17" + struct.pack(">f", single)
    assert encode(codes.FLOAT64, double) == b"\x18" + struct.pack(">d", double)
    assert _axdr.decode_whole(b"\x17" + struct.pack(">f", single)) == single
    assert _axdr.decode_whole(b"\x18" + struct.pack(">d", double)) == double


def _integers(tag: int, low: int, high: int) -> st.SearchStrategy:
    return st.tuples(st.just(tag), st.integers(low, high))


LEAVES = st.one_of(
    st.just((codes.NULL, None)),
    st.tuples(st.just(codes.BOOLEAN), st.booleans()),
    _integers(codes.DOUBLE_LONG, -(2**31), 2**31 - 1),
    _integers(codes.DOUBLE_LONG_UNSIGNED, 0, 2**32 - 1),
    _integers(codes.INTEGER, -128, 127),
    _integers(codes.LONG, -32768, 32767),
    _integers(codes.UNSIGNED, 0, 255),
    _integers(codes.LONG_UNSIGNED, 0, 65535),
    _integers(codes.LONG64, -(2**63), 2**63 - 1),
    _integers(codes.LONG64_UNSIGNED, 0, 2**64 - 1),
    _integers(codes.ENUM, 0, 255),
    _integers(codes.BCD, 0, 99),
    st.tuples(st.just(codes.OCTET_STRING), st.binary(max_size=300)),
    st.tuples(st.just(codes.VISIBLE_STRING), st.text(st.characters(max_codepoint=255), max_size=20)),
    st.tuples(st.just(codes.UTF8_STRING), st.text(st.characters(exclude_categories=("Cs",)), max_size=20)),
    st.tuples(st.just(codes.BIT_STRING), st.text("01", max_size=30)),
    st.tuples(st.just(codes.DATE_TIME), st.binary(min_size=12, max_size=12)),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.tuples(st.sampled_from((codes.ARRAY, codes.STRUCTURE)), st.lists(inner, max_size=5)),
    max_leaves=20,
)


def natural(typed: tuple) -> object:
    tag, value = typed
    if tag == codes.ARRAY:
        return [natural(element) for element in value]
    return tuple(map(natural, value)) if tag == codes.STRUCTURE else value


@given(TREES)
@settings(max_examples=200)
def test_trees_both_ways(typed: tuple) -> None:
    data = encode(*typed)
    assert _axdr.decode_typed(data) == (typed, len(data))
    assert _axdr.decode_whole(data) == natural(typed)


@given(st.binary(max_size=60))
@settings(max_examples=200)
def test_any_octets(data: bytes) -> None:
    try:
        typed, end = _axdr.decode_typed(data)
    except DecodeError:
        with pytest.raises(DecodeError):
            _axdr.decode(data)
    else:
        # A longer length than needed, a true other than 01, padding bits: read alike, written the one way.
        assert _axdr.decode_typed(encode(*typed))[0] == typed or "nan" in repr(typed)
        assert _axdr.decode(data)[1] == end


@given(LEAVES)
@settings(max_examples=200)
def test_against_dlms_cosem(typed: tuple) -> None:
    """float, bit-string, BCD and date types are not implemented there, or differently represented."""
    if typed[0] not in DLMS_COSEM_TYPES:
        return
    data = encode(*typed)
    parsed = dlms_data.DlmsDataParser().parse(data, limit=1)[0].to_python()
    assert (None if typed[0] == codes.NULL else parsed) == _axdr.decode_whole(data)


# gurux_dlms shows text that is not ASCII as hex, takes BCD for binary, and refuses arrays inside a compact array.
GURUX_DIFFERS = ("0A01B5", "0C02C2B5", "0D42", "130100021104" + "01020304")


def seen(value: object) -> object:
    """A value as JSON can carry it; octets in hex, dates and times as gurux_dlms fills them up."""
    if isinstance(value, DateTime):
        return meaning.date_time_text(value)
    if isinstance(value, Date):
        return f"{meaning.date_text(value)}T00:00:00"
    if isinstance(value, Time):
        return f"1900-01-01T{meaning.time_text(value)}"
    if isinstance(value, bytes):
        return value.hex()
    return [seen(element) for element in value] if isinstance(value, (list, tuple)) else value


def test_against_gurux() -> None:
    gurux = Gurux()
    try:
        for octets, value in VALUES:
            if octets not in GURUX_DIFFERS:
                assert gurux.ask("data", data=octets) == seen(value), octets
    finally:
        gurux.close()


def test_get_response_normal() -> None:
    assert _axdr.get_response_normal(bytes.fromhex("C401C1000600000064")) == (0, 100)
    assert _axdr.get_response_normal(bytes.fromhex("C401C1000600000064"), 0xC1) == (0, 100)
    assert _axdr.get_response_normal(bytes.fromhex("C40101000600000064"), 0xC1) == (0, 100)
    assert _axdr.get_response_normal(bytes.fromhex("C401C2000600000064"), 0xC1) is None
    assert _axdr.get_response_normal(bytes.fromhex("C401C10104")) == (4, None)
    for other in ("C402C1", "C501C1", "C4", "", "D8"):
        assert _axdr.get_response_normal(bytes.fromhex(other)) is None
    for broken in ("C401C1", "C401C100", "C401C1000600", "C401C10100", "C401C102", "C401C1010401", "C401C10011000001"):
        with pytest.raises(DecodeError):
            _axdr.get_response_normal(bytes.fromhex(broken))


def test_results() -> None:
    data = bytes.fromhex("0011FF010B0000")
    assert _axdr.decode_results(data, 0, 3) == ([(0, 255), (11, None), (0, None)], len(data))
    for count in (4, -1, sys.maxsize):
        with pytest.raises(DecodeError):
            _axdr.decode_results(data, 0, count)


def test_the_compiled_decoder_has_the_numbers_of_the_table() -> None:
    """Constants of C cannot be read from Python: that they were made of the one table is held here."""
    declarations, table = cosem_types.DECLARATIONS.read_text(), cosem_types.TABLE.read_text()
    assert cosem_types.written(declarations, table) == declarations
    assert len(cosem_types.data_types(table)) == 31
    assert "    LONG64 = 77\n" in cosem_types.written(declarations, table.replace("LONG64 = 20", "LONG64 = 77"))
    assert f"    GET_RESPONSE = 0x{codes.GET_RESPONSE:02X}\n" in declarations
