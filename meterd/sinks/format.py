"""How a reading is written: as one line of JSON, as a WCC Lite line, as a map for msgpack.

JSON carries the digits that the meter sent (`147238.40` stays so). A WCC Lite line is
`tag/<device_alias>/<signal_alias>/rin value,ms,flags`: ms since 1970 UTC; flags IV (invalid), NT (not topical, the last
known value), OV (overflow), none when good; a failed read without an earlier value is `nan`. The manual of the WCC
Lite knows no text values: one that holds a comma, a quote or a control character is quoted as in CSV, on one line.

A float that is no finite number is no value: it leaves as null (`nan`), invalid, reason `type`.
"""

from __future__ import annotations

from .._number import Number
from ..model import GOOD, INVALID, OVERFLOW, STALE, Reading
from ._json import finite, json_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FLAGS = {GOOD: "", STALE: "NT", INVALID: "IV", OVERFLOW: "OV"}

# Every decimal of so many significant digits survives the way through an IEEE 754 double and back.
DOUBLE_DIGITS = 15
MIN_MSGPACK_INTEGER, MAX_MSGPACK_INTEGER = -(1 << 63), (1 << 64) - 1


def fields(reading: Reading) -> dict[str, Any]:
    """The fields in which a reading leaves meterd, by name: eight, and two more of a signal that is recalculated."""
    reading = finite(reading)
    signal = reading.signal
    value = reading.value
    named = {
        "device": signal.device_alias,
        "signal": signal.alias,
        "value": int(value) if type(value) is bool else value,
        "unit": reading.unit,
        "time_ms": reading.time_ms,
        "meter_time": reading.meter_time,
        "quality": reading.quality,
        "reason": reading.reason,
    }
    if reading.raw is not None:
        raw = reading.raw.value
        named["raw_value"] = int(raw) if type(raw) is bool else raw
        named["raw_unit"] = reading.raw.unit
    return named


def wcc_line(reading: Reading) -> str:
    """One WCC Lite line, without its end; of a signal that is recalculated two, as its hub has them: rin and out."""
    if reading.raw is None:
        return _tag_line(reading, "rin")
    return _tag_line(reading.raw, "rin") + "\n" + _tag_line(reading, "out")


def _tag_line(reading: Reading, direction: str) -> str:
    return f"tag/{reading.signal.device_alias}/{reading.signal.alias}/{direction} {tag_message(reading)}"


def tag_message(reading: Reading) -> str:
    """`value,ms,flags`, as a WCC Lite has it under a signal's key."""
    reading = finite(reading)
    return f"{_wcc_value(reading.value)},{reading.time_ms},{FLAGS[reading.quality]}"


def _wcc_value(value: Any) -> str:
    if value is None:
        return "nan"
    if isinstance(value, str):
        if value.isprintable() and not ("," in value or '"' in value):
            return value
        printable = "".join(letter if letter.isprintable() else " " for letter in value)
        return '"' + printable.replace('"', '""') + '"'
    return str(int(value)) if type(value) is bool else str(value)


def msgpack_fields(reading: Reading) -> dict[str, Any]:
    """The fields with values that msgpack has.

    A decimal becomes a double where the double stands for exactly these digits (up to 15 of them), else its text; so
    does an integer beyond 64 bits.
    """
    named = fields(reading)
    for name in ("value", "raw_value"):
        if name in named:
            named[name] = msgpack_value(named[name])
    return named


def msgpack_value(value: Any) -> Any:
    if isinstance(value, Number):
        if len(str(abs(value.reduced()[0]))) > DOUBLE_DIGITS:
            return str(value)
        value = int(value) if value.exponent >= 0 else float(value)
    if isinstance(value, int) and not MIN_MSGPACK_INTEGER <= value <= MAX_MSGPACK_INTEGER:
        return str(value)
    return int(value) if type(value) is bool else value


FORMATS = {"json": json_line, "lines": wcc_line}
