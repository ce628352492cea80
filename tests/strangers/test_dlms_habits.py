"""Hand-made DLMS meters with habits that no standard allows: they are read all the same, and never wrongly."""

from __future__ import annotations

from typing import Any

import pytest

from .dlms_meter import Meter
from .test_dlms_dirt import IMPORT, scan, text_values
from .test_dlms_manners import JOBS, NOTIFICATIONS, RIGHT, WRAPPED, read

WAYS: list[dict[str, Any]] = [{}, {"lists": False}, {"block": 50}, {"lists": False, "block": 50}]


# The link


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("called", "source", "sink"),
    [
        ("0B", "000B", ""), ("0B", "0000000B", ""), ("0B", "0A01", ""), ("02 23", "0002 0023", ""),
        ("0002 0023", "02 23", ""), ("1881", "0000 1881", ""), ("02 23", "02 23", "0021"), ("0B", "000B", "0000 0021"),
    ],
)  # fmt: skip
def test_addresses_in_another_length(called: str, source: str, sink: str, way: dict[str, Any]) -> None:
    """It goes on being called as it was, for it may hear nothing else."""
    meter = Meter(server=bytes.fromhex(called), source=bytes.fromhex(source), sink=bytes.fromhex(sink), **way)
    assert read(meter, server_address_hex=called) == RIGHT
    assert not meter.linked


@pytest.mark.parametrize(
    ("source", "sink"), [("02 25", ""), ("04 23", ""), ("47", ""), ("02 23", "23"), ("02 23", "0023")]
)
def test_the_addresses_of_others_stay_theirs(source: str, sink: str) -> None:
    meter = Meter(server=b"\x02\x23", source=bytes.fromhex(source), sink=bytes.fromhex(sink))
    outcome = scan(meter, JOBS, server_address_hex="0223")
    assert outcome.readings == [] and outcome.error is not None and outcome.error.reason == "bad_frame"


@pytest.mark.parametrize("way", WAYS)
def test_answers_with_the_header_of_a_request(way: dict[str, Any]) -> None:
    assert read(Meter(llc=b"\xe6\xe6\x00", info=64, **way)) == RIGHT


@pytest.mark.parametrize("attempts", [1, 3])
def test_a_link_that_a_dead_client_left_is_ended_first(attempts: int) -> None:
    assert read(Meter(stale=True), retry_counter=attempts) == RIGHT


# Heads and ends of answers


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("invoke", [0x00, 0xCF, 0x41])
def test_one_invoke_id_for_all_over_hdlc(invoke: int, way: dict[str, Any]) -> None:
    assert read(Meter(invoke=invoke, **way)) == RIGHT


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("padding", [1, 2, 7])
def test_zeros_behind_a_value(padding: int, way: dict[str, Any]) -> None:
    assert read(Meter(padding=bytes(padding), **way)) == RIGHT
    assert read(Meter(padding=bytes(padding), wrapped=True, **way)) == RIGHT


def test_other_octets_behind_a_value_may_be_its_rest() -> None:
    outcome = scan(Meter(padding=b"\x01\x00", lists=False), [IMPORT])
    assert text_values(outcome) == {IMPORT: None}
    assert outcome.readings[0].quality == "invalid"


# Floods


class Flood(Meter):
    """`waited` frames or APDUs come before each answer."""

    waited = 0
    note = b""

    def _answer_wrapped(self, message: bytes) -> list[bytes]:
        ports = message[4:6] + message[2:4]
        note = b"\x00\x01" + ports + len(self.note).to_bytes(2, "big") + self.note
        return [note] * self.waited + super()._answer_wrapped(message)

    def _information(self, control: int, information: bytes, more: bool) -> list[bytes]:
        out = super()._information(control, information, more)
        return [self.frame(0x03, self.quirks.llc + self.note)] * self.waited + out


@pytest.mark.parametrize("kind", NOTIFICATIONS)
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_burst_of_notifications_before_each_answer(kind: str, wrapped: bool) -> None:
    meter = Flood(wrapped=wrapped)
    meter.note, meter.waited = NOTIFICATIONS[kind], 90
    assert read(meter) == RIGHT


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_flood_is_left_in_bounded_time(wrapped: bool) -> None:
    meter = Flood(wrapped=wrapped)
    meter.note, meter.waited = NOTIFICATIONS["data"], 3000
    given: dict[str, Any] = WRAPPED if wrapped else {}
    outcome = scan(meter, JOBS, **given)
    assert outcome.error is not None and outcome.error.reason == "bad_frame"
    assert outcome.readings == []
