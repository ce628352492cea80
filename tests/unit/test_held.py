"""What decoders hold: whatever the pieces, the same frames; bounds; nothing left of what was forgotten."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterd._crc import bcc, checksum
from meterd._hdlc import HdlcDecoder, encode_frame
from meterd._mbus import MbusDecoder
from meterd._readout_dialogue import IdentificationDecoder, ProgrammingDecoder
from meterd._readout_list import ReadoutDecoder
from meterd._wrapper import WrapperDecoder, encode_wrapper


def block(text: bytes) -> bytes:
    return b"\x02" + text + b"\x03" + bytes([bcc(text + b"\x03")])


def telegram(data: bytes) -> bytes:
    size = bytes([len(data), len(data)])
    return b"\x68" + size + b"\x68" + data + bytes([checksum(data), 0x16])


# Decoder → (three messages one behind the other, noise that is none, the most that it holds).
STREAMS: dict[Any, tuple[list[bytes], bytes, int]] = {
    HdlcDecoder: (
        [encode_frame(b"\x41", b"\x02\x05", 0x52, bytes(range(size))) for size in (0, 60, 200)],
        b"\x11\x13",
        65536,
    ),
    WrapperDecoder: (
        [encode_wrapper(5, 300, bytes(size % 256 for size in range(many))) for many in (0, 9, 700)],
        b"\xfe\xdc",
        262144,
    ),
    MbusDecoder: ([telegram(b"\x08\x07\x72" + bytes(size)) for size in (0, 40, 200)], b"\x01\x02", 4096),
    ReadoutDecoder: (
        [block(b"1.8.0(%05d*kWh)\r\n" % number * many + b"!\r\n") for number, many in ((7, 1), (31, 4), (9, 60))],
        b"\x00\x15",
        1048576,
    ),
    ProgrammingDecoder: ([block(b"(12.5*kW)"), b"\x06", b"\x01" + block(b"P0")[1:]], b"\x00\x00", 1048576),
    IdentificationDecoder: ([b"/XYZ5one\r\n", b"/ABC4\\2two\r\n", b"/QRS6three\n"], b"\x00\xff", 1048576),
}


def shown(frame: Any) -> Any:
    names = ("information", "apdu", "data", "text", "command", "bcc", "control", "source")
    return frame if isinstance(frame, bytes) else [getattr(frame, name, None) for name in names]


def all_of(decoder: Any, pieces: list[bytes]) -> list[Any]:
    """Every frame out of the pieces: whoever gets one asks for another."""
    frames = []
    for piece in pieces:
        frame = decoder.feed(piece)
        while frame is not None:
            frames.append(shown(frame))
            frame = decoder.feed(b"")
    return frames


@pytest.mark.parametrize("kind", STREAMS)
@given(cuts=st.lists(st.integers(0, 2000), max_size=12), noisy=st.booleans())
def test_pieces_make_no_difference(kind: Any, cuts: list[int], noisy: bool) -> None:
    messages, noise, _ = STREAMS[kind]
    stream = noise * noisy + b"".join(messages)
    places = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    decoder = kind()
    frames = all_of(decoder, [stream[start:end] for start, end in pairwise(places)])
    assert frames == [shown(kind().feed(message)) for message in messages]
    assert decoder.discarded == len(noise) * noisy
    assert decoder.pending == 0


@pytest.mark.parametrize("size", [1, 3, 64])
@pytest.mark.parametrize("kind", STREAMS)
def test_message_after_message_in_small_pieces(kind: Any, size: int) -> None:
    messages, _, _ = STREAMS[kind]
    decoder = kind()
    for message in messages * 3:
        pieces = [message[at : at + size] for at in range(0, len(message), size)]
        assert all_of(decoder, pieces) == [shown(kind().feed(message))]


@pytest.mark.parametrize("kind", STREAMS)
def test_what_nobody_collects_is_bounded(kind: Any) -> None:
    messages, _, most = STREAMS[kind]
    stream = b"".join(messages)
    decoder = kind()
    for _ in range(3 * most // len(stream) + 60):
        decoder.feed(stream)  # one frame is taken, two are left
    assert decoder.discarded > 0
    assert decoder.reason
    assert len(all_of(decoder, [b""])) <= most // min(map(len, messages)) + 1


@pytest.mark.parametrize("kind", STREAMS)
def test_nothing_is_left_of_what_is_forgotten(kind: Any) -> None:
    messages, noise, _ = STREAMS[kind]
    for first in (messages[-1][:-1], noise + messages[-1][:3], messages[-1][:1]):
        decoder = kind()
        for at in range(len(first)):
            decoder.feed(first[at : at + 1])
        decoder.reset()
        assert (decoder.pending, decoder.discarded, decoder.reason) == (0, 0, "")
        assert decoder.feed(b"") is None
        assert shown(decoder.feed(messages[0])) == shown(kind().feed(messages[0]))
