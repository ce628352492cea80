"""Check characters and software parity, against crcmod's C extension and plain Python."""

from __future__ import annotations

import functools
import operator
import sys

import crcmod
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterd._crc import add_parity, bcc, checksum, crc16, fcs16, strip_parity

ORACLE = crcmod.mkCrcFun(0x11021, initCrc=0, rev=True, xorOut=0xFFFF)

ARC_ORACLE = crcmod.mkCrcFun(0x18005, initCrc=0, rev=True, xorOut=0)


def test_the_oracle_is_the_c_extension() -> None:
    # crcmod falls back to Python without a word; then it would be no independent compiled peer.
    assert sys.modules["crcmod.crcmod"]._usingExtension
    assert str(sys.modules["crcmod._crcfunext"].__file__).endswith(".so")


def test_check_value_of_crc16_x25() -> None:
    assert fcs16(b"123456789") == 0x906E


def test_check_value_of_crc16_arc() -> None:
    assert crc16(b"123456789") == 0xBB3D


@pytest.mark.parametrize(("content", "wire"), [("a00a000200232193", "1871"), ("a00802232193", "bd64")])
def test_published_frame_check_sequences(content: str, wire: str) -> None:
    assert fcs16(bytes.fromhex(content)).to_bytes(2, "little") == bytes.fromhex(wire)


@pytest.mark.parametrize("length", [*range(70), 255, 256, 257, 1024, 65537])
def test_every_length_agrees_with_crcmod(length: int) -> None:
    data = bytes((index * 73 + length) & 0xFF for index in range(length))
    assert fcs16(data) == ORACLE(data)
    assert crc16(data) == ARC_ORACLE(data)
    assert bcc(data) == functools.reduce(operator.xor, data, 0)
    assert checksum(data) == sum(data) & 0xFF


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_crc_continues_over_pieces(first: bytes, second: bytes) -> None:
    assert fcs16(second, fcs16(first) ^ 0xFFFF) == fcs16(first + second) == ORACLE(first + second)
    assert crc16(second, crc16(first)) == crc16(first + second) == ARC_ORACLE(first + second)


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_bcc_and_checksum_of_pieces_combine(first: bytes, second: bytes) -> None:
    assert bcc(first) ^ bcc(second) == bcc(first + second)
    assert (checksum(first) + checksum(second)) & 0xFF == checksum(first + second)


def test_block_check_of_a_command_message() -> None:
    assert bcc(b"B0\x03") == 0x71  # the break: SOH B 0 ETX q


def test_sign_on_request_in_7e1_as_an_8n1_port_sends_it() -> None:
    assert add_parity(b"/?!\r\n", False) == bytes.fromhex("af3f218d0a")
    assert strip_parity(bytes.fromhex("af3f218d0a"), False) == b"/?!\r\n"


@pytest.mark.parametrize("odd", [False, True])
def test_parity_of_every_character(odd: bool) -> None:
    for character in range(128):
        sent = add_parity(bytes([character]), odd)
        assert sent[0].bit_count() % 2 == odd
        assert sent[0] & 0x7F == character
        assert strip_parity(sent, odd) == bytes([character])
        assert strip_parity(bytes([sent[0] ^ 0x80]), odd) == bytes([0x80 | character])
        assert add_parity(bytes([character | 0x80]), odd) == sent


@given(st.binary(max_size=200).map(lambda data: bytes(byte & 0x7F for byte in data)), st.booleans(), st.data())
def test_one_flipped_bit_is_seen_as_damage(text: bytes, odd: bool, data: st.DataObject) -> None:
    sent = bytearray(add_parity(text, odd))
    assert strip_parity(bytes(sent), odd) == text
    if text:
        at = data.draw(st.integers(0, len(text) - 1))
        sent[at] ^= 1 << data.draw(st.integers(0, 7))
        assert [byte >= 0x80 for byte in strip_parity(bytes(sent), odd)] == [index == at for index in range(len(text))]


@pytest.mark.parametrize("function", [fcs16, bcc, checksum])
@pytest.mark.parametrize("wrong", [None, "text", bytearray(b"x"), 5])
def test_only_bytes_are_taken(function: object, wrong: object) -> None:
    with pytest.raises(TypeError):
        function(wrong)  # type: ignore[operator]


@pytest.mark.parametrize("size", [1023, 1024, 1025, 4096, 70001])
def test_long_sums_of_the_highest_bytes(size: int) -> None:
    """Where lanes of a word are added up, they must be emptied in time."""
    data = b"\xff" * size
    assert checksum(data) == size * 0xFF & 0xFF
