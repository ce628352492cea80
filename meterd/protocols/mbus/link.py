"""M-Bus link layer: frames as they go out, addresses, and how long an answer may take.

The problem: a meter is reached by a primary address of one byte, or selected by a secondary address of eight and then
reached at 253.
Standard: EN 13757-2 clause 5.7 (C field, FCB, answer time of 330 bits + 50 ms), EN 13757-3 clause 11 (secondary
addresses, wildcards).
Dirt it must survive: addresses as people write them (blanks, dashes, small letters).
"""

from __future__ import annotations

from ..._crc import checksum
from ..._mbus import MbusDecoder
from ...conversation import Send

SND_NKE = 0x40
SND_UD = 0x53
REQ_UD1 = 0x5A
REQ_UD2 = 0x5B
FCB = 0x20
RSP_UD = 0x08
FUNCTION = 0x0F

HIGHEST_PRIMARY = 250
NETWORK = 253  # whoever is selected
ANY_WITH_ANSWER = 254  # whoever is there
BROADCAST = 255

APPLICATION_RESET = 0x50
SELECT = 0x52
# CI that sets the speed: EN 13757-2 table 5.
SET_BAUDRATE = {300: 0xB8, 600: 0xB9, 1200: 0xBA, 2400: 0xBB, 4800: 0xBC, 9600: 0xBD, 19200: 0xBE, 38400: 0xBF}

WILDCARDS = "FFFFFFFFFFFFFFFF"
ADDRESS_FORM = (
    "0 to 250, 253 (whoever is selected), 254 (the only meter on the line), or 8 or 16 hexadecimal digits of a "
    "secondary address (F: any digit)"
)
SEND_DATA = 0x51
# What a job may write that changes how the meter is called: the record's DIF and VIF, and bytes of data (clause 6.4).
NEW_PRIMARY, NEW_IDENTIFICATION, NEW_SECONDARY = b"\x01\x7a", b"\x0c\x79", b"\x07\x79"

ANSWER_BITS = 330
ANSWER_MS = 50
GAP_SHARE_MS = 300  # how much of timeout_ms a gap inside an answer may take on a serial line
STANDARD_BAUDRATE = 2400  # assumed behind a TCP converter


def short_frame(control: int, address: int) -> bytes:
    return bytes([0x10, control, address, (control + address) & 0xFF, 0x16])


def long_frame(control: int, address: int, ci: int, data: bytes = b"") -> bytes:
    """68 L L 68 C A CI data CS 16; without data it is a control frame. `data` at most 252 bytes."""
    body = bytes([control, address, ci]) + data
    return bytes([0x68, len(body), len(body), 0x68]) + body + bytes([checksum(body), 0x16])


def selection(mask: str) -> bytes:
    """The 8 bytes that select the meters of a secondary address of 16 digits (clause 11.3)."""
    return bytes.fromhex(mask[:8])[::-1] + bytes.fromhex(mask[8:])


def matches(mask: str, identity: bytes) -> bool:
    """Whether a secondary address with wildcards covers a meter's identity (8 bytes as in the long header)."""
    digits = identity[3::-1].hex().upper() + identity[4:8].hex().upper()
    return all(wanted in ("F", digit) for wanted, digit in zip(mask, digits, strict=True))


def shown(identity: bytes) -> str:
    """A meter's identity (8 bytes as in the long header) as its secondary address is written."""
    return identity[3::-1].hex().upper() + identity[4:8].hex().upper()


def renamed(address: str, ci: int, data: bytes) -> str:
    """How the meter at `address` is called after it has taken (ci, data): an address as `parse_address` gives it.

    Known is what the standard has for that: CI 51 with a new primary address or identification as its first record.
    """
    record, value = data[:2], data[2:]
    if ci == SEND_DATA and record == NEW_PRIMARY and len(value) >= 1 and len(address) < 16:
        return str(value[0]) if value[0] <= HIGHEST_PRIMARY else address
    if ci == SEND_DATA and record == NEW_IDENTIFICATION and len(value) >= 4 and len(address) == 16:
        return value[3::-1].hex().upper() + address[8:]
    if ci == SEND_DATA and record == NEW_SECONDARY and len(value) >= 8 and len(address) == 16:
        return value[3::-1].hex().upper() + value[4:8].hex().upper()
    return address


def parse_identification(text: str) -> str:
    """Eight upper-case digits of an identification, F for any. Raises: ValueError, what is allowed."""
    plain = text.replace(" ", "").upper()
    if not 1 <= len(plain) <= 8 or plain.strip("0123456789ABCDEF"):
        raise ValueError("1 to 8 digits as printed on the meter (F: any digit)")
    return plain.rjust(8, "0")


def parse_address(text: str) -> str:
    """The canonical form of an address: `0`..`250`, `253`, `254`, or 16 upper-case digits.

    Raises: ValueError, what is allowed.
    """
    plain = text.strip().upper()
    if plain.isascii() and plain.isdigit() and len(plain) <= 3:
        number = int(plain)
        if number <= HIGHEST_PRIMARY or number in (NETWORK, ANY_WITH_ANSWER):
            return str(number)
    plain = plain.replace(" ", "").replace("-", "").replace(".", "")
    if len(plain) not in (8, 16) or plain.strip("0123456789ABCDEF"):
        raise ValueError(ADDRESS_FORM)
    return (plain + WILDCARDS)[:16]


class Link:
    """How one conversation talks: its decoder, how long it waits, how often it asks.

    `timeout_ms` to the first byte of an answer: the standard's answer time at the line's speed plus what the
    configuration adds; `gap_ms` between bytes, over TCP as long as that (a mobile network delivers in pieces);
    `rest_ms` of silence end a collision; `attempts` at least 1. `any_answer`: an answer whose address field is 0 is
    taken for the meter's own; `checks_identity`: what the meter says of itself is held against what is expected.
    `answered`: something came since the connection was opened; `reconnects`: it may be opened anew where it is closed.
    """

    __slots__ = (
        "answered",
        "any_answer",
        "attempts",
        "begun",
        "checks_identity",
        "decoder",
        "gap_ms",
        "over_tcp",
        "reconnects",
        "rest_ms",
        "timeout_ms",
    )

    def __init__(
        self, baudrate: int, extra_ms: int, attempts: int, over_tcp: bool = False, any_answer: bool = False
    ) -> None:
        answer_ms = ANSWER_BITS * 1000 / baudrate + ANSWER_MS
        self.decoder = MbusDecoder()
        self.timeout_ms = answer_ms + extra_ms
        self.rest_ms = answer_ms + min(extra_ms, GAP_SHARE_MS)
        self.gap_ms = self.timeout_ms if over_tcp else self.rest_ms
        self.attempts = attempts
        self.over_tcp = over_tcp
        self.any_answer = any_answer
        self.checks_identity = True
        self.answered = False
        self.reconnects = over_tcp
        self.begun = False

    def sending(self, data: bytes) -> Send:
        """The step that sends `data`; the port's poll delay is waited for once in a conversation, not per frame."""
        at_once, self.begun = self.begun, True
        self.decoder.reset()
        return Send(data, at_once=at_once)
