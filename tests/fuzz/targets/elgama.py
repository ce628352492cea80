"""Elgama meters that say anything, over HDLC and in programming mode; and profile files that hold anything."""

from __future__ import annotations

import json
from typing import Any

from meterd._hdlc import encode_frame
from meterd.conversation import Receive, Send
from meterd.errors import MeterdError
from meterd.model import Device, Memory, Signal
from meterd.protocols.dlms.apdus import refusals
from meterd.protocols.dlms.links import hdlc as link
from meterd.protocols.elgama import driver, parameters
from meterd.protocols.elgama.profile import Profile
from meterd.protocols.iec62056_21.listening import Anything
from meterd.protocols.iec62056_21.messages import SOH, STX, with_block_check
from tests.pair import converse

CUT = b"\xfe\xfe"  # between what the meter says at one time and at the next
SERVER, CLIENT = bytes.fromhex("000224EB"), b"\x21"
PROFILE = {
    "profile": "fuzzed", "transport": {"protocol": "dlms-hdlc"},
    "address": {"scheme": "hdlc-serial", "upper": 1, "lower": "sn % 10000 + 1000", "size": 4},
    "association": {"conformance": "1C0320", "max_vars_per_read": 4},
    "identity": {"read": "sn:0x7308"}, "clock": {"read": "sn:0x6808", "ignore_deviation": True},
    "registers": {
        "1.8.0": {"read": "sn:0x0108", "scaler": "sn:0x0110"},
        "P": {"read": "sn:0xC008", "kind": "profile", "class": 7},
        "F": {"read": "sn:0xC208", "kind": "log"},
    },
}  # fmt: skip
MODE_C = {
    "profile": "fuzzed", "transport": {"protocol": "iec62056-21"}, "address": {"scheme": "iec-serial"},
    "identity": {"read": "r5:0.0.0"}, "clock": {"date": "r5:0.9.2", "time": "r5:0.9.1"},
    "registers": {
        "1.8.0": {"read": "r5:1.8.0", "scale": 0.1}, "P": {"read": "readout:1.6.1", "field": 2}, "F": {"read": "r1:2"},
    },
}  # fmt: skip
AARE = bytes.fromhex(
    "6129A109060760857405080102A203020100A305A103020100BE10040E0800065F1F04001C0320FFFFFA00"
)  # fmt: skip


def frame(control: int, apdu: bytes = b"") -> bytes:
    return bytes(encode_frame(CLIENT, SERVER, control, link.LLC_RESPONSE + apdu if apdu else b""))


OPENING = CUT.join((frame(0x73), frame(0x30, AARE), frame(0x52, bytes.fromhex("0C01000A083032313431343231"))))
CLOCK = frame(0x74, bytes.fromhex("0C0100090C07EA0701FF0C071E00FFC480"))
VALUE = frame(0x96, bytes.fromhex("0C02000600000123000202 0FFF161E".replace(" ", "")))
P0 = with_block_check(SOH + b"P0\x02(00000000)\x03")
LIST = with_block_check(STX + b"1.6.1(1)(2)\r\n!\r\n\x03")
SEEDS = [
    b"\x00" + CUT.join((OPENING, CLOCK, VALUE)),
    b"\x00" + CUT.join((frame(0x73), frame(0x30, AARE), frame(0x52, refusals.exception_response(1, 2)))),
    b"\x01" + CUT.join((b"/EGM5X\r\n", LIST, b"/EGM5X\r\n", P0, with_block_check(STX + b"0.0.0(2141421)\x03"))),
    b"\x02" + json.dumps(PROFILE).encode(),
    b"\x02" + json.dumps(MODE_C).encode(),
]


def meter(words: list[bytes]) -> Any:
    """Whatever is asked, the next of `words` is the answer."""
    for word in words:
        yield Receive(Anything(), None, 1)
        if word:
            yield Send(word)
    while True:
        yield Receive(Anything(), None, 1)


def scan(profile: dict[str, Any], words: list[bytes]) -> None:
    values = {row.name: row.default for row in parameters.DEVICE}
    values.update(id=2141421, meter_model=2, timeout_ms=500, use_time=True)
    device = Device("meter", "elgama", values, "PORT1")
    device.profile = profile
    signals = []
    for job in ("1.8.0", "P", "F", "clock", "serial"):
        row = {row.name: row.default for row in parameters.SIGNAL}
        row.update(number_type="STRING", job_todo=job, tag_job_todo=job)
        signals.append(Signal("meter", job, row))
    plan = driver.plan(device, signals)
    outcome = converse(driver.conversation(plan, Memory()), meter(words), limit_s=900.0)
    told = {reading.signal.alias for reading in outcome.readings}
    assert outcome.error is not None or told >= {signal.alias for signal in plan.signals}


def check(data: bytes) -> None:
    """Any JSON is a profile or has faults; what has none can be planned with, or is a mistake of the device."""
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        return
    if not isinstance(content, dict) or parameters.profile_faults(content, False):
        return
    if parameters.profile_faults(parameters.profile_merge({}, content), True):
        return
    Profile(content)
    try:
        scan(content, [])
    except MeterdError:
        return


def one(data: bytes) -> None:
    choice, rest = (data[0] % 3 if data else 0), data[1:]
    if choice == 2:
        check(rest)
    else:
        scan(MODE_C if choice else PROFILE, rest.split(CUT)[:40])
