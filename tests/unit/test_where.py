"""What only drivers can tell stands under its line, device, signal and parameter, in the log as in `meterd check`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from meterd.config.files import load
from meterd.config.source import Source
from meterd.daemon.mistakes import nothing_to, unreadable
from meterd.daemon.not_read import MAX_TOLD, say

DEVICE = {"name": "Yard", "device_alias": "yard", "protocol": "DLMS", "ip": "192.0.2.7", "port": 4059,
          "client_address": 16, "physical_address": 1, "type": "LN", "mode": "DLMS-WRAPPER"}  # fmt: skip
SIGNAL = {"signal_name": "E", "device_alias": "yard", "signal_alias": "e", "obis_job": "1.0.1.8.0.255"}


def found(path: Path, devices: list[Any], signals: list[Any]) -> list[str]:
    path.write_text(json.dumps({"devices": devices, "signals": signals}, indent=1))
    return [str(error) for error in unreadable(load([str(path)]))]


def test_a_parameter_of_a_device(tmp_path: Path) -> None:
    path = tmp_path / "site.json"
    told = found(path, [{**DEVICE, "auth": "HighMd5"}], [SIGNAL])
    row = f"{path}, line 3, devices[0], device yard, parameter password"
    assert told == [f"{row}: is missing, and auth HighMd5, security none needs it"]


def test_a_parameter_of_a_signal(tmp_path: Path) -> None:
    path = tmp_path / "site.json"
    told = found(path, [DEVICE], [SIGNAL, {**SIGNAL, "signal_alias": "f", "obis_job": "1.8"}])
    assert len(told) == 1
    assert told[0].startswith(f"{path}, line 26, signals[1], device yard, signal f, parameter obis_job: '1.8' is not")


def test_of_uci_the_line_says_it_all(tmp_path: Path) -> None:
    path = tmp_path / "meterd"
    rows = [f"config device 'yard'\n\toption {name} '{value}'" for name, value in [("protocol", "DLMS")]]
    rows += [f"\toption {name} '{DEVICE[name]}'" for name in DEVICE if name != "protocol"]
    rows += ["config signal 'e'", "\toption device_alias 'yard'", "\toption obis_job 'one'"]
    path.write_text("\n".join(rows) + "\n")
    [error] = unreadable(load([str(path)]))
    assert str(error).startswith(f"{path}, line 13, device yard, signal e, parameter obis_job: ")


def test_a_file_that_is_gone_leaves_the_names(tmp_path: Path) -> None:
    path = tmp_path / "site.json"
    path.write_text(json.dumps({"devices": [{**DEVICE, "auth": "HighMd5"}], "signals": [SIGNAL]}))
    configuration = load([str(path)])
    path.unlink()
    [error] = unreadable(configuration)
    assert str(error).startswith("device yard, parameter password: is missing")


def test_files_are_read_again_once_for_all_that_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "site.json"
    path.write_text(json.dumps({"devices": [DEVICE], "signals": [
        {**SIGNAL, "signal_alias": f"s{number}", "obis_job": "none"} for number in range(300)]}))  # fmt: skip
    configuration = load([str(path)])
    read: list[str] = []
    look = Source._look_carefully
    monkeypatch.setattr(Source, "_look_carefully", lambda source: read.append(source.path) or look(source))
    assert len(unreadable(configuration)) == 300
    assert read == [str(path)]


def test_the_log_takes_so_many_lines_and_a_count() -> None:
    lines: list[str] = []
    say([f"line {number}" for number in range(MAX_TOLD + 1)], lines.append)
    assert len(lines) == MAX_TOLD + 1
    assert lines[-1] == "and 1 more: `meterd check FILE…` tells all"
    lines.clear()
    say([f"line {number}" for number in range(MAX_TOLD)], lines.append)
    assert lines[-1] == f"line {MAX_TOLD - 1}"


@pytest.mark.parametrize(
    ("devices", "words"),
    [
        ([], 'no device is configured; "devices" lists them'),
        ([{**DEVICE, "enable": 0}], "the only device, yard, is disabled (enable 0)"),
        ([{**DEVICE, "enable": 0}, {**DEVICE, "device_alias": "attic", "enable": 0}],
         "all 2 devices are disabled (enable 0): yard, attic"),
        ([{**DEVICE, "port": "x"}], "no device is left that is without errors (meterd check FILE… tells more)"),
    ],
)  # fmt: skip
def test_why_there_is_nothing_to_do(tmp_path: Path, devices: list[Any], words: str) -> None:
    path = tmp_path / "site.json"
    path.write_text(json.dumps({"devices": devices}))
    assert nothing_to("run", load([str(path)])) == f"nothing to run: {words}"
