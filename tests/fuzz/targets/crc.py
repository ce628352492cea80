"""Check characters and software parity against the plainest possible Python."""

from __future__ import annotations

import functools
import operator

from meterd._crc import add_parity, bcc, checksum, crc16, fcs16, strip_parity

SEEDS = [b"", b"123456789", b"/?!\r\n", bytes.fromhex("a00802232193"), bytes(range(256)), b"\x7e" * 33]
GOOD_REGISTER = 0x0F47  # fcs16 of any bytes followed by their own check sequence


def one(data: bytes) -> None:
    check = fcs16(data)
    assert fcs16(data + check.to_bytes(2, "little")) == GOOD_REGISTER
    half = len(data) // 2
    assert fcs16(data[half:], fcs16(data[:half]) ^ 0xFFFF) == check
    assert crc16(data + crc16(data).to_bytes(2, "little")) == 0
    assert bcc(data) == functools.reduce(operator.xor, data, 0)
    assert checksum(data) == sum(data) & 0xFF
    odd = bool(check & 1)
    sent = add_parity(data, odd)
    assert strip_parity(sent, odd) == bytes([byte & 0x7F for byte in data])
    received = strip_parity(data, odd)
    assert len(received) == len(data)
    assert all((got & 0x7F) == (byte & 0x7F) for got, byte in zip(received, data, strict=True))
