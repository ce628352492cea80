"""The TCP wrapper: any split of bytes, foreign bytes, foreign ports."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterd._wrapper import WrapperDecoder, encode_wrapper
from meterd.conversation import Receive, Send
from meterd.errors import DecodeError, Garbled, ProtocolError, Silence
from meterd.protocols.dlms.links.wrapper import WrapperLink
from tests.pair import converse


@given(st.lists(st.binary(max_size=40), max_size=5), st.integers(1, 20))
def test_any_split(apdus: list[bytes], size: int) -> None:
    data = b"".join(encode_wrapper(1, 16, apdu) for apdu in apdus)
    decoder = WrapperDecoder()
    found = []
    for start in range(0, len(data), size):
        frame = decoder.feed(data[start : start + size])
        while frame is not None:
            found.append((frame.source, frame.destination, frame.apdu))
            frame = decoder.feed(b"")
    assert found == [(1, 16, apdu) for apdu in apdus]
    assert decoder.pending == 0


@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    decoder = WrapperDecoder()
    frame = decoder.feed(data)
    while frame is not None:
        frame = decoder.feed(b"")
    assert decoder.missing >= 1
    assert decoder.pending + decoder.discarded <= len(data)
    decoder.reset()
    assert (decoder.pending, decoder.discarded, decoder.reason) == (0, 0, "")


def test_noise_before_a_header() -> None:
    decoder = WrapperDecoder()
    frame = decoder.feed(b"OK\r\n\x00" + encode_wrapper(1, 16, b"apdu"))
    assert frame is not None
    assert frame.apdu == b"apdu"
    assert (decoder.discarded, decoder.reason) == (5, "no wrapper header (version 1)")


def test_the_layout_and_its_limit() -> None:
    assert encode_wrapper(16, 1, b"\x62\x00").hex() == "0001001000010002" + "6200"
    with pytest.raises(DecodeError):
        encode_wrapper(16, 1, bytes(65_536))


def answering(*replies: bytes) -> Any:
    decoder = WrapperDecoder()
    for reply in replies:
        yield Receive(decoder, None, 100)
        if reply:
            yield Send(reply)
    yield Receive(decoder, None, 100)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (b"", Silence),
        (b"\x00\x01\x00\x01\x00\x10\x00\x40half", Garbled),
        (encode_wrapper(9, 16, b"x") * 256, ProtocolError),
        (encode_wrapper(1, 9, b"x") * 256, Garbled),
    ],
)
def test_no_answer(reply: bytes, error: type[Exception]) -> None:
    outcome = converse(WrapperLink(16, 1, 500).request(b"ask"), answering(reply), byte_s=0.0001)
    assert isinstance(outcome.error, error)


def test_an_old_answer_is_dropped_and_foreign_ones_are_passed_over() -> None:
    right = encode_wrapper(1, 16, b"right")
    link = WrapperLink(16, 1, 500)

    def twice() -> Any:
        first = yield from link.request(b"one")
        second = yield from link.request(b"two")
        return (first, second)

    outcome = converse(twice(), answering(right + encode_wrapper(1, 16, b"old"), encode_wrapper(7, 16, b"x") + right))
    assert outcome.value == (b"right", b"right")
