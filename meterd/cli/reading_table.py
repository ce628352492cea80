"""The table that `meterd read` shows on a terminal when all readings have come; till then one line says how many."""

from __future__ import annotations

import sys

from .._clock import wall_clock_ms
from ..errors import MeterdError
from ..log import printable
from ..model import GOOD, STALE
from . import terminal
from .printing import Printer
from .terminal import Column, Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..model import Reading
    from ..ports._loop import Loop


MAX_SENTENCES = 20


class TablePrinter(Printer):
    """Keeps the readings and shows them together; meanwhile one line says how many have come."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[tuple[list[str], int, str]] = []
        self._sentences: list[str] = []  # too long for a column
        self._status = Status()
        self._expected = 0

    def begin(self, loop: Loop, expected: int) -> None:
        self._expected = len(self._rows) + expected
        self._status.now(f"reading {expected} signals …")

    def take(self, line: str, reading: dict[str, Any]) -> None:
        self._count(reading["quality"], reading["reason"])
        value = reading["value"]
        cells = ["-" if value is None else str(value), reading["unit"] or "", reading["signal"]]
        self._keep(reading["device"], cells, reading["time_ms"], reading["quality"], reading["reason"] or "")

    def _show(self, reading: Reading) -> None:
        signal = reading.signal
        value = "-" if reading.value is None else str(reading.value)
        cells = [value, reading.unit or "", _words(reading)]
        self._keep(signal.device_alias, cells, reading.time_ms, reading.quality, reading.reason or "")
        if reading.words:
            self._sentences.append(f"{signal.alias}: {reading.words}")

    def _keep(self, device: str, cells: list[str], time_ms: int, quality: str, reason: str) -> None:
        if quality != GOOD:
            reason = f"{quality}: {reason}" if reason else quality
        self._rows.append(([device, *cells, reason or quality], time_ms, quality))
        self._status.now(f"read {len(self._rows)} of {self._expected} signals …")

    def flush(self) -> None:
        """The table comes at the end."""

    def close(self) -> None:
        """The table comes at the end."""

    def done(self) -> None:
        self._status.clear()
        if not self._rows:
            return
        now = wall_clock_ms()
        columns = [Column("device"), Column("value", right=True), Column("unit"), Column("age", right=True),
                   Column("name", gives=True), Column("quality")]  # fmt: skip
        rows: list[tuple[tuple[str, ...], str]] = []
        for (device, value, unit, name, quality_words), time_ms, quality in self._rows:
            style = {GOOD: terminal.GOOD, STALE: terminal.DOUBTFUL}.get(quality, terminal.BAD)
            old = terminal.age(now - time_ms) if value != "-" else ""
            rows.append(((device, value, unit, old, name, quality_words), style))
        if len({cells[0] for cells, _ in rows}) == 1:
            columns, rows = columns[1:], [(cells[1:], style) for cells, style in rows]
        terminal.print_table(columns, rows, sys.stdout)
        for sentence in self._sentences[:MAX_SENTENCES]:
            print(printable(sentence))


def _words(reading: Reading) -> str:
    """What the signal is: as configured, and what its code stands for where that says more."""
    signal = reading.signal
    own = str(signal.parameters.get("signal_name") or signal.alias)
    try:
        from ..names.signals import name_of  # a package of its own on a gateway
    except ModuleNotFoundError:
        return own
    try:
        name = name_of(signal, reading.unit)
    except MeterdError:
        return own
    if name is None or name.words in (own, reading.unit):
        return own
    return f"{own}: {name.words}"
