"""HDLC frame type 3: published frames, damage of every kind, pieces of every size."""

from __future__ import annotations

import random
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meterd._crc import fcs16
from meterd._hdlc import HDLC_MAX_FRAME, HdlcDecoder, HdlcFrame, encode_frame
from meterd.errors import DecodeError
from meterd.protocols.dlms.links.address import address_value

# (wire, destination, source, control, information): SNRM, UA, AARQ, AARE, GET, RR of public test suites and traces
PUBLISHED = [
    ("7ea00802232193bd647e", "0223", "21", 0x93, ""),
    ("7ea00a00020023219318717e", "00020023", "21", 0x93, ""),
    ("7ea0070321930f017e", "03", "21", 0x93, ""),
    ("7ea00703215111e47e", "03", "21", 0x51, ""),
    (
        "7ea01e210373c37a818012050180060180070400000001080400000001533b7e",
        *("21", "03", 0x73, "818012050180060180070400000001080400000001"),
    ),
    (
        "7ea02b032110fbafe6e600601da109060760857405080101be10040e01000000065f1f0400401e5dffff91237e",
        *("03", "21", 0x10, "e6e600601da109060760857405080101be10040e01000000065f1f0400401e5dffff"),
    ),
    (
        "7ea0372103306c7ce6e7006129a109060760857405080101a203020100a305a103020100be10040e0800065f1f040000181d040000"
        "071abe7e",
        *("21", "03", 0x30, "e6e7006129a109060760857405080101a203020100a305a103020100be10040e0800065f1f040000181d04"
          "000007"),
    ),
    (
        "7ea0190321326fd8e6e600c001c1000f0000280000ff020091537e",
        *("03", "21", 0x32, "e6e600c001c1000f0000280000ff0200"),
    ),
]  # fmt: skip
GET = bytes.fromhex("7ea0190321326fd8e6e600c001c1000f0000280000ff020091537e")
RR = bytes.fromhex("7ea00703215111e47e")


def facts(frame: HdlcFrame | None) -> tuple[bytes, bytes, int, bool, bytes] | None:
    if frame is None:
        return None
    return (frame.destination, frame.source, frame.control, frame.segmented, frame.information)


def collect(decoder: HdlcDecoder, data: bytes, step: int = 0) -> list[tuple[bytes, bytes, int, bool, bytes] | None]:
    frames = []
    for at in range(0, len(data), step or len(data) or 1):
        frame = decoder.feed(data[at : at + (step or len(data))])
        while frame is not None:
            frames.append(facts(frame))
            frame = decoder.feed(b"")
    return frames


@pytest.mark.parametrize(("wire", "destination", "source", "control", "information"), PUBLISHED)
@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.parametrize("trailing", [b"", b"\x7e", RR, b"\x00\xff"])
def test_published_frames(
    wire: str, destination: str, source: str, control: int, information: str, step: int, trailing: bytes
) -> None:
    expected = (bytes.fromhex(destination), bytes.fromhex(source), control, False, bytes.fromhex(information))
    frames = collect(HdlcDecoder(), bytes.fromhex(wire) + trailing, step)
    assert frames[0] == expected
    assert len(frames) == 1 + (trailing == RR)
    assert encode_frame(*expected[:3], expected[4]) == bytes.fromhex(wire)


@pytest.mark.parametrize(
    ("address", "value"),
    [("03", 1), ("21", 16), ("0223", 0x91), ("00020023", 0x4011), ("0002682d", 23062), ("1881", 1600), ("ff", 127)],
)
def test_address_values(address: str, value: int) -> None:
    frame = HdlcDecoder().feed(encode_frame(bytes.fromhex(address), b"\x21", 0x93))
    assert frame is not None
    assert frame.destination == bytes.fromhex(address)
    assert (address_value(frame.destination), address_value(frame.source)) == (value, 16)


ADDRESS = st.sampled_from(["03", "21", "fd", "0223", "fe03", "00020023", "fefefe7f"]).map(bytes.fromhex)
FRAMES = st.tuples(ADDRESS, ADDRESS, st.integers(0, 255), st.booleans(), st.binary(max_size=200))


@settings(max_examples=200)
@given(st.lists(FRAMES, min_size=1, max_size=4), st.integers(1, 60), st.booleans(), st.integers(0, 3))
def test_round_trip_in_pieces_with_shared_and_idle_flags(
    frames: list[tuple[bytes, bytes, int, bool, bytes]], step: int, shared: bool, idle: int
) -> None:
    stream = b"\x7e" * idle
    for destination, source, control, segmented, information in frames:
        wire = encode_frame(destination, source, control, information, segmented)
        stream += wire[1:] if shared and stream.endswith(b"\x7e") else wire
        stream += b"\x7e" * idle
    decoder = HdlcDecoder()
    assert collect(decoder, stream, step) == frames
    assert (decoder.pending, decoder.discarded, decoder.reason) == (0, 0, "")


