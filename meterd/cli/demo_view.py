"""What `meterd demo` shows: JSON lines as they come, or a table that fits the terminal, 80 by 24 as well.

The table says which meter speaks what, which way each value went, what is wrong on purpose, and what to do next.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import sys
import time
from collections.abc import Sequence

from ..model import GOOD, STALE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .demo_site import DemoMeter

REFRESH_S = 0.5
WIDE = 110  # columns from which the time of each reading has room
MOVES = {True: "\u2191", False: "\u2193"}
STYLES = {GOOD: "32", STALE: "33"}
BAD = "31"
TITLE = "meterd demo: {count} simulated meters, the real daemon reads them. Ctrl-C ends it."
DEAD = "dead on purpose"


class Lines:
    """Passes the daemon's lines on."""

    def follow(self, fd: int, deadline: float | None) -> None:
        while deadline is None or time.monotonic() < deadline:
            ready, _, _ = select.select([fd], [], [], REFRESH_S)
            if ready:
                data = os.read(fd, 65536)
                if not data:
                    return
                self.take(data)
            self.refresh()

    def take(self, data: bytes) -> None:
        sys.stdout.write(data.decode())

    def refresh(self) -> None:
        sys.stdout.flush()


class Table(Lines):
    """Keeps the last reading of each signal on the screen; `path` is the configuration, for other commands to try."""

    def __init__(self, meters: Sequence[DemoMeter], path: str) -> None:
        self.meters = meters
        self.path = path
        self.rows: dict[tuple[str, str], dict[str, Any]] = {}
        self.moves: dict[tuple[str, str], str] = {}
        self._rest = b""
        self._drawn = 0.0

    def take(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            # Floats would lose the meter's own digits.
            reading = json.loads(line, parse_float=str)
            place = reading["device"], reading["signal"]
            before = self.rows.get(place)
            if before is not None and reading["quality"] == GOOD:
                self.moves[place] = _move(before["value"], reading["value"])
            self.rows[place] = reading

    def refresh(self) -> None:
        now = time.monotonic()
        if now - self._drawn < REFRESH_S:
            return
        self._drawn = now
        columns, height = shutil.get_terminal_size()
        shown = self.lines(columns)[: height - 1]
        sys.stdout.write("\x1b[H" + "".join(f"{line}\x1b[K\n" for line in shown) + "\x1b[J")
        sys.stdout.flush()

    def follow(self, fd: int, deadline: float | None) -> None:
        sys.stdout.write("\x1b[?1049h\x1b[?25l")
        try:
            super().follow(fd, deadline)
        finally:
            sys.stdout.write("\x1b[?25h\x1b[?1049l")
            print("\n".join(self.lines(shutil.get_terminal_size().columns)))

    def lines(self, columns: int) -> list[str]:
        """The whole screen, no line of it wider than that."""
        head = f"{'meter':<11} {'it speaks':<17} {'signal':<10} {'value':>19}   {'unit':<3} "
        shown = [TITLE.format(count=len(self.meters))[:columns], (head + _when("at", columns) + "state")[:columns]]
        for meter in self.meters:
            notes = [*meter.notes, *[""] * len(meter.signals)]
            for number, (alias, note) in enumerate(zip(meter.signals, notes, strict=False)):
                shown.append(self._row(meter, alias, note, number == 0, columns))
        return [*shown, *self._next(columns)]

    def _row(self, meter: DemoMeter, alias: str, note: str, first: bool, columns: int) -> str:
        place = meter.alias, alias
        reading = self.rows.get(place)
        value, unit, at, state, style = "-", "", "", "not yet read", ""
        if reading is not None:
            value = "-" if reading["value"] is None else str(reading["value"])
            unit, state = reading["unit"] or "", reading["quality"]
            at = time.strftime("%H:%M:%S", time.localtime(reading["time_ms"] / 1000))
            style = STYLES.get(state, BAD)
            if reading["reason"]:
                state = f"{state}: {reading['reason']}" if columns >= WIDE else reading["reason"]
        if meter.simulator is None:
            value = DEAD
        name = meter.alias if first else ""
        row = f"{name:<11} {note:<17} {alias:<10} {value[:19]:>19} {self.moves.get(place, ' '):<1} {unit:<3} "
        row += _when(at, columns)
        return row[:columns] + _styled(state[: max(0, columns - len(row))], style)

    def _next(self, columns: int) -> list[str]:
        dead = next((meter.alias for meter in self.meters if meter.simulator is None), "")
        control = os.path.join(os.path.dirname(self.path), "control.sock")
        return [
            f"next, elsewhere: meterd doctor -c {self.path} {dead}"[:columns],
            f"              or meterd status --control {control}"[:columns],
        ]


def _when(at: str, columns: int) -> str:
    return f"{at:<8} " if columns >= WIDE else ""


def _move(before: object, now: object) -> str:
    """Which way a number went; nothing for what is none."""
    try:
        first, second = float(str(before)), float(str(now))
    except ValueError:
        return "" if before == now else "*"
    return "" if first == second else MOVES[second > first]


def _styled(text: str, style: str) -> str:
    """Coloured, unless NO_COLOR says otherwise."""
    plain = not style or not sys.stdout.isatty() or os.environ.get("NO_COLOR")
    return text if plain else f"\x1b[{style}m{text}\x1b[0m"
