"""The event log: what changed, newest first, bounded, in memory and in a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from meterd import log
from meterd._number import Number
from meterd.model import INVALID, STALE, Reading, Signal
from meterd.sinks.events import EventLog

LOGGED = Signal("M1", "E", {}, log=1)
SILENT = Signal("M1", "U", {})


def times(events: EventLog, count: int | None = None) -> list[int]:
    return [json.loads(line)["time_ms"] for line in events.newest(count)]


def fill(events: EventLog, start: int, end: int) -> None:
    for value in range(start, end):
        events.accept(Reading(LOGGED, value, time_ms=value))
        events.flush()


def test_changes_of_logged_signals_are_kept_newest_first() -> None:
    events = EventLog()
    events.accept(Reading(SILENT, 1, time_ms=1))
    events.accept(Reading(LOGGED, Number(10, -1), time_ms=2))
    events.accept(Reading(LOGGED, 1, time_ms=3))
    events.accept(Reading(LOGGED, 1, time_ms=4, quality=STALE, reason="timeout"))
    events.accept(Reading(LOGGED, 1, time_ms=5, quality=STALE, reason="no_bytes"))
    events.accept(Reading(LOGGED, None, time_ms=6, quality=INVALID, reason="type"))
    events.accept(Reading(LOGGED, 1, time_ms=7))
    assert times(events) == [7, 6, 4, 2]
    assert times(events, 2) == [7, 6]
    assert times(events, 0) == []
    assert json.loads(events.newest(1)[0])["signal"] == "E"


def test_the_log_is_bounded() -> None:
    events = EventLog(size=10)
    fill(events, 0, 1000)
    assert times(events) == list(range(999, 989, -1))
    assert len(events._lines) <= 20


def test_the_file_survives_a_restart_and_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "events"
    events = EventLog(10, str(path))
    fill(events, 0, 995)
    events.close()
    assert 10 <= path.read_text().count("\n") <= 20
    again = EventLog(10, str(path))
    assert times(again) == list(range(994, 984, -1))
    fill(again, 995, 1000)
    assert times(EventLog(10, str(path))) == list(range(999, 989, -1))


def test_a_torn_or_foreign_line_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_bytes(b'{"time_ms":1}\nnonsense\n\xff\n{"time_ms":2}\n{"time_m')
    events = EventLog(10, str(path))
    assert times(events) == [2, 1]
    fill(events, 3, 4)
    assert times(EventLog(10, str(path))) == [3, 2, 1]
    assert path.read_text().count("\n") == 3


def test_text_with_odd_line_separators_stays_one_event(tmp_path: Path) -> None:
    path = str(tmp_path / "events")
    events = EventLog(10, path)
    events.accept(Reading(LOGGED, "a\u2028b\x85c\udc80", time_ms=1))
    events.close()
    assert json.loads(EventLog(10, path).newest()[0])["value"] == "a\u2028b\x85c\udc80"


def test_trouble_with_the_file_keeps_events_in_memory(tmp_path: Path) -> None:
    said: list[str] = []
    log.configure(log.DEBUG, lambda level, text: said.append(text), clock=lambda: 0.0)
    path = tmp_path / "card" / "events"
    events = EventLog(10, str(path))
    fill(events, 0, 3)
    assert said == [f"{path}: No such file or directory; events stay in memory"]
    path.parent.mkdir()
    fill(events, 3, 4)
    log.configure()
    assert times(EventLog(10, str(path))) == [3, 2, 1, 0]


@pytest.mark.parametrize("rotated", [True, False])
def test_a_rotated_file_is_begun_anew(tmp_path: Path, rotated: bool) -> None:
    path = tmp_path / "events"
    events = EventLog(10, str(path))
    fill(events, 0, 2)
    if rotated:
        path.rename(tmp_path / "old")
    events.reopen()
    fill(events, 2, 3)
    assert path.read_text().count("\n") == (1 if rotated else 3)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    said: list[str] = []
    log.configure(log.DEBUG, lambda level, text: said.append(text), clock=lambda: 0.0)
    events = EventLog(10, str(tmp_path))
    log.configure()
    assert events.newest() == []
    assert said == [f"{tmp_path}: Is a directory; earlier events are not shown"]
