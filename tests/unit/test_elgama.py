"""GAMA meters: the published frames, the address rule, what a signal may ask for, who answers, whose clock counts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meterd._number import Number
from meterd.errors import ConfigError, Disconnected, Refused, WrongMeter
from meterd.model import Memory
from meterd.protocols.dlms.apdus.selection import CLOCK, by_range
from meterd.protocols.dlms.conversation import Session
from meterd.protocols.dlms.links.address import parse_raw, split_address
from meterd.protocols.dlms.memory import DlmsMemory
from meterd.protocols.dlms.naming import Item
from meterd.protocols.dlms.times import later
from meterd.protocols.elgama import driver
from meterd.protocols.elgama.neighbours import review
from meterd.protocols.elgama.profile import Profile
from meterd.protocols.elgama.settings import dlms_settings, server_address
from meterd.simulate import dlms
from meterd.simulate import elgama as simulated
from tests.pair import converse

from .elgama_case import SERIAL, device, scan, shipped, signal, text, told

NOBODY = {"identity": None}  # a profile without a number to read back: the next request comes first

SNRM_32 = "7E A0 0A 00 02 24 EB 41 93 AA 25 7E"
DISC_32 = "7E A0 0A 00 02 24 EB 41 53 A6 E3 7E"
SNRM_16 = "7E A0 0A 00 02 24 EB 21 93 FF 40 7E"
AARQ_16 = (
    "7E A0 2E 00 02 24 EB 21 10 99 FA E6 E6 00 60 1D A1 09 06 07 60 85 74 05 08 01 02 "
    "BE 10 04 0E 01 00 00 00 06 5F 1F 04 00 1C 03 20 FF FF 80 AB 7E"
)
AARQ_32_HEAD = (
    "7E A0 47 00 02 24 EB 41 10 70 7A E6 E6 00 60 36 A1 09 06 07 60 85 74 05 08 01 02 8A 02 07 80 "
    "8B 07 60 85 74 05 08 02 01 AC 0A 80 08"
)
AARQ_32_TAIL = "BE 10 04 0E 01 00 00 00 06 5F 1F 04 00 1C 03 20"
READ_VALUE = "7E A0 14 00 02 24 EB 21 32 94 C7 E6 E6 00 05 01 02 01 08 B8 06 7E"
READ_SCALER = "7E A0 14 00 02 24 EB 21 54 A4 C1 E6 E6 00 05 01 02 01 10 71 9A 7E"
READ_BOTH = "7E A0 17 00 02 24 EB 21 32 FA 6F E6 E6 00 05 02 02 01 08 02 01 10 13 CA 7E"
READ_CLOCK_32 = "7E A0 14 00 02 24 EB 41 32 C1 A2 E6 E6 00 05 01 02 68 08 F5 B4 7E"
READ_SERIAL_32 = "7E A0 14 00 02 24 EB 41 32 C1 A2 E6 E6 00 05 01 02 73 08 CC C5 7E"
READ_PROFILE_32 = (
    "7E A0 47 00 02 24 EB 41 32 60 78 E6 E6 00 05 01 04 C0 08 01 02 04 02 04 12 00 08 09 06 00 00 01 00 00 FF "
    "0F 02 12 00 00 09 0C 07 DF 04 14 FF 0F 00 00 00 80 00 FF 09 0C 07 DF 04 14 FF 17 00 00 00 80 00 FF 01 00 EE 4B 7E"
)
PASSWORD = {"password": "OPERATOR"}


def octets(text_of_frame: str) -> bytes:
    return bytes.fromhex(text_of_frame)


# ---- the frames that are public


def test_frames_of_client_16() -> None:
    sent = scan(device(NOBODY), [signal("1.8.0")], {}).sent()
    assert sent[:4] == [octets(SNRM_16), octets(AARQ_16), octets(READ_VALUE), octets(READ_SCALER)]


def test_value_and_scaler_in_one_request() -> None:
    both = {**NOBODY, "association": {"max_vars_per_read": 2}}
    outcome = scan(device(both), [signal("1.8.0")], {})
    assert outcome.sent()[2] == octets(READ_BOTH)
    assert told(outcome)["1.8.0"] == ("14723840.5", "Wh", "good", None)


def test_frames_of_client_32_with_a_password() -> None:
    sent = scan(device(**PASSWORD), [signal("1.8.0")], PASSWORD).sent()
    assert sent[0] == octets(SNRM_32)
    assert sent[1].startswith(octets(AARQ_32_HEAD) + b"OPERATOR" + octets(AARQ_32_TAIL))
    assert sent[2] == octets(READ_SERIAL_32)
    assert sent[-1] == octets(DISC_32)


def test_the_clock_is_read_first_of_all_values() -> None:
    outcome = scan(device(NOBODY, use_time=1, **PASSWORD), [signal("1.8.0")], PASSWORD)
    assert outcome.sent()[2] == octets(READ_CLOCK_32)


def test_range_of_the_load_profile() -> None:
    chosen = by_range(
        CLOCK, octets("07 DF 04 14 FF 0F 00 00 00 80 00 FF"), octets("07 DF 04 14 FF 17 00 00 00 80 00 FF")
    )
    settings_of_meter = dlms_settings(device(**PASSWORD), Profile(shipped("gama300")))

    def conversation() -> Any:
        session = Session(settings_of_meter, DlmsMemory(Memory()))
        yield from session.open()
        answer = yield from session.reader().attempt(Item(7, bytes(6), 2, chosen, 0xC008))
        yield from session.leave()
        return answer

    outcome = converse(conversation(), simulated.meter(**PASSWORD)())
    assert outcome.sent()[2] == octets(READ_PROFILE_32)
    assert outcome.value == (0, [])


def test_mode_e_at_the_optical_port() -> None:
    outcome = scan(device(profile="gama300-optical"), [signal("1.8.0")], {"opening": "mode-e"})
    assert outcome.sent()[:3] == [b"/?!\r\n", octets("06 32 35 32 0D 0A"), octets(SNRM_16)]
    assert [repr(line) for line in outcome.settings] == ["300 7E1", "9600 8N1"]
    assert told(outcome)["1.8.0"] == ("14723840.5", "Wh", "good", None)


# ---- the address


@given(st.integers(0, 99_999_999))
@settings(max_examples=200)
def test_every_serial_number_has_its_address(serial: int) -> None:
    address = server_address(Profile(shipped("gama300")), serial)
    expected = 0x3FFF if not serial else serial % 10000 + 1000
    assert len(address) == 4
    assert parse_raw(address.hex()) == address  # only the last byte is odd
    assert split_address(address) == (1, expected)
    upper, lower = address[0] >> 1 << 7 | address[1] >> 1, address[2] >> 1 << 7 | address[3] >> 1
    assert (upper, lower) == (1, expected)


@pytest.mark.parametrize(("rule", "serial", "lower"), [("17", 5, 17), ("sn", 99, 99), ("SN%100 + 16", 4711, 27)])
def test_other_rules(rule: str, serial: int, lower: int) -> None:
    profile = Profile(
        {**shipped("gama300"), "address": {"scheme": "hdlc-serial", "upper": 1, "lower": rule, "size": 4}}
    )
    assert split_address(server_address(profile, serial)) == (1, lower)


def test_an_id_that_makes_no_address_is_an_error() -> None:
    wrong = device({"address": {"lower": "sn"}}, id=20_000)
    [(_, parameter, message, is_error)] = review([wrong])
    assert (parameter, is_error) == ("id", True)
    assert "20000" in message
    with pytest.raises(ConfigError, match="id"):
        driver.plan(wrong, [])


# ---- what is read


def test_names_raw_forms_fields_and_attributes() -> None:
    outcome = scan(
        device(),
        [
            signal("1.8.0"), signal("1-0:2.8.0*255"), signal("1.0.3.8.0.255"), signal("3.8.0,4.8.0", "4.8.0"),
            signal("sn:0x0120"), signal("sn:264", alias="decimal"), signal("ln:1.0.32.7.0.255:2"),
            text("1.8.0", "1.8.0:3"), text("1.8.0", "1.8.0:1"),
            text("serial"), text("clock"), signal("1.8.0", "serial", alias="number"),
        ],
        {},
    )  # fmt: skip
    assert outcome.error is None
    assert told(outcome) == {
        "1.8.0": ("14723840.5", "Wh", "good", None),
        "1-0:2.8.0*255": ("5231.0", "Wh", "good", None),
        "1.0.3.8.0.255": ("991234.5", "varh", "good", None),
        "4.8.0": ("7.1", "varh", "good", None),
        "sn:0x0120": ("10000000.1", "Wh", "good", None),
        "decimal": ("14723840.5", "Wh", "good", None),
        "ln:1.0.32.7.0.255:2": ("230.11", "V", "good", None),
        "1.8.0:3": ("[-1, 30]", None, "good", None),
        "1.8.0:1": ("1.0.1.8.0.255", None, "good", None),
        "serial": ("02141421", None, "good", None),
        "clock": ("2026-07-01T12:07:30", None, "good", None),
        "number": ("2141421", None, "good", None),
    }
    reads = [frame for frame in outcome.sent() if b"\x05\x01\x02" in frame]
    assert len(reads) == len(set(reads)), "nothing is read twice"


@pytest.mark.parametrize(
    ("job", "tag", "why"),
    [
        ("9.9.9", "9.9.9", "gama300.json"),
        ("1.8.0,9.9.9", "9.9.9", "gama300.json"),
        ("1.8.0,2.8.0", "1.8.0,2.8.0", "one of its 2 items"),
        ("1.8.0", "2.8.0", "one of the items of job_todo"),
        ("r5:1.8.0", "r5:1.8.0", "sn:…"),
        ("sn:0x10000", "sn:0x10000", "short name"),
        ("ln:1.2.3", "ln:1.2.3", "OBIS"),
        ("1.8.0", "1.8.0#0", "field"),
        ("1.8.0", "1.8.0:0", "attribute"),
        ("1.8.0,,2.8.0", "1.8.0", "commas"),
        ("load_profile", "load_profile:3", "no object"),
    ],
)
def test_what_resolves_to_nothing_fails_alone(job: str, tag: str, why: str) -> None:
    bad, good = signal(job, tag, alias="bad"), signal("1.8.0", alias="good")
    plan = driver.plan(device(), [bad, good])
    [(refused, message)] = plan.refused
    assert refused is bad
    assert why in message
    assert plan.signals == [good]
    outcome = converse(driver.conversation(plan, Memory()), simulated.meter()())
    assert outcome.values() == {"good": outcome.values()["good"]}


def test_a_name_of_no_register_is_not_found_and_a_wrong_field_is_a_type() -> None:
    nowhere, field = signal("7.7.7", alias="nowhere"), signal("1.8.0", "1.8.0#0", alias="field")
    plan = driver.plan(device(), [nowhere, field])
    assert {refused.alias for refused, _ in plan.refused} == {"nowhere", "field"}
    assert plan.unknown == {nowhere}


def test_an_item_that_nobody_knows_leaves_its_neighbours_alone() -> None:
    assert told(scan(device(), [signal("1.8.0,9.9.9", "1.8.0")], {}))["1.8.0"][2] == "good"


def test_aliases_scales_and_fields_of_a_site() -> None:
    over = {
        "registers": {
            "1.8.0": {"scale": 0.001, "unit": "kWh"},
            "part": {"read": "sn:0x0210", "scaler": None, "field": 2},
        },
        "aliases": {"Total, import": "1.8.0", "energies": "2.8.0,3.8.0", "exponent": "sn:0x0110#1"},
    }
    outcome = scan(
        device(over),
        [signal("Total, import"), signal("part"), signal("energies", "3.8.0"), signal("energies", "2.8.0"),
         signal("exponent")],
        {},
    )  # fmt: skip
    assert told(outcome) == {
        "Total, import": ("147238.405", "kWh", "good", None),
        "part": ("30", None, "good", None),
        "3.8.0": ("991234.5", "varh", "good", None),
        "2.8.0": ("5231.0", "Wh", "good", None),
        "exponent": ("-1", None, "good", None),
    }


def test_scalers_are_the_meters_not_the_profiles() -> None:
    assert told(scan(device(), [signal("1.8.0")], {"scaler": "3"}))["1.8.0"] == ("14723840500", "Wh", "good", None)


def test_a_value_whose_scaler_is_refused_is_no_number() -> None:
    over = {"registers": {"y": {"read": "sn:0x7308"}}}
    assert told(scan(device(over), [signal("y")], {}))["y"] == ("None", None, "invalid", "not_found")


def test_many_signals_come_in_few_requests_where_the_profile_lets_them() -> None:
    names = ["1.8.0", "2.8.0", "3.8.0", "4.8.0", "31.7.0", "51.7.0", "71.7.0", "14.7.0"]
    jobs = [signal(",".join(names), name) for name in names]
    one = scan(device(), jobs, {})
    many = scan(device({"association": {"max_vars_per_read": 8}}), jobs, {})
    assert one.values() == many.values()
    assert len(one.sent()) - len(many.sent()) == 14
    for lists in ("refused", "no"):
        alone = scan(device({"association": {"max_vars_per_read": 8}}), jobs, {"lists": lists})
        assert alone.error is None
        assert alone.values() == one.values()


def test_logical_names() -> None:
    meter = dlms.meter(type="LN", serial=str(SERIAL), address="serial")
    made = device(meter_model=3, profile="gama100-ln", use_time=1)
    outcome = scan(
        made, [signal("1.8.0"), signal("ln:1.0.3.8.0.255:2"), text("clock"), text("1-0:1.8.0", "1-0:1.8.0:1")], meter
    )
    assert told(outcome) == {
        "1.8.0": ("1472384", "Wh", "good", None),
        "ln:1.0.3.8.0.255:2": ("500000", "varh", "good", None),
        "clock": ("2026-01-04T02:45:00", None, "good", None),
        "1-0:1.8.0:1": ("1.0.1.8.0.255", None, "good", None),
    }
    assert outcome.readings[0].meter_time == "2026-01-04T02:45:00"


def test_codes_that_are_not_listed_where_the_profile_lets_them() -> None:
    over = {"unlisted": "ln", "registers": {"1.8.1": None, "3.8.0": None}}
    outcome = scan(device(over), [signal("1.8.1"), signal("1-0:3.8.0*255"), signal("9.9.9")], {})
    assert told(outcome) == {
        "1.8.1": ("10000000.1", "Wh", "good", None),
        "1-0:3.8.0*255": ("991234.5", "varh", "good", None),
        "9.9.9": ("None", None, "invalid", "not_found"),
    }


def test_what_a_meter_does_not_have_fails_with_a_reason() -> None:
    over = {
        "registers": {
            "gone": {"read": "sn:0x0050"}, "own clock": {"read": "sn:0x6808", "type": "cosem-datetime"},
            "3.8.0": {"scale": 1000, "unit": "varh", "_why": "a transformer"},
            "no rows": {"read": "sn:0x0058", "kind": "profile", "class": 7},
            "no list": {"read": "sn:0x3E10", "kind": "log"}, "no log": {"read": "sn:0x0060", "kind": "log"},
        },
    }  # fmt: skip
    jobs = [signal(name) for name in ("gone", "3.8.0", "no rows", "no list", "no log", "ln:1.0.99.9.9.255:2")]
    jobs += [text("own clock"), signal("1.8.0", "1.8.0#2", alias="field"), signal("own clock", alias="number")]
    assert told(scan(device(over), jobs, {})) == {
        "gone": ("None", None, "invalid", "not_found"),
        "3.8.0": ("9912345000", "varh", "good", None),
        "no rows": ("None", None, "invalid", "not_found"),
        "no list": ("None", None, "invalid", "type"),
        "no log": ("None", None, "invalid", "not_found"),
        "ln:1.0.99.9.9.255:2": ("None", None, "invalid", "not_found"),
        "own clock": ("2026-07-01T12:07:30+01:00", None, "good", None),
        "field": ("None", None, "invalid", "not_found"),
        "number": ("None", None, "invalid", "type"),
    }


def test_fields_of_rows_that_are_not_there() -> None:
    jobs = [signal("load_profile", "load_profile#9"), signal("power_failures", "power_failures#3"),
            signal("load_profile", "load_profile#9.9.9")]  # fmt: skip
    outcome = scan(device(profile_rows=1), jobs, {})
    assert {reading.reason for reading in outcome.readings} == {"not_found"}
    assert len({reading.signal.alias for reading in outcome.readings}) == 3


def test_a_number_compared_as_text() -> None:
    exactly = {"identity": {"compare": "text"}}
    assert isinstance(scan(device(exactly), [signal("1.8.0")], {}).error, WrongMeter)
    assert scan(device(exactly), [signal("1.8.0")], {"serial": str(SERIAL)}).error is None


# ---- who answers


def test_another_meter_is_refused_and_nothing_is_published() -> None:
    outcome = scan(device(use_time=1), [signal("1.8.0"), signal("load_profile"), text("serial")], {"shown": "99991421"})
    assert isinstance(outcome.error, WrongMeter)
    assert "99991421" in str(outcome.error)
    assert [reading.value for reading in outcome.readings] == [None]  # the load profile's failure
    assert outcome.sent()[-1][8] == 0x53, "the meter is told goodbye"


@pytest.mark.parametrize("shown", ["", "ABC", "2141421 X"])
def test_an_empty_number_or_one_of_another_shape_is_no_other_meter(shown: str) -> None:
    outcome = scan(device(), [signal("1.8.0")], simulated.meter(shown=shown or " "))
    assert outcome.error is None and told(outcome)["1.8.0"][2] == "good"


def test_a_meter_that_keeps_its_number_to_itself() -> None:
    hidden = {"identity": {"read": "sn:0x0050"}}
    error = scan(device(hidden), [signal("1.8.0")], {}).error
    assert isinstance(error, Refused)
    believed = {"identity": {"read": "sn:0x0050", "required": False}}
    assert told(scan(device(believed), [signal("1.8.0")], {}))["1.8.0"][2] == "good"


def test_two_meters_on_one_line() -> None:
    meter = simulated.meter(serial="2141421;30005555")
    for serial in (SERIAL, 30_005_555):
        outcome = scan(device(id=serial), [signal("serial")], meter)
        assert outcome.values() == {"serial": serial}


def test_id_0_asks_the_only_meter_and_speaks_to_it_by_its_own_address() -> None:
    outcome = scan(device(id=0), [signal("1.8.0"), text("serial")], {})
    assert told(outcome)["serial"][0] == "02141421"
    assert told(outcome)["1.8.0"][0] == "14723840.5"
    assert outcome.sent()[0][3:7] == octets("00 02 FE FF")
    assert outcome.sent()[1][3:7] == octets("00 02 24 EB")


def test_ids_that_share_an_address_on_one_line() -> None:
    first, second, elsewhere = device(), device(id=99_991_421), device(id=88_881_421)
    second.alias, elsewhere.alias, elsewhere.line = "second", "elsewhere", "PORT2"
    remarks = review([first, second, elsewhere])
    assert [(found.alias, parameter, is_error) for found, parameter, _, is_error in remarks] == [("second", "id", True)]
    assert "device meter (id 2141421)" in remarks[0][2]


def test_doubts() -> None:
    words = [
        message for _, _, message, is_error in review([device(id=0), device(meter_model=1, use_time=1)]) if not is_error
    ]
    assert any("only one on its line" in message for message in words)
    assert any("knows no clock" in message for message in words)
    assert any("unverified" in message for message in words)
    assert "8" in review([device(password="1234")])[0][2]
    again = device()
    again.alias = "again"
    assert [remark[2:] for remark in review([device(), again])] == [
        ("is the meter of device meter too, by its id 2141421", False)
    ]
    assert "is for meter_model 3" in review([device(profile="gama100")])[0][2]


# ---- time


def test_the_meters_time_and_its_wrong_deviation() -> None:
    outcome = scan(device(use_time=1), [signal("1.8.0"), text("clock")], {"summer": "1"})
    assert {reading.meter_time for reading in outcome.readings} == {"2026-07-01T12:07:30"}
    trusting = {"clock": {"ignore_deviation": False, "ignore_status": False}}
    outcome = scan(device(trusting, use_time=1), [signal("1.8.0")], {"summer": "1"})
    assert outcome.readings[0].meter_time == "2026-07-01T12:07:30+01:00"
    assert scan(device(), [signal("1.8.0")], {}).readings[0].meter_time is None


@pytest.mark.parametrize("clock", ["refused", "unset"])
def test_a_clock_that_is_of_no_use(clock: str) -> None:
    reading = scan(device(use_time=1), [signal("1.8.0")], {"clock": clock}).readings[0]
    assert (str(reading.value), reading.meter_time) == ("14723840.5", None)
    assert (reading.quality, reading.reason) == ("invalid", "clock")


def test_a_clock_that_the_meter_calls_invalid() -> None:
    trusting = {"clock": {"ignore_status": False}}
    reading = scan(device(trusting, use_time=1), [signal("1.8.0")], {"clock": "invalid"}).readings[0]
    assert (reading.quality, reading.reason) == ("invalid", "clock")
    reading = scan(device(use_time=1), [signal("1.8.0")], {"clock": "invalid"}).readings[0]
    assert (reading.quality, reading.meter_time) == ("good", "2026-07-01T12:07:30")


def test_nothing_is_ever_written() -> None:
    outcome = scan(device(use_time=1), [signal("1.8.0"), signal("load_profile", "load_profile#3"), text("clock")], {})
    requests = {frame[14] for frame in outcome.sent() if len(frame) > 20 and frame[11:14] == b"\xe6\xe6\x00"}
    assert requests <= {0x60, 0x05, 0x62}, "AARQ, READ, RLRQ"


# ---- load profile and log


def test_rows_come_once_with_the_meters_times() -> None:
    gama = simulated.Gama(rows=200, failures=1)
    meter = simulated.gama_line([gama], {})
    memory = Memory()
    jobs = [
        signal("load_profile", "load_profile#3", alias="column"),
        signal("load_profile", "load_profile#1.8.0", alias="code"),
        text("load_profile", alias="row"),
        signal("power_failures", alias="failure"),
        text("power_failures", "power_failures#1", alias="when"),
    ]
    first = scan(device(profile_rows=8), jobs, meter, memory)
    rows = [reading for reading in first.readings if reading.signal.alias == "column"]
    assert [reading.meter_time for reading in rows][:2] == ["2026-07-01T10:15:00", "2026-07-01T10:30:00"]
    assert len(rows) == 8
    assert (str(rows[-1].value), rows[-1].unit, rows[-1].meter_time) == ("100139.3", "Wh", "2026-07-01T12:00:00")
    assert [str(r.value) for r in first.readings if r.signal.alias == "code"] == [str(r.value) for r in rows]
    failures = [(r.value, r.meter_time) for r in first.readings if r.signal.alias == "failure"]
    assert failures == [(1, "2026-07-01T02:07:30"), (0, "2026-07-01T02:09:00")]
    assert [r.value for r in first.readings if r.signal.alias == "when"] == [time for _, time in failures]
    assert scan(device(profile_rows=8), jobs, meter, memory).readings == []
    gama.profile.grow(2)
    gama.fail()
    third = scan(device(profile_rows=8), jobs, meter, memory)
    assert [r.meter_time for r in third.readings if r.signal.alias == "column"] == [
        "2026-07-01T12:15:00", "2026-07-01T12:30:00",
    ]  # fmt: skip
    assert [r.meter_time for r in third.readings if r.signal.alias == "failure"] == [
        "2026-07-01T03:07:30", "2026-07-01T03:09:00",
    ]  # fmt: skip


def test_rows_go_on_after_a_restart() -> None:
    gama = simulated.Gama(rows=20)
    meter = simulated.gama_line([gama], {})
    before = Memory()
    job = [signal("load_profile", "load_profile#3")]
    assert len(scan(device(profile_rows=5), job, meter, before).readings) == 5
    gama.profile.grow(40)
    after = Memory(before.persistent)
    assert len(scan(device(profile_rows=5), job, meter, after).readings) == 40


def test_the_hour_that_comes_twice_in_autumn() -> None:
    gama = simulated.Gama(rows=0, clock="2026-10-25T02:36:00")
    summer = octets("07 EA 0A 19 FF 01 1E 00 00 FF C4 80")  # 01:30, its deviation that of winter
    winter = octets("07 EA 0A 19 FF 02 00 00 00 FF C4 00")
    face = [later(summer, 900 * index) for index in range(6)] + [later(winter, 900 * index) for index in range(6)]
    rows = [(time, 0, 1000 + index, 0) for index, time in enumerate(face)]
    gama.profile.rows = rows[:5]
    meter, memory, job = simulated.gama_line([gama], {}), Memory(), [signal("load_profile", "load_profile#3")]
    first = scan(device(), job, meter, memory)
    assert [str(reading.value) for reading in first.readings] == ["100.0", "100.1", "100.2", "100.3", "100.4"]
    assert first.readings[-1].meter_time == "2026-10-25T02:30:00"
    gama.profile.rows = rows
    second = scan(device(), job, meter, memory)
    assert [str(reading.value) for reading in second.readings] == [str(Number(1005 + n, -1)) for n in range(7)]
    assert [reading.meter_time[11:16] for reading in second.readings[:2] if reading.meter_time] == ["02:45", "02:00"]
    assert scan(device(), job, meter, memory).readings == []


def test_a_clock_of_no_use_and_rows() -> None:
    """Without a clock to count back from the newest rows are asked for by entry, and if refused all are read."""
    outcome = scan(
        device(profile_rows=4), [signal("load_profile", "load_profile#3")], {"clock": "refused", "rows": "12"}
    )
    assert outcome.error is None
    assert len(outcome.readings) == 4


def test_a_clock_that_leads_past_all_rows() -> None:
    """A clock years ahead must not hide the rows for ever."""
    gama = simulated.Gama(rows=12)
    gama.shared.table.objects[-5].attributes[2] = b"\x09\x0c" + octets("08 1B 07 01 FF 0C 07 1E 00 FF C4 80")
    outcome = scan(device(profile_rows=4), [signal("load_profile", "load_profile#3")], simulated.gama_line([gama], {}))
    assert outcome.error is None
    assert [reading.meter_time for reading in outcome.readings][-1] == "2026-07-01T12:00:00"
    assert len(outcome.readings) == 4


def test_long_answers_come_in_segments_and_blocks() -> None:
    many = [f"{c}.7.0" for c in (31, 51, 71, 32, 52, 72)]
    for options in ({"pdu": "60"}, {"info": "32", "window": "3"}, {"busy": "2"}):
        outcome = scan(device(), [signal("load_profile", "load_profile#3"), *map(signal, many)], options)
        assert outcome.error is None, options
        assert len(outcome.readings) > 90
        assert str(outcome.values()["32.7.0"]) == "230.11"


def test_a_meter_that_hangs_up_is_asked_again_for_the_rest() -> None:
    outcome = scan(device(), [signal("1.8.0"), signal("2.8.0")], {"hang_up": "6"})
    assert outcome.error is None
    assert [reading.signal.alias for reading in outcome.readings] == ["1.8.0", "2.8.0"]
    outcome = scan(device(), [signal("1.8.0")], {"hang_up": "2"})
    assert isinstance(outcome.error, Disconnected)


def test_failures_reach_the_rows_too() -> None:
    outcome = scan(device(), [signal("1.8.0"), text("load_profile")], {}, fault=lambda *_: [])
    assert outcome.error is not None
    assert [(r.signal.alias, r.reason) for r in outcome.readings] == [("load_profile", "no_bytes")]


# ---- nobody has a profile


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"meter_model": 4}, "meter_model 4 (ITS cl): no profile is public"),
        ({"meter_model": 1, "profile": "epqs-electrical"}, "IEC 62056-31"),
    ],
)
def test_a_meter_without_a_profile_stays_unread(given: dict[str, Any], words: str) -> None:
    job = signal("1.8.0")
    plan = driver.plan(device(**given), [job])
    assert plan.signals == [job]
    outcome = converse(driver.conversation(plan, Memory()), simulated.meter()())
    assert words in str(outcome.error)
    assert outcome.error is not None and outcome.error.reason == "not_read_yet"
    assert outcome.wire == []
    assert words in review([device(**given)])[0][2]
