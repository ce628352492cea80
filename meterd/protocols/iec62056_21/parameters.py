"""The Device and Signal tables of IEC 62056-21: the manual's rows (chapter 17.2), then ours.

The manual's prose names `meter_model` without a row, and calls `serialnumber` both an unsigned number and a text of
32 characters: it is a text here, and 0 (any number of zeros) asks whoever is on the line.
"""

from __future__ import annotations

from ...parameters import (
    BAUDRATES,
    BOOLEAN,
    BOTH,
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
    printable_text,
)

# What a device described on a command line need not say: the only meter on its line, as the standard opens it.
UNSAID = {"serialnumber": "0", "baudrate": 300, "databits": 7, "parity": "even"}
MAX_REQUEST = 48  # longer than any known one
MAX_SERIAL = 32  # IEC 62056-21 clause 6.3.2: device address, 32 characters maximum


def _serial_number(value: str) -> str:
    # Clause 6.3.2 has digits, letters and the space; there are meters with a dot in their address. What may not stand
    # there is what begins and ends the message.
    if not value or not value.isascii() or not value.isprintable() or set(value) & set("/!"):
        raise ValueError(
            f"digits, letters, spaces and other printable characters except / and !, at most {MAX_SERIAL}; "
            "0 for the only meter on the line"
        )
    return value


def _request(value: str) -> str:
    if not value.startswith("/") or not value.isascii() or not value.isprintable():
        raise ValueError(f"printable ASCII characters that begin with /, at most {MAX_REQUEST}: /2! or /#1")
    return value


def _speed(value: int) -> int:
    if value and value not in BAUDRATES:
        raise ValueError("0, or one of " + ", ".join(map(str, BAUDRATES)))
    return value


