"""What `meterd top` shows, as lines of pieces with a style: no terminal is needed to make them.

One way to draw serves all: a full screen needs keys, paging and a size that changes, which rich does not bring, and
without it a gateway must see the same. Colours are the terminal's own sixteen; none where NO_COLOR is set, and what
is chosen is then shown by a mark. Dirt to survive: meters' own text with escapes in it, names longer than a screen.
"""

from __future__ import annotations

import textwrap
import time
from collections import deque

from ..log import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .top_questions import Trace

    Piece = tuple[str, str]  # text and style
    Line = list[Piece]

GOOD, DOUBTFUL, BAD, STRONG, QUIET, CHOSEN = "32", "33", "31", "1", "2", "7"
TALL = 32  # rows from which the values of the chosen device stand below the table
WIDE = 110  # columns from which the line of a device has room
BLOCKS, PLAIN_BLOCKS = " ▁▂▃▄▅▆▇█", " .:-=+*#@"
LINE_ENTRY = 39
KEYS = {
    "devices": "q quit  ↑↓ choose  Enter values  s sort  / filter  r read now  t trace  h help",
    "device": "q quit  Esc back  ↑↓ PgUp PgDn  r read now  t trace  h help",
    "trace": "q quit  Esc back  r read now  h help",
    "help": "Esc back  q quit",
}
HELP = (
    "↑ ↓ PgUp PgDn Home End   move (also j and k)",
    "Enter or →               the values of the chosen device, with what they were lately",
    "Esc or ←                 back",
    "s                        next order: state (worst first), device, age, line, signals",
    "/                        show only what has this text in name, line or state; empty: all",
    "r                        have the chosen device read now",
    "t                        follow its wire: each frame in words with meterd-explain",
    "space                    ask the daemon now",
    "q or Ctrl-C              end; Ctrl-Z stops, `fg` goes on",
    "",
    "state      good, or why not: docs/faults.md says what each reason means",
    "signals    that the last scan did well by, of those configured",
    "good ago   since the last good scan",
    "load       share of the last minutes in which the line was in use",
    "trend      values since top began to look at them, lowest to highest",
)
REPORTED_LINES = 8  # where there is no terminal
MAX_HISTORY = 40  # values of one signal
MAX_CHARTED = 2000  # signals


class Shown:
    """What is known and chosen at present."""

    def __init__(self, path: str, blocks: str = BLOCKS) -> None:
        self.path = path
        self.blocks = blocks
        self.mode = "devices"
        self.sort = "state"
        self.match = ""
        self.typing: str | None = None  # the filter that is being typed
        self.page: dict[str, Any] | None = None
        self.offset = 0  # of the first row shown
        self.chosen = 0  # row of the page that is chosen
        self.follows = False  # whether that row is a certain device and no place
        self.opened: dict[str, Any] | None = None  # the device whose values or wire fill the screen
        self.readings: list[dict[str, Any]] = []
        self.readings_of = ""
        self.readings_all = 0
        self.readings_offset = 0
        self.message = ""
        self.trouble = ""  # with the daemon
        self.cpu: float | None = None
        self.trace: Trace | None = None
        self._history: dict[tuple[str, str], deque[tuple[int, float]]] = {}

    def device(self) -> dict[str, Any] | None:
        if self.opened is not None:
            return self.opened
        rows = self.page["devices"] if self.page else []
        return rows[min(self.chosen, len(rows) - 1)] if rows else None

    def take_page(self, page: dict[str, Any]) -> None:
        """Whoever was chosen stays so while it is among the rows."""
        before, self.page = self.page, page
        rows = [row["device"] for row in page["devices"]]
        chosen = before["devices"][self.chosen]["device"] if before and self.follows else None
        self.chosen = rows.index(chosen) if chosen in rows else max(0, min(self.chosen, len(rows) - 1))
        self.follows = bool(rows)
        if before is not None:
            span_s = page["daemon"]["monotonic_s"] - before["daemon"]["monotonic_s"]
            if span_s > 0.2:
                self.cpu = (page["daemon"]["cpu_s"] - before["daemon"]["cpu_s"]) / span_s

    def take_readings(self, device: str, answer: dict[str, Any]) -> None:
        if self.opened is not None and self.opened["device"] == device:
            self.opened = answer["device"]
        self.readings_of, self.readings, self.readings_all = device, answer["readings"], answer["signals_all"]
        for row in self.readings:
            try:
                value = float(row["value"])
            except (TypeError, ValueError):
                continue
            history = self._history.setdefault((device, row["signal"]), deque(maxlen=MAX_HISTORY))
            if row["quality"] == "good" and (not history or history[-1][0] != row["time_ms"]):
                history.append((row["time_ms"], value))
        while len(self._history) > MAX_CHARTED:
            del self._history[next(iter(self._history))]

    def trend(self, row: dict[str, Any], width: int) -> str:
        values = [value for _, value in self._history.get((row["device"], row["signal"]), ())][-width:]
        return spark(values, self.blocks)


