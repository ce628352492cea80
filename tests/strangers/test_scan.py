"""What `meterd scan` writes is configuration that reads at once; a search of a hand-made bus finds all."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from meterd.conversation import Pause
from meterd.model import Memory
from meterd.protocols.mbus import discovery
from tests.pair import converse
from tests.unit.test_mbus_driver import device as unit_device

from .dlms_meter import Meter
from .mbus_bus import Bus, Slave
from .serve import OnPty, Served, in_virtual_time
from .test_dlms_sockets import HDLC, VALUES, device
from .test_mbus import CHAIN, CIPHERED, WORD


def meterd(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "meterd", *words], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("quirks", [{}, {"password": b"Geheim-12"}])
def test_a_scan_of_a_dlms_meter_reads_at_once(quirks: dict[str, Any], tmp_path: Path) -> None:
    server = Served(lambda: Meter(count=60, **quirks))
    guarded = {"auth": "Low", "password": "Geheim-12"} if quirks else {}
    path, found, state = str(tmp_path / "c.json"), str(tmp_path / "x.json"), str(tmp_path)
    Path(path).write_text(json.dumps({"devices": [device("meter", server.port, **HDLC, **guarded)], "signals": []}))
    shown = meterd("scan", "-c", path, "meter", "--state", state)
    assert shown.returncode == 0 and "Geheim" not in shown.stdout + shown.stderr
    assert ("password is left out" in shown.stderr) == bool(quirks)
    done = meterd("scan", "-c", path, "meter", "-o", found, "--state", state)
    assert done.returncode == 0 and "Geheim" not in done.stdout + done.stderr
    assert not stat.S_IMODE(Path(found).stat().st_mode) & 0o077
    checked = meterd("check", "-c", found)
    assert checked.returncode == 0 and "Geheim" not in checked.stdout + checked.stderr
    read = meterd("read", "-c", found, "--state", state)
    server.close()
    assert read.returncode == 0, read.stderr
    values = {one["signal"]: one["value"] for one in map(json.loads, read.stdout.splitlines())}
    assert values["1_0_1_8_0_255"] == VALUES["import"][0] and values["0_0_96_1_0_255"] == "SN12345678"


def slaves() -> list[Slave]:
    return [
        Slave(), Slave("87654321", 6, telegrams=CHAIN), Slave("11112222", None), Slave("11112223", None),
        Slave("44445555", 7, telegrams=[CIPHERED], signature=WORD), Slave("44445555", 7, medium=4),
        Slave("44445555", 7, medium=4, maker="XYZ"),
    ]  # fmt: skip


class Stopped(Exception):
    pass


def search(state: dict[str, Any], stop_after: int = 10**9) -> Any:
    """Runs a search in virtual time; a stop after so many lines of progress leaves `state` as a file would hold it."""
    said: list[str] = []

    def progress(text: str) -> None:
        said.append(text)
        if len(said) > stop_after:
            raise Stopped

    def talk() -> Any:
        try:
            return (yield from discovery.discover(unit_device("0", device="/dev/bus"), Memory(), state, progress))
        except Stopped:
            yield Pause(0.0)
            return None

    return converse(talk(), in_virtual_time(Bus(*slaves()))), said


@pytest.mark.parametrize("stop_after", [0, 3, 100, 253, 300, 10**9])
def test_a_stopped_search_goes_on_and_finds_all(stop_after: int) -> None:
    state: dict[str, Any] = {}
    search(state, stop_after)
    outcome, said = search(json.loads(json.dumps(state)))
    assert outcome.error is None
    rows = outcome.value["devices"]
    assert sorted(row["device_alias"] for row in rows) == sorted(f"mbus-{slave.address()}" for slave in slaves())
    named = {signal["device_alias"] for signal in outcome.value["signals"]}
    silent = f"mbus-{slaves()[4].address()}"
    assert named == {row["device_alias"] for row in rows} - {silent}
    assert any(silent in line and "no key is configured" in line for line in said)


def nearly_done(next_primary: int) -> str:
    """The state of a search that has come to this address, the last 250."""
    return json.dumps(
        {"baudrates": [2400], "parts": ["primary"], "mask": "F" * 16, "part": 0, "next_primary": next_primary,
         "branches": None, "found": [], "clashes": [], "selections": 0, "baudrate": 0, "at": "", "done": False}
    )  # fmt: skip


def test_a_search_on_a_line_goes_on_from_its_file(tmp_path: Path) -> None:
    served = OnPty(Bus(Slave(primary=250), Slave("87654321", 3)))
    state, found = tmp_path / "search.json", tmp_path / "x.json"
    state.write_text(nearly_done(248))
    words = ["scan", "mbus", f"device={served.node}", "--resume", str(state), "-o", str(found)]
    for _ in range(2):  # a search that is done is not made again
        done = meterd(*words, "--state", str(tmp_path))
        assert done.returncode == 0, done.stderr
        rows = json.loads(found.read_text())["devices"]
        assert [(row["address"], row["baudrate"], row["parity"]) for row in rows] == [("250", 2400, "even")]
    read = meterd("read", "-c", str(found), "--state", str(tmp_path))
    served.close()
    assert read.returncode == 0, read.stderr
    assert json.loads(read.stdout.splitlines()[0])["value"] == 2850.427


def test_speeds_are_for_serial_lines() -> None:
    done = meterd("scan", "mbus", "ip=127.0.0.1", "port=1", "--baudrates", "300")
    assert done.returncode == 2 and "serial" in done.stderr


def test_a_scan_that_hears_nothing_says_what_to_try(tmp_path: Path) -> None:
    server = Served(Meter)
    words = ("ip=127.0.0.1", f"port={server.port}", "client_address=32", "physical_address=1", "timeout_ms=200")
    done = meterd("scan", "dlms", *words, "--state", str(tmp_path))
    server.close()
    assert done.returncode == 10 and not done.stdout
    assert 'set "client_address": 16' in done.stderr and "Tried: with that the meter answers" in done.stderr


def test_a_search_that_hears_nothing_says_what_to_try(tmp_path: Path) -> None:
    served = OnPty(Bus())
    state = tmp_path / "search.json"
    state.write_text(nearly_done(249))
    words = ("scan", "mbus", f"device={served.node}", "--resume", str(state), "--state", str(tmp_path))
    done = meterd(*words)
    served.close()
    assert done.returncode == 0 and json.loads(done.stdout) == {"devices": [], "signals": []}
    assert "not one byte came back" in done.stderr and "Try: " in done.stderr
