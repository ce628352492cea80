"""The sign-on of mode E: speeds, confirmations, and meters that cannot do it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterd.conversation import Receive, Send
from meterd.errors import ProtocolError, Silence
from meterd.protocols.dlms.links.mode_e import ConfirmationDecoder, sign_on
from meterd.simulate.dlms_link import LineDecoder
from tests.pair import Outcome, converse


def meter(*replies: bytes) -> Any:
    decoder = LineDecoder()
    for reply in replies:
        yield Receive(decoder, None, 500)
        if reply:
            yield Send(reply)
    yield Receive(decoder, None, 500)


def signed_on(*replies: bytes, baudrate: int = 9600) -> Outcome:
    return converse(sign_on(baudrate, "", 2000, 3), meter(*replies))


@pytest.mark.parametrize(
    ("identification", "baudrate", "option", "settings"),
    [
        (b"/EGM5G3M144160724V1\r\n", 9600, b"\x06252\r\n", "9600 8N1"),
        (b"/LGZ6\\2ZMD\r\n", 9600, b"\x06252\r\n", "9600 8N1"),
        (b"/LGZ6\\2ZMD\r\n", 115200, b"\x06262\r\n", "19200 8N1"),
        (b"/ISK3\\2MT\r\n", 9600, b"\x06232\r\n", "2400 8N1"),
        (b"/ISK5\\2MT\r\n", 300, b"\x06252\r\n", "9600 8N1"),
        (b"/ISK5\\2MT\r\n", 1200, b"\x06222\r\n", "1200 8N1"),
    ],
)
def test_the_speed_is_the_slower_of_both(identification: bytes, baudrate: int, option: bytes, settings: str) -> None:
    outcome = signed_on(identification, option, baudrate=baudrate)
    assert outcome.error is None
    assert outcome.value == identification[:-2]
    assert outcome.sent() == [b"/?!\r\n", option]
    assert [str(found) for found in outcome.settings] == ["300 7E1", settings]


def test_no_confirmation_is_none_needed() -> None:
    assert signed_on(b"/EGM5X\r\n", b"").error is None


@pytest.mark.parametrize(
    "read_out", [b"\x021.8.0(001234.5*kWh)\r\n!\r\n\x03\x41", b"1.8.0(001234.5*kWh)\r\n!\r\n", b"\x02F.F(0)\r\n"]
)
def test_a_read_out_instead_is_said_so(read_out: bytes) -> None:
    outcome = signed_on(b"/APA5\\2NORAX30\r\n", read_out)
    assert isinstance(outcome.error, ProtocolError)
    assert "plain read-out" in str(outcome.error)


def test_a_meter_of_mode_a_has_no_speed_to_go_to() -> None:
    outcome = signed_on(b"/ABC@METER\r\n\x02data\x03\x00")
    assert isinstance(outcome.error, ProtocolError)
    assert "/ABC@METER" in str(outcome.error)


def test_silence_is_asked_three_times() -> None:
    outcome = signed_on(b"", b"", b"", b"")
    assert isinstance(outcome.error, Silence)
    assert len(outcome.sent()) == 3


@given(st.binary(max_size=200), st.integers(1, 9))
def test_any_bytes_in_place_of_a_confirmation(data: bytes, size: int) -> None:
    decoder = ConfirmationDecoder(b"\x06252\r\n")
    for start in range(0, len(data), size):
        assert decoder.feed(data[start : start + size]) in (None, True, False)
    decoder.reset()
    assert decoder.feed(b"\x062") is None
    assert decoder.feed(bytes((0x35 | 0x80,)) + b"2\r\n") is True