def spark(values: list[float], blocks: str = BLOCKS) -> str:
    """A value as a column of eight heights, the lowest of all as the lowest that can be seen."""
    low, high = min(values, default=0.0), max(values, default=0.0)
    steps = len(blocks) - 2
    if not high - low > 0.0 or high - low == float("inf"):
        return blocks[1] * len(values)
    return "".join(blocks[1 + round((value - low) / (high - low) * steps)] for value in values)


def bar(share: float, width: int, blocks: str = BLOCKS) -> str:
    """In eighths of a column."""
    eighths = max(0, min(round(share * width * 8), width * 8))
    full, rest = divmod(eighths, 8)
    edge = "" if not rest else "▏▎▍▌▋▊▉"[rest - 1] if blocks is BLOCKS else "-"
    return (blocks[-1] * full + edge).ljust(width)


def screen(shown: Shown, columns: int, rows: int) -> list[Line]:
    """All lines, `rows` of them at most."""
    body = {"devices": _devices, "device": _device, "trace": _trace, "help": _help}[shown.mode]
    foot = _foot(shown)
    head = _head(shown, columns)
    room = rows - len(head) - len(foot)
    lines = [*head, *body(shown, columns, max(room, 1))][: rows - len(foot)]
    return [*lines, *[[] for _ in range(rows - len(foot) - len(lines))], *foot][:rows]


def device_rows(columns: int, rows: int, shown: Shown) -> int:
    """How many rows of the table fit."""
    room = rows - len(_head(shown, columns)) - len(_foot(shown))
    return max(1, room - len(_lines(shown, columns, room)) - 1 - _below(room))


def signal_rows(columns: int, rows: int, shown: Shown) -> int:
    """How many signals fit."""
    room = rows - len(_head(shown, columns)) - len(_foot(shown))
    if shown.mode == "devices":
        return max(0, _below(room) - 3) if room >= TALL - 4 else 0
    return max(1, room - len(_about(shown.device(), columns)) - 1)


def _below(room: int) -> int:
    """Rows below the table: the sentence of the chosen device, and its values where there is room."""
    return room // 3 if room >= TALL - 4 else 2


def _head(shown: Shown, columns: int) -> list[Line]:
    page = shown.page
    if page is None:
        return [[(f"meterd top: {shown.path}", STRONG)], [(shown.trouble or "waiting for the daemon", BAD)]]
    daemon = page["daemon"]
    parts = ["" if shown.cpu is None else f"CPU {shown.cpu:.1%}", f"page {daemon['cost_ms']:.1f} ms"]
    parts.append(f"longest turn {daemon['longest_turn_ms']:.0f} ms")
    title = f"meterd top: {page['devices_all']} devices, {page['lines_all']} lines"
    own = "  daemon: " + ", ".join(part for part in parts if part)
    if len(title + own) > columns:
        own = "  daemon: " + ", ".join(part for part in parts[:2] if part)
    first: Line = [(title, STRONG), (cut(own, max(0, columns - len(title))), QUIET)]
    if shown.trouble:
        return [first, [(shown.trouble, BAD)]]
    states: Line = [(f"{name} {count}  ", style_of(name)) for name, count in page["states"].items()]
    states += [(f"only {shown.match!r}  ", STRONG)] if shown.match and page["states"] else []
    states += [(f"sink {name}  ", BAD) for name in page["sinks"]]
    return [first, states or [("nothing is read: is anything configured? `meterd check` tells", DOUBTFUL)]]


def style_of(state: str) -> str:
    return GOOD if state == "good" else DOUBTFUL if state in ("stale", "not_read_yet", "overflow") else BAD


def _foot(shown: Shown) -> list[Line]:
    if shown.typing is not None:
        return [[("show only: ", STRONG), (shown.typing + "_", ""), ("   Enter takes it, Esc leaves all", QUIET)]]
    keys: Line = [(KEYS[shown.mode], QUIET)]
    return [[(shown.message, STRONG)], keys] if shown.message else [keys]


