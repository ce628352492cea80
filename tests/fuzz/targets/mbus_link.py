"""M-Bus frames from any bytes: whole and in pieces alike, nothing lost, nothing invented, nothing kept without end."""

from __future__ import annotations

from meterd._mbus import MBUS_MAX_FRAME, MbusDecoder, MbusFrame
from meterd.protocols.mbus.link import long_frame, short_frame

SEEDS = [
    b"\xe5",
    short_frame(0x40, 1) + short_frame(0x7B, 253) + b"\xe5",
    long_frame(0x53, 253, 0x52, bytes.fromhex("785634FFFFFFFFFF")),
    long_frame(0x53, 1, 0xBB),
    b"\x00\xf6\x68" + long_frame(8, 5, 0x72, bytes(range(60))),
    long_frame(8, 1, 0x72, bytes(252)) + b"\x68\x68\x10\x16",
    long_frame(8, 1, 0x78, long_frame(8, 1, 0x78, b"\x01\x13\x05"))[:-1],
    bytes.fromhex("68000068 68FFFF68 680304 10101016E5"),
]
HELD = 4096


def encoded(frame: MbusFrame) -> bytes:
    if frame.acknowledges:
        return b"\xe5"
    if frame.ci < 0:
        return short_frame(frame.control, frame.address)
    return long_frame(frame.control, frame.address, frame.ci, frame.data)


def collect(decoder: MbusDecoder, data: bytes) -> list[bytes]:
    found = []
    frame = decoder.feed(data)
    while frame is not None:
        found.append(encoded(frame))
        frame = decoder.feed(b"")
    assert 1 <= decoder.missing <= MBUS_MAX_FRAME
    assert 0 <= decoder.pending < MBUS_MAX_FRAME
    assert bool(decoder.reason) == bool(decoder.discarded)
    return found


def one(data: bytes) -> None:
    data = data[:HELD]
    whole = MbusDecoder()
    frames = collect(whole, data)
    for frame in frames:
        assert len(frame) <= MBUS_MAX_FRAME and frame in data
    assert sum(map(len, frames)) + whole.discarded + whole.pending == len(data)
    pieces = MbusDecoder()
    step = 1 + (data[-1] if data else 0) % 11
    assert [frame for at in range(0, len(data), step) for frame in collect(pieces, data[at : at + step])] == frames
    assert (pieces.pending, pieces.discarded) == (whole.pending, whole.discarded)
    if whole.pending:
        # However the damage looked, a good frame behind it is found once nothing more of it can come.
        good = long_frame(8, 5, 0x72, b"\x0f")
        assert collect(whole, bytes(MBUS_MAX_FRAME) + good)[-1] == good
