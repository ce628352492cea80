"""What `meterd doctor` answers: parameters to paste, in the terms of the device's own row.

A meter that was seen answering otherwise than it is configured gives the parameters that differ; a refusal in the
meter's own words gives the parameter that it is about, with three dots where only a person knows the value.
"""

from __future__ import annotations

import json

from ..errors import MeterdError
from ..protocols import registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..model import Device, Reading, Signal
    from ..sighting import Sighting

    Change = tuple[str, Any]

UNKNOWN = "…"
# The parameter in which a protocol's devices say who must answer.
NUMBERS = {
    "iec62056_21": "serialnumber",
    "p1": "serialnumber",
    "mbus": "expect_serial",
    "dlms": "expect_serial",
    "elgama": "id",
}
# Words of a meter's refusal → what to change; a function where that depends on the device.
OTHER_NAMES = {"SN": "LN", "LN": "SN"}


def differences(device: Device, sighting: Sighting, identity: bool) -> list[Change]:
    """The parameters in which the meter that was seen differs from the one configured, its own terms first; with
    `identity` its number, too.
    """
    changes: list[Change] = []
    if sighting.package != device.protocol:
        names = [name for name, package in registry.PROTOCOL_NAMES.items() if package == sighting.package]
        chosen = next((name for name in names if name.endswith("tcp") == device.over_tcp()), names[0])
        return [("protocol", chosen), *_told(sighting.parameters, device)]
    for name, value in _told(sighting.parameters, device):
        if not _same(name, device.parameters.get(name), value):
            changes.append((name, value))
    number = NUMBERS.get(device.protocol, "")
    told = sighting.plate.serial
    if identity and told and device.parameters.get(number) and number not in dict(changes):
        changes.append((number, int(told) if number == "id" else told))
    named = {name for name, _ in changes}
    if {"logical_address", "physical_address"} & named or "server_address_hex" in named:
        changes += [
            (name, None)
            for name in ("serial_number", "server_address_hex")
            if device.parameters.get(name) and name not in named
        ]
    return changes


def _told(parameters: dict[str, Any], device: Device) -> list[Change]:
    """What has an effect on the device's port: over TCP the line's settings are the converter's."""
    line = ("baudrate", "databits", "parity", "stopbits")
    return [(name, value) for name, value in parameters.items() if device.has_line() or name not in line]


def _same(name: str, configured: Any, seen: Any) -> bool:
    if name == "mode" and {configured, seen} <= {"DLMS", "DLMS-HDLC"}:
        return True
    if name == "address" and len(str(seen)) == len(str(configured)) == 16:
        return all(one in ("F", other) for one, other in zip(str(configured), str(seen), strict=True))
    if name in ("serialnumber",):
        return str(configured).lstrip("0") == str(seen).lstrip("0")
    return bool(configured == seen) or (configured is None and not seen)


def by_words(device: Device, error: Exception | None, readings: list[Reading]) -> list[Change]:
    """What a refusal is about."""
    said = " ".join([str(error or ""), *(reading.words for reading in readings)])
    reason = error.reason if isinstance(error, MeterdError) else ""
    if device.protocol == "dlms":
        return _of_dlms(device, said)
    if device.protocol == "mbus":
        if "no key is configured" in said:
            return [("key", UNKNOWN)]
        if "not encrypted" in said:
            return [("key", None)]
        return [("key", UNKNOWN)] if reason == "key" or any(one.reason == "key" for one in readings) else []
    if reason == "auth" or any(one.reason == "auth" for one in readings):
        return [("password", UNKNOWN)]
    return []


def _of_dlms(device: Device, said: str) -> list[Change]:
    rules: tuple[tuple[str, list[Change]], ...] = (
        ("application context name", [("type", OTHER_NAMES.get(device["type"], "LN"))]),
        ("authentication required", [("auth", "Low"), ("password", UNKNOWN)]),
        ("mechanism name", [("auth", UNKNOWN)]),
        ("authentication failure", [("password", UNKNOWN)]),
        ("in plaintext", [("security", "none")]),
        ("authentication_key is wrong", [("authentication_key", UNKNOWN)]),
        ("encryption_key is wrong", [("encryption_key", UNKNOWN)]),
        ("rejects SNRM", [("max_info_field", 128), ("window_size", 1)]),
        ("expects", [("invocation_counter_obis", "0.0.43.1.0.255")]),
    )
    return next((changes for words, changes in rules if words in said), [])


def paste(changes: list[Change]) -> str:
    """As it stands in a configuration file; what is to go is said so."""
    kept = [f'"{name}": {json.dumps(value, ensure_ascii=False)}' for name, value in changes if value is not None]
    gone = [f'without "{name}"' for name, value in changes if value is None]
    return ", ".join([*kept, *gone])


def was(device: Device, changes: list[Change]) -> str:
    """How it is configured now; secrets are not shown."""
    secret = {parameter.name for parameter in registry.tables(device.protocol).DEVICE if parameter.secret}
    told = []
    for name, _ in changes:
        value = device.parameters.get(name)
        if name not in secret and value is not None:
            told.append(f"{name} {value}")
    return ", ".join(told)


def near_addresses(signals: list[Signal], offered: list[dict[str, Any]]) -> dict[str, str]:
    """The nearest address that the meter has, for each signal that it does not know: {alias: what to paste}."""
    from difflib import get_close_matches

    found: dict[str, str] = {}
    for signal in signals:
        column = next((name for name in ("obis_job", "tag_job_todo") if signal.parameters.get(name)), "")
        if not column:
            continue
        have = {str(row[column]): _bare(str(row[column])) for row in offered if row.get(column)}
        wanted = _bare(str(signal[column]))
        exact = [address for address, bare in have.items() if bare == wanted]
        near = exact or get_close_matches(str(signal[column]), list(have), 1, 0.5)
        if near:
            found[signal.alias] = paste([(column, near[0])])
    return found


def _bare(address: str) -> str:
    """An OBIS code without what may be left out."""
    plain = address.partition(":2")[0] if address.count(".") == 5 else address
    plain = plain.rpartition(":")[2].partition("*")[0].partition("&")[0]
    parts = plain.split(".")
    if len(parts) == 6:
        parts = parts[2:5]
    return ".".join(parts[:3])
