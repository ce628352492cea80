"""`meterd status` as people read it: the worst first, no wider than the terminal, a sentence under what is wrong."""

from __future__ import annotations

import shutil
import textwrap
from fnmatch import fnmatchcase

from ..sinks.status import COUNTERS, WORST_FIRST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

HEAD = ("device", "state", "signals", "good ago", "line")
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


def text(answer: dict[str, Any], detailed: bool = False) -> str:
    """`detailed` with counters and each signal that fails."""
    width = max(40, min(shutil.get_terminal_size((80, 24)).columns, 120))
    lines = ["running: " + (", ".join(answer["running"]) or "nothing")]
    if answer["stopped"]:
        lines.append("stopped: " + ", ".join(answer["stopped"]))
    for sentence in answer["not_read"]:
        lines += _wrapped("not read: " + sentence, width, "")
    lines += [*_sinks(answer["sinks"], width), *_busy(answer), ""]
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
    return "\n".join(lines)


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


def _sinks(sinks: list[dict[str, Any]], width: int) -> list[str]:
    lines = []
    for sink in sinks:
        counts = f"; waiting: {sink['waiting']}, lost: {sink['lost']}" if sink["waiting"] or sink["lost"] else ""
        lines += _wrapped(f"sink {sink['sink']}: {sink['state']}{counts}", width, "")
    return lines


def _busy(answer: dict[str, Any]) -> list[str]:
    """Lines that have little time left, and the daemon itself."""
    lines = [
        f"line {row['line']}: in use {row['load']:.0%} of the time by {row['devices']} devices"
        for row in answer["lines"]
        if row["load"] is not None and row["load"] >= BUSY
    ]
    own = answer["daemon"]
    jumps = f"; its machine's clock was set {own['clock_jumps']} times" if own["clock_jumps"] else ""
    return [*lines, f"longest turn of the daemon's loop: {own['longest_turn_ms']} ms{jumps}"]


def _details(device: dict[str, Any], width: int) -> list[str]:
    counters = ", ".join(f"{name.replace('_', ' ')} {device[name]}" for name in COUNTERS)
    lines = _wrapped(f"{device['protocol']}: {counters}", width, "    ")
    for signal, words in device["failing"].items():
        lines += _wrapped(f"{signal}: {words}", width, "    ")
    return lines
