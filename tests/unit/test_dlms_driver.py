"""What a configuration comes to: tables, settings, targets, plans, and what `scan` shows of a meter."""

from __future__ import annotations

from typing import Any

import pytest

from meterd.errors import ConfigError
from meterd.protocols.dlms import discovery, driver
from meterd.protocols.dlms.parameters import AUTHENTICATIONS, DEVICE, SIGNAL
from meterd.protocols.dlms.settings import Settings
from meterd.protocols.dlms.targets import parse_column, parse_job
from meterd.simulate import dlms as simulated
from tests.pair import converse

from .dlms_pair import KEYS, device, memory, scan, signal

SEED_DEVICE = {
    "name": None, "description": "", "device_alias": None, "enable": True, "protocol": None, "serial_number": 0,
    "physical_address": 1600, "logical_address": 0, "address_size": 1, "client_address": None, "type": "SN",
    "mode": "DLMS-HDLC", "timeout_ms": 2500, "auth": "None", "password": None, "ip": None, "port": None,
    "device": None, "baudrate": 9600, "databits": 8, "stopbits": 1, "parity": "none", "flowcontrol": "none",
    "retry_counter": 3, "scan_rate_ms": 10000, "reconnect_time": 1000,
}  # fmt: skip
OLDER_NAMES = {
    "serial_number": "serialnumber", "physical_address": "server_address", "logical_address": "id",
    "client_address": "master_address", "retry_counter": "retry_count",
}  # fmt: skip
ROWS = {row.name: row for row in DEVICE}


def test_every_row_of_the_manual_is_there() -> None:
    assert {name: row.default for name, row in ROWS.items() if row.origin == "seed"} == SEED_DEVICE
    required = {row.name for row in DEVICE if row.required_tcp}
    assert required == {"name", "device_alias", "protocol", "client_address", "ip", "port"}
    assert {row.name for row in SIGNAL if row.origin == "seed"} == {
        "signal_name", "device_alias", "signal_alias", "enable", "log", "short_name", "obis_job",
    }  # fmt: skip


@pytest.mark.parametrize(("name", "older"), OLDER_NAMES.items())
def test_the_names_of_firmware_1_4(name: str, older: str) -> None:
    assert older in ROWS[name].aliases


def test_values_as_old_workbooks_have_them() -> None:
    assert ROWS["mode"].read("DLMS--HDLC") == "DLMS-HDLC"
    assert ROWS["auth"].read("LOW") == "Low"
    assert ROWS["auth"].choices == AUTHENTICATIONS
    assert ROWS["client_address"].read("0x10") == 16
    assert ROWS["client_address"].read("32") == 32
    with pytest.raises(ValueError, match="1, 2, 4"):
        ROWS["address_size"].read(3)
    with pytest.raises(ValueError, match="hex"):
        ROWS["password"].read("0x123")


def test_secrets_are_marked() -> None:
    secret = {row.name for row in DEVICE if row.secret}
    assert secret == {"password", "encryption_key", "authentication_key", "dedicated_key", "private_key"}


@pytest.mark.parametrize(
    ("given", "wire"),
    [
        ({"serial_number": 12345678, "physical_address": 5}, "0002682d"),
        ({"serial_number": 2250259, "logical_address": 1, "address_size": 2}, "000212d7"),
        ({"serial_number": 12345678, "logical_address": 3}, "0002682d"),
        ({"mode": "DLMS-WRAPPER", "serial_number": 77, "logical_address": 9}, "0001"),
        ({"serial_number": 12345678, "address_formula": "SN % 10000 + 16"}, "0002587d"),
        ({"serial_number": 1, "server_address_hex": "18 81"}, "1881"),
        ({"physical_address": 1600}, "00001881"),
        ({"mode": "DLMS-WRAPPER", "logical_address": 1, "physical_address": 17}, "0001"),
        ({"mode": "DLMS-WRAPPER", "serial_number": 77}, "0001"),
    ],
)
def test_addresses(given: dict[str, Any], wire: str) -> None:
    assert Settings(device(**given)).server.hex() == wire


