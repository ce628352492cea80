"""Methods whose parameters or answers are longer than an APDU may be: action blocks both ways (HLS by ECDSA)."""

from __future__ import annotations

from typing import Any

import pytest

from meterd.errors import MeterdError, ProtocolError, Refused
from meterd.protocols.dlms import enumerations as codes
from meterd.protocols.dlms.apdus import action
from meterd.protocols.dlms.apdus.encode import encode
from meterd.protocols.dlms.invocation import invoke_method

from .dlms_pair import device, scan, signal
from .test_dlms_conversation import both_sides

JOB = "1.0.1.8.0.255"
TARGET = (15, bytes.fromhex("0000280000FF"), 1)
SIGNATURE = encode(codes.OCTET_STRING, bytes(range(64)))
INVOKE = 0xC1


def pieces(outcome: Any, side: str, kind: str) -> int:
    """How many APDUs of one side begin so; without ciphering they stand in the frames as they are."""
    return sum(bytes.fromhex(kind) in data for data in outcome.sent(side))


@pytest.mark.parametrize("pdu", [*range(64, 130, 7), 200, 1024])
@pytest.mark.parametrize("suite", [1, 2])
def test_signatures_cross_any_pdu(pdu: int, suite: int) -> None:
    mine, theirs = both_sides("HighEcdsa", "none", suite)
    mine["max_pdu_size"] = pdu
    outcome = scan(device(mode="DLMS-WRAPPER", ip="127.0.0.1", port=4059, **mine), [signal(JOB)],
                   {"mode": "wrapper", "pdu": str(pdu), **theirs})  # fmt: skip
    assert outcome.error is None, outcome.error
    assert [reading.quality for reading in outcome.readings] == ["good"]
    apdus = [data[8:] for data in outcome.sent() + outcome.sent("meter") if data[8] not in (0x60, 0x61)]
    assert max(map(len, apdus)) <= pdu
    whole = 15 + 2 + (96 if suite == 2 else 64)
    assert bool(pieces(outcome, "client", "C304")) == (whole > pdu)
    assert bool(pieces(outcome, "meter", "C702")) == (whole - 9 > pdu)


@pytest.mark.parametrize("pdu", [64, 80, 100, 128])
@pytest.mark.parametrize("mode", ["DLMS-HDLC", "DLMS-WRAPPER"])
@pytest.mark.parametrize("security", ["authentication", "encryption", "both"])
def test_sealed_signatures_cross_any_pdu(pdu: int, mode: str, security: str) -> None:
    mine, theirs = both_sides("HighEcdsa", security, 1)
    over = {"ip": "127.0.0.1", "port": 4059} if mode == "DLMS-WRAPPER" else {}
    outcome = scan(device(mode=mode, max_pdu_size=pdu, **over, **mine), [signal(JOB)],
                   {"mode": mode[5:].lower(), "pdu": str(pdu), **theirs})  # fmt: skip
    assert outcome.error is None, outcome.error
    assert [reading.quality for reading in outcome.readings] == ["good"]


class Scripted:
    """An association whose meter gives these answers in turn; keeps what was asked."""

    def __init__(self, answers: list[bytes], limit: int = 64, granted: bool = True) -> None:
        self.answers = iter(answers)
        self.asked: list[bytes] = []
        self.granted = {"block-transfer-with-action"} if granted else set()
        self.limit = lambda: limit
        self.next_invoke = lambda: INVOKE

    def request(self, apdu: bytes, expected: int, invoke: int) -> Any:
        assert (expected, invoke) == (codes.ACTION_RESPONSE, INVOKE)
        self.asked.append(apdu)
        return next(self.answers)
        yield

    def run(self) -> action.ActionResult:
        talk = invoke_method(self, TARGET, SIGNATURE)  # type: ignore[arg-type]
        with pytest.raises(StopIteration) as end:
            next(talk)
        found: action.ActionResult = end.value.value
        return found


def block(last: bool, number: int, raw: bytes) -> bytes:
    return action.response_block(INVOKE, last, number, raw)


def test_blocks_by_hand() -> None:
    raw = action.result(0, SIGNATURE)
    meter = Scripted([action.response_next(INVOKE, 1), block(False, 1, raw[:40]), block(True, 2, raw[40:])])
    assert meter.run() == action.ActionResult(INVOKE, 0, 0, bytes(range(64)))
    first, second, third = meter.asked
    assert first == bytes.fromhex("C304C1 000F0000280000FF01 00 00000001 2E") + SIGNATURE[:46]
    assert len(first) == 64
    assert second == bytes.fromhex("C306C1 01 00000002 14") + SIGNATURE[46:]
    assert third == bytes.fromhex("C302C1 00000001")


def test_a_meter_that_knows_no_action_blocks_gets_the_parameters_whole() -> None:
    meter = Scripted([action.response_normal(INVOKE, 0)], granted=False)
    assert meter.run().value is None
    assert meter.asked == [action.request_normal(INVOKE, *TARGET, SIGNATURE)]


def test_the_bare_value_in_the_blocks_of_an_answer() -> None:
    meter = Scripted([block(False, 1, SIGNATURE[:9]), block(True, 2, SIGNATURE[9:])], limit=1000)
    assert meter.run() == action.ActionResult(INVOKE, 0, 0, bytes(range(64)))


def test_a_refusal_in_the_midst_of_the_parameters_is_the_answer() -> None:
    assert Scripted([action.response_normal(INVOKE, 3)]).run().code == 3


@pytest.mark.parametrize(
    ("answers", "limit", "error"),
    [
        ([action.response_next(INVOKE, 2)], 64, ProtocolError),
        ([action.response_normal(INVOKE, 0, SIGNATURE)], 64, ProtocolError),
        ([block(True, 1, SIGNATURE)], 64, ProtocolError),
        ([action.response_next(INVOKE, 1)], 1000, ProtocolError),
        ([block(False, 2, b"x")], 1000, ProtocolError),
        ([block(False, 0, b"x")], 1000, ProtocolError),
        ([block(False, 1, b"x"), action.response_normal(INVOKE, 0)], 1000, ProtocolError),
        ([block(True, 1, b"x")], 1000, MeterdError),
        ([block(False, 1, b"x"), bytes.fromhex("0E010601")], 1000, Refused),
        ([block(False, number, b"") for number in range(1, 3000)], 1000, ProtocolError),
        ([block(False, number, bytes(4000)) for number in range(1, 30)], 1000, ProtocolError),
    ],
)
def test_blocks_out_of_turn_and_without_end(answers: list[bytes], limit: int, error: type[MeterdError]) -> None:
    with pytest.raises(error):
        next(invoke_method(Scripted(answers, limit), TARGET, SIGNATURE))  # type: ignore[arg-type]
