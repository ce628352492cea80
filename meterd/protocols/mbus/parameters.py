"""The Device and Signal tables of M-Bus: the manual's own (its chapter 16.13), and the rows that meterd adds.

The manual's default line is 9600 8N1 and is kept; meters on the bus talk 2400 8E1 unless they were told otherwise.
"""

from __future__ import annotations

from ...parameters import (
    BOOLEAN,
    CHARACTER_FORMAT,
    DEVICE_IDENTITY,
    INTEGER,
    JOB_TODO,
    NUMBER_TYPE,
    POLL_DELAY,
    SCAN_ALIGN,
    SCAN_RATE,
    SERIAL_CLOSE_DELAY,
    SERIAL_PORT,
    SIGNAL_IDENTITY,
    STRING,
    TAG_JOB_TODO,
    TCP_ENDPOINT,
    TIMEOUT,
    Parameter,
)
from .encryption import KEY_SIZE
from .link import ADDRESS_FORM, parse_address, parse_identification

# What a device described on a command line need not say: the only meter on its line, as meters leave the factory.
UNSAID = {"address": "254", "timeout_ms": 500, "baudrate": 2400, "parity": "even"}


def _key(value: str) -> str:
    digits = value.replace(" ", "")
    if len(digits) != 2 * KEY_SIZE or digits.strip("0123456789abcdefABCDEF"):
        raise ValueError(f"{2 * KEY_SIZE} hexadecimal digits")
    return digits.upper()


_DEVICE_PORT, _BAUDRATE = SERIAL_PORT
_DATA_BITS, _STOP_BITS, _PARITY, _ = CHARACTER_FORMAT

DEVICE = (
    *DEVICE_IDENTITY,
    SCAN_RATE,
    *SCAN_ALIGN,
    POLL_DELAY.but(help="Shortest silence on the port before the first request of a meter's scan, ms"),
    TIMEOUT.but(
        help="Wait for an answer beyond the standard's answer time (330 bits + 50 ms), ms",
        default=None, low=0, high=60000, required_tcp=True, required_serial=True,
    ),
    Parameter(
        "address", STRING, f"Address of the meter: {ADDRESS_FORM}", required_tcp=True, required_serial=True,
        check=parse_address,
    ),
    _DEVICE_PORT,
    _BAUDRATE.but(help="Communication speed, bauds. M-Bus meters leave the factory at 2400 8E1: set 2400 here"),
    _DATA_BITS,
    _STOP_BITS,
    _PARITY.but(help="Parity. M-Bus meters talk 8E1: set even here"),
    SERIAL_CLOSE_DELAY,
    *TCP_ENDPOINT,
    Parameter(
        "key", STRING, "Key of an encrypted meter (mode 5, AES-128), 32 hexadecimal digits", origin="meterd",
        secret=True, check=_key,
    ),
    Parameter(
        "expect_serial", STRING,
        "Identification of the meter (8 digits, F: any) that must answer at a primary address; another is refused",
        origin="meterd", check=parse_identification,
    ),
    Parameter(
        "check_identity", BOOLEAN,
        "Hold what a meter says of itself against its address, expect_serial and its other telegrams", default=True,
        origin="meterd",
    ),
    Parameter(
        "address_0", BOOLEAN, "Take answers whose address field is 0 for the meter's own", default=False,
        origin="meterd",
    ),
    Parameter(
        "wake_up_ms", INTEGER,
        "Length of the preamble that wakes a sleeping meter before each scan, ms (2200 for optical heads); 0: none",
        default=0, low=0, high=10000, origin="meterd",
    ),
    Parameter(
        "retry_counter", INTEGER, "Repetitions of a request that was not answered", default=2, low=0, high=10,
        origin="meterd",
    ),
)  # fmt: skip

SIGNAL = (
    *SIGNAL_IDENTITY,
    NUMBER_TYPE,
    JOB_TODO.but(
        help="Steps before the readout: UD1, UD2, reset, reset=10, baud=9600, bytes to send; empty for REQ_UD2 alone",
        default="", required_tcp=False, required_serial=False,
    ),
    TAG_JOB_TODO.but(
        help="Record: its index from 0, its DIF and VIF bytes, or what it is, such as volume;storage=1;function=max",
    ),
)  # fmt: skip
