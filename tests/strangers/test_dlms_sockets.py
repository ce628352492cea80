"""`meterd read` as users start it, against hand-made DLMS meters on real sockets: one process, a meter per quirk."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .dlms_meter import REFUSED, Chunks, Meter
from .serve import Served

JOBS = {
    "import": "1.0.1.8.0.255:2",
    "export": "1.0.2.8.0.255:2",
    "voltage": "1.0.32.7.0.255:2",
    "factor": "1.0.13.7.0.255:2",
    "power": "1.0.16.7.0.255:2",
    "maximum": "1.0.1.6.0.255:2",
    "maximum_at": "1.0.1.6.0.255:5",
    "serial": "0.0.96.1.0.255",
    "long": "0.0.96.1.1.255:2",
    "name": "0.0.42.0.0.255:2",
    "clock": "0.0.1.0.0.255:2",
}
VALUES: dict[str, tuple[Any, str | None]] = {
    "import": (123456000, "Wh"),
    "export": (18446744073709551.615, "Wh"),
    "voltage": (230.5, "V"),
    "factor": (0.987, None),
    "power": (-200, "W"),
    "maximum": (40960, "W"),
    "maximum_at": ("2026-11-22T10:30:00+02:00", None),
    "serial": ("SN12345678", None),
    "long": ("x" * 144, None),
    "clock": ("2026-11-22T10:30:00+02:00", None),
}


def thirds(octets: bytes) -> Chunks:
    cut = max(1, len(octets) // 3)
    return [(0.004, octets[at : at + cut]) for at in range(0, len(octets), cut)]


def single_bytes(octets: bytes) -> Chunks:
    return [(0.0003, octets[at : at + 1]) for at in range(len(octets))]


def with_noise(octets: bytes) -> Chunks:
    return [(0.0, b"\x00\xff\x7e\xa0"), (0.0, octets), (0.0, b"\x7e\x00")]


def late(octets: bytes) -> Chunks:
    return [(0.25, octets)]


HDLC = {"physical_address": 1}
# What the meter does, and what the device says beyond the ordinary.
MANNERS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plain": ({}, HDLC),
    "bare_ua": ({"ua": b""}, HDLC),
    "only_bare_snrm": ({"ua": b"", "snrm": "bare"}, {**HDLC, "timeout_ms": 400}),
    "two_bytes": ({"server": bytes.fromhex("0223")},
                  {"logical_address": 1, "physical_address": 17, "address_size": 2}),
    "four_bytes": ({"server": bytes.fromhex("00020023")},
                   {"logical_address": 1, "physical_address": 17, "address_size": 4}),
    "by_serial": ({"server": bytes.fromhex("0002682D")}, {"serial_number": 12345678}),
    "by_hex": ({"server": bytes.fromhex("1881")}, {"server_address_hex": "18 81"}),
    "client_48": ({"client": b"\x61", "password": b"12345678"},
                  {**HDLC, "client_address": "0x30", "auth": "Low", "password": "12345678"}),
    "thirds": ({"pieces": thirds}, HDLC),
    "single_bytes": ({"pieces": single_bytes}, HDLC),
    "noise": ({"pieces": with_noise}, HDLC),
    "late": ({"pieces": late}, HDLC),
    "info_62": ({"info": 62, "ua": bytes.fromhex("818006") + b"\x05\x01\x3e\x06\x01\x3e"}, HDLC),
    "blocks_40": ({"block": 40}, HDLC),
    "no_lists": ({"lists": False}, HDLC),
    "small_pdu": ({"pdu": 64, "block": 40}, HDLC),
    "polls": ({"poll_at": frozenset({3, 5, 8})}, HDLC),
    "pushes": ({"notify": bytes.fromhex("0F00000001000204")}, HDLC),
    "twice": ({"duplicate": 2}, HDLC),
    "bad_fcs": ({"bad_fcs": frozenset({1, 4, 7})}, {**HDLC, "timeout_ms": 400}),
    "lost": ({"lost": frozenset({2, 5})}, {**HDLC, "timeout_ms": 400}),
    "list_of_300": ({"count": 300, "info": 128}, HDLC),
    "list_of_300_in_blocks": ({"count": 300, "block": 200, "info": 62}, HDLC),
    "wrapper": ({"wrapped": True}, {"mode": "DLMS-WRAPPER", "physical_address": 1}),
    "wrapper_thirds": ({"wrapped": True, "pieces": thirds}, {"mode": "DLMS-WRAPPER", "physical_address": 1}),
    "wrapper_blocks": ({"wrapped": True, "block": 40, "pieces": single_bytes},
                       {"mode": "DLMS-WRAPPER", "physical_address": 1}),
    "wrapper_pushes": ({"wrapped": True, "notify": bytes.fromhex("0F00000001000204")},
                       {"mode": "DLMS-WRAPPER", "physical_address": 1}),
    "wrapper_17": ({"wrapped": True, "wport": 17, "lists": False},
                   {"mode": "DLMS-WRAPPER", "logical_address": 17, "physical_address": 0}),
}  # fmt: skip
# What the meter does, what the device says, the reason every signal must have, and words that the log must say.
REFUSALS: dict[str, tuple[dict[str, Any], dict[str, Any], str, str]] = {
    "dm": ({"snrm": "dm"}, HDLC, "refused", "DM"),
    "frmr": ({"snrm": "frmr"}, HDLC, "refused", "rejects SNRM"),
    "mute": ({"snrm": "silent"}, {**HDLC, "timeout_ms": 150}, "no_bytes", ""),
    "no_password": ({"password": b"12345678"}, HDLC, "auth", "authentication"),
    "wrong_password": ({"password": b"12345678"}, {**HDLC, "auth": "Low", "password": "87654321"}, "auth", ""),
    "wrong_framing": ({}, {"mode": "DLMS-WRAPPER", "physical_address": 1, "timeout_ms": 150}, "no_bytes", ""),
    "wrong_server": ({}, {"physical_address": 2, "timeout_ms": 150}, "no_bytes", ""),
}


def device(alias: str, port: int, **parameters: Any) -> dict[str, Any]:
    row = {"name": alias, "device_alias": alias, "protocol": "DLMS", "ip": "127.0.0.1", "port": port, "type": "LN",
           "client_address": 16, "timeout_ms": 1500, "scan_rate_ms": 60000}  # fmt: skip
    return {**row, **parameters}


def signals(alias: str, jobs: dict[str, str]) -> list[dict[str, Any]]:
    return [
        {"signal_name": name, "device_alias": alias, "signal_alias": name, "obis_job": job}
        for name, job in jobs.items()
    ]


def read(directory: Path, devices: list[Any], rows: list[Any]) -> tuple[dict[tuple[str, str], Any], str, int]:
    """Readings by device and signal, the log, and the exit code."""
    path = directory / "meterd.json"
    path.write_text(json.dumps({"devices": devices, "signals": rows}))
    words = [sys.executable, "-m", "meterd", "read", "-c", str(path), "--state", str(directory)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    readings = [json.loads(line) for line in done.stdout.splitlines()]
    return {(one["device"], one["signal"]): one for one in readings}, done.stderr, done.returncode


@pytest.fixture(scope="module")
def all_read(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Every quirk is read by one process at once."""
    servers: dict[str, Served] = {}
    devices, rows = [], []
    for alias, (quirks, parameters, *_) in {**MANNERS, **REFUSALS}.items():
        servers[alias] = Served(lambda quirks=quirks: Meter(**quirks))
        devices.append(device(alias, servers[alias].port, **parameters))
        rows += signals(alias, JOBS)
    answer = read(tmp_path_factory.mktemp("dlms"), devices, rows)
    for server in servers.values():
        server.close()
    return answer


