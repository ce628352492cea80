"""The compiled short way of a GET over HDLC: what it takes, and what it leaves to the long way untouched."""

from __future__ import annotations

import pytest

from meterd._hdlc import HdlcDecoder, HdlcFrame, encode_frame
from meterd._wrapper import WrapperDecoder, encode_wrapper
from meterd.protocols.dlms._shortcut import HdlcShortcut, WrapperShortcut
from meterd.protocols.dlms.apdus.get import attribute, request_normal, request_with_list
from meterd.protocols.dlms.links.hdlc_control import FINAL, information, receive_ready

SERVER, CLIENT = b"\x02\x23", b"\x21"
DESCRIPTOR = attribute(3, bytes((1, 0, 1, 8, 0, 255)), 2)
INVOKE = 0xC1
LLC = bytes.fromhex("e6e700")
VALUE = bytes.fromhex("c401c1000600000064")


def framed(octets: bytes) -> HdlcFrame:
    frame = HdlcDecoder().feed(octets)
    assert frame is not None
    return frame


def answer(send_seq: int, recv_seq: int, message: bytes = LLC + VALUE, source: bytes = SERVER) -> HdlcFrame:
    """The meter's I frame with its N(S) and N(R)."""
    return framed(encode_frame(CLIENT, source, information(send_seq, recv_seq) | FINAL, message))


def test_the_request_is_that_of_the_long_way() -> None:
    shortcut = HdlcShortcut(SERVER, CLIENT)
    apdu = request_normal(INVOKE, DESCRIPTOR)
    assert shortcut.ask(INVOKE, DESCRIPTOR) == shortcut.carry(apdu)
    assert shortcut.carry(apdu) == encode_frame(SERVER, CLIENT, FINAL, bytes.fromhex("e6e600") + apdu)


def test_both_sides_are_counted_modulo_eight() -> None:
    shortcut = HdlcShortcut(SERVER, CLIENT)
    for turn in range(20):
        sent = framed(shortcut.ask(INVOKE, DESCRIPTOR))
        assert sent.control == information(turn % 8, turn % 8) | FINAL
        assert shortcut.hear(INVOKE, answer(turn % 8, (turn + 1) % 8)) == 100
    assert (shortcut.send_seq, shortcut.recv_seq) == (4, 4)


def test_what_the_long_way_has_counted_is_gone_on_with() -> None:
    shortcut = HdlcShortcut(SERVER, CLIENT)
    shortcut.send_seq, shortcut.recv_seq = 7, 3
    assert framed(shortcut.ask(INVOKE, DESCRIPTOR)).control == information(7, 3) | FINAL
    assert shortcut.answer(answer(3, 0)) == VALUE
    assert (shortcut.send_seq, shortcut.recv_seq) == (0, 4)


def test_a_refusal_is_an_answer() -> None:
    shortcut = HdlcShortcut(SERVER, CLIENT)
    assert shortcut.hear(INVOKE, answer(0, 1, LLC + bytes.fromhex("c401c10104"))) == (4, None)
    assert shortcut.recv_seq == 1


@pytest.mark.parametrize(
    "frame",
    [
        answer(1, 1),  # not the number that is due
        answer(0, 0),  # does not acknowledge the request
        answer(0, 1, source=b"\x02\x25"),
        framed(encode_frame(b"\x23", SERVER, information(0, 1) | FINAL, LLC + VALUE)),
        framed(encode_frame(CLIENT, SERVER, information(0, 1), LLC + VALUE)),  # the meter goes on speaking
        framed(encode_frame(CLIENT, SERVER, information(0, 1) | FINAL, LLC + VALUE, True)),  # a segment
        framed(encode_frame(CLIENT, SERVER, receive_ready(1) | FINAL)),
        answer(0, 1, b"\xe6\xe8\x00" + VALUE),
        answer(0, 1, LLC[:2]),
    ],
)
def test_any_other_frame_changes_nothing(frame: HdlcFrame) -> None:
    shortcut = HdlcShortcut(SERVER, CLIENT)
    assert shortcut.answer(frame) is None
    assert shortcut.hear(INVOKE, frame) is None
    assert (shortcut.send_seq, shortcut.recv_seq) == (0, 0)


