"""How a reading becomes a line of InfluxDB's line protocol.

    meterd,device=house,signal=energy,unit=kWh value=147238.40,quality="good" 1795867200123000041

InfluxDB knows a point by measurement, tags and time, and a point that comes again replaces itself; so what is sent
twice is there once. Two readings of a signal in one millisecond, rows of a load profile, must stay two: below the
millisecond stand the last six digits of the reading's number.
A field has one type for ever: numbers are floats, or integers where `integers` says so and each signal has a
measurement of its own. A double holds 15 digits for sure; what has more stands beside it as text, `digits`.
A failed read is never a number: what is not good has `quality` and `reason` and no value.
Dirt it must survive: units and texts with commas, blanks, equal signs, quotes, backslashes, line ends, control
characters, halves of surrogate pairs. A tag cannot hold a backslash safely, InfluxDB 1 has no escape for it: it becomes
a slash.
"""

from __future__ import annotations

from .._number import Number
from ..model import GOOD
from .format import DOUBLE_DIGITS, fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .batch_thread import Batch, Row

FLOAT, INTEGER = "float", "integer"
INTEGERS = (FLOAT, INTEGER)
MAX_SIGNED = (1 << 63) - 1
SUBMILLI = 1_000_000  # ns of a ms
_TAG = str.maketrans({",": "\\,", "=": "\\=", " ": "\\ ", "\\": "/"})
_NAME = str.maketrans({",": "\\,", " ": "\\ "})
_TEXT = str.maketrans({'"': '\\"', "\\": "\\\\"})


class Writer:
    """Lines as `settings` (`influx.PARAMETERS`) say."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._measurement = settings["measurement"]
        self._gateway = settings["gateway"]
        self._with_states = settings["states"]
        self._with_integers = settings["integers"] == INTEGER
        self._has_unsigned = settings["api"] != "v1"

    def lines(self, batch: Batch, now_ms: int) -> list[bytes]:
        if batch.rows:
            now_ms = batch.rows[0][2].time_ms  # what is lost lies before these
        found = [self._lost(batch.epoch, first, last, now_ms) for first, last in batch.lost]
        wanted = (row for row in batch.rows if self._with_states or not row[2].signal.alias.startswith("_"))
        return found + [self._line(row) for row in wanted]

    def _line(self, row: Row) -> bytes:
        _, sequence, reading = row
        signal = reading.signal
        found = fields(reading)
        kind = "" if signal.recalculation is not None else self._kind(signal.parameters.get("number_type"))
        values = _value(found["value"], kind, "value") if found["quality"] == GOOD else []
        if "raw_value" in found and found["quality"] == GOOD:
            values += _value(found["raw_value"], "", "raw_value")
        values += [_text(name, found[name]) for name in ("quality", "reason", "meter_time") if found[name]]
        head = self._head(signal.device_alias, signal.alias, found["unit"])
        return _whole(head, values, found["time_ms"] * SUBMILLI + sequence % SUBMILLI)

    def _lost(self, epoch: str, first: int, last: int, now_ms: int) -> bytes:
        head = self._head("", "_lost", None)
        values = [_text("lost", f"{first}-{last}"), _text("epoch", epoch), f"count={last - first + 1}"]
        return _whole(head, values, now_ms * SUBMILLI + first % SUBMILLI)

    def _head(self, device: str, signal: str, unit: str | None) -> str:
        measurement = self._measurement.replace("{device}", device or "meterd").replace("{signal}", signal)
        tags = (("device", device), ("gateway", self._gateway), ("signal", signal), ("unit", unit))
        return measurement.translate(_NAME) + "".join(f",{name}={_tag(text)}" for name, text in tags if text)

    def _kind(self, number_type: str | None) -> str:
        """What stands behind a number: nothing for a float, `i`, or `u`."""
        if not self._with_integers or number_type in (None, "FLOAT", "DOUBLE", "STRING"):
            return ""
        return "u" if number_type == "UNSIGNED64" and self._has_unsigned else "i"


def _value(value: Any, kind: str, name: str) -> list[str]:
    """Its fields: none of what is absent, two of a number that has more digits than a double."""
    if value is None:
        return []
    if isinstance(value, str):
        return [_text("text" if name == "value" else f"{name}_text", value)]
    if kind:
        fits = kind == "u" or value <= MAX_SIGNED
        return [f"{name}={value}{kind}"] if fits else [_text("digits", str(value))]
    found = [f"{name}={value}"]
    digits = str(abs(value.reduced()[0])) if isinstance(value, Number) else str(value).strip("-0")
    if not isinstance(value, float) and len(digits) > DOUBLE_DIGITS:
        found.append(_text("digits" if name == "value" else f"{name}_digits", str(value)))
    return found


def _whole(head: str, values: list[str], time_ns: int) -> bytes:
    return f"{head} {','.join(values)} {time_ns}".encode("utf-8", "backslashreplace")


def _text(name: str, text: str) -> str:
    """A field; InfluxDB takes line ends within its quotes, but nobody's tools do."""
    return f'{name}="{_printable(text).translate(_TEXT)}"'


def _tag(text: str) -> str:
    return _printable(text).translate(_TAG)


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)
