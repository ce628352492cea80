"""Profiles of meters whose lists do not explain themselves: the shipped ones, a site's own, and slips in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from meterd.cli import nameless
from meterd.cli.main import main
from meterd.config.profiles import Profiles, known_names, package_of
from meterd.conversation import Pause, Send
from meterd.errors import ConfigError, DecodeError
from meterd.model import Device, Memory
from meterd.protocols.dlms_push import discovery, driver
from meterd.protocols.dlms_push.profile_schema import readings_of
from tests.pair import converse
from tests.strangers.pusher import framed, name, notification, text, whole

from .test_dlms_push import device, heard, signal, told

POWER, CURRENT, VOLTAGE = "1.0.1.7.0.255", "1.0.31.7.0.255", "1.0.32.7.0.255"
OWN: dict[str, Any] = {
    "profile": "cellar",
    "_note": {"of": "whoever wrote it"},
    "codes": {"#note": {"of": "A"}, CURRENT: {"scaler": -2, "unit": "A"}, "1-0:1.8.0*255": {"unit": "Wh"}},
    "lists": {
        "_note": {"short": "each ten seconds"},
        "short": {"values": [POWER, None, CURRENT]},
        "long": {"values": [POWER, CURRENT, "1.0.1.8.0.255", None]},
    },
    "telegrams": {
        "short": {"apdu": notification(b"\x02\x03" + whole(7) + whole(8) + whole(912)).hex(),
                  "readings": {"1-0:31.7.0*255": "9.12 A", POWER: "7"}},
    },
}  # fmt: skip


def loaded(content: dict[str, Any], folder: Path) -> tuple[dict[str, Any] | None, list[str]]:
    path = folder / f"{content.get('profile', 'x')}.json"
    path.write_text(json.dumps(content, indent=1))
    profiles = Profiles(careful=True)
    return profiles.load("dlms_push", str(path)), [str(error) for error in profiles.errors]


def described(content: dict[str, Any] | None) -> Device:
    found = device()
    found.profile = content
    return found


def listening(content: dict[str, Any] | None, *jobs: Any) -> list[Any]:
    signals = [job if not isinstance(job, str) else signal(job) for job in jobs]
    return [(driver.plan(described(content), signals), Memory())]


def test_shipped_profiles_read_their_own_telegrams() -> None:
    profiles = Profiles(careful=True)
    profiles.check_all("dlms_push")
    assert not profiles.errors
    assert {"kaifa-han", "kamstrup-han", "landis-gyr-e450", "wiener-netze"} <= set(known_names("dlms_push"))
    for each in known_names("dlms_push"):
        content = profiles.load("dlms_push", each)
        assert content is not None and content["source"] and content["telegrams"]
        for one in content["telegrams"].values():
            read = readings_of(content, bytes.fromhex(one["apdu"]))
            assert one["readings"].items() <= read.items()


def test_values_without_codes_are_named_by_how_many_they_are(tmp_path: Path) -> None:
    content, errors = loaded(OWN, tmp_path)
    assert not errors
    short = notification(b"\x02\x03" + whole(7) + whole(8) + whole(912))
    long = notification(b"\x01\x02\x02\x02" + whole(70) + whole(34) + b"\x02\x02" + whole(5500) + whole(1))
    served = listening(content, POWER, CURRENT, "1.0.1.8.0.255")
    outcome = heard(framed(short), framed(long), served=served)
    assert [(job, value, unit) for job, value, unit, _ in told(outcome)] == [
        (POWER, "7", None), (CURRENT, "9.12", "A"),
        (POWER, "70", None), (CURRENT, "0.34", "A"), ("1.0.1.8.0.255", "5500", "Wh"),
    ]  # fmt: skip
    other = heard(framed(notification(b"\x02\x02" + whole(7) + whole(8))), served=served)
    assert isinstance(other.error, DecodeError) and "knows lists of: 3, 4" in str(other.error)


def test_what_the_list_tells_comes_first_then_the_signal_then_the_profile(tmp_path: Path) -> None:
    content, _ = loaded(OWN, tmp_path)
    told_so = notification(b"\x01\x01\x02\x03" + name(CURRENT) + whole(15) + b"\x02\x02\x0f\xff\x16\x21")
    bare = notification(b"\x02\x02" + name(CURRENT) + whole(15))
    served = listening(content, CURRENT, signal(CURRENT, scaler=-3))
    outcome = heard(framed(told_so), framed(bare), served=served)
    assert [value for _, value, _, _ in told(outcome)] == ["1.5", "1.5", "0.15", "0.015"]


def test_a_text_of_six_characters_is_no_code() -> None:
    outcome = heard(framed(notification(b"\x02\x02\x09\x06AB1234" + whole(7))))
    assert isinstance(outcome.error, DecodeError) and "no OBIS codes" in str(outcome.error)


def test_a_site_lays_its_own_over_a_shipped_one(tmp_path: Path) -> None:
    lists = ("1", "2, one phase", "2, three phases", "3, one phase", "3, three phases")
    codes = {CURRENT: {"scaler": -1}, VOLTAGE: None}
    over = {"profile": "garage", "extends": "kaifa-han", "codes": codes, "telegrams": dict.fromkeys(lists)}
    content, errors = loaded(over, tmp_path)
    assert content is not None and not errors
    assert content["codes"][CURRENT] == {"scaler": -1, "unit": "A"} and VOLTAGE not in content["codes"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"codes": {"nonsense": {"scaler": 1}}}, 'codes.nonsense: found "nonsense", allowed: an OBIS code'),
        ({"codes": {CURRENT: {"scaler": 1.5}}}, "allowed: a whole number, -64 to 64"),
        ({"codes": {CURRENT: {"unit": "furlong"}}}, 'parameter unit: found "furlong"'),
        ({"codes": {CURRENT: {"factor": 3}}}, "parameter factor: is not known here, allowed: scaler, unit"),
        ({"lists": {"a": {"values": []}}}, "allowed: a list of 1 to 500"),
        ({"lists": {"a": {"values": [POWER, "x"]}}}, 'parameter values.1: found "x"'),
        ({"lists": {"a": {"values": [POWER, POWER]}}}, "which value 1 is already"),
        ({"lists": {"a": {"values": [POWER]}, "b": {"values": [CURRENT]}}}, "told apart by their number"),
        ({"lists": {"a": {}}}, "parameter values: is missing"),
        ({"codes": {POWER: {}, "1-0:1.7.0*255": {}}}, "written in another way"),
        ({"telegrams": {"a": {"apdu": "0F4", "readings": {POWER: "1"}}}}, "in hex"),
        ({"telegrams": {"a": {"apdu": "0F40", "readings": {POWER: "1"}}}}, "does not read"),
        ({"telegrams": {"a": {"apdu": "0F", "readings": {"volts": "1"}}}}, "an OBIS code"),
        ({"telegrams": {"a": {"readings": {POWER: "1"}}}}, "parameter apdu: is missing"),
        ({"colour": "red"}, "colour: is not known here"),
    ],
)
def test_slips_are_told_with_their_line(change: dict[str, Any], words: str, tmp_path: Path) -> None:
    content, errors = loaded({"profile": "slip", "lists": {"z": {"values": [None] * 9}}, **change}, tmp_path)
    assert content is None
    assert any(words in error and ", line " in error for error in errors), errors


def test_a_telegram_that_reads_otherwise_is_told(tmp_path: Path) -> None:
    wrong = {**OWN, "telegrams": {"short": {**OWN["telegrams"]["short"], "readings": {POWER: "8 W", VOLTAGE: "230 V"}}}}
    content, errors = loaded(wrong, tmp_path)
    assert content is None
    assert any(f'readings.{POWER}: reads "7", and not "8 W"' in error and ", line " in error for error in errors)
    assert any(f"readings.{VOLTAGE}: is not in the telegram" in error for error in errors)
    empty, errors = loaded({"profile": "empty"}, tmp_path)
    assert empty is None and "lists, codes, or both" in errors[0]


def test_check_knows_whose_profile_a_file_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "cellar.json"
    path.write_text(json.dumps(OWN))
    assert package_of(str(path)) == "dlms_push"
    assert main(["check", str(path)]) == 0
    path.write_text(json.dumps({**OWN, "codes": {CURRENT: {"unit": "furlong"}}}))
    assert main(["check", str(path)]) == 3
    assert "furlong" in capsys.readouterr().err
    path.write_text(json.dumps({"profile": "x", "extends": "kaifa-han"}))
    assert package_of(str(path)) == "dlms_push"
    path.write_text(json.dumps({"profile": "x", "registers": {}}))
    assert package_of(str(path)) == "elgama"


def test_a_scan_of_a_list_without_codes_gives_a_profile_to_fill_in(tmp_path: Path) -> None:
    def meter() -> Any:
        yield Pause(0.5)
        yield Send(framed(notification(b"\x02\x03" + whole(7) + text("AB") + whole(912))))

    talk = discovery.discover(device(), Memory(), {}, lambda words: None)
    found = converse(talk, meter(), limit_s=60).value
    profile = found["profile"]
    assert found["signals"] == [] and "no profile here knows lists of 3" in nameless.told("dlms_push", profile)
    profile["lists"]["3 values"]["values"] *= 3
    assert "profile=kaifa-han" in nameless.told("dlms_push", profile)
    del profile["lists"]["3 values"]["values"][3:]
    assert profile["lists"]["3 values"]["_came"] == ["7", "AB", "912"]
    _, errors = loaded(profile, tmp_path)
    assert errors and all("does not read" in error for error in errors)
    profile["lists"]["3 values"]["values"][2] = CURRENT
    content, errors = loaded(profile, tmp_path)
    assert not errors and content is not None
    assert readings_of(content, bytes.fromhex(profile["telegrams"]["3 values"]["apdu"])) == {CURRENT: "912"}


def test_a_profile_goes_with_one_device_of_a_port() -> None:
    served = listening({"profile": "x", "codes": {}}, POWER) + listening(None, POWER)
    served[0][0].device.parameters["profile"] = "x"
    with pytest.raises(ConfigError, match="one device"):
        next(driver.listen(served))
