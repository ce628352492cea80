"""IEC 62056-21 meters written apart from meterd's codecs: bytes and regular expressions, played in virtual time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from meterd.conversation import Pause, Receive, Send
from meterd.errors import LineError, PortGone, Silence
from meterd.model import Device, Memory, Signal
from meterd.protocols.iec62056_21 import driver, parameters
from tests.pair import Fault, Outcome, converse

REQUEST = rb"/\?([^!]*)!\r\n"
ACKNOWLEDGEMENT = rb"\x06(.)(.)(.)\r\n"
COMMAND = rb"\x01([PRWB]\d)(?:\x02([^\x03]*))?\x03(.)"
BREAK = b"\x01B0\x03q"


class Ear:
    """Waits until a pattern stands in what was heard."""

    missing = 1
    pending = 0
    discarded = 0
    reason = ""

    def __init__(self, pattern: bytes) -> None:
        self.pattern = re.compile(pattern, re.DOTALL)
        self.heard = b""

    def feed(self, data: bytes) -> re.Match[bytes] | None:
        self.heard += data
        return self.pattern.search(self.heard)

    def reset(self) -> None:
        self.heard = b""


def hear(pattern: bytes, timeout_ms: float | None = None) -> Iterator[Any]:
    """The match, or None after the time-out."""
    try:
        return (yield Receive(Ear(pattern), timeout_ms, 1000))
    except PortGone:
        raise
    except (Silence, LineError):
        return None


def say(*pieces: bytes, wait: float = 0.3) -> Iterator[Any]:
    yield Pause(wait)
    for piece in pieces:
        yield Send(piece, keep_input=True)


def exclusive_or(text: bytes) -> bytes:
    check = 0
    for byte in text:
        check ^= byte
    return bytes((check,))


def total(text: bytes) -> bytes:
    return bytes((sum(text) & 0xFF,))


def framed(text: bytes, check: Callable[[bytes], bytes] = exclusive_or, end: bytes = b"\x03") -> bytes:
    return b"\x02" + text + end + check(text + end)


P0 = b"\x01P0\x02(31415926)\x03" + exclusive_or(b"P0\x02(31415926)\x03")


def lister(ident: bytes, block: bytes, mode: str = "C", request: bytes = REQUEST) -> Iterator[Any]:
    """A plain meter; it repeats its block on NAK."""
    try:
        while True:
            yield from hear(request)
            yield from say(ident)
            if mode == "C" and not (yield from hear(ACKNOWLEDGEMENT, 2000)):
                continue
            yield from say(block)
            while (yield from hear(rb"\x15", 1200)):
                yield from say(block)
    except PortGone:
        return


def programmable(ident: bytes, answer: Callable[[bytes, bytes], bytes | None]) -> Iterator[Any]:
    """A meter in programming mode: `answer(command, data)` is what it says, None for silence."""
    try:
        while True:
            yield from hear(REQUEST)
            yield from say(ident)
            if not (yield from hear(ACKNOWLEDGEMENT, 2000)):
                continue
            yield from say(P0)
            while True:
                asked = yield from hear(COMMAND, 20000)
                if not asked or asked[1] == b"B0":
                    break
                found = b"\x06" if asked[1][:1] == b"P" else answer(asked[1], asked[2] or b"")
                if found is not None:
                    yield from say(found)
    except PortGone:
        return


def device(**given: Any) -> Device:
    values = {row.name: row.default for row in parameters.DEVICE}
    values |= {"device_alias": "m", "serialnumber": "0", "device": "PORT1", "baudrate": 300, "databits": 7}
    values |= {"parity": "even", **given}
    return Device("m", "iec62056_21", values)


def signal(tag: str, number_type: str = "DOUBLE", job: str = "") -> Signal:
    values = {row.name: row.default for row in parameters.SIGNAL}
    values |= {"tag_job_todo": tag, "job_todo": job or tag, "number_type": number_type}
    return Signal("m", tag, values)


def read(
    meter: Iterator[Any], signals: list[Signal], memory: Memory | None = None, fault: Fault | None = None,
    byte_s: float = 0.001, **given: Any,
) -> Outcome:  # fmt: skip
    """One scan; any signal that is refused is a mistake of the test."""
    plan = driver.plan(device(**given), signals)
    assert not plan.refused, plan.refused
    conversation = driver.conversation(plan, memory or Memory())
    return converse(conversation, meter, fault=fault, byte_s=byte_s, limit_s=900.0)


def told(outcome: Outcome) -> dict[str, tuple[str | None, str | None, str | None]]:
    return {
        one.signal.alias: (None if one.value is None else str(one.value), one.unit, one.reason)
        for one in outcome.readings
    }
