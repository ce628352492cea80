"""Devices that are each right and doubtful together: at one meter, on one port, with one key."""

from __future__ import annotations

from typing import Any

from meterd.model import Device
from meterd.protocols.dlms import parameters

from .dlms_pair import device

TITLE, KEY, OTHER = "4D54440000000009", "A0" * 16, "B1" * 16


def named(alias: str, line: str = "192.0.2.7:4059", **given: Any) -> Device:
    made = device(**given)
    made.alias, made.line = alias, line
    return made


def remarks(*devices: Device) -> list[tuple[str, str]]:
    found = parameters.review(devices)
    assert not any(is_error for _, _, _, is_error in found)
    return [(of.alias, message) for of, _, message, _ in found]


def test_the_same_meter_however_it_is_addressed() -> None:
    twice = remarks(named("a", physical_address=17, logical_address=1), named("b", server_address_hex="0223"))
    assert [alias for alias, _ in twice] == ["b"] and "same meter as device a" in twice[0][1]
    assert "physical 17" in twice[0][1]
    for other in ({"client_address": 32}, {"physical_address": 18}, {"line": "192.0.2.8:4059"}):
        assert remarks(named("a", physical_address=17), named("b", **{"physical_address": 17, **other})) == []


def test_two_framings_on_one_port() -> None:
    wrapped = named("b", mode="DLMS-WRAPPER", logical_address=1)
    told = remarks(named("a"), wrapped, named("c", physical_address=3))
    assert [alias for alias, _ in told] == ["b"] and "DLMS-WRAPPER" in told[0][1] and "device a" in told[0][1]


def test_one_system_title_with_one_key() -> None:
    def ciphered(alias: str, line: str, key: str = KEY, title: str = TITLE) -> Device:
        keys = {"encryption_key": key, "authentication_key": OTHER, "security": "both"}
        return named(alias, line, system_title=title, **keys)

    told = remarks(ciphered("a", "p:1"), ciphered("b", "p:2"), ciphered("c", "p:3", KEY.lower(), f"0x{TITLE}"))
    assert [alias for alias, _ in told] == ["b", "c"]
    assert all("system_title" in message and KEY not in message for _, message in told)
    assert len(remarks(ciphered("a", "p:1"), ciphered("b", "p:2", title=f"0x{TITLE.lower()}"))) == 1
    assert remarks(ciphered("a", "p:1"), ciphered("b", "p:2", OTHER)) == []
    assert remarks(ciphered("a", "p:1"), ciphered("b", "p:2", KEY, "4D54440000000010")) == []


def test_a_device_that_is_wrong_alone_is_told_elsewhere() -> None:
    assert remarks(named("a"), named("b", security="both")) == []
