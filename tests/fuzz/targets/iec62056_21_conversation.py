"""A whole scan against a meter that says anything: readings or one of meterd's errors, in bounded time."""

from __future__ import annotations

from typing import Any

from meterd.conversation import Receive, Send
from meterd.model import Device, Memory, Signal
from meterd.protocols.iec62056_21 import driver, parameters
from meterd.protocols.iec62056_21.listening import Anything
from meterd.protocols.iec62056_21.messages import SOH, STX, with_block_check
from tests.pair import converse

BLOCK = with_block_check(STX + b"1.8.0(0147238.4*kWh)\r\n1.6.1(1)(2)\r\n(3)\r\n!\r\n\x03")
PART = with_block_check(STX + b"1.6.1(1)(2)\r\n\x04")
P0 = with_block_check(SOH + b"P0\x02(00000000)\x03")
CUT = b"\xfe"  # between what the meter says at one time and at the next

SEEDS = [
    CUT.join((b"\x00/MTD5X\r\n", BLOCK)),
    CUT.join((b"\x01/MTDEX\r\n", BLOCK[:-1] + b"\x00", BLOCK)),
    b"\x00/MTD X\r\n1.8.0(7)\r\n!\r\n",
    CUT.join((b"\x02/MTD5X\r\n", P0, b"\x06", PART, BLOCK, b"\x15", b"\x15")),
    CUT.join((b"\x03/MTD5X\r\n", PART, PART, BLOCK)),
]


def signal(tag: str, job: str) -> Signal:
    values = {row.name: row.default for row in parameters.SIGNAL}
    values.update(tag_job_todo=tag, job_todo=job, number_type="DOUBLE")
    return Signal("meter", tag + job, values)


LISTED = [signal("1.8.0", "1.8.0"), signal("1.6.1[2]", "1.6.1")]
REGISTERS = [signal("1.8.0", "R5:1.8.0"), signal("1.6.1[2]", "R6:1.6.1")]


def meter(words: list[bytes]) -> Any:
    """Whatever is asked, the next of `words` is the answer."""
    for word in words:
        yield Receive(Anything(), None, 1)
        if word:
            yield Send(word)
    while True:
        yield Receive(Anything(), None, 1)


def one(data: bytes) -> None:
    choice, words = (data[0] if data else 0), data[1:].split(CUT)
    values = {row.name: row.default for row in parameters.DEVICE}
    values.update(serialnumber="0", baudrate=300, databits=7 + choice % 2, early_stop=choice % 4 == 3, password="abc")
    device = Device("meter", "IEC 62056-21", values)
    signals = REGISTERS if choice % 4 == 2 else LISTED
    outcome = converse(driver.conversation(driver.plan(device, signals), Memory()), meter(words), limit_s=900.0)
    assert outcome.error is not None or len(outcome.readings) == len(signals)