def test_flags_inside_a_frame_do_not_end_it() -> None:
    for information in (b"\x7e" * 60, b"\x7e\xa0\x07\x03\x21\x51\x11\xe4\x7e" * 5):
        wire = encode_frame(b"\x03", b"\x21", 0x10, information)
        assert collect(HdlcDecoder(), wire, 1) == [(b"\x03", b"\x21", 0x10, False, information)]


def test_check_sequences_that_contain_a_flag() -> None:
    # A reader that looks for 0x7E loses about one frame in a hundred; here are all that such a reader would lose.
    found = 0
    for number in range(2000):
        wire = encode_frame(b"\x03", b"\x21", 0x10, number.to_bytes(2, "big"))
        if 0x7E in wire[1:-1]:
            found += 1
            assert collect(HdlcDecoder(), wire, 1) == [(b"\x03", b"\x21", 0x10, False, number.to_bytes(2, "big"))]
    assert found > 10


def test_the_longest_frame_and_one_more() -> None:
    longest = HDLC_MAX_FRAME - 2 - 1 - 1 - 1 - 2 - 2
    wire = encode_frame(b"\x03", b"\x21", 0x10, bytes(longest), True)
    assert wire[1:3] == b"\xaf\xff"
    assert collect(HdlcDecoder(), wire, 7) == [(b"\x03", b"\x21", 0x10, True, bytes(longest))]
    with pytest.raises(DecodeError):
        encode_frame(b"\x03", b"\x21", 0x10, bytes(longest + 1))


@pytest.mark.parametrize(
    "address", [b"", b"\x02", b"\x03\x03", b"\x02\x02\x03", b"\x02\x02\x02\x02", b"\x02" * 4 + b"\x03"]
)
def test_addresses_that_are_none_are_refused(address: bytes) -> None:
    with pytest.raises(DecodeError):
        encode_frame(address, b"\x21", 0x10)
    with pytest.raises(DecodeError):
        encode_frame(b"\x03", address, 0x10)


@pytest.mark.parametrize("control", [-1, 256, 70000])
def test_control_is_one_byte(control: int) -> None:
    with pytest.raises(DecodeError):
        encode_frame(b"\x03", b"\x21", control)


def test_frames_cannot_be_made_or_changed_by_hand() -> None:
    with pytest.raises(TypeError):
        HdlcFrame()
    frame = HdlcDecoder().feed(RR)
    with pytest.raises(AttributeError):
        frame.control = 1  # type: ignore[union-attr,misc]
    assert repr(frame) == "HdlcFrame(21 to 03, control 51, )"


def test_every_flipped_bit_costs_only_its_frame() -> None:
    for at in range(len(GET)):
        for bit in range(8):
            damaged = bytearray(GET)
            damaged[at] ^= 1 << bit
            decoder = HdlcDecoder()
            frames = collect(decoder, RR + bytes(damaged) + RR + RR)
            good = facts(HdlcDecoder().feed(RR))
            assert frames in ([good] * 3, [good, facts(HdlcDecoder().feed(GET)), good, good]) or (
                # The length now reaches into what follows: those frames are found once its bytes are there.
                collect(decoder, bytes(2100)) == [good] * (3 - len(frames))
            ), (at, bit, frames)
            assert decoder.discarded > 0
            assert decoder.reason


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        ("7e00000000", "no type 3 format field behind a flag"),
        ("7ea00503217e", "a length that the header does not fit"),
        ("7ea00700020023219318717e", "a length that the header does not fit"),
        ("7ea00a02020321930000007e", "an address of neither 1, 2 nor 4 bytes"),
        ("7ea00a02020202219300007e", "an address of neither 1, 2 nor 4 bytes"),
        ("7ea0190321326fd9e6e600c001c1000f0000280000ff020091537e", "wrong header check sequence"),
        ("7ea0190321326fd8e6e600c001c1000f0000280000ff020091547e", "wrong frame check sequence"),
        ("7ea0190321326fd8e6e600c001c1000f0000280000ff02009153aa", "no closing flag where the length puts it"),
        ("0102030405", "no flag where a frame should begin"),
    ],
)
def test_damage_is_named(wire: str, reason: str) -> None:
    decoder = HdlcDecoder()
    assert decoder.feed(bytes.fromhex(wire)) is None
    assert decoder.reason == reason
    assert decoder.discarded > 0
    assert facts(decoder.feed(RR)) == (b"\x03", b"\x21", 0x51, False, b"")


