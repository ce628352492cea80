"""Meters that are exchanged, moved and mistaken: what was learnt of one is never believed of another."""

from __future__ import annotations

from typing import Any

import pytest

from meterd.errors import WrongMeter
from meterd.model import Memory
from meterd.protocols.dlms import driver
from meterd.protocols.dlms.identity import is_another, normal
from meterd.protocols.dlms.memory import RENEWAL_SCANS, recall
from tests.pair import Outcome, converse
from tests.unit.dlms_pair import device, memory, signal

from .dlms_meter import Meter, data, length, obis, register
from .serve import in_virtual_time

DRAWN, FED, HEAT = "1.0.1.8.0.255", "1.0.2.8.0.255", "1.0.9.8.0.255"
NAME, NUMBER = "0.0.42.0.0.255", "0.0.96.1.0.255"


def number(value: int) -> bytes:
    return b"\x06" + value.to_bytes(4, "big")


def octets(text: bytes) -> bytes:
    return b"\x09" + bytes([len(text)]) + text


class ShortNamed(Meter):
    """Short names: READ of variables, an object list at FA08, the logical device name at FD08 if it has one."""

    def __init__(self, objects: dict[Any, bytes], bases: dict[tuple[int, str], int], **quirks: Any) -> None:
        super().__init__(objects=objects, **quirks)
        self.bases = {(class_id, obis(name)): base for (class_id, name), base in bases.items()}
        self.lists_read = 0

    def _associate(self, apdu: bytes) -> bytes:
        self.associated = True
        return bytes.fromhex("6129A109060760857405080102A203020100A305A103020100BE10040E0800065F1F04001802200400FA00")

    def apdu(self, apdu: bytes) -> bytes:
        if apdu[0] != 0x05:
            return super().apdu(apdu)
        self.apdus += apdu[1]
        answer, at = b"\x0c" + apdu[1:2], 2
        for _ in range(apdu[1]):
            assert apdu[at] == 2
            answer += self._variable(int.from_bytes(apdu[at + 1 : at + 3], "big"))
            at += 3
        return answer

    def _variable(self, name: int) -> bytes:
        if name == 0xFA08:
            self.lists_read += 1
            entries = [
                bytes([2, 4, 0x10, base >> 8, base & 0xFF, 0x12, 0, class_id, 0x11, 0, 9, 6]) + code
                for (class_id, code), base in self.bases.items()
            ]
            return b"\x00\x01" + length(len(entries)) + b"".join(entries)
        for (class_id, code), base in {**self.bases, (1, obis(NAME)): 0xFD00}.items():
            value = self.quirks.objects.get((class_id, code, (name - base) // 8 + 1))
            if value is not None and 0 <= name - base <= 64 and (name - base) % 8 == 0:
                return b"\x00" + value
        return b"\x01\x04"


def listing(*entries: tuple[int, str]) -> dict[Any, bytes]:
    """An association's object list."""
    parts = [
        b"\x02\x04\x12" + c.to_bytes(2, "big") + b"\x11\x00\x09\x06" + obis(n) + b"\x02\x02\x01\x00\x01\x00"
        for c, n in entries
    ]
    return {(15, obis("0.0.40.0.0.255"), 2): b"\x01" + length(len(parts)) + b"".join(parts)}


class Listing(Meter):
    """Its object list is among its objects."""

    def _value(self, descriptor: bytes) -> bytes:
        key = (int.from_bytes(descriptor[:2], "big"), descriptor[2:8], descriptor[8])
        value = self.quirks.objects.get(key)
        return b"\x01\x04" if value is None else b"\x00" + value


def scan(meter: Meter, kept: Memory, jobs: tuple[str, ...] = (DRAWN, FED), **parameters: Any) -> Outcome:
    line = parameters.pop("line", "PORT1")
    of = device(**parameters)
    of.line = line
    plan = driver.plan(of, [signal(job, alias=job) for job in jobs])
    return converse(driver.conversation(plan, kept), in_virtual_time(meter))


def restarted(kept: Memory) -> Memory:
    fresh = memory()
    fresh.persistent.update(kept.persistent)
    return fresh


def texts(outcome: Outcome) -> dict[str, Any]:
    assert outcome.error is None, outcome.error
    return {alias: str(value) for alias, value in outcome.values().items()}


def short_named(drawn: int, fed: int, swapped: bool = False, **told: bytes) -> ShortNamed:
    objects = {**register(DRAWN, number(drawn), 0, 30), **register(FED, number(fed), 1, 30)}
    bases = {(3, DRAWN): 0x2A00, (3, FED): 0x2B40}
    if swapped:
        bases = {(3, DRAWN): 0x2B40, (3, FED): 0x2A00}
    if "name" in told:
        objects |= data(NAME, octets(told["name"]))
    if "serial" in told:
        objects |= data(NUMBER, octets(told["serial"]))
        bases[1, NUMBER] = 0x3000
    return ShortNamed(objects, bases)


TOLD = ({}, {"name": b"ABC0000000000017"}, {"serial": b"0471100"}, {"name": b"ABC", "serial": b"0471100"})


@pytest.mark.parametrize("process", ["the same", "another"])
@pytest.mark.parametrize("told", TOLD)
def test_base_names_are_the_meters_own_choice(told: dict[str, bytes], process: str) -> None:
    kept = memory()
    for _ in range(3):
        assert texts(scan(short_named(17, 29, **told), kept, type="SN")) == {DRAWN: "17", FED: "290"}
    kept = restarted(kept) if process == "another" else kept
    other = {key: value[:-2] + b"99" if key == "serial" or value != b"ABC" else value for key, value in told.items()}
    exchanged = short_named(5, 7, swapped=True, **other)
    for _ in range(3):
        assert texts(scan(exchanged, kept, type="SN")) == {DRAWN: "5", FED: "70"}
    assert exchanged.lists_read == 1, "learnt once"


@pytest.mark.parametrize("told", TOLD[1:])
def test_a_meter_that_says_that_it_is_the_same_costs_no_second_list(told: dict[str, bytes]) -> None:
    kept, meter = memory(), short_named(1, 2, **told)
    for _ in range(4):
        scan(meter, kept, type="SN")
    kept = restarted(kept)
    apdus = meter.apdus
    scan(meter, kept, type="SN")
    thorough = meter.apdus - apdus
    scan(meter, kept, type="SN")
    assert meter.lists_read == 1
    assert meter.apdus - apdus - thorough < thorough, "only the first scan of a process looks at everything"


def test_the_class_is_learnt_anew_where_it_does_not_fit_any_more() -> None:
    kept = memory()
    first = Listing(objects={**register(HEAT, number(8), 0, 30), **listing((3, HEAT))})
    assert texts(scan(first, kept, (HEAT,))) == {HEAT: "8"}
    for class_id in (4, 3):
        objects = {**register(HEAT, number(class_id), 2, 30, class_id), **listing((class_id, HEAT))}
        assert texts(scan(Listing(objects=objects), kept, (HEAT,))) == {HEAT: f"{class_id}00"}
        kept = restarted(kept)


def test_what_the_meter_denies_for_good_costs_one_look_at_the_list() -> None:
    kept, meter = memory(), Listing(objects=listing((3, HEAT)))
    wires = []
    for _ in range(4):
        outcome = scan(meter, kept, (HEAT,))
        assert [reading.reason for reading in outcome.readings] == ["not_found"]
        wires.append(len(outcome.wire))
    assert wires[3] < wires[0]
    assert wires[2] == wires[3]


@pytest.mark.parametrize("named", [False, True])
def test_powers_of_ten_are_read_again_after_the_line_was_lost(named: bool) -> None:
    kept = memory()
    name = data(NAME, octets(b"XYZ1")) if named else {}
    assert texts(scan(Listing(objects={**register(DRAWN, number(77), 0, 30), **name}), kept, (DRAWN,))) == {DRAWN: "77"}
    kept.line_lost = True
    meter = Listing(objects={**register(DRAWN, number(7), 3, 30), **name})
    assert texts(scan(meter, kept, (DRAWN,))) == {DRAWN: "7000"}
    assert not kept.line_lost


def test_powers_of_ten_are_read_again_where_another_name_answers() -> None:
    kept = memory()
    first = {**register(DRAWN, number(77), 0, 30), **data(NAME, octets(b"XYZ0000000000001"))}
    other = {**register(DRAWN, number(7), 3, 30), **data(NAME, octets(b"XYZ0000000000002"))}
    before = scan(Listing(objects=first), kept, (DRAWN,))
    after = scan(Listing(objects=other), kept, (DRAWN,))
    assert (texts(before), texts(after)) == ({DRAWN: "77"}, {DRAWN: "7000"})
    assert before.told == [], "the first one is no exchange"
    (sentence,) = after.told
    assert '"XYZ0000000000002" in place of "XYZ0000000000001"' in sentence and "forgotten" in sentence
    assert scan(Listing(objects=other), kept, (DRAWN,)).told == [], "it is told once"


def test_powers_of_ten_are_read_again_now_and_then() -> None:
    kept, meter = memory(), Listing(objects={**register(DRAWN, number(9), 0, 30), **data(NAME, octets(b"XYZ1"))})
    scan(meter, kept, (DRAWN,))
    meter.quirks.objects = {**meter.quirks.objects, **register(DRAWN, number(9), 2, 30)}
    recall(kept).scans_to_renewal = 2
    assert [texts(scan(meter, kept, (DRAWN,)))[DRAWN] for _ in range(4)] == ["9", "9", "900", "900"]
    del meter.quirks.objects[3, obis(DRAWN), 3]
    recall(kept).scans_to_renewal = 0
    assert texts(scan(meter, kept, (DRAWN,))) == {DRAWN: "900"}, "one and the same meter that is busy is not doubted"


def test_powers_of_ten_of_fast_scans_are_read_again_after_ten_minutes() -> None:
    kept, meter = memory(), Listing(objects={**register(DRAWN, number(9), 0, 30), **data(NAME, octets(b"XYZ1"))})
    kept.started_s = 100.0
    scan(meter, kept, (DRAWN,))
    meter.quirks.objects = {**meter.quirks.objects, **register(DRAWN, number(9), 2, 30)}
    for started_s, told in ((101.0, "9"), (699.0, "9"), (700.0, "900")):
        recall(kept).scans_to_renewal, kept.started_s = 0, started_s
        assert texts(scan(meter, kept, (DRAWN,))) == {DRAWN: told}
    assert recall(kept).scans_to_renewal == RENEWAL_SCANS - 1


def test_a_meter_of_which_nothing_can_be_read_any_more_is_left_alone_though_an_association_is_open() -> None:
    kept, meter = memory(), Listing(objects=register(DRAWN, number(9), 0, 30))
    assert texts(scan(meter, kept, (DRAWN,), keep_open=True)) == {DRAWN: "9"}
    refused = signal(DRAWN, alias="refused")
    refused.parameters = {**refused.parameters, "obis_job": "nothing of the kind"}
    plan = driver.plan(device(keep_open=True, physical_address=2), [refused])
    outcome = converse(driver.conversation(plan, kept), in_virtual_time(meter))
    assert [(one.signal.alias, one.reason) for one in outcome.readings] == [("refused", "type")]
    assert (outcome.error, outcome.sent()) == (None, [])


def test_a_device_that_moves_keeps_what_it_knows_only_where_the_meter_says_who_it_is() -> None:
    for told, lists, sentences in (({"name": b"ABC0000000000017"}, 1, 0), ({}, 2, 1)):
        kept, meter = memory(), short_named(1, 2, **told)
        scan(meter, kept, type="SN", line="192.0.2.1:4059")
        moved = scan(meter, kept, type="SN", line="192.0.2.2:4059")
        assert texts(moved) == {DRAWN: "1", FED: "20"}
        assert meter.lists_read == lists
        assert len(moved.told) == sentences and all("another port" in one for one in moved.told)


@pytest.mark.parametrize("expected", ["00471", "abc 471", "ABC471", "0471"])
def test_the_expected_meter_is_read(expected: str) -> None:
    objects = {
        **register(DRAWN, number(3), 0, 30),
        **data(NAME, octets(b"ABC0000000000471")),
        **data(NUMBER, b"\x0a\x08471     "),
    }
    assert texts(scan(Meter(objects=objects), memory(), (DRAWN,), expect_serial=expected)) == {DRAWN: "3"}


@pytest.mark.parametrize("named", [{}, data(NAME, octets(b"ABC0000000000472"))])
@pytest.mark.parametrize("expected", ["471", "ABC471"])
def test_another_meter_publishes_nothing(expected: str, named: dict[Any, bytes]) -> None:
    objects = {**register(DRAWN, number(3), 0, 30), **named, **data(NUMBER, octets(b"0000472\0"))}
    kept = memory()
    outcome = scan(Meter(objects=objects), kept, (DRAWN,), expect_serial=expected)
    if expected == "ABC471" and not named:
        assert outcome.error is None, "a number of another shape says nothing"
        return
    assert isinstance(outcome.error, WrongMeter) and outcome.error.reason == "wrong_meter"
    assert "472" in str(outcome.error) and "expect_serial" in str(outcome.error)
    assert outcome.readings == []
    assert not kept.persistent.get("identity"), "nothing is remembered of it"
    assert texts(scan(Meter(objects=objects), kept, (DRAWN,), expect_serial=expected, check_identity=False)) == {
        DRAWN: "3"
    }


@pytest.mark.parametrize("value", [None, number(0), b"\x09\x04\x00\x01\x02\xff", octets(b"-")])
def test_a_meter_that_tells_nothing_to_compare_is_read(value: bytes | None) -> None:
    objects = {**register(DRAWN, number(3), 0, 30), **({} if value is None else data(NUMBER, value))}
    outcome = scan(Meter(objects=objects), memory(), (DRAWN,), expect_serial="AB 471")
    assert texts(outcome) == {DRAWN: "3"}


def test_a_meter_that_is_silent_about_itself_is_read_all_the_same() -> None:
    class Shy(Meter):
        def _get(self, invoke: bytes, descriptor: bytes) -> bytes:
            return b"" if descriptor[2:8] in (obis(NAME), obis(NUMBER)) else super()._get(invoke, descriptor)

    kept, meter = memory(), Shy()
    assert texts(scan(meter, kept, (DRAWN,), timeout_ms=500)) == {DRAWN: "123456000"}
    slow = scan(meter, restarted(kept), (DRAWN,), timeout_ms=500)
    assert texts(slow) == {DRAWN: "123456000"}
    assert slow.seconds < 2, "it is not asked again, not even by the next process"


def test_numbers_are_compared_as_people_read_them() -> None:
    assert normal(" 00 0471\0") == "471"
    assert normal("els00012a007") == "ELS12A7"
    assert is_another("471", {b"": "0472"})
    assert not is_another("471", {b"": "ABC472"})
    assert not is_another("471", {b"": "472", b"\x01": "000471"})
    assert not is_another("", {b"": "472"})
    assert is_another("A-1", {b"": "B-1"})
    assert normal("000") == "0"
