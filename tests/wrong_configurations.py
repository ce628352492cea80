"""Sixty wrong configurations, each one slip away from a sound one, and the words that must be said of it.

The words were written down before anything said them. `docs/wrong-configurations.md` shows what is said in full.
"""

from __future__ import annotations

import copy
import json
from typing import Any

DLMS = {
    "name": "Substation", "device_alias": "sub", "protocol": "DLMS", "ip": "127.0.0.1", "port": 1, "type": "LN",
    "client_address": 16, "physical_address": 1, "mode": "DLMS-HDLC",
}  # fmt: skip
IEC = {
    "name": "House", "device_alias": "house", "protocol": "IEC 62056-21", "device": "PORT1", "baudrate": 300,
    "databits": 7, "parity": "EVEN", "serialnumber": "0",
}  # fmt: skip
MBUS = {
    "name": "Heat", "device_alias": "heat", "protocol": "MBus Serial", "device": "PORT2", "baudrate": 2400,
    "parity": "EVEN", "address": "5", "timeout_ms": 2500,
}  # fmt: skip
SITE: dict[str, Any] = {
    "devices": [DLMS, IEC, MBUS],
    "signals": [
        {"signal_name": "E", "device_alias": "sub", "signal_alias": "energy", "obis_job": "1.0.1.8.0.255"},
        {"signal_name": "E", "device_alias": "house", "signal_alias": "energy", "job_todo": "1.8.0",
         "tag_job_todo": "1.8.0", "number_type": "DOUBLE"},
        {"signal_name": "Q", "device_alias": "heat", "signal_alias": "heat", "tag_job_todo": "energy",
         "number_type": "DOUBLE"},
    ],
    "ports": {"PORT1": "/dev/nowhere/tty1", "PORT2": "/dev/nowhere/tty2"},
}  # fmt: skip

GONE = object()
KEY = "00112233445566778899AABBCCDDEEFF"
ENERGY = SITE["signals"][1]

