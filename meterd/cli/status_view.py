"""`meterd status` as people read it: the worst first, no wider than the terminal, a sentence under what is wrong."""

from __future__ import annotations

import shutil
import textwrap
from fnmatch import fnmatchcase

from ..log import printable
from ..sinks.status import COUNTERS, WORST_FIRST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

HEAD = ("device", "state", "signals", "good ago", "line")
LINE_HEAD = ("in use", "devices", "port", "line")
NAME_MOST = 30  # columns; what is longer than its place is cut at its end
LINE_LEAST = 10
BUSY = 0.8


def only(answer: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """What concerns the devices and lines of these names (patterns as of files); all of it where there are none."""
    if not names:
        return answer
    devices = [row for row in answer["devices"] if _named(names, row["device"], row["line"])]
    lines = {row["line"] for row in devices}
    return {**answer, "devices": devices, "lines": [row for row in answer["lines"] if row["line"] in lines]}


def text(answer: dict[str, Any], detailed: bool = False, rows_most: int = 0) -> str:
    """`detailed` with counters and each signal that fails; no more than `rows_most` lines, the worst, if given."""
    width = max(40, min(shutil.get_terminal_size((80, 24)).columns, 120))
    lines = ["running: " + (", ".join(answer["running"]) or "nothing")]
    if answer["stopped"]:
        lines.append("stopped: " + ", ".join(answer["stopped"]))
    for sentence in answer["not_read"]:
        lines += _wrapped("not read: " + sentence, width, "")
    lines += [*_sinks(answer["sinks"], width), *_own(answer["daemon"]), ""]
    devices = sorted(answer["devices"], key=_badness)
    rows = [HEAD, *map(_row, devices)]
    widths = [max(len(row[index]) for row in rows) for index in range(len(HEAD) - 1)]
    room = max(LINE_LEAST, width - sum(widths) - 2 * len(widths))
    lines.append(_joined(HEAD, widths, room))
    for row, device in zip(rows[1:], devices, strict=True):
        lines.append(_joined(row, widths, room))
        if device["trouble"]:
            lines += _wrapped(f"{device['trouble']} ({_ago(device['trouble_age_s'])} ago)", width, "    ")
        if detailed:
            lines += _details(device, width)
    for row in answer.get("callers", ()):
        lines += _wrapped(_caller(row), width, "")
    lines += _lines(answer["lines"], width, detailed)
    if 0 < rows_most < len(lines):
        more = f"… and {len(lines) - rows_most + 1} more lines: `meterd status NAME` tells of fewer"
        lines[rows_most - 1 :] = [_cut(more, width)]
    return "\n".join(map(printable, lines))


def terminal_rows() -> int:
    """How many lines of text a terminal shows at once, the cursor below them."""
    return max(shutil.get_terminal_size((80, 24)).lines - 1, 5)


def _named(names: list[str], device: str, line: str) -> bool:
    return any(fnmatchcase(device, name) or fnmatchcase(line, name) for name in names)


def _badness(device: dict[str, Any]) -> tuple[int, str]:
    reason = device["reason"]
    return (WORST_FIRST.index(reason) if reason in WORST_FIRST else len(WORST_FIRST), device["device"])


def _row(device: dict[str, Any]) -> tuple[str, ...]:
    signals = f"{device['signals_ok']}/{device['signals']}"
    name = _cut(device["device"], NAME_MOST)
    return (name, device["reason"], signals, _ago(device["last_good_age_s"]), device["line"])


def _joined(row: tuple[str, ...], widths: list[int], room: int) -> str:
    cells = [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=True)]
    return "  ".join([*cells, _cut(row[-1], room)]).rstrip()


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1] + "…"


def _ago(seconds: int | None) -> str:
    """In the unit that people would use."""
    if seconds is None:
        return "never"
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _wrapped(sentence: str, width: int, indent: str) -> list[str]:
    return textwrap.wrap(sentence, width, initial_indent=indent, subsequent_indent=indent or "  ")


def _caller(row: dict[str, Any]) -> str:
    """One who called and is no device."""
    times = f", {row['times']} times" if row["times"] > 1 else ""
    return f"unknown caller at {row['line']}: {row['address']} {row['said']} ({_ago(row['age_s'])} ago{times})"


def _sinks(sinks: list[dict[str, Any]], width: int) -> list[str]:
    """The broken ones first, then those that lost readings or have most waiting."""
    lines = []
    for sink in sorted(sinks, key=lambda sink: (sink["state"] == "good", -sink["lost"], -sink["waiting"])):
        counts = f"; waiting: {sink['waiting']}, lost: {sink['lost']}" if sink["waiting"] or sink["lost"] else ""
        lines += _wrapped(f"sink {sink['sink']}: {sink['state']}{counts}", width, "")
    return lines


def _own(daemon: dict[str, Any]) -> list[str]:
    jumps = f"; its machine's clock was set {daemon['clock_jumps']} times" if daemon["clock_jumps"] else ""
    return [f"longest turn of the daemon's loop: {daemon['longest_turn_ms']} ms{jumps}"]


def _lines(lines: list[dict[str, Any]], width: int, all_of_them: bool) -> list[str]:
    """The busiest first; unless asked for, one that has a single device and time left says nothing of its own."""
    told = [row for row in lines if all_of_them or row["devices"] > 1 or (row["load"] or 0.0) >= BUSY]
    if not told:
        return []
    rows = [LINE_HEAD]
    for row in sorted(told, key=lambda row: -(row["load"] or 0.0)):
        load = "listens" if row["load"] is None else f"{row['load']:.0%}"
        rows.append((load, str(row["devices"]), "open" if row["open"] else "closed", row["line"]))
    widths = [max(len(row[index]) for row in rows) for index in range(len(LINE_HEAD) - 1)]
    room = max(LINE_LEAST, width - sum(widths) - 2 * len(widths))
    return ["", *(_joined(row, widths, room) for row in rows)]


def _details(device: dict[str, Any], width: int) -> list[str]:
    counters = ", ".join(f"{name.replace('_', ' ')} {device[name]}" for name in COUNTERS)
    lines = _wrapped(f"{device['protocol']}: {counters}", width, "    ")
    for signal, words in device["failing"].items():
        lines += _wrapped(f"{signal}: {words}", width, "    ")
    return lines