@pytest.mark.parametrize("alias", MANNERS)
def test_right_values_whatever_its_manners(all_read: Any, alias: str) -> None:
    readings, log, _ = all_read
    for name, (value, unit) in VALUES.items():
        reading = readings[alias, name]
        assert (reading["value"], reading.get("unit")) == (value, unit), (reading, log)
        assert reading["quality"] == "good"


@pytest.mark.parametrize("alias", REFUSALS)
def test_refusals_have_a_reason_and_words(all_read: Any, alias: str) -> None:
    readings, log, _ = all_read
    for name in JOBS:
        reading = readings[alias, name]
        assert reading["value"] is None and reading["reason"] == REFUSALS[alias][2], (reading, log)
    about = [line for line in log.splitlines() if f"{alias}" in line]
    assert about and any(REFUSALS[alias][3] in line for line in about), log


def test_each_access_result_costs_only_its_signal(tmp_path: Path) -> None:
    jobs = {f"code_{code}": f"0.0.96.50.{code}.255:2" for code in REFUSED} | {"import": JOBS["import"]}
    server = Served(Meter)
    readings, log, code = read(tmp_path, [device("meter", server.port, **HDLC)], signals("meter", jobs))
    server.close()
    reasons = {name: readings["meter", name].get("reason") for name in jobs}
    assert readings["meter", "import"]["value"] == 123456000
    assert reasons == {"code_1": "refused", "code_2": "refused", "code_3": "refused", "code_4": "not_found",
                       "code_11": "not_found", "code_250": "refused", "import": None}, log  # fmt: skip
    assert code != 0
    for words in ("hardware fault (1)", "temporary failure (2)", "read write denied (3)", "(250)", "0.0.96.50.3.255:2"):
        assert words in log.replace("-", " "), log
