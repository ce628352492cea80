"""The compiled codecs against crcmod's C extension, pure Python, and the PyPI package iec62056-21."""

from __future__ import annotations

import functools
import operator
import os
from collections.abc import Callable
from functools import partial

from meterd._crc import bcc, fcs16
from meterd._hdlc import HdlcDecoder, encode_frame
from meterd._readout_list import ReadoutDecoder

from ._machine import Row
from .timing import compare

LENGTHS = (8, 9, 12, 16, 22, 32, 64, 120, 256, 1024, 4096, 65536)
FRAMES = 200
HDLC_ROUNDS = 45  # neighbours on the machine may disturb either side for a good while


def run() -> list[Row]:
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


def crc_rows() -> list[Row]:
    rows: list[Row] = []
    reference = crcmod_x25()
    for length in LENGTHS:
        data = os.urandom(length)
        assert fcs16(data) == reference(data)
        ours, theirs = compare(partial(fcs16, data), partial(reference, data))
        rows.append((f"CRC-16/X-25 of {length} bytes", theirs / ours, "× crcmod (C)", 1.0))
    return rows


def bcc_rows() -> list[Row]:
    rows: list[Row] = []
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


def hdlc_rows() -> list[Row]:
    rows: list[Row] = []
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


HOUSEHOLD = """\
F.F(00000000)
0.0.0(71204433)
0.9.1(184207)
0.9.2(261117)
C.1.0(71204433)
C.1.6(4E21)
1.8.0(021763.418*kWh)
1.8.1(013502.077*kWh)
1.8.2(008261.341*kWh)
2.8.0(000148.902*kWh)
2.8.1(000097.310*kWh)
2.8.2(000051.592*kWh)
C.7.1(00000004)
C.7.2(00000002)
C.7.3(00000003)
32.7(231.4*V)
52.7(230.2*V)
72.7(229.8*V)
31.7(001.82*A)
51.7(000.46*A)
71.7(003.05*A)
C.5.0(0401)
!
"""
INDUSTRY = """\
1-0:F.F*255(00000000)
1-0:0.0.0*255(5081937)
1-0:0.1.0*255(14)
1-0:0.1.2*13(2610010000)
1-0:0.1.2*14(2611010000)
1-0:0.9.1*255(2611171842)
1-0:1.2.1*255(0641.277*kW)
1-0:1.6.1*255(012.440*kW)(2611091115)
1-0:1.6.1*13(013.082*kW)(2610141130)
1-0:1.6.1*14(012.916*kW)(2611031100)
1-0:1.8.0*255(0184402.63*kWh)
1-0:1.8.1*255(0102771.19*kWh)
1-0:1.8.1*13(0098213.40*kWh)
1-0:1.8.1*14(0101344.82*kWh)
1-0:1.8.2*255(0081631.44*kWh)
1-0:1.8.2*14(0080912.07*kWh)
1-0:3.8.0*255(0020733.51*kvarh)
1-0:4.8.0*255(0000412.96*kvarh)
1-0:32.7.0*255(057.8*V)
1-0:31.7.0*255(0.411*A)
1-0:C.8.0*255(00183122)
1-0:C.7.0*255(00000031)
!
"""


def framed(text: str) -> bytes:
    body = text.replace("\n", "\r\n").encode() + b"\x03"
    return b"\x02" + body + bytes([bcc(body)])


def tariffs() -> bytes:
    """A framed read-out of 1,664 bytes and 53 lines, of the shape that a tariff meter sends."""
    lines = [f"1-0:{code}.8.{tariff}*{month:02d}({month * 37 + code:06d}.{tariff:03d}*kWh)" for code in (1, 2, 3, 4)
             for tariff in (0, 1, 2) for month in (255, 1, 2, 3)]  # fmt: skip
    lines += [f"0-0:C.1.{number}*255({number:0>8})" for number in range(5)]
    text = "".join(line + "\n" for line in lines)
    return framed(text + "0-0:96.1.255*255(" + "0" * (1664 - len(text) - len(lines) - 26) + ")\n!\n")


def read_whole(data: bytes) -> int:
    message = ReadoutDecoder().feed(data)
    assert message is not None and message.bcc
    return len(message.data_sets)


def readout_rows() -> list[Row]:
    """The same message framed, its check character verified, to the same data sets: address, value and unit of each."""
    from iec62056_21.messages import ReadoutDataMessage

    rows: list[Row] = []
    for meter, data in (("a household's", framed(HOUSEHOLD)), ("an industrial", framed(INDUSTRY)), ("a", tariffs())):
        message = ReadoutDecoder().feed(data)
        assert message is not None and message.bcc
        assert [(address, value, unit) for address, _, _, value, unit in message.data_sets] == [
            (each.address, each.value, each.unit)
            for line in ReadoutDataMessage.from_bytes(data).data_block.data_lines
            for each in line.data_sets
        ]
        whole, reference = compare(partial(read_whole, data), partial(ReadoutDataMessage.from_bytes, data), rounds=31)
        rows.append((f"{meter} read-out of {len(data)} bytes", reference / whole, "× iec62056-21", 40.0))
    return rows