def _lines(shown: Shown, columns: int, room: int) -> list[Line]:
    """The busiest lines, side by side."""
    known = shown.page["lines"] if shown.page else []
    if not known or room < 10:
        return []
    across = max(1, columns // LINE_ENTRY)
    most = across * (2 if room < TALL - 4 else 4)
    count = min(len(known), most)
    out: list[Line] = []
    for at in range(0, count, across):
        out.append([piece for one in known[at : min(at + across, count)] for piece in _line_entry(one, shown.blocks)])
    return out


def _line_entry(one: dict[str, Any], blocks: str) -> Line:
    name = f"{cut(one['line'], 17):<17} "
    devices = f"{one['devices']:>4} dev  "
    if not one["open"]:
        return [(name, ""), (f"{'closed':<12}", DOUBTFUL), (devices, QUIET)]
    if one["load"] is None:
        return [(name, ""), (f"{'listens':<12}", GOOD), (devices, QUIET)]
    style = BAD if one["load"] >= 0.95 else DOUBTFUL if one["load"] >= 0.8 else GOOD
    return [(name, ""), (bar(one["load"], 6, blocks), style), (f"{one['load']:>5.0%} ", ""), (devices, QUIET)]


def _devices(shown: Shown, columns: int, room: int) -> list[Line]:
    page = shown.page
    if page is None:
        return []
    lines = _lines(shown, columns, room)
    below = _below(room)
    most = max(1, room - len(lines) - 1 - below)
    first, last = page["from"] + 1, page["from"] + len(page["devices"][:most])
    where = f"{first if last else 0}-{last} of {page['matching']} by {shown.sort}"
    name = max([6, *(len(row["device"]) for row in page["devices"])])
    name = min(name, 30 if columns >= WIDE else 20)
    place = 22 if columns >= WIDE else 0
    head = f"  {'device':<{name}} {'state':<12} {'signals':>9} {'good ago':>8}  "
    head += f"{'line':<{place}} " if place else ""
    lines.append([(cut(head, columns), STRONG), (cut(f"last sentence  {where}", max(0, columns - len(head))), QUIET)])
    for number, row in enumerate(page["devices"][:most]):
        lines.append(_device_row(row, name, place, columns, number == shown.chosen))
    lines += [[] for _ in range(room - below - len(lines))]
    return [*lines, *_chosen(shown, columns, room, below)]


def _device_row(row: dict[str, Any], name: int, place: int, columns: int, chosen: bool) -> Line:
    signals = f"{row['signals_ok']}/{row['signals']}"
    pieces: Line = [
        ("> " if chosen else "  ", ""), (f"{cut(row['device'], name):<{name}} ", ""),
        (f"{row['reason']:<12} ", style_of(row["reason"])), (f"{signals:>9} {ago(row['last_good_age_s']):>8}  ", ""),
    ]  # fmt: skip
    if place:
        pieces.append((f"{cut(row['line'], place):<{place}} ", QUIET))
    left = columns - sum(len(text) for text, _ in pieces)
    pieces.append((cut(row["trouble"], max(0, left)), QUIET if row["reason"] == "good" else ""))
    if chosen:
        text = "".join(text for text, _ in pieces)
        return [(text.ljust(columns), CHOSEN)]
    return pieces


def _chosen(shown: Shown, columns: int, room: int, below: int) -> list[Line]:
    """What was said last of the chosen device; and what it measures, on a tall terminal."""
    device = shown.device()
    if device is None:
        text = f"nothing has {shown.match!r} in its name, line or state: / and Enter show all" if shown.match else ""
        return [[(text, DOUBTFUL)]]
    told = _told(device, columns, below if room < TALL - 4 else 2)
    if room < TALL - 4 or shown.readings_of != device["device"]:
        return told[:below]
    return [*told[:2], *[[] for _ in range(2 - len(told))], *_values(shown, columns, below - 2)]


def _told(device: dict[str, Any] | None, columns: int, most: int) -> list[Line]:
    """A sentence of a device, as long as it is, up to `most` lines."""
    if device is None:
        return []
    sentence = printable(device["trouble"])
    if not sentence:
        words = "reads well" if device["reason"] == "good" else device["reason"].replace("_", " ")
        return [[(f"{device['device']}: {words}", style_of(device["reason"]))]]
    age = f" ({ago(device['trouble_age_s'])} ago)"
    lines = textwrap.wrap(f"{device['device']}: {sentence}{age}", max(20, columns - 1)) or [""]
    if len(lines) > most:
        lines[most - 1 :] = [cut(lines[most - 1] + "…", columns)]
    told: list[Line] = [[(line, style_of(device["reason"]))] for line in lines]
    if len(told) < most:
        told.append([(f"what to try: meterd doctor -c FILE {device['device']}", QUIET)])
    return told


def _device(shown: Shown, columns: int, room: int) -> list[Line]:
    about = _about(shown.device(), columns)
    return [*about, *_values(shown, columns, room - len(about))]


def _about(device: dict[str, Any] | None, columns: int) -> list[Line]:
    """Who it is, what its scans came to, and the sentence."""
    if device is None:
        return []
    count = f"{device['reads_ok']} good scans, {device['timeouts']} time-outs, {device['bad_frames']} bad frames, "
    count += f"{device['refused']} refused, {device['retries']} retries"
    who = f"{device['device']}: {device['protocol']} on {device['line']}, good {ago(device['last_good_age_s'])} ago"
    if device["last_good_age_s"] is None:
        who = f"{device['device']}: {device['protocol']} on {device['line']}, never read well"
    return [[(cut(who, columns), STRONG)], [(cut(count, columns), QUIET)], *_told(device, columns, 4)]


def _values(shown: Shown, columns: int, room: int) -> list[Line]:
    """A table of signals: value, unit, age, trend, and why there is none."""
    rows = shown.readings[: max(0, room - 1)]
    name = min(max([6, *(len(row["signal"]) for row in rows)]), 32 if columns >= WIDE else 20)
    width = 24 if columns >= WIDE else 16
    trend = MAX_HISTORY if columns >= WIDE else 12
    where = f"{min(len(rows), shown.readings_all)} of {shown.readings_all} signals"
    where += f" from {shown.readings_offset + 1}" if shown.readings_offset else ""
    head = f"  {'signal':<{name}} {'value':>{width}} {'unit':<6} {'age':>7}  {'trend':<{trend}} "
    lines: list[Line] = [[(cut(head, columns), STRONG), (cut(where, max(0, columns - len(head))), QUIET)]]
    for row in rows:
        value = "-" if row["value"] is None else printable(row["value"])
        age = ago(None if row["time_ms"] is None else max(0, int(time.time() - row["time_ms"] / 1000)))
        pieces: Line = [
            (f"  {cut(row['signal'], name):<{name}} ", ""),
            (f"{cut(value, width):>{width}} ", style_of(row["quality"])),
            (f"{cut(row['unit'] or '', 6):<6} {age:>7}  ", ""),
        ]
        left = columns - sum(len(text) for text, _ in pieces)
        if row["words"]:
            pieces.append((cut(row["words"], left), style_of(row["quality"])))
        else:
            pieces.append((shown.trend(row, trend)[: max(0, left)], GOOD))
        lines.append(pieces)
    return lines


def _trace(shown: Shown, columns: int, room: int) -> list[Line]:
    trace = shown.trace
    if trace is None:
        return []
    words = "" if len(trace.lines) else "  nothing has passed yet: r has it read now"
    head: Line = [(f"the wire of {trace.device}, secrets masked", STRONG), (words, QUIET)]
    told = _told(shown.device(), columns, 2)
    rows = list(trace.lines)[-max(1, room - 1 - len(told)) :]
    return [
        head,
        *told,
        *([(cut(row, columns), BAD if "!!" in row or "silence" in row else "")] for row in rows),
    ]


def _help(shown: Shown, columns: int, room: int) -> list[Line]:
    return [[], *([(cut(row, columns), "")] for row in HELP)][:room]


def cut(text: str, room: int) -> str:
    """Whatever its origin: from a file, a meter or the daemon."""
    text = printable(text)
    return text if len(text) <= room else text[: max(0, room - 1)] + "…"[:room]


def ago(seconds: int | None) -> str:
    """In the unit that people would use."""
    if seconds is None:
        return "never"
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def painted(line: Line, columns: int, colours: bool) -> str:
    """No wider than that; what is chosen is marked, with colours or without."""
    out = []
    for text, style in line:
        piece = text[:columns]
        columns -= len(piece)
        plain = not style or not piece or not (colours or style in (STRONG, CHOSEN))
        out.append(piece if plain else f"\x1b[{style}m{piece}\x1b[0m")
    return "".join(out)


def report(shown: Shown) -> list[str]:
    """The same once, for where there is no terminal: nothing is cut but what follows the last column."""
    page = shown.page
    if page is None:
        return []
    lines = ["".join(text for text, _ in line).rstrip() for line in _head(shown, 1 << 20)]
    for one in page["lines"][:REPORTED_LINES]:
        load = "listens" if one["load"] is None else f"{one['load']:.0%}"
        lines.append(f"line {one['line']}: {load}, {one['devices']} devices, {'open' if one['open'] else 'closed'}")
    if page["lines_all"] > REPORTED_LINES:
        lines.append(f"… and {page['lines_all'] - REPORTED_LINES} lines that are less busy")
    name = max([6, *(len(row["device"]) for row in page["devices"])])
    place = max([4, *(len(row["line"]) for row in page["devices"])])
    lines.append(f"{'device':<{name}} {'state':<12} {'signals':>9} {'good ago':>8}  {'line':<{place}} last sentence")
    for row in page["devices"]:
        line = _device_row(row, name, place, 1 << 20, False)
        lines.append("".join(text for text, _ in line).rstrip()[2:])
    left = page["matching"] - page["from"] - len(page["devices"])
    return [*lines, *([f"… and {left} more devices (--count, at most 200; TEXT shows fewer)"] if left > 0 else [])]
