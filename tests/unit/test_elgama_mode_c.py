"""EPQS and its family over IEC 62056-21 mode C, against the simulated programming meter; and both under faults."""

from __future__ import annotations

from typing import Any

import pytest

from meterd.errors import LineError, MeterdError, Refused, Silence, WrongMeter
from meterd.model import Memory
from meterd.protocols.elgama import driver
from meterd.protocols.elgama.times import iec_date_time, iec_time
from meterd.simulate import elgama as simulated
from meterd.simulate.faults import Fault
from tests.pair import converse

from .elgama_case import device, scan, signal, text, told

EPQS: dict[str, Any] = {"meter_model": 1, "id": 12345678, "password": "ABCDEFGH"}
METER = {"model": "epqs", "serial": "12345678", "password": "ABCDEFGH"}
CLOCK = {"clock": {"date": "r5:0.9.2", "time": "r5:0.9.1"}}
REGISTERS = {"registers": {"1.8.0": {"read": "r5:1.8.0"}, "U1": {"read": "r5:32.7.0", "scale": "0.001", "unit": "kV"}}}


def test_the_dialogue_byte_for_byte() -> None:
    """The pieces that are public of the programming dialogue, and the order that the identity check asks for."""
    outcome = scan(device(**EPQS), [signal("r5:1.8.1")], METER)
    assert outcome.error is None
    assert outcome.sent() == [
        b"/?12345678!\r\n",
        bytes.fromhex("06 30 35 31 0D 0A"),
        b"\x01P1\x02(ABCDEFGH)\x03\x69",
        b"\x01R5\x020.0.0()\x03\x57",
        bytes.fromhex("01 52 35 02 31 2E 38 2E 31 28 29 03 5F"),
        bytes.fromhex("01 42 30 03 71"),
    ]
    assert [repr(line) for line in outcome.settings] == ["300 7E1", "9600 7E1"]


def test_registers_of_a_site_raw_forms_and_read_out_data() -> None:
    jobs = [
        signal("1.8.0"), signal("U1"), signal("r5:7.7.7"), text("r5:1.6.1", "r5:1.6.1#2"), signal("r5:1.6.1#1"),
        signal("readout:2.8.0"), signal("readout:9.9.9"), text("serial"), signal("1.8.0,U1", "U1", alias="both"),
        signal("r5:1.8.0,r5:1.8.1", "r5:1.8.1"),
    ]  # fmt: skip
    outcome = scan(device(REGISTERS, **EPQS), jobs, METER)
    assert told(outcome) == {
        "1.8.0": ("147238.47", "kWh", "good", None),
        "U1": ("0.2301", "kV", "good", None),
        "r5:7.7.7": ("None", None, "invalid", "refused"),
        "r5:1.6.1#2": ("2611021715", None, "good", None),
        "r5:1.6.1#1": ("3.42", "kW", "good", None),
        "readout:2.8.0": ("0.00", "kWh", "good", None),
        "readout:9.9.9": ("None", None, "invalid", "not_found"),
        "serial": ("12345678", None, "good", None),
        "both": ("0.2301", "kV", "good", None),
        "r5:1.8.1": ("110428.85", "kWh", "good", None),
    }


@pytest.mark.parametrize("unlisted", ["r5", "readout"])
def test_codes_that_are_not_listed_where_the_profile_lets_them(unlisted: str) -> None:
    outcome = scan(device({"unlisted": unlisted}, **EPQS), [signal("2.8.0,31.7.0", "31.7.0"), signal("2.8.0")], METER)
    assert told(outcome) == {"31.7.0": ("5.21", "A", "good", None), "2.8.0": ("0.00", "kWh", "good", None)}


def test_the_meters_time() -> None:
    outcome = scan(device(CLOCK, use_time=1, **EPQS), [signal("r5:32.7.0"), text("clock")], METER)
    assert {reading.meter_time for reading in outcome.readings} == {"2026-11-22T08:00:00", None}
    assert told(outcome)["clock"][0] == "2026-11-22T08:00:00"
    outcome = scan(device({"clock": {"read": "r5:9.9.9"}}, use_time=1, **EPQS), [signal("r5:32.7.0")], METER)
    assert told(outcome) == {"r5:32.7.0": ("229.0", "V", "invalid", "clock")}
    outcome = scan(device(use_time=1, **EPQS), [signal("r5:32.7.0")], METER)
    assert told(outcome) == {"r5:32.7.0": ("229.0", "V", "invalid", "clock")}


