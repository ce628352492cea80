"""A sound small workbook to spoil, and a large one; made with openpyxl as a person's spreadsheet would have it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from meterd.cli.main import main

# Machines on which the tests are run as on a gateway do not have it.
openpyxl = pytest.importorskip("openpyxl")
Workbook, load_workbook = openpyxl.Workbook, openpyxl.load_workbook

DEVICES: list[dict[str, Any]] = [
    {
        "name": "Cellar", "device_alias": "cellar", "protocol": "IEC 62056-21", "ip": "10.1.0.5", "port": 4001,
        "serialnumber": "00071120", "type": "C", "enable": 1,
    },
    {
        "name": "Heat", "device_alias": "heat", "protocol": "mbus tcp", "ip": "10.1.0.6", "port": 10001,
        "address": "00384712", "timeout_ms": 900,
    },
    {
        "name": "Yard", "device_alias": "yard", "protocol": "DLMS", "ip": "10.1.0.7", "port": 4059,
        "client_address": 32, "physical_address": 18, "auth": "Low", "password": "sesame-81", "type": "LN",
    },
    {
        "name": "Plant", "device_alias": "plant", "protocol": "Elgama", "device": "PORT1", "baudrate": 4800,
        "timeout_ms": 2000, "id": 2250259, "meter_model": 2,
    },
]  # fmt: skip
SIGNALS: list[dict[str, Any]] = [
    {
        "signal_name": "Energy", "device_alias": "cellar", "signal_alias": "energy", "number_type": "DOUBLE",
        "job_todo": "1.8.0", "tag_job_todo": "1.8.0",
    },
    {
        "signal_name": "Volume", "device_alias": "heat", "signal_alias": "volume", "number_type": "DOUBLE",
        "tag_job_todo": "1",
    },
    {
        "signal_name": "Import", "device_alias": "yard", "signal_alias": "import", "obis_job": "1.0.1.8.0.255",
        "log": 1,
    },
    {
        "signal_name": "Power", "device_alias": "plant", "signal_alias": "power", "number_type": "FLOAT",
        "job_todo": "1.8.0", "tag_job_todo": "1.8.0",
    },
]  # fmt: skip


def fill(sheet: Any, rows: list[dict[str, Any]]) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    sheet.append(names)
    for row in rows:
        sheet.append([row.get(name) for name in names])


def sound_book() -> Any:
    book = Workbook()
    book.active.title = "Devices"
    fill(book.active, DEVICES)
    fill(book.create_sheet("Signals"), SIGNALS)
    fill(book.create_sheet("Ports"), [{"port": "PORT1", "node": "/dev/ttyS1"}])
    return book


def at(sheet: Any, name: str, row: int) -> Any:
    """The cell of the column with that header."""
    return next(sheet.cell(row, cell.column) for cell in sheet[1] if cell.value == name)


def large_site() -> dict[str, Any]:
    """40 devices of all protocols, 15 signals each."""
    devices: list[dict[str, Any]] = []
    signals: list[dict[str, Any]] = []
    for number in range(40):
        base = DEVICES[number % 4]
        alias = f"{base['device_alias']}-{number:02}"
        row = {**base, "name": f"{base['name']} {number}, ąčę", "device_alias": alias}
        row |= {"ip": f"10.1.{number}.5"} if "ip" in base else {"id": 2250259 + number}
        if "address" in row:
            row["address"] = f"{384700 + number:08}"
        devices.append(row)
        for code in range(15):
            signal = {
                **SIGNALS[number % 4],
                "device_alias": alias,
                "signal_alias": f"s_{code}",
                "signal_name": f"1.{code}",
            }
            if "obis_job" in signal:
                signal["obis_job"] = f"1.0.{code + 1}.8.0.255"
            elif alias.startswith("heat"):
                signal["tag_job_todo"] = str(code)
            elif alias.startswith("cellar"):
                signal |= dict.fromkeys(("job_todo", "tag_job_todo"), f"1.8.{code}")
            signals.append(signal)
    return {"devices": devices, "signals": signals, "ports": {"PORT1": "/dev/ttyS1"}}


def imported(path: Path, folder: Path, capsys: Any, *further: str) -> tuple[int, list[str], list[str], Any]:
    """Exit code, errors, warnings, and the configuration that was written (None: none)."""
    capsys.readouterr()
    code = main(["import", str(path), "-o", str(folder), *further])
    told = capsys.readouterr().err.replace(f"{path}, ", "").replace(f"{path}: ", "").splitlines()
    errors = [line.removeprefix("error: ") for line in told if line.startswith("error: ")]
    warnings = [line.removeprefix("warning: ") for line in told if line.startswith("warning: ")]
    written = folder / f"{path.stem}.json"
    return code, errors, warnings, json.loads(written.read_text()) if written.exists() else None
