"""IEC 62056-21: all decoders on any bytes, whole and in pieces; the data sets keep their grammar."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from meterd._crc import bcc
from meterd._readout_block import parse_readout
from meterd._readout_dialogue import IdentificationDecoder, ProgrammingDecoder
from meterd._readout_list import ReadoutDecoder
from meterd._readout_message import MAX_LINE, Message
from meterd.errors import DecodeError

LIST = b"F.F(00000000)\r\n1.8.0*24(000123.45*kWh)\r\n1.6.1(0.5*kW)(2101010000)\r\n(77)\r\nC.1( a/b )0.0(1)!\r\n"


def framed(start: bytes, text: bytes, end: bytes = b"\x03") -> bytes:
    return start + text + end + bytes([bcc((start + text + end)[1:])])


SEEDS = [
    b"/?00000123!\r\n/LGZ4\\2ZMD310.B40\r\n" + framed(b"\x02", LIST),
    LIST,
    b"/ESY5Q3DA1004 V3.03\r\n\r\n1-0:0.0.0*255(1027000455)\r\n!\r\n" * 2,
    b"\x00\x00\x06050\r\n" + framed(b"\x02", b"6.8(0347.292*GJ)6.26(02647.89*m3)9.21(6\n1.8.0(5*kWh)\n!\n"),
    framed(b"\x01", b"P0\x02(00000000)"),
    framed(b"\x01", b"R5\x021.8.0*24()"),
    framed(b"\x01", b"B0"),
    framed(b"\x02", b"P.01(1220823150000)(08)(15)(6)(1-0:1.5.0)(kW)\r\n(0.1)\r\n", b"\x04") + b"\x06",
    b"\x06051\r\n\x15\x06" + framed(b"\x02", b"(ER05)"),
    framed(b"\x02", b"0.0.0(\x00\x00\xff)\r\n!\r\n"),
]
WANTED = {"1.8.0*24": 0, "1.6.1": 1}


def fed(decoder: Any, data: bytes) -> Any:
    """A frame, None, or why what began cannot become one (a list within a list, a block without end)."""
    try:
        return decoder.feed(data)
    except DecodeError as error:
        return str(error)


def collect(decoder: Any, data: bytes) -> list[Any]:
    frames = []
    frame = fed(decoder, data)
    while frame is not None:
        frames.append(frame)
        frame = fed(decoder, b"")
    assert decoder.missing >= 1
    assert decoder.pending >= 0 and decoder.discarded >= 0
    assert bool(decoder.reason) == bool(decoder.discarded)
    return frames


def facts(frame: Any) -> tuple[Any, ...]:
    if not isinstance(frame, Message):
        return (frame,)
    return (frame.command, frame.text, frame.bcc, frame.partial, frame.complete, frame.data_sets)


def in_pieces(make: Callable[[], Any], data: bytes) -> Any:
    """Whole and in pieces must give the same frames; returns the decoder fed whole."""
    whole, pieces = make(), make()
    frames = collect(whole, data)
    step = 1 + (data[-1] if data else 0) % 7 + len(data) // 32
    count = 0
    for at in range(0, len(data), step):
        piece = fed(pieces, data[at : at + step])
        while piece is not None:
            assert facts(piece) == facts(frames[count])
            count += 1
            piece = fed(pieces, b"")
    assert count == len(frames)
    assert (whole.pending, whole.discarded) == (pieces.pending, pieces.discarded)
    return whole


def check_sets(text: bytes) -> None:
    seen: dict[str | None, int] = {}
    for address, effective, index, value, unit in parse_readout(text):
        assert address is None or address == effective != ""
        assert index == seen.get(effective, 0)
        seen[effective] = index + 1
        assert ")" not in value and "*" not in value and "\n" not in value
        assert unit is None or ")" not in unit
    assert sum(seen.values()) <= text.count(b")")


def one(data: bytes) -> None:
    check_sets(data)
    identifications = IdentificationDecoder()
    for line in collect(identifications, data):
        assert line.startswith(b"/") and 5 <= len(line) <= MAX_LINE and not line.startswith(b"/?")
    assert len(identifications.take_rest()) <= len(data)
    flavour = len(data) % 4
    decoder = in_pieces(lambda: ReadoutDecoder(bool(flavour & 1), WANTED if flavour & 2 else None), data)
    message = decoder.finish()
    assert message is None or message.bcc is not True
    assert decoder.pending == 0
    collect(ProgrammingDecoder(bool(flavour & 1)), data)
