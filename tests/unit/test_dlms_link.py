"""The HDLC link frame by frame: negotiation, windows, segments, and every way in which a meter may disturb them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meterd._hdlc import HdlcDecoder, encode_frame
from meterd.conversation import Receive, Send
from meterd.errors import Disconnected, Garbled, MeterdError, PortGone, ProtocolError, Refused, Silence
from meterd.protocols.dlms.links import hdlc_control as hdlc
from meterd.protocols.dlms.links.hdlc import HdlcLink
from meterd.simulate.dlms_link import HdlcServer
from tests.pair import converse

CLIENT, SERVER = b"\x21", b"\x03"
ANSWER = b"\xe6\xe7\x00" + b"answer"


def link(**options: Any) -> HdlcLink:
    return HdlcLink(CLIENT, SERVER, 1000, **options)


def frame(control: int, information: bytes = b"", segmented: bool = False, source: bytes = SERVER) -> bytes:
    return encode_frame(CLIENT, source, control, information, segmented)


def talk(one: HdlcLink, *requests: bytes) -> Any:
    """Open, ask, close; the answers."""
    yield from one.open()
    answers = []
    for request in requests:
        answers.append((yield from one.request(request)))
    yield from one.close()
    return answers


def scripted(*replies: bytes | None) -> Any:
    """A meter that answers each message with the next reply, None for silence, whatever was asked."""
    decoder = HdlcDecoder()
    for reply in replies:
        yield Receive(decoder, None, 100)
        if reply is not None:
            yield Send(reply)
    while True:
        yield Receive(decoder, None, 100)


UA = frame(0x73)
RESPONSE = frame(0x30, ANSWER)


def controls(outcome: Any) -> list[int]:
    decoder = HdlcDecoder()
    found = []
    for data in outcome.sent():
        one = decoder.feed(data)
        while one is not None:
            found.append(one.control)
            one = decoder.feed(b"")
    return found


class TestOpen:
    def test_the_published_bare_snrm(self) -> None:
        one = HdlcLink(b"\x41", bytes.fromhex("000224EB"), 1000)
        outcome = converse(one.open(), scripted(encode_frame(b"\x41", bytes.fromhex("000224EB"), 0x73)))
        assert outcome.error is None
        assert outcome.sent()[0].hex().upper() == "7EA00A000224EB4193AA257E"
        assert (one.max_info, one.window) == (128, 1)

    def test_limits_are_the_smaller_of_both(self) -> None:
        one = link(max_info=512, window=7)
        ua = frame(0x73, bytes.fromhex("81801405020100060201F4070400000003080400000002"))
        assert converse(one.open(), scripted(ua)).error is None
        assert (one.max_info, one.window, one.receive_window) == (500, 2, 3)

    @pytest.mark.parametrize(
        "parameters",
        [b"", bytes.fromhex("818012050180060180070400000001080400000001"), b"\x81\x80\x20\x05", b"\x01"],
    )
    def test_default_limits(self, parameters: bytes) -> None:
        one = link(max_info=512, window=7)
        assert converse(one.open(), scripted(frame(0x73, parameters))).error is None
        assert (one.max_info, one.window) == (128, 1)

    def test_the_last_attempt_goes_without_parameters(self) -> None:
        one = link(max_info=512)
        outcome = converse(one.open(), scripted(None, None, UA))
        assert outcome.error is None
        assert [len(data) for data in outcome.sent()] == [34, 34, 9]
        assert one.max_info == 128

    def test_a_late_ua_and_other_frames_are_passed_over(self) -> None:
        noise = frame(0x13, b"UI") + frame(0x30, ANSWER) + frame(0x73, source=b"\x05")
        assert converse(link().open(), scripted(noise + UA)).error is None

    @pytest.mark.parametrize(
        ("reply", "error", "words"),
        [
            (frame(0x1F), Refused, "DM"),
            (frame(0x97, bytes((0x93, 0, 0x08))), Refused, r"N\(R\)"),
            (b"\x7e\xa0\x20garbage", Garbled, "bytes"),
            (frame(0x73, source=b"\x05"), Garbled, "other stations|none of them"),
            (None, Silence, "1000 ms"),
        ],
    )
    def test_no_link(self, reply: bytes | None, error: type[Exception], words: str) -> None:
        outcome = converse(link().open(), scripted(*[reply] * 9))
        assert isinstance(outcome.error, (error, Silence))
        if error is not Garbled:
            with pytest.raises(error, match=words):
                raise outcome.error


class TestRequest:
    def test_plain(self) -> None:
        outcome = converse(talk(link(), b"ask"), scripted(UA, RESPONSE, UA))
        assert outcome.value == [b"answer"]
        assert controls(outcome) == [0x93, 0x10, 0x53]

    @pytest.mark.parametrize("parting", [frame(0x73), frame(0x1F), None])
    def test_every_farewell_will_do(self, parting: bytes | None) -> None:
        assert converse(talk(link(), b"ask"), scripted(UA, RESPONSE, parting)).value == [b"answer"]

    def test_a_lost_answer_is_polled_for(self) -> None:
        outcome = converse(talk(link(), b"ask"), scripted(UA, None, RESPONSE, UA))
        assert outcome.value == [b"answer"]
        assert controls(outcome) == [0x93, 0x10, 0x11, 0x53]

    def test_a_lost_request_is_repeated_under_its_number(self) -> None:
        outcome = converse(talk(link(), b"ask"), scripted(UA, None, frame(0x11), RESPONSE, UA))
        assert outcome.value == [b"answer"]
        assert controls(outcome) == [0x93, 0x10, 0x11, 0x10, 0x53]

    def test_a_meter_that_answers_no_poll_is_asked_again(self) -> None:
        outcome = converse(talk(link(), b"ask"), scripted(UA, None, None, RESPONSE, UA))
        assert outcome.value == [b"answer"]
        assert controls(outcome) == [0x93, 0x10, 0x11, 0x10, 0x53]

    def test_a_repeated_answer_is_not_the_next_one(self) -> None:
        second = frame(0x52, b"\xe6\xe7\x00" + b"second")
        replies = scripted(UA, RESPONSE, RESPONSE + second, UA)
        assert converse(talk(link(), b"one", b"two"), replies).value == [b"answer", b"second"]

    def test_a_busy_meter_is_polled(self) -> None:
        outcome = converse(talk(link(), b"ask"), scripted(UA, frame(0x35), frame(0x35), RESPONSE, UA))
        assert outcome.value == [b"answer"]
        assert controls(outcome) == [0x93, 0x10, 0x11, 0x11, 0x53]

    def test_a_meter_busy_for_ever_is_given_up(self) -> None:
        outcome = converse(talk(link(), b"ask"), scripted(UA, *[frame(0x35)] * 500), limit_s=60)
        assert isinstance(outcome.error, Silence)

    def test_ui_and_late_ua_in_between(self) -> None:
        replies = scripted(UA, frame(0x13, b"push") + UA + RESPONSE, UA)
        assert converse(talk(link(), b"ask"), replies).value == [b"answer"]

    @pytest.mark.parametrize(
        ("reply", "error"),
        [
            (frame(0x1F), Disconnected),
            (frame(0x97, bytes((0x10, 0, 0x01))), Disconnected),
            (frame(0x30, b"\xe6\xe5\x00x"), ProtocolError),
            (frame(0x30, b""), ProtocolError),
            (frame(0xB3), ProtocolError),
        ],
    )
    def test_what_ends_a_request(self, reply: bytes, error: type[Exception]) -> None:
        outcome = converse(talk(link(), b"ask"), scripted(UA, reply, *[None] * 9))
        assert isinstance(outcome.error, error)

    def test_segments_without_end_have_one(self) -> None:
        def endless() -> Any:
            decoder = HdlcDecoder()
            yield Receive(decoder, None, 100)
            yield Send(UA)
            number = 0
            while True:
                yield Receive(decoder, None, 100)
                yield Send(frame(0x30 | (number & 7) << 1, b"", segmented=True))
                number += 1

        outcome = converse(talk(link(), b"ask"), endless(), byte_s=0.0001)
        assert isinstance(outcome.error, ProtocolError)


@pytest.mark.parametrize("info", [64, 128, 1000, 2030])
@pytest.mark.parametrize("window", range(1, 8))
@pytest.mark.parametrize("size", [1, 500, 9000])
def test_long_messages_both_ways(info: int, window: int, size: int) -> None:
    message = bytes(index * 7 & 0xFF for index in range(size))
    server = HdlcServer(SERVER, lambda client, apdu: apdu[::-1], info, window)
    one = link(max_info=info, window=window)
    outcome = converse(talk(one, message, message[:10]), server.run(), byte_s=0.00001)
    assert outcome.value == [message[::-1], message[:10][::-1]]
    assert (one.max_info, one.window) == (info, window)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=12), st.integers(1, 7))
def test_any_meter_ends_in_an_answer_or_an_error(replies: list[bytes], window: int) -> None:
    outcome = converse(talk(link(window=window), b"ask"), scripted(*[reply or None for reply in replies]), limit_s=300)
    assert outcome.error is None or isinstance(outcome.error, MeterdError)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=8), st.booleans()), max_size=25), st.integers(1, 7))
def test_any_frames_end_in_an_answer_or_an_error(frames: list[tuple[int, bytes, bool]], window: int) -> None:
    script = [frame(control, information, segmented) for control, information, segmented in frames]
    outcome = converse(talk(link(window=window), b"ask" * 60, b"more"), scripted(UA, *script), limit_s=600)
    assert outcome.error is None or isinstance(outcome.error, MeterdError)


def test_parameters_round_trip() -> None:
    for info in (32, 128, 255, 256, 2030):
        for window in range(1, 8):
            assert hdlc.parse_parameters(hdlc.encode_parameters(info, window)) == (info, info, window, window)


def test_a_link_that_is_not_open_asks_nothing() -> None:
    with pytest.raises(Disconnected):
        next(link().request(b"ask"))


def test_a_port_that_goes_ends_it_at_once() -> None:
    def gone() -> Any:
        yield from talk(link(), b"ask")

    generator = gone()
    next(generator)
    with pytest.raises(PortGone):
        generator.throw(PortGone("unplugged"))
