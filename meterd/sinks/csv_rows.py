"""How a reading becomes a row of CSV: RFC 4180, but for the end of a row, which is a line feed alone.

A row is always one line, so that a file which breaks off can be cut at its last line feed: control characters in text
leave as their escapes (`\\n`, `\\x1b`), and so do halves of surrogate pairs. Numbers have the digits that the meter
sent. What is absent is an empty field, an empty text is `""`. (epoch, sequence) is one reading, for ever: a row that
comes twice has the same. Readings that are lost are a row of their own: signal `_lost`, and first and last sequence
in the column `value`.
"""

from __future__ import annotations

from time import gmtime

from ..model import INVALID
from .format import fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .batch_thread import Batch, Row

COLUMNS = (
    "time", "device", "signal", "value", "unit", "quality", "reason", "meter_time", "raw_value", "raw_unit", "time_ms",
    "epoch", "sequence",
)  # fmt: skip
SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t"}
# How many characters of a row's time are the same in one file.
SPANS = {"none": 0, "hour": 13, "day": 10, "month": 7}
LATEST_MS = 253_402_300_799_999  # the last time with four digits of a year


class Writer:
    """Rows with one separator; `header` is the first line of each file."""

    def __init__(self, separator: str, has_decimal_comma: bool, with_states: bool) -> None:
        self._separator = SEPARATORS[separator]
        self._has_decimal_comma = has_decimal_comma
        self._with_states = with_states
        self.header = (self._separator.join(COLUMNS) + "\n").encode()

    def rows(self, batch: Batch, now_ms: int) -> list[bytes]:
        """Each begins with its time."""
        if batch.rows:
            now_ms = batch.rows[0][2].time_ms  # what is lost lies before these
        lost = [self._lost(batch.epoch, first, last, now_ms) for first, last in batch.lost]
        wanted = (row for row in batch.rows if self._with_states or not row[2].signal.alias.startswith("_"))
        return lost + [self._row(row) for row in wanted]

    def _row(self, row: Row) -> bytes:
        epoch, sequence, reading = row
        found = fields(reading)
        found["time"] = iso(found["time_ms"])
        found["epoch"] = epoch
        found["sequence"] = sequence
        return self._line(found)

    def _lost(self, epoch: str, first: int, last: int, now_ms: int) -> bytes:
        return self._line({
            "time": iso(now_ms), "signal": "_lost", "value": f"{first}-{last}", "quality": INVALID, "time_ms": now_ms,
            "epoch": epoch,
        })  # fmt: skip

    def _line(self, found: dict[str, Any]) -> bytes:
        text = self._separator.join(self._field(found.get(name)) for name in COLUMNS)
        return text.encode("utf-8", "backslashreplace") + b"\n"

    def _field(self, value: Any) -> str:
        if value is None:
            return ""
        if not isinstance(value, str):
            number = str(value)
            return self._quoted(number.replace(".", ",")) if self._has_decimal_comma else number
        return self._quoted("".join(map(_shown, value)) if not value.isprintable() else value)

    def _quoted(self, text: str) -> str:
        if text and not (self._separator in text or '"' in text or text[0] == " " or text[-1] == " "):
            return text
        return '"' + text.replace('"', '""') + '"'


def _shown(letter: str) -> str:
    """A line stays one: no character that ends one anywhere, nor any that is none."""
    return letter if letter.isprintable() else letter.encode("unicode_escape").decode()


def iso(time_ms: int) -> str:
    seconds, thousandths = divmod(min(max(time_ms, 0), LATEST_MS), 1000)
    year, month, day, hour, minute, second = gmtime(seconds)[:6]
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{thousandths:03}Z"
