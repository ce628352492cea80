"""The two texts that a signal is configured with: what to ask the meter for, and which record of its answer is meant.

`job_todo` (optional) is a list of steps parted by `;`, done in their order before the data is read:

| step | what it does |
|---|---|
| (nothing), `UD2` | read the meter's telegrams (REQ_UD2): the last step of every job but `UD1` |
| `UD1` | read alarm data (REQ_UD1) instead |
| `reset`, `reset=10` | application reset, with a subcode of two hexadecimal digits |
| `baud=9600` | read at this speed: meter and line switch to it, and back afterwards (serial lines only) |
| `51 0F 00` | send the bytes by SND_UD; the first is the CI field |

`tag_job_todo` names a record:

| form | the record |
|---|---|
| `12` | by index, from 0, over all telegrams of the readout (at most 3 digits; `index=1200` for more) |
| `0C 13`, `8C10 13` | by its DIF, DIFE, VIF, VIFE bytes, at least 4 hexadecimal digits |
| `volume; storage=1; function=max` | by what it is |

In the third form the quantity (a name of `vif_tables`) comes first; `storage`, `tariff`, `subunit` are 0 unless given,
`function` is `inst` unless it is `max`, `min` or `error`. A record with qualifiers (VIFE) is only met if each is asked
for: `power; with=phase L1`. Where several records fit, the first is taken, or the first in a `unit`, or the one that
`nth` (from 1) says.
"""

from __future__ import annotations

from . import link as wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..._mbus_values import Record
    from ...model import Signal

MAX_INDEX = 99999
MAX_STEPS = 16
MAX_SEND = 253  # CI and data of one frame
FUNCTIONS = {
    "inst": "instantaneous",
    "instantaneous": "instantaneous",
    "max": "maximum",
    "maximum": "maximum",
    "min": "minimum",
    "minimum": "minimum",
    "error": "error",
}
_FIELDS = {"storage": "storage", "tariff": "tariff", "subunit": "subunit", "device": "subunit"}


class Job:
    """What is asked of a meter: `sends` [(CI, data)] first; `control` REQ_UD2 or REQ_UD1; `baudrate` 0: the line's."""

    __slots__ = ("baudrate", "control", "sends")

    def __init__(self, control: int, sends: list[tuple[int, bytes]], baudrate: int) -> None:
        self.control = control
        self.sends = sends
        self.baudrate = baudrate

    def key(self) -> tuple[object, ...]:
        """Equal for jobs that ask for the same, however they were written."""
        return (self.control, self.baudrate, *self.sends)


class Request:
    """One job and the signals that its answer feeds."""

    __slots__ = ("job", "wanted")

    def __init__(self, job: Job) -> None:
        self.job = job
        self.wanted: list[tuple[Signal, Selector]] = []


def parse_job(text: str) -> Job:
    """Raises: ValueError, all that is wrong."""
    job = Job(wire.REQ_UD2, [], 0)
    steps = [step.strip() for step in text.split(";") if step.strip()]
    if len(steps) > MAX_STEPS:
        raise ValueError(f"at most {MAX_STEPS} steps")
    _fill(job, [(_step, step) for step in steps])
    return job


def _fill(made: Any, parts: list[tuple[Callable[[Any, str], None], str]]) -> None:
    """Put each part's text into what is made. Raises: ValueError, what is wrong with all of them."""
    wrong = []
    for put, text in parts:
        try:
            put(made, text)
        except ValueError as error:
            wrong.append(str(error))
    if wrong:
        raise ValueError("; ".join(wrong))


def _step(job: Job, step: str) -> None:
    word, _, argument = step.lower().partition("=")
    if word in ("ud1", "ud2"):
        job.control = wire.REQ_UD1 if word == "ud1" else wire.REQ_UD2
    elif word.strip() == "baud":
        job.baudrate = _whole(argument, max(wire.SET_BAUDRATE))
        if job.baudrate not in wire.SET_BAUDRATE:
            raise ValueError(f"{step!r}: the speeds are {', '.join(map(str, wire.SET_BAUDRATE))}")
    elif word.strip() == "reset":
        job.sends.append((wire.APPLICATION_RESET, _octets(argument, 0, 1)))
    else:
        octets = _octets(step, 1, MAX_SEND)
        job.sends.append((octets[0], octets[1:]))


def _octets(text: str, least: int, most: int) -> bytes:
    try:
        octets = bytes.fromhex(text.replace("|", " "))
    except ValueError:
        raise ValueError(f"{text!r} is neither UD1, UD2, reset nor hexadecimal bytes") from None
    if not least <= len(octets) <= most:
        raise ValueError(f"{text!r} should be {least} to {most} bytes")
    return octets


