"""M-Bus frames out of bytes, and the addresses that people write."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meterd._mbus import MBUS_MAX_FRAME, MbusDecoder, MbusFrame
from meterd.protocols.mbus import link as wire

FRAMES = st.one_of(
    st.just(b"\xe5"),
    st.builds(wire.short_frame, st.integers(0, 255), st.integers(0, 255)),
    st.builds(wire.long_frame, *[st.integers(0, 255)] * 3, st.binary(max_size=252)),
)
LONG = wire.long_frame(8, 5, 0x72, bytes(range(20)))


def facts(frame: MbusFrame) -> tuple[int, int, int, bytes]:
    return frame.control, frame.address, frame.ci, frame.data


def frames(decoder: MbusDecoder, data: bytes) -> list[tuple[int, int, int, bytes]]:
    found, frame = [], decoder.feed(data)
    while frame is not None:
        found.append(facts(frame))
        frame = decoder.feed(b"")
    return found


@settings(max_examples=150, deadline=None)
@given(st.lists(FRAMES, max_size=5), st.integers(1, 300))
def test_frames_come_back_however_they_are_cut(sent: list[bytes], size: int) -> None:
    wanted = [fact for data in sent for fact in frames(MbusDecoder(), data)]
    assert len(wanted) == len(sent)
    stream, decoder = b"".join(sent), MbusDecoder()
    got = [fact for at in range(0, len(stream), size) for fact in frames(decoder, stream[at : at + size])]
    assert got == wanted and decoder.discarded == 0 and decoder.reason == "" and decoder.pending == 0


def test_the_three_formats() -> None:
    decoder = MbusDecoder()
    assert frames(decoder, b"\xe5\x10\x40\x01\x41\x16" + bytes.fromhex("680303685301BB0F16")) == [
        (-1, -1, -1, b""), (0x40, 1, -1, b""), (0x53, 1, 0xBB, b""),
    ]  # fmt: skip
    assert MbusFrame(0x53, 1).from_master and not MbusFrame(8, 1).from_master and MbusFrame(-1, -1).acknowledges
    assert len(wire.long_frame(8, 1, 0x72, bytes(252))) == MBUS_MAX_FRAME
    assert repr(MbusFrame(-1, -1)) == "MbusFrame(E5)" and "CI 72" in repr(MbusFrame(8, 1, 0x72, b"\x01"))


@pytest.mark.parametrize(
    ("damaged", "reason"),
    [
        ("1040014216", "wrong checksum"),
        ("1040014117", "no stop byte"),
        ("68000068", "a length below 3"),
        ("68020268", "a length below 3"),
        ("68050668", "the two lengths differ"),
        ("68050569", "no second start byte"),
        ("68030368080172FF16", "the two lengths differ"),  # its second 68 is tried next
        ("680303680801727B17", "the two lengths differ"),
        ("68030308080172FF16", "no second start byte"),
        ("00FF55", "no frame start"),
    ],
)
def test_damage_is_named_and_the_next_frame_is_found(damaged: str, reason: str) -> None:
    data = bytes.fromhex(damaged)
    for pieces in ([data], [data[:1], data[1:]], [data[at : at + 1] for at in range(len(data))]):
        decoder = MbusDecoder()
        assert not any(decoder.feed(piece) for piece in pieces)
        assert decoder.reason == reason and decoder.discarded > 0
        assert frames(decoder, bytes(300) + LONG)[-1] == (8, 5, 0x72, bytes(range(20)))


@pytest.mark.parametrize("cut", range(1, len(LONG)))
def test_missing_never_asks_for_more_than_the_frame_has(cut: int) -> None:
    decoder = MbusDecoder()
    assert decoder.feed(LONG[:cut]) is None and decoder.pending == cut
    assert 1 <= decoder.missing <= len(LONG) - cut
    if cut > 1:
        assert decoder.missing == len(LONG) - cut
    frame = decoder.feed(LONG[cut:])
    assert frame is not None and facts(frame) == (8, 5, 0x72, bytes(range(20)))


def test_what_is_held_is_bounded_and_reset_forgets_it() -> None:
    decoder = MbusDecoder()
    for _ in range(50):
        decoder.feed(b"\xe5" * 1000)
    assert decoder.pending <= 4096 and decoder.discarded > 0 and decoder.reason
    decoder.reset()
    assert (decoder.pending, decoder.discarded, decoder.reason, decoder.feed(b"")) == (0, 0, "", None)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("0", "0"),
        (" 250 ", "250"),
        ("007", "7"),
        ("12345678", "12345678FFFFFFFF"),
        ("1234567f", "1234567FFFFFFFFF"),
        ("12345678-a732-01-04", "12345678A7320104"),
        ("12345678 A7320104", "12345678A7320104"),
    ],
)
def test_addresses_as_people_write_them(text: str, address: str) -> None:
    assert wire.parse_address(text) == address


@pytest.mark.parametrize(
    "text", ["", "251", "-1", "1234", "123456789", "1234567G", "12345678A732010", "252", "255", "٣"]
)
def test_no_addresses(text: str) -> None:
    with pytest.raises(ValueError, match="0 to 250"):
        wire.parse_address(text)


def test_selection_and_wildcards() -> None:
    identity = bytes.fromhex("78563412A7320104")
    assert wire.selection("12345678A7320104") == identity
    assert wire.matches("12345678A7320104", identity) and wire.matches("F" * 16, identity)
    assert wire.matches("1F345678A73F0104", identity) and not wire.matches("12345679FFFFFFFF", identity)


def test_the_wait_is_the_standards_answer_time_and_what_was_configured() -> None:
    link = wire.Link(2400, 1000, 3)
    assert link.timeout_ms == pytest.approx(330 / 2.4 + 50 + 1000) and link.gap_ms == pytest.approx(330 / 2.4 + 350)
    assert wire.Link(300, 0, 1).timeout_ms == pytest.approx(1150)
