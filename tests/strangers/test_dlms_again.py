"""Hand-made DLMS meters that end associations, refuse proposals or hang up over lists: they are asked again, and not
more often than it brings anything.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from meterd.protocols.dlms import driver
from meterd.protocols.dlms.memory import recall
from tests.pair import Outcome, converse
from tests.unit.dlms_pair import device, memory, signal

from .dlms_meter import OBJECTS, Chunks, Meter, data, obis
from .serve import Served, in_virtual_time
from .test_dlms_dirt import IMPORT, scan, text_values
from .test_dlms_manners import JOBS, RIGHT, WRAPPED

MANY = [f"0.0.96.7.{number}.255:2" for number in range(7, 18)]
OBJECTS_MANY = {**OBJECTS}
for index, job in enumerate(MANY):
    OBJECTS_MANY |= data(job[:-2], b"\x12" + (500 + 3 * index).to_bytes(2, "big"))
VALUES = {job: str(500 + 3 * index) for index, job in enumerate(MANY)}


def classed(meter: Meter, kept: Any, jobs: list[str] = MANY, **parameters: Any) -> Outcome:
    """One scan of data objects whose class is configured."""
    plan = driver.plan(device(**parameters), [signal(job, alias=job, class_id=1) for job in jobs])
    return converse(driver.conversation(plan, kept), in_virtual_time(meter))


class Counted(Meter):
    """Counts the associations that it grants."""

    associations = 0

    def _associate(self, apdu: bytes) -> bytes:
        self.associations += 1
        self.since = 0
        return super()._associate(apdu)


class Lapsing(Counted):
    """Ends the association after `spans` requests, in its own way."""

    since = 0
    spans = 4
    way = "D80101"

    def apdu(self, apdu: bytes) -> bytes:
        if apdu[:1] != b"\xc0":
            return super().apdu(apdu)
        self.since += 1
        if self.since > self.spans:
            self.associated = False
            self.linked = self.linked and self.way != "DM"
            return b"" if self.way in ("DM", "silence") else bytes.fromhex(self.way)
        return super().apdu(apdu)

    def _information(self, control: int, information: bytes, more: bool) -> list[bytes]:
        out = super()._information(control, information, more)
        return out if self.linked else [self.frame(0x1F)]


@pytest.mark.parametrize("lists", [True, False])
@pytest.mark.parametrize(
    ("way", "spans", "wrapped"),
    [
        ("D80101", 3, False), ("D80103", 5, False), ("0E050003", 4, False), ("DM", 4, False), ("silence", 6, False),
        ("D80101", 4, True), ("D80103", 3, True), ("0E050003", 5, True), ("silence", 6, True),
    ],
)  # fmt: skip
def test_an_association_that_ends_is_made_anew_as_long_as_that_brings_something(
    way: str, spans: int, wrapped: bool, lists: bool
) -> None:
    meter, kept = Lapsing(objects=OBJECTS_MANY, wrapped=wrapped, lists=lists, pdu=60), memory()
    meter.way, meter.spans = way, spans
    given: dict[str, Any] = WRAPPED if wrapped else {}
    for _ in range(2):
        outcome = classed(meter, kept, timeout_ms=500, **given)
        assert outcome.error is None
        assert text_values(outcome) == VALUES
        assert len(outcome.readings) == len(MANY), "each once"
    assert recall(kept).lists == lists


@pytest.mark.parametrize("count", [12, 40])
def test_what_was_learnt_in_one_association_is_used_in_the_next(count: int) -> None:
    """Registers have to be found in the object list and want a scaler each."""
    jobs = [IMPORT, "1.0.2.8.0.255:2", "1.0.32.7.0.255:2", "1.0.13.7.0.255:2", "1.0.16.7.0.255:2"]
    meter, kept = Lapsing(lists=False, count=count), memory()
    outcome = scan(meter, jobs, kept)
    assert outcome.error is None
    assert text_values(outcome) == text_values(scan(Meter(), jobs))


class Choosy(Counted):
    """Refuses the service for some objects, and for all of them where none is named."""

    refused: tuple[str, ...] = ()

    def _get(self, invoke: bytes, descriptor: bytes) -> bytes:
        if not self.refused or descriptor[2:8] in map(obis, self.refused):
            return bytes.fromhex("D80101")
        return super()._get(invoke, descriptor)


def test_what_is_refused_for_good_costs_itself_and_one_association_once() -> None:
    meter, kept = Choosy(objects=OBJECTS_MANY, lists=False), memory()
    meter.refused = (MANY[2][:-2], MANY[5][:-2])
    right = {**VALUES, MANY[2]: None, MANY[5]: None}
    assert text_values(classed(meter, kept)) == right
    assert meter.associations == 3
    assert text_values(classed(meter, kept)) == right
    assert meter.associations == 4


def test_a_meter_that_refuses_everything_is_asked_a_few_times() -> None:
    meter, kept = Choosy(objects=OBJECTS_MANY, lists=False), memory()
    for _ in range(2):
        outcome = classed(meter, kept)
        assert {reading.reason for reading in outcome.readings} <= {"refused", "not_found"}
        assert outcome.values() == dict.fromkeys(MANY)
    assert meter.associations <= 6


class Tired(Lapsing):
    """Grants one association, and the next only after a rest, which the test gives it."""

    rested = True

    def _connect(self, information: bytes) -> list[bytes]:
        if not self.rested:
            return [self.frame(0x1F)]
        return super()._connect(information)

    def _associate(self, apdu: bytes) -> bytes:
        self.rested = False
        return super()._associate(apdu)


def test_the_next_scan_begins_where_the_last_one_stopped() -> None:
    meter, kept = Tired(objects=OBJECTS_MANY, lists=False), memory()
    meter.spans = 6
    plan = driver.plan(device(), [signal(job, alias=job, class_id=1) for job in MANY])
    seen: dict[str, Any] = {}
    for _ in range(5):
        meter.rested = True
        outcome = converse(driver.conversation(plan, kept), in_virtual_time(meter))
        seen |= {alias: value for alias, value in text_values(outcome).items() if value is not None}
    assert seen == VALUES


# Lists


class Fragile(Counted):
    """Falls silent, or ends the link, over each list."""

    way = ""
    lists_asked = 0
    down = False

    def _get_list(self, apdu: bytes) -> bytes:
        self.lists_asked += 1
        self.down = True
        return b""

    def _connect(self, information: bytes) -> list[bytes]:
        self.down = False
        return super()._connect(information)

    def _respond(self, control: int, information: bytes, more: bool) -> list[bytes]:
        out = super()._respond(control, information, more)
        if not self.down:
            return out
        return [self.frame(0x1F)] if self.way == "DM" else []


@pytest.mark.parametrize("way", ["DM", "silence"])
def test_a_meter_that_stumbles_over_lists_is_read_singly_in_the_same_scan(way: str) -> None:
    meter, kept = Fragile(objects=OBJECTS_MANY), memory()
    meter.way = way
    for asked in (1, 2, 2, 2):
        outcome = classed(meter, kept, timeout_ms=300)
        assert outcome.error is None and text_values(outcome) == VALUES
        assert meter.lists_asked == asked
    assert not recall(kept).lists


def test_a_line_that_was_cut_during_a_list_says_nothing_about_lists() -> None:
    meter, kept = Fragile(objects=OBJECTS_MANY), memory()

    class Gone(Fragile):
        def _connect(self, information: bytes) -> list[bytes]:
            return [] if self.down else super()._connect(information)

    gone = Gone(objects=OBJECTS_MANY)
    for _ in range(3):
        gone.down = False
        assert classed(gone, kept, timeout_ms=300).error is not None
    assert recall(kept).lists and not recall(kept).hung_lists
    assert text_values(classed(Meter(objects=OBJECTS_MANY), kept)) == VALUES
    assert meter.lists_asked == 0


@pytest.mark.parametrize(("lists", "asked"), [("no", 0), ("yes", 3), ("auto", 1)])
def test_lists_by_parameter(lists: str, asked: int) -> None:
    class Refusing(Counted):
        lists_asked = 0

        def _get_list(self, apdu: bytes) -> bytes:
            self.lists_asked += 1
            return bytes.fromhex("D80202")

    meter, kept = Refusing(objects=OBJECTS_MANY), memory()
    for _ in range(3):
        assert text_values(classed(meter, kept, MANY[:2], lists=lists)) == {job: VALUES[job] for job in MANY[:2]}
    assert meter.lists_asked >= asked if asked > 1 else meter.lists_asked <= 2 * asked


class Hanging(Meter):
    """Hangs up over a list, or after `spans` requests, as far as the socket goes."""

    spans = 0
    asked = 0

    def hear(self, octets: bytes) -> Chunks:
        out = super().hear(octets)
        if self.dead:
            raise OSError
        return out

    dead = False

    def _get_list(self, apdu: bytes) -> bytes:
        self.dead = not self.spans
        return super()._get_list(apdu)

    def _get(self, invoke: bytes, descriptor: bytes) -> bytes:
        self.asked += 1
        self.dead = self.dead or 0 < self.spans < self.asked
        return super()._get(invoke, descriptor)


def alias(job: str) -> str:
    return job.replace(".", "_").replace(":", "_")


@pytest.mark.parametrize(("quirks", "spans"), [({}, 0), ({"lists": False}, 5)])
def test_a_meter_that_closes_the_connection_is_read_in_one_run_of_meterd_read(
    quirks: dict[str, Any], spans: int, tmp_path: Path
) -> None:
    def make() -> Meter:
        meter = Hanging(objects=OBJECTS_MANY, **quirks)
        meter.spans = spans
        return meter

    served = Served(make)
    device = {
        "name": "M", "device_alias": "m", "protocol": "DLMS", "ip": "127.0.0.1", "port": served.port, "type": "LN",
        "client_address": 16, "physical_address": 1, "mode": "DLMS-HDLC", "timeout_ms": 800,
    }  # fmt: skip
    signals = [
        {"signal_name": job, "device_alias": "m", "signal_alias": alias(job), "obis_job": job, "class_id": 1}
        for job in MANY
    ]
    (tmp_path / "keep").write_text("")
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"devices": [device], "signals": signals}))
    command = [sys.executable, "-m", "meterd", "read", "-c", str(config), "--state", str(tmp_path)]
    try:
        for _ in range(3):
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
            lines = [json.loads(line) for line in done.stdout.splitlines()]
            assert {line["signal"]: str(line["value"]) for line in lines} == {
                alias(job): value for job, value in VALUES.items()
            }, done.stderr
            assert len(lines) == len(MANY) and done.returncode == 0
    finally:
        served.close()


# Proposals


class OldSchool(Counted):
    """Refuses an AARQ that proposes bits it takes for reserved."""

    says = ""
    mask = 0x60
    refusals = 0

    def _associate(self, apdu: bytes) -> bytes:
        at = apdu.index(b"\x5f\x1f\x04\x00") + 4
        if not apdu[at] & self.mask:
            return super()._associate(apdu)
        self.refusals += 1
        return bytes.fromhex(self.says)


CONTEXT = "A109060760857405080101"
REJECTIONS = {
    "told": f"611F{CONTEXT}A203020101A305A103020101BE0604040E010602",
    "told of the version": f"611F{CONTEXT}A203020101A305A203020101BE0604040E010601",
    "for now": f"611F{CONTEXT}A203020102A305A103020101BE0604040E010602",
    "no reason": f"6117{CONTEXT}A203020101A305A103020101",
    "bare": "0E010602",
}


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("says", REJECTIONS)
def test_a_refused_proposal_is_followed_by_an_older_one(says: str, wrapped: bool) -> None:
    meter, kept = OldSchool(wrapped=wrapped), memory()
    meter.says = REJECTIONS[says]
    given: dict[str, Any] = WRAPPED if wrapped else {}
    for _ in range(3):
        assert text_values(scan(meter, JOBS, kept, **given)) == RIGHT
    assert meter.refusals == 1, "what it takes is remembered"


def test_a_meter_silent_to_a_proposal_is_offered_the_older_one_in_the_next_scan() -> None:
    meter, kept = OldSchool(), memory()
    assert scan(meter, JOBS, kept, timeout_ms=300).error is not None
    assert text_values(scan(meter, JOBS, kept, timeout_ms=300)) == RIGHT


def test_a_password_is_not_sent_twice_where_no_reason_is_given() -> None:
    meter = OldSchool()
    meter.says, meter.mask = REJECTIONS["no reason"], 0xFF
    outcome = scan(meter, JOBS, auth="Low", password="right")
    assert outcome.error is not None and "no reason" in str(outcome.error)
    assert meter.refusals == 1


def test_a_configured_conformance_is_proposed_as_it_stands_and_no_other() -> None:
    meter = OldSchool()
    meter.says, meter.mask = REJECTIONS["told"], 0x20
    outcome = scan(meter, JOBS, conformance="20 10 10")
    assert outcome.error is not None and meter.refusals == 1
    meter.heard.clear()
    assert text_values(scan(meter, JOBS, conformance="00 10 10")) == RIGHT
    asked = b"".join(meter.heard)
    assert b"\x5f\x1f\x04\x00\x00\x10\x10" in asked
    assert b"\xc0\x03" not in asked, "what was not proposed is not used, whatever the meter says"


@pytest.mark.parametrize("brief", [True, False])
def test_a_meter_that_was_away_is_called_once_where_the_line_has_others_to_serve(brief: bool) -> None:
    kept = memory()
    kept.brief = brief
    away = classed(Meter(snrm="silent"), kept, timeout_ms=500)
    assert away.error is not None and away.error.reason == "no_bytes"
    snrms = [octets for octets in away.sent() if octets[5] == 0x93]
    assert len(snrms) == (1 if brief else 3)
    there = Lapsing(objects=OBJECTS_MANY, lists=False)
    there.quirks.lost = frozenset({5})
    assert text_values(classed(there, kept, timeout_ms=500)) == VALUES, "once it answers it has all its attempts"