class Selector:
    """Which record a signal means: by `index`, by `octets`, or by its description (`quantity` not empty)."""

    __slots__ = ("fields", "function", "index", "nth", "octets", "qualifiers", "quantity", "unit")

    def __init__(self) -> None:
        self.index: int | None = None
        self.octets = b""
        self.quantity = ""
        self.function = "instantaneous"
        self.fields = {"storage": 0, "tariff": 0, "subunit": 0}
        self.qualifiers: tuple[str, ...] = ()
        self.unit = ""
        self.nth = 1

    def find(self, records: list[Record]) -> Record | None:
        """The record meant, or None."""
        if self.index is not None:
            return records[self.index] if self.index < len(records) else None
        nth = self.nth
        for record in records:
            if self._fits(record):
                nth -= 1
                if not nth:
                    return record
        return None

    def nearest(self, records: list[Record]) -> str:
        """The record that was most likely meant, as another signal would name it; '' where none is near."""
        if self.index is not None:
            return f"the last is {len(records) - 1}" if records else ""
        for record in records:
            if self.octets and record.vib and self.octets.endswith(record.vib):
                return (record.dib + record.vib).hex(" ").upper()
            if record.quantity.lower() == self.quantity:
                return described(record)
        return ""

    def asks_for_errors(self) -> bool:
        """Whether a value of an error state is meant: by its number alone a record is meant as it always was."""
        return self.function == "error" or bool(self.octets)

    def _fits(self, record: Record) -> bool:
        if self.octets:
            return record.dib + record.vib == self.octets
        return (
            record.quantity.lower() == self.quantity
            and record.function == self.function
            and (not self.unit or (record.unit or "").lower() == self.unit)
            and all(getattr(record, name) == wanted for name, wanted in self.fields.items())
            and sorted(map(str.lower, record.meaning.qualifiers)) == sorted(self.qualifiers)
        )


def parse_selector(text: str) -> Selector:
    """Raises: ValueError, all that is wrong."""
    selector = Selector()
    first, *terms = [" ".join(term.split()).replace("_", " ") for term in text.split(";")]
    _fill(selector, [(_record, first), *((_term, term) for term in terms)])
    return selector


def _record(selector: Selector, first: str) -> None:
    plain = first.replace(" ", "").replace("|", "")
    if first.lower().startswith("index="):
        selector.index = _whole(first[6:], MAX_INDEX)
    elif plain.isascii() and plain.isdigit() and len(plain) <= 3:
        selector.index = int(plain)
    elif len(plain) >= 4 and not plain.strip("0123456789abcdefABCDEF"):
        selector.octets = _octets(plain, 2, MAX_SEND)
    elif first:
        selector.quantity = _quantity(first)
    else:
        raise ValueError("an index, the DIF and VIF bytes, or a quantity such as energy")


def described(record: Record) -> str:
    """A record as `tag_job_todo` names it."""
    terms = [record.quantity]
    terms += [f"{name}={getattr(record, name)}" for name in dict.fromkeys(_FIELDS.values()) if getattr(record, name)]
    if record.function in ("maximum", "minimum", "error"):
        terms.append(f"function={record.function}")
    return "; ".join([*terms, *(f"with={qualifier}" for qualifier in record.meaning.qualifiers)])


def _quantity(words: str) -> str:
    """The name as the tables have it. Texts of plain-text VIF and unknown codes are written in quotes."""
    name = words.lower()
    if len(words) > 2 and words[0] == words[-1] and words[0] in "'\"":
        return name[1:-1]
    from .vif import quantities  # the tables are large, and most signals name a record by its number

    names = [quantity.lower() for quantity in quantities()]
    if name not in names:
        from difflib import get_close_matches

        near = get_close_matches(name, names, 1)
        raise ValueError(f"{words!r} is no quantity" + (f"; did you mean {near[0]!r}?" if near else ""))
    return name


def _term(selector: Selector, term: str) -> None:
    name, equals, value = (part.strip() for part in term.partition("="))
    name, value = name.lower(), value.lower()
    if name in _FIELDS and equals:
        selector.fields[_FIELDS[name]] = _whole(value, 1 << 41)
    elif name == "nth" and equals:
        selector.nth = max(_whole(value, MAX_INDEX), 1)
    elif name == "unit" and value:
        selector.unit = value
    elif name == "with" and value:
        selector.qualifiers += (value,)
    elif name == "function" and value in FUNCTIONS:
        selector.function = FUNCTIONS[value]
    else:
        raise ValueError(
            f"{term!r} is none of function=inst|max|min|error, storage=, tariff=, subunit=, unit=, with=, nth="
        )


def _whole(text: str, most: int) -> int:
    text = text.strip()
    if not (text.isascii() and text.isdigit()) or int(text) > most:
        raise ValueError(f"{text!r} is not a whole number up to {most}")
    return int(text)
