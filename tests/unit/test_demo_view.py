"""The demo's table: all of it within 80 by 24, which meter speaks what, which way values went, what to do next."""

from __future__ import annotations

import json
from typing import Any

import pytest

from meterd.cli.demo_site import METERS
from meterd.cli.demo_view import WIDE, Table

PATH = "/tmp/meterd-demo-abcdefgh/demo.json"


def line(device: str, signal: str, value: Any, quality: str = "good", reason: str | None = None) -> bytes:
    fields = {"device": device, "signal": signal, "value": value, "unit": "kWh", "time_ms": 1795871010032,
              "meter_time": None, "quality": quality, "reason": reason}  # fmt: skip
    return json.dumps(fields).encode() + b"\n"


@pytest.fixture
def table() -> Table:
    shown = Table(METERS, PATH)
    for meter in METERS:
        for alias in meter.signals:
            if meter.simulator is None:
                shown.take(line(meter.alias, alias, None, "invalid", "disconnected"))
            else:
                shown.take(line(meter.alias, alias, 147238.47, "good"))
    return shown


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (160, 45)])
def test_all_of_it_fits(table: Table, columns: int, rows: int) -> None:
    lines = table.lines(columns)
    assert len(lines) < rows and max(map(len, lines)) <= columns
    text = "\n".join(lines)
    for meter in METERS:
        assert meter.alias in text and meter.notes[0] in text
        assert len(meter.notes) <= len(meter.signals)
    assert "dead on purpose" in text and "disconnected" in text
    assert f"meterd doctor -c {PATH} cellar" in text and "meterd status --control /tmp/meterd-demo-abcdefgh/" in text
    assert (" at " in lines[1]) == (columns >= WIDE)


def test_values_that_move_are_marked(table: Table) -> None:
    table.take(line("house", "energy", 147238.48) + line("house", "power", 1)[:10])
    table.take(line("house", "power", 1)[10:] + line("house", "voltage_L1", 147238.47))
    rows = table.lines(80)
    energy = next(row for row in rows if row.startswith("house"))
    power = next(row for row in rows if " power " in row)
    voltage = next(row for row in rows if " voltage_L1 " in row)
    assert "147238.48 \u2191" in energy and "1 \u2193" in power and "147238.47   kWh" in voltage


def test_a_failed_reading_is_no_move(table: Table) -> None:
    table.take(line("house", "energy", 0, "stale", "timeout"))
    [row] = [row for row in table.lines(80) if row.startswith("house")]
    assert "\u2193" not in row and row.endswith("timeout")
