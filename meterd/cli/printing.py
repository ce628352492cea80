"""How `meterd read` shows readings where no table (`reading_table`) is wanted: as JSON lines, when they come."""

from __future__ import annotations

from ..model import GOOD
from ..sinks._json import json_line
from ..sinks.lines import STDOUT, LineSink

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..model import Reading
    from ..ports._loop import Loop


class Printer:
    """A sink that prints each reading as a JSON line and keeps the first failure's reason.

    With `holds_texts`, readings that failed because they are no numbers are not printed: `texts` has their aliases.
    """

    def __init__(self) -> None:
        self._lines: LineSink | None = None
        self.reason: str | None = None
        self.count = 0
        self.holds_texts = False
        self.texts: set[str] = set()

    def begin(self, loop: Loop, expected: int) -> None:
        """A scan of so many signals."""
        self._lines = LineSink(STDOUT, json_line, loop)

    def accept(self, reading: Reading) -> None:
        if self.holds_texts and reading.reason == "type":
            self.texts.add(reading.signal.alias)
            return
        self._count(reading.quality, reading.reason)
        self._show(reading)

    def take(self, line: str, reading: dict[str, Any]) -> None:
        """A reading that the running daemon has made."""
        self._count(reading["quality"], reading["reason"])
        print(line, flush=True)

    def _count(self, quality: str, reason: str | None) -> None:
        self.count += 1
        if quality != GOOD and self.reason is None:
            self.reason = reason or "type"

    def _show(self, reading: Reading) -> None:
        if self._lines is not None:
            self._lines.accept(reading)

    def flush(self) -> None:
        if self._lines is not None:
            self._lines.flush()

    def reopen(self) -> None:
        """Stdout stays as it is."""

    def close(self) -> None:
        if self._lines is not None:
            self._lines.close()

    def done(self) -> None:
        """All scans are over."""
