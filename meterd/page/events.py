"""The event log for people: filtered, newest first, a page of it or all of it as CSV.

The dirt to survive: texts of meters that a spreadsheet would take for formulas.
"""

from __future__ import annotations

from ..gateway.json_text import dumps, loads
from ..sinks.events import EventLog

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from ..ports.work import Work

SHOWN = 200
COLUMNS = ("time_ms", "device", "signal", "value", "unit", "quality", "reason", "meter_time")
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def log_of(sinks: Iterable[object]) -> EventLog | None:
    return next((sink for sink in sinks if isinstance(sink, EventLog)), None)


def filtered(log: EventLog | None, wanted: dict[str, str], most: int | None) -> Work[list[dict[str, Any]]]:
    """Events that the filter lets through: `device`, `quality` and `text`, which may be anywhere in the event."""
    found: list[dict[str, Any]] = []
    text = wanted.get("text", "").lower()
    for line in log.newest() if log is not None else ():
        yield
        if text and text not in line.lower():
            continue
        event = loads(line)
        if any(wanted.get(name) and str(event.get(name)) != wanted[name] for name in ("device", "quality")):
            continue
        event["value"] = _digits(line, event.get("value"))
        found.append(event)
        if most is not None and len(found) >= most:
            break
    return found


def _digits(line: str, value: Any) -> str | None:
    """A number as the meter's own digits, which its line has, and no float."""
    if isinstance(value, float):
        return line.partition('"value":')[2].partition(",")[0].strip()
    return None if value is None else str(value)


def page_of(log: EventLog | None, wanted: dict[str, str]) -> Work[str]:
    events = yield from filtered(log, wanted, SHOWN + 1)
    return dumps({"ok": True, "events": events[:SHOWN], "more": len(events) > SHOWN})


def csv_of(log: EventLog | None, wanted: dict[str, str]) -> Work[str]:
    """RFC 4180, with the names of the columns."""
    events = yield from filtered(log, wanted, None)
    rows = [",".join(COLUMNS)]
    for event in events:
        rows.append(",".join(cell(event.get(name)) for name in COLUMNS))
        yield
    return "\r\n".join([*rows, ""])


def cell(value: object) -> str:
    """Quoted where it must be; what a spreadsheet would reckon out, and is no number, is text."""
    text = "" if value is None else str(value)
    if text.startswith(FORMULA) and not _is_number(text):
        text = "'" + text
    if any(sign in text for sign in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