# What is wrong, where (parts of the path), what stands there instead, words of the message.
Slip = tuple[str, tuple[str | int, ...], Any, str]
SUB, HOUSE, HEAT = ("devices", 0), ("devices", 1), ("devices", 2)
SLIPS: list[Slip] = [
    ("a parameter misspelt", (*HOUSE, "baudrat"), 300, "is not known here; did you mean baudrate?"),
    ("a speed that no line has", (*HOUSE, "baudrate"), 301, "found 301, allowed: one of 300, 600"),
    ("a speed in words", (*HOUSE, "baudrate"), "fast", 'found "fast", allowed: one of 300'),
    ("nine data bits", (*HOUSE, "databits"), 9, "no serial port can be set to 9 data bits"),
    ("a parity in short", (*HOUSE, "parity"), "E", 'found "E", allowed: one of none, even, odd'),
    ("a time-out in seconds and words", (*HOUSE, "timeout_ms"), "2 s", "allowed: a whole number, 1 to 600000"),
    ("a time-out without end", (*HOUSE, "timeout_ms"), 86400000, "found 86400000, allowed: a whole number"),
    ("no time-out at all", (*HOUSE, "timeout_ms"), 0, "found 0, allowed: a whole number, 1 to 600000"),
    ("a scan rate of years", (*HOUSE, "scan_rate_ms"), 99999999999, "found 99999999999, allowed"),
    ("a negative time-out", (*HOUSE, "timeout_ms"), -1, "found -1, allowed: a whole number, 1 to 600000"),
    ("half a millisecond", (*HOUSE, "scan_rate_ms"), 0.5, "found 0.5, allowed: a whole number"),
    ("a list for a number", (*HOUSE, "scan_rate_ms"), [1000], "found a list, allowed: a whole number"),
    ("no port", (*HOUSE, "device"), GONE, "is missing (required on a serial line), allowed: text (Communication port"),
    (
        "a port that is not mapped",
        (*HOUSE, "device"),
        "PORT7",
        'map it to a device node: "ports": {"PORT7": "/dev/tty…"}',
    ),
    ("a port nearly right", (*HOUSE, "device"), "PRT1", "did you mean PORT1?"),
    ("a type that there is not", (*HOUSE, "type"), "X", 'found "X", allowed: one of'),
    ("a yes for a switch", (*HOUSE, "enable"), "perhaps", "allowed: 0 or 1"),
    ("an unknown protocol", (*HOUSE, "protocol"), "IEC 62056", "did you mean IEC 62056-21?"),
    ("no protocol", (*HOUSE, "protocol"), GONE, "is missing, allowed: one of IEC 62056-21, DLMS"),
    ("an alias with a blank", (*HOUSE, "device_alias"), "my house", "letters, digits, '-' and '_'"),
    ("an alias that is meterd's own", (*HOUSE, "device_alias"), "_house", "not '_' at the beginning"),
    ("no alias", (*HOUSE, "device_alias"), GONE, "is missing"),
    ("an alias given twice", (*HEAT, "device_alias"), "house", "which another device has already"),
    ("a URL for an address", (*SUB, "ip"), "http://10.0.0.5", "no http://, no path"),
    ("address and port in one", (*SUB, "ip"), "10.0.0.5:4059", "the port has a parameter of its own"),
    ("a port beyond all ports", (*SUB, "port"), 70000, "found 70000, allowed: a whole number, 0 to 65535"),
    ("port 0", (*SUB, "port"), 0, "found 0, allowed: 1 to 65535 where ip is given"),
    ("no TCP port", (*SUB, "port"), GONE, "is missing (required over TCP)"),
    ("an auth that there is not", (*SUB, "auth"), "Hihg", "did you mean High?"),
    ("high security without a secret", (*SUB, "auth"), "HighMd5", "is missing, and auth HighMd5"),
    ("ciphering without a title", (*SUB, "security"), "both", "is missing, and auth None, security both needs it"),
    ("a key too short", (*SUB, "encryption_key"), KEY[:30], "found 30 hex digits, allowed: 32"),
    ("a key that is no hex", (*SUB, "encryption_key"), "secret", "allowed: 32 hex digits"),
    ("a title too long", (*SUB, "system_title"), "METERD-TITLE", "16 hex digits or 8 characters"),
    ("a client beyond HDLC's", (*SUB, "client_address"), 700, "an HDLC client address lies within 0 to 127"),
    ("a secret from no file", (*SUB, "password_file"), "no-such-file", "which cannot be read: No such file"),
    ("a mode that there is not", (*SUB, "mode"), "HDLC", "did you mean DLMS-HDLC?"),
    ("an M-Bus address beyond 255", (*HEAT, "address"), "900", "parameter address"),
    ("a key of M-Bus too short", (*HEAT, "key"), "0011", "parameter key"),
    ("an OBIS code of three groups", ("signals", 0, "obis_job"), "1.8.0", "is not an OBIS code of six groups"),
    ("a group beyond 255", ("signals", 0, "obis_job"), "1.0.1.8.300.255", "is not an OBIS code of six groups"),
    ("no OBIS code", ("signals", 0, "obis_job"), GONE, "is missing"),
    ("two addresses in one signal", ("signals", 1, "job_todo"), "2.8.0", "allowed: the same as tag_job_todo"),
    ("no number type", ("signals", 1, "number_type"), GONE, "is missing, allowed: one of FLOAT"),
    ("a number type misspelt", ("signals", 1, "number_type"), "DOUBEL", "did you mean DOUBLE?"),
    ("a signal of no device", ("signals", 1, "device_alias"), "hause", "did you mean house?"),
    ("a signal without a device", ("signals", 1, "device_alias"), GONE, "is missing, allowed: the alias of a device"),
    ("a signal given twice", ("signals", 3), ENERGY, "which another signal of this device has already"),
    ("a reserved name", ("signals", 1, "signal_alias"), "_reason", "meterd's own"),
    ("a quantity misspelt", ("signals", 2, "tag_job_todo"), "enregy", "did you mean 'energy'?"),
    ("a job that M-Bus has not", ("signals", 2, "job_todo"), "please", "is neither UD1, UD2, reset"),
    ("a row that is no object", ("signals", 3), "house", "allowed: an object"),
    ("devices that are no list", ("devices",), {}, "found an object, allowed: a list"),
    ("a part misspelt", ("signal",), [], "is not known here; did you mean signals?"),
    ("one node for two ports", ("ports", "PORT2"), "/dev/nowhere/tty1", "which another port is mapped to already"),
    ("a port without a node", ("ports", "PORT1"), "", "allowed: the path of a device node"),
    ("a sink that there is not", ("publish",), {"mqqt": {}}, "did you mean mqtt?"),
    ("a sink without its path", ("publish",), {"file": {}}, "is missing"),
    (
        "page and metrics on one port",
        ("publish",),
        {"page": {"port": 9600}, "metrics": {"port": 9600}},
        "found 9600, where metrics listens: give one of the two another port",
    ),
    ("a status never told", ("publish",), {"status_interval_s": 0}, "allowed: a whole number, 1 to 86400"),
    ("everything disabled", ("devices",), [{**IEC, "enable": 0}], "the only device, house, is disabled"),
    ("nothing configured", ("devices",), [], '"devices" lists them'),
]
# What is wrong, the text, words of the message.
_TEXT = json.dumps(SITE, indent=1)
TEXTS: list[tuple[str, bytes, str]] = [
    ("a comma too many", _TEXT.replace('"0"\n  }', '"0",\n  }').encode(), "a comma before the closing }"),
    ("typographic quotes", _TEXT.replace('"House"', "“House”").encode(), "a typographic quotation mark"),
    ("a comment", _TEXT.replace("{\n", "{\n // our site\n", 1).encode(), "JSON has no comments"),
    ("a name given twice in a row", _TEXT.replace('"baudrate": 300,', '"baudrate": 300, "baudrate": 9600,').encode(),
     "parameter baudrate: is given twice"),
    ("half a file", _TEXT[: len(_TEXT) // 2].encode(), "is not JSON"),
    ("an empty file", b"", "the file is empty"),
    ("no UTF-8", _TEXT.replace("House", "Haus für").encode("latin-1"), "is not UTF-8 text"),
    ("a workbook", b"PK\x03\x04 and so on", "`meterd import FILE.xlsx` makes a configuration of it"),
]  # fmt: skip


def written(slip: Slip) -> str:
    """The site with that slip in it."""
    site = copy.deepcopy(SITE)
    _, path, value, _ = slip
    place: Any = site
    for step in path[:-1]:
        place = place[step]
    last = path[-1]
    if value is GONE:
        del place[last]
    elif isinstance(place, list) and last == len(place):
        place.append(value)
    else:
        place[last] = value
    if path == ("devices",):
        site["signals"] = [ENERGY] if value else []
    return json.dumps(site, indent=1, ensure_ascii=False)
