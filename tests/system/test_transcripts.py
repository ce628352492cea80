"""Every folder under tests/transcripts: its wire log plays the meter, the real daemon reads it, and what comes out is
what `expected.jsonl` says. How a bug report becomes such a folder stands in tests/transcripts/README.md.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from meterd.conversation import LineSettings
from meterd.ports.wire_log import HEADER
from meterd.simulate.replay import first_settings, meter
from meterd.simulate.transcript import parse_wire_log

from .rig import Running

FOLDER = Path(__file__).parents[1] / "transcripts"
CASES = sorted(path.parent for path in FOLDER.rglob("wire.log"))
FILES = {"wire.log", "meterd.json", "expected.jsonl"}
LIMIT_S = 60.0

Values = dict[tuple[str, str], list[dict[str, Any]]]


class Digits(str):
    """A number of a JSON line: equal only to the same digits, and to no text."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Digits) and str(self) == str(other)

    __hash__ = str.__hash__


def readings(path: Path) -> Values:
    """(device, signal) → its readings in order; a last line that is still being written is left aside."""
    found: Values = {}
    for line in path.read_text("utf-8").splitlines(keepends=True) if path.exists() else []:
        if line.strip() and line.endswith("\n"):
            reading = json.loads(line, parse_float=Digits, parse_int=Digits)
            found.setdefault((reading["device"], reading["signal"]), []).append(reading)
    return found


def lines_of(text: str) -> list[str]:
    """The names of the lines in a wire log, in order."""
    return list(dict.fromkeys(row[1:].strip() for row in text.splitlines() if row.startswith("@")))


def served(site, log: Path, configuration: dict[str, Any], directory: Path) -> dict[str, Any]:
    """The configuration with each line of the log in the place of the port or host that it was recorded from."""
    text = log.read_text("utf-8")
    ports = configuration.setdefault("ports", {})
    for name in lines_of(text):
        entries = parse_wire_log(text, str(log), name)
        play = meter(entries, pace=True)
        host, colon, number = name.rpartition(":")
        if not colon:
            ports[name] = str(directory / name.replace("/", "_"))
            site.pty(ports[name], play, first_settings(entries) or LineSettings(9600))
            continue
        port = site.tcp(play)
        for device in configuration["devices"]:
            if (device.get("ip"), str(device.get("port"))) == (host, number):
                device.update(ip="127.0.0.1", port=port)
    return configuration


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.relative_to(FOLDER).as_posix())
def test_what_was_on_the_wire_gives_what_is_expected(site, tmp_path, case):
    expected = readings(case / "expected.jsonl")
    configuration = served(site, case / "wire.log", json.loads((case / "meterd.json").read_text("utf-8")), tmp_path)
    path = tmp_path / "readings"
    running = Running(tmp_path, {**configuration, "publish": {"file": {"path": str(path)}}})

    def all_came(_: Running) -> bool:
        found = readings(path)
        return all(len(found.get(key, [])) >= len(wanted) for key, wanted in expected.items())

    try:
        running.wait_for(all_came, LIMIT_S, f"the readings of {case / 'expected.jsonl'}")
    finally:
        running.process.kill()
        running.stop()
    found = readings(path)
    for key, wanted in expected.items():
        for reading, fields in zip(found[key], wanted, strict=False):
            assert {name: reading[name] for name in fields} == fields, key
    assert not [line for line in running.log if "critical" in line], running.log


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.relative_to(FOLDER).as_posix())
def test_the_folder_is_complete(case):
    assert {path.name for path in case.iterdir()} == FILES
    text = (case / "wire.log").read_text("utf-8")
    assert text.startswith(HEADER + "\n")
    notes = [row for row in text.splitlines()[1:] if row.startswith("# ")]
    assert any(row.startswith("# Meter: ") for row in notes), "which meter is it?"
    assert any(row.startswith("# Provenance: ") for row in notes), "recorded where, or authored after what?"
    configured = {
        (signal["device_alias"], signal["signal_alias"])
        for signal in json.loads((case / "meterd.json").read_text("utf-8"))["signals"]
    }
    assert configured == {key for key in readings(case / "expected.jsonl") if not key[1].startswith("_")}


def test_there_are_transcripts():
    assert len(CASES) >= 12
