"""HDLC: whatever comes, the counts add up, every frame is one that the encoder makes, and pieces change nothing."""

from __future__ import annotations

from meterd._hdlc import HDLC_MAX_FRAME, HdlcDecoder, HdlcFrame, encode_frame
from meterd.protocols.dlms.links.address import address_value

SEEDS = [
    bytes.fromhex("7ea00802232193bd647e"),
    bytes.fromhex("7ea00a00020023219318717e"),
    bytes.fromhex("7ea01e210373c37a818012050180060180070400000001080400000001533b7e"),
    bytes.fromhex("7ea0190321326fd8e6e600c001c1000f0000280000ff020091537e"),
    encode_frame(b"\x03", b"\x21", 0x10, b"\x7e" * 20, True),
    encode_frame(b"\x00\x02\x00\x23", b"\x02\x21", 0x32, bytes(300)),
    encode_frame(b"\x03", b"\x21", 0x11) * 3,
    b"\x7e" * 64,
    b"\x7e\xa7\xff\x03\x21\x10" + bytes(40),
]
BOUND = 65536


def same(one: HdlcFrame, other: HdlcFrame) -> bool:
    return (one.destination, one.source, one.control, one.segmented, one.information) == (
        other.destination,
        other.source,
        other.control,
        other.segmented,
        other.information,
    )


def collect(decoder: HdlcDecoder, data: bytes) -> list[HdlcFrame]:
    frames = []
    frame = decoder.feed(data)
    while frame is not None:
        frames.append(frame)
        frame = decoder.feed(b"")
    assert decoder.missing >= 1
    assert 0 <= decoder.pending <= min(BOUND, HDLC_MAX_FRAME + 1)
    return frames


def one(data: bytes) -> None:
    decoder = HdlcDecoder()
    frames = collect(decoder, data)
    used = 0
    for frame in frames:
        encoded = encode_frame(frame.destination, frame.source, frame.control, frame.information, frame.segmented)
        used += len(encoded) - 2
        assert len(encoded) - 2 <= HDLC_MAX_FRAME
        assert address_value(frame.destination) < 1 << 28 and address_value(frame.source) < 1 << 28
    assert used + decoder.discarded + decoder.pending <= len(data)
    assert bool(decoder.reason) == bool(decoder.discarded)
    step = 1 + (data[0] if data else 0) % 9 + len(data) // 32
    pieces = HdlcDecoder()
    count = 0
    for at in range(0, len(data), step):
        piece = pieces.feed(data[at : at + step])
        while piece is not None:
            assert same(piece, frames[count])
            count += 1
            piece = pieces.feed(b"")
    assert count == len(frames)
    assert (pieces.discarded, pieces.pending, pieces.missing) == (decoder.discarded, decoder.pending, decoder.missing)
