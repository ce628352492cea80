"""The compiled codecs against crcmod's C extension, pure Python, and the PyPI package iec62056-21."""

from __future__ import annotations

import functools
import operator
import os
from collections.abc import Callable
from functools import partial

from meterd._crc import bcc, fcs16
from meterd._hdlc import HdlcDecoder, encode_frame
from meterd._readout_block import parse_readout
from meterd._readout_list import ReadoutDecoder

from .timing import compare

LENGTHS = (8, 9, 12, 16, 22, 32, 64, 120, 256, 1024, 4096, 65536)
FRAMES = 200
HDLC_ROUNDS = 45  # neighbours on the machine may disturb either side for a good while


def run() -> list[tuple[str, float, str, float | None]]:
    return [*crc_rows(), *bcc_rows(), *hdlc_rows(), *readout_rows()]


def crcmod_x25() -> Callable[[bytes], int]:
    """crcmod's CRC-16/X-25; fails if it would fall back to Python, which it does without a word."""
    import crcmod
    import crcmod._crcfunext

    return crcmod.mkCrcFun(0x11021, initCrc=0, rev=True, xorOut=0xFFFF)


def crcmod_xor() -> Callable[[bytes], int]:
    """What crcmod's C extension takes per byte with an 8-bit register, the size of a BCC."""
    import crcmod
    import crcmod._crcfunext

    return crcmod.mkCrcFun(0x107, initCrc=0, rev=False, xorOut=0)


def crc_rows() -> list[tuple[str, float, str, float | None]]:
    rows: list[tuple[str, float, str, float | None]] = []
    reference = crcmod_x25()
    for length in LENGTHS:
        data = os.urandom(length)
        assert fcs16(data) == reference(data)
        ours, theirs = compare(partial(fcs16, data), partial(reference, data))
        rows.append((f"CRC-16/X-25 of {length} bytes", theirs / ours, "× crcmod (C)", 1.0))
    return rows


def bcc_rows() -> list[tuple[str, float, str, float | None]]:
    rows: list[tuple[str, float, str, float | None]] = []
    reference = crcmod_xor()
    for length in LENGTHS:
        data = os.urandom(length)
        assert bcc(data) == functools.reduce(operator.xor, data)
        ours, theirs = compare(partial(bcc, data), partial(reference, data))
        rows.append((f"BCC of {length} bytes", theirs / ours, "× crcmod (C), 8 bits", 1.0))
    return rows


def python_table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ 0x8408 if byte & 1 else byte >> 1
        table.append(byte)
    return table


TABLE = python_table()


def python_crc(data: bytes) -> int:
    crc = 0xFFFF
    table = TABLE
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return crc


def python_address_end(data: bytes, at: int) -> int:
    end = at + 1
    while not data[end - 1] & 1:
        end += 1
    return end


def python_deframe(data: bytes) -> list[tuple[bytes, bytes, int, bool, bytes]]:
    """The same job in pure Python: by length, HCS and FCS checked, the same fields out."""
    frames = []
    at = data.find(0x7E)
    while at >= 0 and at + 9 <= len(data):
        if data[at + 1] == 0x7E or data[at + 1] & 0xF0 != 0xA0:
            at = data.find(0x7E, at + 1)
            continue
        length = (data[at + 1] & 7) << 8 | data[at + 2]
        body = data[at + 1 : at + 1 + length]
        source = python_address_end(body, 2)
        control = python_address_end(body, source)
        begin = control + 3 if length > control + 3 else control + 1
        good = python_crc(body) == 0xF0B8 and (begin == control + 1 or python_crc(body[:begin]) == 0xF0B8)
        if not good or data[at + 1 + length] != 0x7E:
            at = data.find(0x7E, at + 1)
            continue
        frames.append((body[2:source], body[source:control], body[control], bool(body[0] & 8), body[begin:-2]))
        at += 1 + length
    return frames


DECODER = HdlcDecoder()


def deframe(data: bytes) -> int:
    count = 0
    feed = DECODER.feed
    frame = feed(data)
    while frame is not None:
        count += 1
        frame = feed(b"")
    return count


def hdlc_rows() -> list[tuple[str, float, str, float | None]]:
    rows: list[tuple[str, float, str, float | None]] = []
    for size in (12, 110, 1200):
        information = os.urandom(size)
        frame = encode_frame(b"\x02\x23", b"\x21", 0x10, information)
        count = max(1, min(FRAMES, 60000 // len(frame)))
        stream = frame * count
        assert deframe(stream) == count == len(python_deframe(stream))
        ours, theirs = compare(partial(deframe, stream), partial(python_deframe, stream), rounds=HDLC_ROUNDS)
        rows.append((f"HDLC frames of {len(frame)} bytes, many at a time", theirs / ours, "× pure Python", 25.0))
        ours, theirs = compare(partial(DECODER.feed, frame), partial(python_deframe, frame), rounds=HDLC_ROUNDS)
        rows.append((f"HDLC frame of {len(frame)} bytes, one at a time", theirs / ours, "× pure Python", None))
    return rows


def readout() -> bytes:
    """A framed read-out of 1,664 bytes and 53 lines, of the shape that a tariff meter sends."""
    lines = [f"1-0:{code}.8.{tariff}*{month:02d}({month * 37 + code:06d}.{tariff:03d}*kWh)" for code in (1, 2, 3, 4)
             for tariff in (0, 1, 2) for month in (255, 1, 2, 3)]  # fmt: skip
    lines += [f"0-0:C.1.{number}*255({number:0>8})" for number in range(5)]
    text = "".join(line + "\r\n" for line in lines)
    body = text + "0-0:96.1.255*255(" + "0" * (1664 - len(text) - 26) + ")\r\n!\r\n\x03"
    return b"\x02" + body.encode() + bytes([bcc(body.encode())])


def read_whole(data: bytes) -> int:
    message = ReadoutDecoder().feed(data)
    assert message is not None and message.bcc
    return len(message.data_sets)


def readout_rows() -> list[tuple[str, float, str, float | None]]:
    from iec62056_21.messages import ReadoutDataMessage

    data = readout()
    text = data[1:-2]
    theirs = ReadoutDataMessage.from_bytes(data)
    assert (
        read_whole(data)
        == len(parse_readout(text))
        == sum(len(line.data_sets) for line in theirs.data_block.data_lines)
    )
    whole, parsed, reference = compare(
        partial(read_whole, data), partial(parse_readout, text), partial(ReadoutDataMessage.from_bytes, data)
    )
    return [
        (f"read-out of {len(data)} bytes, framed and verified", reference / whole, "× iec62056-21", 30.0),
        (f"read-out of {len(data)} bytes, data sets alone", reference / parsed, "× iec62056-21", None),
    ]