@pytest.mark.parametrize(
    ("date", "time", "expected"),
    [
        ("261122", "171000", "2026-11-22T17:10:00"),
        ("26-11-22", "17:10:00", "2026-11-22T17:10:00"),
        ("1260722", "1171000", "2026-07-22T17:10:00"),
        ("2026-11-22", "17:10", "2026-11-22T17:10:00"),
        ("261322", "171000", None),
        ("", "171000", None),
        ("261122", "", None),
        ("noon", "today", None),
    ],
)
def test_dates_and_times_of_read_outs(date: str, time: str, expected: str | None) -> None:
    assert iec_time(date, time) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("261122171000", "2026-11-22T17:10:00"), ("26-11-22 17:10", "2026-11-22T17:10:00"),
        ("1261122171000", "2026-11-22T17:10:00"), ("20261122171000", "2026-11-22T17:10:00"), ("12", None), ("", None),
    ],
)  # fmt: skip
def test_date_times_of_read_outs(given: str, expected: str | None) -> None:
    assert iec_date_time(given) == expected


def test_another_meter_is_refused_and_nothing_is_published() -> None:
    jobs = [signal("r5:1.8.0"), signal("readout:2.8.0")]
    outcome = scan(device(**EPQS), jobs, {**METER, "shown": "87654321"})
    assert isinstance(outcome.error, WrongMeter)
    assert outcome.readings == []
    assert outcome.sent()[-1] == bytes.fromhex("01 42 30 03 71"), "the meter is told goodbye"


def test_a_meter_that_keeps_its_number_to_itself() -> None:
    hidden = {"identity": {"read": "r5:7.7.7", "required": True}}
    outcome = scan(device(hidden, **EPQS), [signal("r5:1.8.0")], METER)
    assert isinstance(outcome.error, Refused)
    assert outcome.readings == []
    outcome = scan(device({"identity": {"read": "r5:7.7.7"}}, **EPQS), [signal("r5:1.8.0")], METER)
    assert told(outcome)["r5:1.8.0"][2] == "good"


def test_a_meter_that_meets_the_question_for_its_number_with_silence() -> None:
    """Believed by its sign-on after two scans, if the profile lets it; never before."""

    def mute(sender: str, index: int, data: bytes) -> list[tuple[float, bytes]]:
        return [] if sender == "meter" and b"0.0.0(" in data else [(0.0, data)]

    for required, good in ((False, [False, False, True, True]), (True, [False] * 4)):
        memory = Memory()
        of = device({"identity": {"required": required}}, **EPQS)
        outcomes = [scan(of, [signal("r5:31.7.0")], METER, memory, fault=mute) for _ in good]
        assert [outcome.error is None for outcome in outcomes] == good
        assert [bool(outcome.readings) for outcome in outcomes] == good


def test_a_wrong_password() -> None:
    outcome = scan(device(**{**EPQS, "password": "12345678"}), [signal("r5:1.8.0")], METER)
    assert outcome.error is not None and outcome.error.reason == "auth"
    plan = driver.plan(device(**EPQS), [])
    assert plan.secrets == (b"ABCDEFGH",)
    assert "ABCDEFGH" not in str(outcome.error)


def test_two_meters_on_one_line_and_leading_zeros() -> None:
    meter = simulated.meter(model="epqm", serial="0777;888")
    for serial in (777, 888):
        outcome = scan(device(meter_model=0, id=serial), [signal("serial")], meter)
        assert outcome.values() == {"serial": serial}


def test_a_profile_that_calls_nobody_by_name() -> None:
    anyone = {"address": {"scheme": "iec-anyone"}, "registers": {"text": {"read": "r5:C.1.6", "scale": 2}}}
    outcome = scan(device(anyone, **EPQS), [signal("serial"), signal("text")], METER)
    assert outcome.sent()[0] == b"/?!\r\n"
    assert told(outcome)["text"] == ("None", None, "invalid", "type")


def test_over_tcp_there_are_no_speeds() -> None:
    outcome = scan(device(ip="10.0.0.1", port=4001, **EPQS), [signal("serial")], METER)
    assert outcome.settings == []
    assert outcome.values() == {"serial": 12345678}
    assert scan(device(ip="10.0.0.1", port=4001), [signal("serial")], {}).settings == []


def test_id_0_asks_whoever_is_there() -> None:
    outcome = scan(device(**{**EPQS, "id": 0}), [signal("serial")], METER)
    assert outcome.sent()[0] == b"/?!\r\n"
    assert outcome.values() == {"serial": 12345678}


@pytest.mark.parametrize("opens", ["300", "9600", "2400"])
def test_the_opening_speed_is_found(opens: str) -> None:
    """The pair knows no speeds; the meter answers only when the client has set its own."""
    settings: list[int] = []
    meter = simulated.meter(**METER)
    memory = Memory()
    chosen = {"baudrate": 2400} if opens == "2400" else {}
    of = device(**EPQS, **chosen)

    def watched(plan: Any) -> Any:
        generator = driver.conversation(plan, memory)
        value, error = None, None
        while True:
            try:
                step = generator.send(value) if error is None else generator.throw(error)
            except StopIteration:
                return
            if hasattr(step, "baudrate"):
                settings.append(step.baudrate)
            value = error = None
            try:
                value = yield step
            except MeterdError as caught:
                error = caught

    def deaf(sender: str, index: int, data: bytes) -> list[tuple[float, bytes]]:
        return [] if data.startswith(b"/?") and settings[-1] != int(opens) else [(0.0, data)]

    for tries in (1, 2):
        outcome = converse(watched(driver.plan(of, [signal("r5:1.8.0")])), meter(), fault=deaf)
        assert outcome.error is None
        assert len(outcome.readings) == 1
        wrong = sum(1 for data in outcome.sent() if data.startswith(b"/?")) - 1
        assert (wrong > 0) == (tries == 1 and opens == "9600")