@pytest.mark.parametrize(
    "apdu",
    [
        "c402c1000000000100820001",  # a block
        "c403c101000600000064",
        "d80101",  # service not allowed
        "c401c10006000000",  # cut short
        "c401c10006000000640001",
        "c401c1",
        "",
    ],
)
def test_any_other_apdu_is_left_to_the_long_way(apdu: str) -> None:
    shortcut = HdlcShortcut(SERVER, CLIENT)
    frame = answer(0, 1, LLC + bytes.fromhex(apdu))
    assert shortcut.hear(INVOKE, frame) is None
    assert (shortcut.send_seq, shortcut.recv_seq) == (0, 0)
    assert shortcut.answer(frame) == bytes.fromhex(apdu)


@pytest.mark.parametrize(
    "message", [LLC + VALUE + bytes(3), b"\xe6\xe6\x00" + VALUE, LLC + b"\xc4\x01\x07" + VALUE[3:]]
)
def test_harmless_habits_take_the_short_way(message: bytes) -> None:
    """Padding, the LLC header of a request, an invoke id of its own where the numbers of the frames pair both."""
    assert HdlcShortcut(SERVER, CLIENT).hear(INVOKE, answer(0, 1, message)) == 100


def test_a_meter_may_write_both_addresses_in_another_length() -> None:
    source, sink = b"\x00\x02\x00\x23", b"\x00\x21"
    shortcut = HdlcShortcut(SERVER, CLIENT, source, sink)
    frame = framed(encode_frame(sink, source, information(0, 1) | FINAL, LLC + VALUE))
    assert framed(shortcut.ask(INVOKE, DESCRIPTOR)).destination == SERVER
    assert shortcut.hear(INVOKE, frame) == 100


def test_over_the_wrapper_the_invoke_id_pairs_both_unless_told_otherwise() -> None:
    decoder = WrapperDecoder()
    shortcut = WrapperShortcut(1, 16, decoder)
    frame = decoder.feed(encode_wrapper(1, 16, b"\xc4\x01\x07" + VALUE[3:]))
    assert shortcut.hear(INVOKE, frame) is None
    shortcut.pairs = True
    assert shortcut.hear(INVOKE, frame) == 100


def test_what_is_no_frame_is_an_error() -> None:
    shortcut = HdlcShortcut(SERVER, CLIENT)
    for nothing in (None, b"", object()):
        with pytest.raises((TypeError, AttributeError)):
            shortcut.hear(INVOKE, nothing)  # type: ignore[arg-type]


LIST = bytes.fromhex("c403c1 03 00 0600000064 01 04 00 0a02 4f4b")


def test_the_request_for_a_list_is_that_of_the_long_way() -> None:
    shortcut = HdlcShortcut(SERVER, CLIENT)
    apdu = request_with_list(INVOKE, [DESCRIPTOR, DESCRIPTOR, DESCRIPTOR])
    assert shortcut.ask_list(INVOKE, b"\x03" + 3 * DESCRIPTOR) == shortcut.carry(apdu)


def test_a_list_is_taken_whole_and_counted() -> None:
    shortcut = HdlcShortcut(SERVER, CLIENT)
    assert shortcut.hear_list(INVOKE, 3, answer(0, 1, LLC + LIST)) == [100, (4, None), (0, "OK")]
    assert (shortcut.send_seq, shortcut.recv_seq) == (1, 1)


@pytest.mark.parametrize(
    ("count", "apdu"),
    [
        (2, LIST),
        (4, LIST),
        (3, LIST[:-1]),
        (3, LIST[:3]),
        (3, LIST + b"\x01"),
        (3, LIST[:3] + b"\x81" + LIST[3:]),  # the count in two octets
        (1, VALUE),
        (3, LIST.replace(b"\x01\x04", b"\x01\x00")),  # success without a value
        (3, LIST.replace(b"\x01\x04", b"\x02\x04")),
    ],
)
def test_any_other_list_is_left_to_the_long_way(count: int, apdu: bytes) -> None:
    shortcut = HdlcShortcut(SERVER, CLIENT)
    assert shortcut.hear_list(INVOKE, count, answer(0, 1, LLC + apdu)) is None
    assert shortcut.hear_list(INVOKE, count, answer(1, 1, LLC + apdu)) is None
    assert (shortcut.send_seq, shortcut.recv_seq) == (0, 0)
    assert shortcut.answer(answer(0, 1, LLC + apdu)) == apdu


def test_over_the_wrapper_a_list_answers_under_its_invoke_id() -> None:
    decoder = WrapperDecoder()
    shortcut = WrapperShortcut(1, 16, decoder)
    frame = decoder.feed(encode_wrapper(1, 16, LIST))
    assert shortcut.hear_list(0xC2, 3, frame) is None
    assert shortcut.hear_list(0x41, 3, frame) == [100, (4, None), (0, "OK")]  # the id alone counts