DEVICE = (
    *DEVICE_IDENTITY,
    POLL_DELAY,
    SCAN_RATE,
    *SCAN_ALIGN,
    *SERIAL_PORT,
    *CHARACTER_FORMAT,
    Parameter(
        "serialnumber",
        STRING,
        "Meter serial number (device address), up to 32 digits, letters and spaces, which count at the ends, too; "
        "leading zeros do not count; 0 asks for the only meter on the line",
        low=1,
        high=MAX_SERIAL,
        check=_serial_number,
        blanks=True,
        **BOTH,
    ),
    SERIAL_CLOSE_DELAY,
    TIMEOUT,
    Parameter(
        "type",
        STRING,
        "Connection mode: A, B or C; B and C follow what the meter identifies, A neither acknowledges nor switches; "
        "D: the meter sends its list unasked (2400 baud as a rule), about every scan_rate_ms, and is only listened to",
        default="C",
        choices=("A", "B", "C", "D"),
    ),
    Parameter(
        "t2",
        INTEGER,
        "Time to wait before acknowledging the suggested baud rate in mode C, ms",
        default=300,
        low=200,
        high=1500,
    ),
    *TCP_ENDPOINT,
    Parameter(
        "protocol_control_char",
        INTEGER,
        "Protocol control character, V of the acknowledgement: 0 normal procedure",
        default=0,
        low=0,
        high=9,
    ),
    Parameter(
        "mode_control_char",
        INTEGER,
        "Mode control character, Y of the acknowledgement: 0 data read-out; 1 programming mode, where each signal "
        "without a command of its own is read with R5; 6 to 9 the manufacturer's own read-outs",
        default=0,
        low=0,
        high=9,
    ),
    Parameter("meter_model", INTEGER, "Meter profile; reserved, should be 1", default=1, low=0),
    Parameter(
        "retry_counter",
        INTEGER,
        "Number of times a failed scan is tried over",
        default=2,
        low=0,
        high=10,
        origin="meterd",
        aliases=("retry_count",),
    ),
    Parameter(
        "password",
        STRING,
        "Password of the programming mode (P1); absent: registers are asked for without one",
        high=32,
        origin="meterd",
        secret=True,
        check=printable_text,
    ),
    Parameter(
        "password_command",
        STRING,
        "Command that carries the password: P1, or P2 for a meter that wants its second password so",
        default="P1",
        choices=("P1", "P2"),
        origin="meterd",
    ),
    Parameter(
        "request",
        STRING,
        "Request in place of /?serialnumber!, for lists of the manufacturer's own: /2! or /#1; CR LF follows it",
        low=2,
        high=MAX_REQUEST,
        origin="meterd",
        check=_request,
    ),
    Parameter(
        "answer",
        STRING,
        "What answers request: a list in the standard's form, or a bare row of numbers, which a Multical 401 gives to "
        "/#1 and which are read as [0], [1] and so on",
        default="list",
        choices=("list", "row"),
        origin="meterd",
    ),
    Parameter(
        "identity_check",
        BOOLEAN,
        "Compare serialnumber with what the meter says of itself (0.0.0, C.1.0, identification), and publish nothing "
        "of another meter; 0 where its number and its address are two things",
        default=True,
        origin="meterd",
    ),
    Parameter(
        "block_check",
        STRING,
        "Block check character: xor as in the standard, sum of the characters, or auto: the sum from a meter whose "
        "blocks show it twice in a row",
        default="auto",
        choices=("auto", "xor", "sum"),
        origin="meterd",
    ),
    Parameter(
        "read_baudrate",
        INTEGER,
        "Speed of the line behind the sign-on whatever the meter proposes: the same as baudrate keeps it; "
        "0 follows the meter",
        default=0,
        low=0,
        origin="meterd",
        check=_speed,
    ),
    Parameter(
        "max_baudrate",
        INTEGER,
        "Highest speed to acknowledge in mode C, for heads and converters that cannot do more; 0: none",
        default=0,
        low=0,
        origin="meterd",
        check=_speed,
    ),
    Parameter(
        "tcp_parity",
        STRING,
        "Over TCP, parity within 8 bits of a converter in 8N1 before a meter in 7E1: even, odd, none, or auto, which "
        "tries both ways where databits is 7",
        default="auto",
        choices=("auto", "none", "even", "odd"),
        origin="meterd",
    ),
    Parameter(
        "profile_rows",
        INTEGER,
        "Rows of a load profile to report when it is seen for the first time",
        default=96,
        low=1,
        high=65535,
        origin="meterd",
    ),
    Parameter(
        "wakeup_nuls",
        INTEGER,
        "Number of NUL characters sent before the request to wake a battery meter (40 for UH50 and T550)",
        default=0,
        low=0,
        high=1000,
        origin="meterd",
    ),
    Parameter(
        "wakeup_pause_ms",
        INTEGER,
        "Wait between the NUL characters and the request, ms; the standard has 1500 to 1700, UH50 wants none",
        default=0,
        low=0,
        high=5000,
        origin="meterd",
    ),
    Parameter(
        "baud_change_delay_ms",
        INTEGER,
        "Wait between the acknowledgement and the speed switch, ms, for USB converters that still hold bytes when "
        "they say that all are sent",
        default=0,
        low=0,
        high=1000,
        origin="meterd",
    ),
    Parameter(
        "early_stop",
        BOOLEAN,
        "Stop a read-out by a break message once all wanted signals are seen: saves minutes at 300 baud, but the "
        "values are then not verified by the block check character",
        default=False,
        origin="meterd",
    ),
)

SIGNAL = (
    *SIGNAL_IDENTITY,
    NUMBER_TYPE,
    JOB_TODO.but(
        help="The same as tag_job_todo; or a register to read in programming mode, command and address: R5:1.8.0 "
        "(R1, R2, R5, R6; what stands in brackets after the address is sent as it is: R1:0.0.0(10))"
    ),
    TAG_JOB_TODO.but(
        help="Address exactly as the meter prints it before the bracket: 1.8.0*24; [n] behind it picks the n-th value "
        "of that address, from 0: 1.6.1[1], and [n&m] the m-th part of it: 9.4[0&1]. For a register: the address in "
        "the answer. P.01#1.5.0 is a column of a load profile, by code or number, P.01# the whole row"
    ),
)
