"""Hand-made DLMS meters with habits that no standard allows: they are read all the same, and never wrongly."""

from __future__ import annotations

from typing import Any

import pytest

from meterd.protocols.dlms.times import turned
from tests.unit.dlms_pair import KEYS, memory

from .dlms_meter import OBJECTS, Meter, data
from .secret_meter import TITLE, Proving, Sealed
from .test_dlms_dirt import IMPORT, scan, text_values
from .test_dlms_manners import JOBS, NOTIFICATIONS, ONE, PROFILE, RIGHT, TWO, WRAPPED, at, profile, read, row

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


@pytest.mark.parametrize("way", WAYS)
def test_one_invoke_id_for_all_over_the_wrapper_is_a_parameter(way: dict[str, Any]) -> None:
    """There a second answer to an earlier request would be taken for the next one's."""
    assert read(Meter(invoke=0x47, wrapped=True, **way), check_invoke_id=0) == RIGHT
    outcome = scan(Meter(invoke=0x47, wrapped=True, **way), JOBS, timeout_ms=300, **WRAPPED)
    assert all(reading.value is None for reading in outcome.readings)


@pytest.mark.parametrize("lists", [True, False])
@pytest.mark.parametrize("padding", ["FF", "0D0A", "0001"])
def test_any_octets_behind_a_value_by_parameter(padding: str, lists: bool) -> None:
    assert read(Meter(padding=bytes.fromhex(padding), lists=lists), surplus_octets=1) == RIGHT


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


# Times

CLOCK = "0.0.1.0.0.255:2"


