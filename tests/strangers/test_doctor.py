"""`meterd doctor` in front of hand-made meters that are configured wrongly: the rung, what happened, what to try."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from .dlms_meter import Meter
from .mbus_bus import Bus, Slave
from .serve import Served
from .test_dlms_sockets import HDLC, JOBS, device, signals
from .test_mbus import CHAIN, CIPHERED, KEY, VOLUME_ONLY, WORD, row, rows

IMPORT = {"import": JOBS["import"]}
LOW = {**HDLC, "auth": "Low"}
KEYS = {"security": "both", "system_title": "4D54524400000001", "encryption_key": "00" * 16,
        "authentication_key": "11" * 16}  # fmt: skip
GUARDED = {"password": b"12345678"}
CLASH = {"telegrams": [CHAIN[2]]}
# The meter's quirks, the device, the signals; the rung, and words that must be said.
DLMS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, str], str, tuple[str, ...]]] = {
    "well": ({}, HDLC, IMPORT, "", ("is well",)),
    "client": (
        {},
        {**HDLC, "client_address": 32},
        IMPORT,
        "address",
        ('set "client_address": 16', "server 03 answers client 16", "1 of 1 signals are read"),
    ),
    "server": (
        {},
        {"physical_address": 17},
        IMPORT,
        "address",
        ('set "physical_address": 1 ', "server 03 answers client 16", "1 of 1 signals are read"),
    ),
    "framing": (
        {},
        {**HDLC, "mode": "DLMS-WRAPPER"},
        IMPORT,
        "bytes",
        ('set "mode": "DLMS-HDLC"', "1 of 1 signals are read"),
    ),
    "wrapped": ({"wrapped": True}, HDLC, IMPORT, "bytes", ('set "mode": "DLMS-WRAPPER"', "1 of 1 signals are read")),
    "no_password": (GUARDED, HDLC, IMPORT, "association", ("authentication required", "Set auth and password")),
    "password": (GUARDED, {**LOW, "password": "00000000"}, IMPORT, "association", ("Check password",)),
    "names": ({"diagnostic": (1, 1, 2)}, {**HDLC, "type": "SN"}, IMPORT, "association", ('set "type": "LN"',)),
    "mechanism": ({"diagnostic": (1, 1, 11)}, LOW, IMPORT, "association", ("Change auth",)),
    "keys": ({"diagnostic": (1, 1, 13)}, {**HDLC, **KEYS}, IMPORT, "association", ("the keys",)),
    "clear": ({}, {**HDLC, **KEYS}, IMPORT, "key", ("in clear",)),
    "dm": ({"snrm": "dm"}, HDLC, IMPORT, "frame", ("another client",)),
    "frmr": ({"snrm": "frmr"}, HDLC, IMPORT, "frame", ("max_info_field 128",)),
    "object": ({}, HDLC, {"x": "1.0.99.99.99.255:2"}, "object", ("meterd scan",)),
}
MBUS: dict[str, tuple[Bus, dict[str, Any], dict[str, Any], str, tuple[str, ...]]] = {
    "m_well": (Bus(Slave()), {"address": "5"}, VOLUME_ONLY, "", ("is well",)),
    "m_absent": (Bus(Slave()), {"address": "6"}, VOLUME_ONLY, "address", ('set "address": "5"', "signals are read")),
    "m_clash": (Bus(Slave(), Slave("87654321", **CLASH)), {"address": "5"}, VOLUME_ONLY, "frame",  # type: ignore
                ("Several meters may share",)),
    "m_no_key": (Bus(Slave(telegrams=[CIPHERED], signature=WORD)), {"address": "5"}, VOLUME_ONLY, "key", ("Set key",)),
    "m_wrong_key": (Bus(Slave(telegrams=[CIPHERED], signature=WORD)), {"address": "5", "key": "11" * 16}, VOLUME_ONLY,
                    "key", ("Check key",)),
    "m_clear": (Bus(Slave()), {"address": "5", "key": KEY.hex()}, VOLUME_ONLY, "key", ("Remove key",)),
    "m_record": (Bus(Slave()), {"address": "5"}, {"x": ("77", 1)}, "object", ("none of the 3 records", "meterd scan")),
    "m_busy": (Bus(Slave(ci=0x70, header_less=True, telegrams=[b"\x08"])), {"address": "5"}, VOLUME_ONLY, "object",
               ("Application busy",)),
}  # fmt: skip
SECRETS = ("00000000", "11" * 16, KEY.hex())


@pytest.fixture(scope="module")
def consulted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, subprocess.CompletedProcess[str]]:
    directory = tmp_path_factory.mktemp("doctor")
    tasks: dict[str, tuple[Path, Served]] = {}

    def prepare(alias: str, server: Served, configured: dict[str, Any], wanted: list[Any]) -> None:
        path = directory / f"{alias}.json"
        path.write_text(json.dumps({"devices": [configured], "signals": wanted}))
        tasks[alias] = (path, server)

    for alias, (quirks, parameters, jobs, *_) in DLMS.items():
        server = Served(lambda quirks=quirks: Meter(**quirks))
        prepare(alias, server, device(alias, server.port, **{"timeout_ms": 300, **parameters}), signals(alias, jobs))
    for alias, (bus, parameters, tags, *_) in MBUS.items():
        server = Served(lambda bus=bus: bus)
        where = {"ip": "127.0.0.1", "port": server.port}
        prepare(alias, server, row(alias, {**where, **parameters}), rows(alias, tags))

    def consult(alias: str) -> subprocess.CompletedProcess[str]:
        path, server = tasks[alias]
        words = [sys.executable, "-m", "meterd", "doctor", "-c", str(path), alias, "--state", str(directory)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        server.close()
        return done

    with ThreadPoolExecutor(4) as pool:
        return dict(zip(tasks, pool.map(consult, tasks), strict=True))


@pytest.mark.parametrize("alias", [*DLMS, *MBUS])
def test_names_the_rung_and_what_to_try(consulted: Any, alias: str) -> None:
    *_, rung, words = (DLMS | MBUS)[alias]  # type: ignore[operator]
    said = consulted[alias].stdout
    stops = [line.split()[0] for line in said.splitlines() if line.endswith("stops here")]
    assert stops == ([rung] if rung else []), said + consulted[alias].stderr
    for word in words:
        assert word in said
    assert (consulted[alias].returncode == 0) == (not rung)
    assert not any(secret in said + consulted[alias].stderr for secret in SECRETS)


@pytest.mark.parametrize(("client", "well", "change"), [(16, True, {}), (32, False, {"client_address": 16})])
def test_the_same_for_programs(tmp_path: Path, client: int, well: bool, change: dict[str, int]) -> None:
    server = Served(lambda: Meter())
    path = tmp_path / "site.json"
    configured = device("m", server.port, **{**HDLC, "client_address": client, "timeout_ms": 300})
    path.write_text(json.dumps({"devices": [configured], "signals": signals("m", IMPORT)}))
    words = [sys.executable, "-m", "meterd", "doctor", "-c", str(path), "m", "--json", "--state", str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    server.close()
    (line,) = done.stdout.splitlines()
    told = json.loads(line)
    assert (told["device"], told["well"], told["set"], told["tried"]) == ("m", well, change, not well)
    assert (done.returncode == 0) == well == (told["rung"] is None) == (told["reason"] == "good")
    assert [signal["signal"] for signal in told["signals"]] == (["import"] if well else [])
    assert told["report"][0].startswith("m is well" if well else 'm: set "client_address": 16')
