"""Serial servers by RFC 2217: speeds are switched over the network, and every wait for the server is bounded."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meterd.conversation import LineSettings
from meterd.daemon.one_scan import Single
from meterd.errors import MeterdError, PortGone
from meterd.model import Memory, Reading
from meterd.ports._loop import Loop
from meterd.ports.telnet import MAX_ANSWERS, ComPort, escaped
from meterd.protocols.iec62056_21 import driver
from tests.strangers.iec_meter import device, signal
from tests.strangers.serial_server import SerialServer


def scan(behaviour: str, **given: Any) -> tuple[SerialServer, list[Reading], MeterdError | None, float]:
    server = SerialServer(behaviour)
    parameters = {"ip": "127.0.0.1", "port": server.port, "serial_server": "rfc2217", "timeout_ms": 1500, **given}
    meter = device(**parameters)
    plan = driver.plan(meter, [signal("1.8.0"), signal("C.9", "STRING")])
    readings: list[Reading] = []
    single = Single(Loop(), meter, "", readings.append)
    error = None
    begun = time.monotonic()
    try:
        single.run(driver.conversation(plan, Memory()))
    except MeterdError as caught:
        error = caught
    finally:
        single.close()
        server.close()
    return server, readings, error, time.monotonic() - begun


@pytest.mark.parametrize("behaviour", ["good", "slow", "chatty"])
def test_mode_c_switches_its_speed_through_the_server(behaviour: str) -> None:
    server, readings, error, _ = scan(behaviour)
    assert error is None
    assert (str(readings[0].value), readings[0].unit) == ("777.25", "kWh")
    assert server.speeds == [300, 4800]
    assert (server.bits, server.parity, server.stop_bits) == (7, 3, 1)


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        ("raw", "raw mode"),
        ("declines", "declines RFC 2217"),
        ("mute", "does not confirm"),
        ("fixed", "speed 9600, not 300"),
    ],
)
def test_a_server_that_does_not_take_settings_is_told_in_words_and_in_time(behaviour: str, words: str) -> None:
    _, readings, error, seconds = scan(behaviour, retry_counter=10)
    assert isinstance(error, PortGone) and words in str(error)
    assert readings == [] and seconds < 8


WANTED = LineSettings(300, 7, "even", 1)
TRAFFIC = (
    b"\xff\xfd\x2c\xff\xfd\x00/ABC\xff\xff\x00\r\n\xff\xfa\x2c\x65\x00\x00\x01\x2c\xff\xf0x\xff\xfa\x2c\x66\x07\xff\xf0"
    b"\xff\xfa\x2c\x67\x03\xff\xf0\xff\xfa\x2c\x68\x01\xff\xf0end"
)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_commands_may_be_torn_anywhere(size: int) -> None:
    port = ComPort()
    sent = port.settings(WANTED)
    assert sent.startswith(b"\xff\xfa\x2c\x01\x00\x00\x01\x2c\xff\xf0\xff\xfa\x2c\x02\x07\xff\xf0\xff\xfa\x2c\x03\x03")
    line = b"".join(port.feed(TRAFFIC[at : at + size])[0] for at in range(0, len(TRAFFIC), size))
    assert line == b"/ABC\xff\x00\r\nxend"
    assert (port.agreed, port.awaited, port.refusal) == (True, {}, "")


def test_a_byte_of_255_within_a_setting_is_doubled() -> None:
    sent = ComPort().settings(LineSettings(0xFF00))
    assert b"\x01\x00\x00\xff\xff\x00\xff\xf0" in sent


def test_proposals_without_end_are_declined_for_a_while() -> None:
    port = ComPort()
    answers = b"".join(port.feed(b"\xff\xfd\x63\xff\xfb\x62")[1] for _ in range(1000))
    assert answers.startswith(b"\xff\xfc\x63\xff\xfe\x62") and len(answers) == 3 * MAX_ANSWERS


def test_another_value_than_was_asked_for_is_a_refusal_in_words() -> None:
    port = ComPort()
    port.settings(WANTED)
    port.feed(b"\xff\xfa\x2c\x67\x01\xff\xf0")
    assert port.refusal == "the serial server has parity none, not even"


@settings(max_examples=300, deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=8), st.binary(max_size=30))
def test_any_bytes_are_survived_and_what_the_line_says_comes_through(pieces: list[bytes], said: bytes) -> None:
    port = ComPort()
    for piece in pieces:
        port.feed(piece)
    port.feed(b"\xff\xf0")  # ends whatever was under way
    port.feed(b"\xff\xf0")
    assert port.feed(escaped(said))[0] == said