def test_addresses_are_shown_both_ways() -> None:
    shown = driver.describe(driver.plan(device(client_address=32, physical_address=17, logical_address=1), []))
    assert shown == "client 32 (0x20), server 02 23 (logical 1, physical 17)"
    alone = driver.describe(driver.plan(device(client_address=16, physical_address=1), []))
    assert alone == "client 16 (0x10), server 03 (1)"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"client_address": 200}, "client"),
        ({"logical_address": 20000}, "logical"),
        ({"auth": "HighMd5"}, "password"),
        ({"auth": "HighGmac"}, "encryption_key"),
        ({"security": "both", **KEYS, "system_title": None}, "system_title"),
        ({"security": "both", "system_title": KEYS["system_title"]}, "encryption_key"),
        ({"security": "both", **KEYS, "authentication_key": None}, "authentication_key"),
        ({"security": "both", **KEYS, "security_suite": 2}, "encryption_key"),
        ({"auth": "HighEcdsa", "security_suite": 1, **KEYS}, "private_key"),
        ({"auth": "HighEcdsa", "security_suite": 1, **KEYS, "private_key": "12"}, "private_key"),
    ],
)
def test_what_cannot_work_is_said_before_a_byte_is_sent(given: dict[str, Any], words: str) -> None:
    of = device(**{name: value for name, value in given.items() if value is not None})
    with pytest.raises(ConfigError, match=words) as caught:
        driver.plan(of, [signal("1.0.1.8.0.255")])
    assert caught.value.message.partition(":")[0].isidentifier(), "the parameter comes first"
    assert KEYS["encryption_key"] not in str(caught.value)


def test_low_without_a_password_loads() -> None:
    assert driver.plan(device(auth="LOW"), [signal("1.0.1.8.0.255")]).signals


def test_over_tcp_the_sign_on_is_left_out() -> None:
    assert Settings(device(mode="IEC")).signs_on
    assert not Settings(device(mode="IEC", ip="10.0.0.1", port=4059)).signs_on
    assert Settings(device(ip="10.0.0.1", port=4059)).line is None


@pytest.mark.parametrize(
    ("text", "name", "attribute"),
    [
        ("1.0.1.8.0.255", "0100010800ff", 2),
        ("1.0.1.8.0.255:3", "0100010800ff", 3),
        ("1-0:1.8.0*255", "0100010800ff", 2),
        ("1-0:1.8.0*255:4", "0100010800ff", 4),
        ("1-0:1.8.0", "0100010800ff", 2),
    ],
)
def test_jobs(text: str, name: str, attribute: int) -> None:
    assert parse_job(text) == (bytes.fromhex(name), attribute)


@pytest.mark.parametrize("text", ["", "1.8.0", "1.0.1.8.0.256", "1.0.1.8.0.255:0", "1.0.1.8.0.255:999", "abc"])
def test_jobs_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"OBIS|attribute"):
        parse_job(text)


def test_columns() -> None:
    assert parse_column("3") == 3
    assert parse_column("1.0.1.8.0.255") == (bytes.fromhex("0100010800ff"), 2)
    with pytest.raises(ValueError, match="from 1"):
        parse_column("0")


def test_a_bad_signal_is_refused_alone_and_twins_share_a_request() -> None:
    good = [signal("1.0.1.8.0.255", alias="a"), signal("1.0.1.8.0.255", alias="b")]
    plan = driver.plan(device(), [*good, signal("nonsense", alias="c")])
    assert plan.signals == good
    assert [entry.alias for entry, _ in plan.refused] == ["c"]
    assert len(plan.requests.targets) == 1
    outcome = converse(driver.conversation(plan, memory()), simulated.meter()())
    assert outcome.values() == {"a": 1472384, "b": 1472384, "c": None}


def test_secrets_are_named_for_the_traces() -> None:
    plan = driver.plan(device(auth="Low", password="verysecret", **KEYS, security="both"), [])
    assert b"verysecret" in plan.secrets
    assert bytes.fromhex(KEYS["encryption_key"]) in plan.secrets


@pytest.mark.parametrize("referencing", ["LN", "SN"])
def test_scan_shows_what_a_meter_has(referencing: str) -> None:
    outcome = converse(discovery.scan(device(type=referencing), memory()), simulated.meter(registers="3")())
    assert outcome.error is None
    found = {entry.obis: entry for entry in outcome.value}
    assert (found["1.0.1.8.0.255"].class_id, found["1.0.1.8.0.255"].value) == (3, "1472384")
    assert found["1.0.1.8.3.255"].unit == "Wh"
    assert found["1.0.99.1.0.255"].class_id == 7
    assert found["1.0.99.1.0.255"].value is None
    assert (found["1.0.1.8.0.255"].short_name != 0) == (referencing == "SN")


def test_scan_of_a_meter_that_keeps_its_list_to_itself() -> None:
    outcome = converse(discovery.scan(device(), memory()), simulated.meter(object_list="0")())
    assert "object list" in str(outcome.error)


def test_the_simulated_meter_refuses_unknown_options() -> None:
    with pytest.raises(TypeError, match="bananas"):
        simulated.meter(bananas="1")


def test_a_simulated_meter_counts_on() -> None:
    factory = simulated.meter(counts="7")
    values = [scan(device(), [signal("1.0.1.8.0.255", alias="a")], factory).values()["a"] for _ in range(3)]
    assert values == [1472384, 1472391, 1472398]
