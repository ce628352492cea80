"""The name of what a configured signal reads: from its code, else from its own name, else from its unit alone.

The problem: a DLMS or IEC 62056-21 signal has an OBIS code; an M-Bus signal is configured as the number of a record
and has the catalogue's words only where `meterd scan` (or somebody like it) wrote them. A unit alone tells a quantity,
and not which of several.
"""

from __future__ import annotations

from . import obis, records
from . import quantities as q
from .quantities import Name, fits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model import Signal

CODES = ("obis_job", "tag_job_todo", "job_todo")
# Kinds that one unit stands for, whatever it measures; the others (K, %, °C of a limit …) are not told by it.
BY_UNIT = (
    q.ENERGY, q.REACTIVE_ENERGY, q.APPARENT_ENERGY, q.POWER, q.REACTIVE_POWER, q.APPARENT_POWER, q.VOLTAGE, q.CURRENT,
    q.FREQUENCY, q.VOLUME, q.VOLUME_FLOW, q.PRESSURE,
)  # fmt: skip


def name_of(signal: Signal, unit: str | None) -> Name | None:
    """The name of what a signal reads, as far as its columns tell; `unit` is the one that came with its value."""
    parameters = signal.parameters
    for column in CODES:
        found = _by_code(str(parameters.get(column) or ""), unit)
        if found is not None:
            return found
    return _by_words(str(parameters.get("signal_name") or ""), unit) or _by_unit(unit)


def _by_code(code: str, unit: str | None) -> Name | None:
    """`1.0.1.8.0.255:2` (an attribute other than the value is another thing), `R5:1.8.0`, `1.8.0*01[1]`."""
    if code[:1] in ("R", "r") and code[2:3] == ":":
        code = code[3:]
    body, colon, attribute = code.rpartition(":")
    if colon and attribute.isdigit():
        if attribute != "2":
            return None
        code = body
    return obis.name_of(code.partition("[")[0], unit)


def _by_words(words: str, unit: str | None) -> Name | None:
    """The words that `names.records` made of an M-Bus record; None where they are somebody's own."""
    first, *rest = words.lower().split(", ")
    medium = medium_of(words)
    quantity = first.removeprefix(medium + " ") if medium else first
    if quantity not in records.KINDS or not fits(records.KINDS[quantity][0], unit):
        return None
    storage = tariff = subunit = 0
    qualifiers, function = [], "instantaneous"
    for part in rest:
        head, _, number = part.rpartition(" ")
        if head in ("tariff", "unit", "stored value") and number.isdigit():
            tariff = int(number) if head == "tariff" else tariff
            subunit = int(number) if head == "unit" else subunit
            storage = int(number) if head == "stored value" else storage
        elif part in records.DIRECTIONS or part.startswith("phase "):
            qualifiers.append(part)
        else:
            function = part  # a minimum, a maximum, or what somebody added: no plain register any more
    return records.name_of(quantity, unit, function, storage, tariff, subunit, tuple(qualifiers), medium)


def _by_unit(unit: str | None) -> Name | None:
    if not unit:
        return None
    for kind in BY_UNIT:
        if fits(kind, unit):
            return Name(unit, kind, q.NO_DIRECTION, q.OTHER if kind in q.COUNTERS else q.MOMENTARY)
    return None


def medium_of(words: str) -> str:
    """The medium that a name begins with, '' where with none."""
    lower = words.lower()
    return next((one for one in sorted(set(records.OF_MEDIUM.values()), key=len, reverse=True)
                 if lower.startswith(one + " ")), "")  # fmt: skip