@pytest.mark.parametrize(
    ("told", "meant", "reversed_meant"),
    [
        ("07E90314050C0F0A00003C00", "-01:00", "+01:00"), ("07E90314FF0C0F0A00FE2080", "+08:00", "-08:00"),
        ("07E90314050C0F0A00800000", "", ""), ("07E90314050C0F0A00000000", "+00:00", "+00:00"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("tag", ["090C", "19"])
@pytest.mark.parametrize("lists", [True, False])
def test_a_deviation_with_the_other_sign(told: str, meant: str, reversed_meant: str, tag: str, lists: bool) -> None:
    objects = {**OBJECTS, **data("0.0.1.0.0.255", bytes.fromhex(tag + told), 8)}
    for parameter, zone in ((0, meant), (1, reversed_meant)):
        outcome = scan(Meter(objects=objects, lists=lists), [CLOCK, IMPORT], reversed_deviation=parameter)
        assert text_values(outcome) == {CLOCK: f"2025-03-20T12:15:10{zone}", IMPORT: RIGHT[IMPORT]}


def test_rows_of_a_profile_with_the_other_sign() -> None:
    kept = memory()
    meter = Meter(objects=profile([row(ONE, at(1, 0, "00B400"))]))
    for later, times in ((None, ["01:00"]), (row(TWO, at(1, 15, "00B400")), ["01:15"])):
        if later is not None:
            meter.quirks.objects = profile([row(ONE, at(1, 0, "00B400")), later])
        meter.heard.clear()
        outcome = scan(meter, [PROFILE], kept, reversed_deviation=1)
        assert [reading.meter_time for reading in outcome.readings] == [f"2026-11-22T{time}:00+03:00" for time in times]


def test_what_is_turned_twice_is_as_it_was() -> None:
    value = [(b"\x07\xe9\x03\x14\x05\x0c\x0f\x0a\x00\x00\x3c\x00", 7, "text"), b"twelve bytes", None]
    assert turned(value)[0][0][9:11] == b"\xff\xc4"
    assert turned(value)[1:] == value[1:]
    assert turned(turned(value)) == value


# Secrets

SEALED: dict[str, Any] = {"security": "both", **KEYS}
FOREIGN = bytes(range(0x20, 0x30))
PUSH = NOTIFICATIONS["data"]


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("general", [False, True])
@pytest.mark.parametrize("times", [1, 30])
def test_pushes_under_other_keys_amid_answers(times: int, general: bool, wrapped: bool) -> None:
    meter = Sealed(wrapped=wrapped)
    meter.general = general
    meter.pushes = (
        tuple(meter.seal(PUSH, 0, FOREIGN, title, general=True) for title in (TITLE, b"OTH\x00\x00\x00\x00\x09"))
        * times
    )
    assert read(meter, **SEALED) == RIGHT


@pytest.mark.parametrize("push", ["DB00", "DB0841424344454647480101", "DD00", "DC0005300000000F", "DF", "0F0000000100"])
def test_unreadable_pushes_amid_answers(push: str) -> None:
    meter = Sealed(wrapped=True)
    meter.pushes = (bytes.fromhex(push),)
    assert read(meter, **SEALED) == RIGHT


@pytest.mark.parametrize("wrapped", [False, True])
def test_an_answer_under_another_key_is_still_none(wrapped: bool) -> None:
    class Altered(Sealed):
        def answers(self, apdu: bytes) -> list[bytes]:
            plain = self.apdu(apdu)
            return [self.seal(plain, 0, FOREIGN, general=True)] if apdu[:1] == b"\xc8" else [plain]

    given: dict[str, Any] = WRAPPED if wrapped else {}
    outcome = scan(Altered(wrapped=wrapped), JOBS, timeout_ms=300, **SEALED, **given)
    assert outcome.readings == [] and outcome.error is not None and outcome.error.reason == "key"
    assert outcome.seconds < 60


@pytest.mark.parametrize("wrapped", [False, True])
def test_an_empty_title_stands_for_that_of_the_association(wrapped: bool) -> None:
    meter = Sealed(wrapped=wrapped)
    meter.general, meter.titled = True, False
    assert read(meter, **SEALED) == RIGHT


@pytest.mark.parametrize("general", [False, True])
def test_a_meter_that_tells_no_title_has_one_by_parameter(general: bool) -> None:
    meter = Sealed()
    meter.general, meter.titled, meter.tells_title = general, False, False
    assert read(meter, meter_title=TITLE.hex(), **SEALED) == RIGHT
    outcome = scan(meter, JOBS, **SEALED)
    assert outcome.error is not None and outcome.error.reason == "key"


@pytest.mark.parametrize("where", [1, 3, 15])
@pytest.mark.parametrize(("auth", "mechanism"), [("HighMd5", 3), ("HighSha1", 4), ("HighSha256", 6)])
def test_the_proof_finds_its_association_object(auth: str, mechanism: int, where: int) -> None:
    meter, kept = Proving(), memory()
    meter.mechanism, meter.where = mechanism, f"0.0.40.0.{where}.255"
    given = {"auth": auth, "password": "9-8-7-6-5", "timeout_ms": 500}
    assert text_values(scan(meter, JOBS, kept, **given)) == RIGHT
    tries = meter.tries
    assert text_values(scan(meter, JOBS, kept, **given)) == RIGHT
    assert (tries, meter.tries) == (where + 1, tries + 1), "what took it is asked first"
    meter.where = "0.0.40.0.0.255"
    assert text_values(scan(meter, JOBS, kept, **given)) == RIGHT, "what does not take it any more is not stuck to"


@pytest.mark.parametrize("where", [4, 200])
def test_the_association_object_by_parameter_is_the_only_one(where: int) -> None:
    meter = Proving()
    meter.where = f"0.0.40.0.{where}.255"
    given = {"auth": "HighMd5", "password": "9-8-7-6-5"}
    assert read(meter, association_object=meter.where, **given) == RIGHT
    assert meter.tries == 1
    outcome = scan(meter, JOBS, association_object="0.0.40.0.5.255", **given)
    assert outcome.error is not None and outcome.error.reason == "auth" and meter.tries == 2


def test_a_wrong_secret_is_not_tried_at_all_objects() -> None:
    meter = Proving()
    outcome = scan(meter, JOBS, auth="HighMd5", password="9-8-7-6-4")
    assert outcome.error is not None and outcome.error.reason == "auth" and meter.tries == 1


def test_a_system_title_is_made_once_where_none_is_configured() -> None:
    meter, kept = Proving(), memory()
    meter.mechanism = 6
    titles = []
    for _ in range(2):
        assert text_values(scan(meter, JOBS, kept, auth="HighSha256", password="9-8-7-6-5")) == RIGHT
        titles.append(meter.client_title)
    assert titles[0] == titles[1] and len(titles[0]) == 8 and titles[0].startswith(b"MTD")
    other = memory()
    other.random_bytes = lambda size: bytes(range(size))
    assert text_values(scan(meter, JOBS, other, auth="HighSha256", password="9-8-7-6-5")) == RIGHT
    assert meter.client_title != titles[0]
