"""Wire logs: what is written can be read again, and no secret shows, however it is cut up."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterd.conversation import LineSettings, Receive, Send
from meterd.errors import ConfigError, Silence
from meterd.ports.wire_log import MAX_WAITING, WireLog, mask
from meterd.simulate.replay import RequestDecoder, meter
from meterd.simulate.transcript import parse_wire_log
from tests.pair import converse

PASSWORD = b"S3cret99"
P1 = b"\x01P1\x02(" + PASSWORD + b")\x03\x1f"


class Clock:
    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


def log_of(steps, secrets=(PASSWORD,)):
    """The wire log of (sign, seconds before it, data) steps, and of what follows a scan's end."""
    file, clock = io.StringIO(), Clock()
    observer = WireLog(file, clock).observer("PORT1", lambda: secrets)
    for sign, pause, data in steps:
        clock.time += pause
        if sign == ">":
            observer.sent(data)
        elif sign == "<":
            observer.received(data)
        elif sign == "~":
            observer.settings(data)
        else:
            observer.framed(data)
    observer.ended(None)
    return file.getvalue()


def letters(text: str, sign: str) -> bytes:
    """What of one direction can be read in a log, masked bytes as '*'."""
    entries = [entry for entry in parse_wire_log(text) if entry.sign == sign]
    return bytes(0x2A if byte is None else byte for entry in entries for byte in entry.data)


def test_what_is_written_can_be_read():
    text = log_of([("~", 0, LineSettings(300, 7, "even", 1)), (">", 0.01, b"/?!\r\n"), ("<", 0.2, b"/ABC5x\r\n")], ())
    settings, sent, received = parse_wire_log(text)
    assert settings.settings == LineSettings(300, 7, "even", 1)
    assert (sent.sign, sent.time_ms, bytes(sent.data)) == (">", 10.0, b"/?!\r\n")
    assert (received.sign, received.time_ms, bytes(received.data)) == ("<", 210.0, b"/ABC5x\r\n")


@given(st.lists(st.tuples(st.integers(1, 16), st.sampled_from([0.0, 0.2]), st.booleans()), max_size=20))
def test_an_echoed_password_never_shows_however_it_is_split(cuts):
    steps, at = [(">", 0.0, P1)], 0
    for size, pause, turn in cuts:
        steps.append(("<", pause, P1[at : at + size]))
        at += size
        if turn:
            steps.append((">", 0.0, b"\x06"))
        if at >= len(P1):
            break
    text = log_of([step for step in steps if step[2]])
    for sign in "<>":
        seen = letters(text, sign)
        assert not any(PASSWORD[start : start + 4] in seen for start in range(5)), text


def test_entries_keep_their_order_while_one_waits():
    steps = [("<", 0, b"answer S"), (">", 0.1, b"ask"), ("<", 0.1, b"other"), (">", 0.1, b"end")]
    entries = parse_wire_log(log_of(steps))
    assert [(entry.sign, bytes(entry.data)) for entry in entries] == [(sign, data) for sign, _, data in steps]


def test_no_more_than_a_bounded_number_waits():
    steps = [("<", 0, b"S3cre"), *((">", 0.1, b"ask") for _ in range(MAX_WAITING + 1))]
    text = log_of(steps)
    assert "** ** ** ** **" in text
    assert text.count("> ") == MAX_WAITING + 1


def test_a_last_letter_that_a_secret_begins_with_still_plays():
    assert letters(log_of([("<", 0, b"value\x03S")]), "<") == b"value\x03S"


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"\x01P1\x02(S3cret99)\x03\x55", "01 50 31 02 28" + " **" * 8 + " 29 03 **"),
        (b"\0\0\x01P1\x02(S3cret99)\x03\x55", "00 00 01 50 31 02 28" + " **" * 8 + " 29 03 **"),
        (b"\x7e\xa0\x0cS3cret99\x7e\x11\x7e", "7e a0 0c" + " **" * 10 + " 7e"),
        (b"\x7e\xa0\x03\x01\x7e\xa0\x0bS3cret99\x11\x12\x7e", "7e a0 03 01 7e a0 0b" + " **" * 10 + " 7e"),
        (b"S3cret9", "53 33 63 72 65 74 39"),
    ],
)
def test_masks_reach_over_the_check(data, shown):
    assert mask(data, [PASSWORD]) == shown


def test_a_password_sent_in_segments_is_masked_in_each():
    first, second = b"\x7e\xa0\x08abS3cr\x11\x12\x7e", b"\x7e\xa0\x08et99xy\x13\x14\x7e"
    seen = letters(log_of([(">", 0, first), (">", 0.1, second)]), ">")
    assert b"S3cr" not in seen
    assert b"et99" not in seen
    assert b"\x13" not in seen


@given(st.text(max_size=60))
def test_any_text_is_a_log_or_an_error_that_names_the_line(text):
    try:
        assert parse_wire_log(text, "x.log")
    except ConfigError as error:
        assert error.place.startswith("x.log")


def test_a_request_that_the_log_never_saw_gets_no_answer_and_the_next_one_does():
    entries = parse_wire_log("# meterd wire log 1\n@ line\n> 0.0 7e 01 02 7e\n< 1.0 7e 0a 7e\n")
    answers = RequestDecoder([entry for entry in entries if entry.sign == "<"])

    def reader():
        for request, heard in ((b"\x7e\x01\x03\x7e", None), (b"\x7e\x01\x02\x7e", b"\x7e\x0a\x7e")):
            yield Send(request)
            try:
                answer = yield Receive(answers, 3000, 100)
            except Silence:
                answer = None
            assert answer == heard

    assert converse(reader(), meter(entries)()).error is None