def test_the_character_format_of_a_device_wins() -> None:
    given = {"databits": 8, "parity": "none", "stopbits": 2}
    assert {repr(line)[-3:] for line in scan(device(**EPQS, **given), [signal("serial")], METER).settings} == {"8N2"}
    assert {repr(line) for line in scan(device(baudrate=19200, **given), [signal("1.8.0")], {}).settings} == {
        "19200 8N2"
    }


def test_a_dead_meter_costs_two_requests_a_scan_where_the_line_has_others_to_serve() -> None:
    memory = Memory()
    for brief, expected in ((False, 6), (True, 2), (True, 2), (False, 6)):
        memory.brief = brief
        outcome = scan(device(**EPQS), [signal("r5:1.8.0")], METER, memory, fault=lambda *_: [])
        assert isinstance(outcome.error, Silence)
        assert len(outcome.sent()) == expected


def test_what_was_read_before_the_line_failed_is_published() -> None:
    def cut(sender: str, index: int, data: bytes) -> list[tuple[float, bytes]]:
        return [] if b"32.7.0" in data and sender == "meter" else [(0.0, data)]

    outcome = scan(device(**EPQS), [signal("r5:1.8.0"), signal("r5:32.7.0")], METER, fault=cut)
    assert isinstance(outcome.error, LineError)
    assert [(reading.signal.alias, reading.quality) for reading in outcome.readings] == [("r5:1.8.0", "good")]


@pytest.mark.parametrize("options", [{"model": "x"}, {"colour": "red"}, {"model": "epqs", "colour": "red"}])
def test_options_that_the_simulated_meters_do_not_have(options: dict[str, str]) -> None:
    with pytest.raises(TypeError, match="simulated"):
        simulated.meter(**options)


# ---- faults

KINDS = ["drop", "flip", "truncate", "duplicate", "delay", "noise", "bcc", "babble:7:300"]
GAMA_JOBS = ["1.8.0", "2.8.0", "32.7.0", "14.7.0"]
GAMA_VALUES = {"1.8.0": "14723840.5", "2.8.0": "5231.0", "32.7.0": "230.11", "14.7.0": "50.01"}
MODE_C_JOBS = ["r5:2.8.0", "r5:31.7.0", "readout:2.8.0", "serial"]
MODE_C_VALUES = {"r5:2.8.0": "0.00", "r5:31.7.0": "5.21", "readout:2.8.0": "0.00", "serial": "12345678"}


@pytest.mark.parametrize("every", [2, 3, 5])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("model", ["gama300", "epqs"])
def test_no_fault_makes_a_wrong_value(model: str, kind: str, every: int) -> None:
    """Whatever happens on the line: right values or none, and the next scan on a good line is good."""
    kind, _, rest = kind.partition(":")
    fault = Fault.parse(f"{kind}:{every}" + (f":{rest.partition(':')[2]}" if rest else ""))
    gama = model == "gama300"
    of = device() if gama else device(**EPQS)
    meter = simulated.meter() if gama else simulated.meter(**METER)
    jobs = [signal(job) for job in (GAMA_JOBS if gama else MODE_C_JOBS)]
    right = GAMA_VALUES if gama else MODE_C_VALUES
    memory = Memory()

    def strike(sender: str, index: int, data: bytes) -> list[tuple[float, bytes]]:
        return fault.apply(data) if sender == "meter" else [(0.0, data)]

    for _ in range(2):
        outcome = scan(of, jobs, meter, memory, fault=strike)
        for reading in outcome.readings:
            assert reading.value is None or str(reading.value) == right[reading.signal.alias]
        assert outcome.error is None or not isinstance(outcome.error, WrongMeter)
    for attempt in range(3):
        outcome = scan(of, jobs, meter, memory)
        if outcome.error is None:
            break
        assert attempt < 2, outcome.error
    assert {reading.signal.alias: str(reading.value) for reading in outcome.readings} == right


@pytest.mark.parametrize("chunk", [1, 7])
@pytest.mark.parametrize("model", ["gama300", "epqs"])
def test_bytes_may_come_in_any_pieces(model: str, chunk: int) -> None:
    gama = model == "gama300"
    of = device() if gama else device(**EPQS)
    outcome = scan(
        of, [signal(job) for job in (GAMA_JOBS if gama else MODE_C_JOBS)], {} if gama else METER, chunk=chunk
    )
    assert {reading.signal.alias: str(reading.value) for reading in outcome.readings} == (
        GAMA_VALUES if gama else MODE_C_VALUES
    )