def test_missing_comes_from_the_length_field() -> None:
    decoder = HdlcDecoder()
    for at in range(len(GET)):
        assert decoder.pending == (at if at > 1 else 0)
        if at >= 3:
            assert decoder.missing == len(GET) - at
        assert 1 <= decoder.missing <= len(GET) - at
        frame = decoder.feed(GET[at : at + 1])
    assert frame is not None
    assert decoder.pending == 0
    assert decoder.missing >= 1


def test_a_damaged_length_is_known_by_its_header_check_and_not_waited_for() -> None:
    damaged = bytearray(GET)
    damaged[1] |= 0x07  # 0x19 becomes 0x719
    decoder = HdlcDecoder()
    assert decoder.feed(bytes(damaged)) is None
    assert decoder.reason == "wrong header check sequence"
    assert facts(decoder.feed(RR)) is not None


def test_a_run_of_flags_costs_nothing() -> None:
    decoder = HdlcDecoder()
    assert decoder.feed(b"\x7e" * 2000) is None
    assert (decoder.pending, decoder.discarded) == (0, 0)
    assert facts(decoder.feed(RR[1:])) is not None


def test_endless_noise_is_counted_and_not_kept() -> None:
    decoder = HdlcDecoder()
    noise = random.Random(1)
    total = 0
    for _ in range(300):
        data = noise.randbytes(1000)
        total += len(data)
        assert decoder.feed(data) is None
        assert decoder.pending <= HDLC_MAX_FRAME + 1
    assert total - HDLC_MAX_FRAME - 2000 <= decoder.discarded <= total


def test_frames_that_nobody_collects_are_dropped_oldest_first() -> None:
    decoder = HdlcDecoder()
    for _ in range(100):
        decoder.feed(RR * 1000)
    assert decoder.discarded > 0
    assert decoder.reason == "more bytes held than anybody collects" or decoder.pending <= 65536
    decoder.feed(GET)
    last = None
    frame = decoder.feed(b"")
    while frame is not None:
        last, frame = frame, decoder.feed(b"")
    assert facts(last) == facts(HdlcDecoder().feed(GET))


def test_an_idle_decoder_is_small_and_keeps_no_buffer_alive() -> None:
    # A site has hundreds of them, one for each connection.
    decoder = HdlcDecoder()
    assert sys.getsizeof(decoder) <= 128
    for ending in (b"", b"\x7e"):
        data = RR + GET + ending
        references = sys.getrefcount(data)
        assert len(collect(decoder, data)) == 2
        assert sys.getrefcount(data) == references
        assert decoder.pending == 0


def test_addresses_change_from_frame_to_frame() -> None:
    # The decoder hands out the address objects of the frame before where they say the same.
    addresses = [b"\x02\x23", b"\x02\x25", b"\x03", b"\x02\x23", b"\x00\x02\x00\x23", b"\x00\x02\x00\x25"]
    pairs = [(one, other) for one in addresses for other in addresses]
    stream = b"".join(encode_frame(one, other, 0x10, b"x") for one, other in pairs)
    assert [frame[:2] for frame in collect(HdlcDecoder(), stream) if frame] == pairs
    assert collect(HdlcDecoder(), stream) == collect(HdlcDecoder(), stream, 5)


def test_reset_forgets_everything() -> None:
    decoder = HdlcDecoder()
    decoder.feed(b"noise" + GET[:12])
    assert decoder.pending and decoder.discarded and decoder.reason
    decoder.reset()
    assert (decoder.pending, decoder.discarded, decoder.reason) == (0, 0, "")
    assert decoder.feed(GET[12:]) is None
    assert facts(decoder.feed(RR)) is not None


def test_empty_information_with_its_own_header_check_is_read() -> None:
    body = bytes.fromhex("a009032110")
    body += fcs16(body).to_bytes(2, "little")
    wire = b"\x7e" + body + fcs16(body).to_bytes(2, "little") + b"\x7e"
    assert collect(HdlcDecoder(), wire) == [(b"\x03", b"\x21", 0x10, False, b"")]


@settings(max_examples=200)
@given(st.binary(max_size=400), st.integers(1, 50))
def test_any_bytes_in_any_pieces(data: bytes, step: int) -> None:
    whole, pieces = HdlcDecoder(), HdlcDecoder()
    assert collect(whole, data) == collect(pieces, data, step)
    assert (whole.discarded, whole.pending) == (pieces.discarded, pieces.pending)
    assert whole.discarded + whole.pending <= len(data)
