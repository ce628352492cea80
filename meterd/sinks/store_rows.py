"""How readings lie in the store: rows of consecutive ones, packed as text that brings back each exactly.

A row is CRC-32, epoch (4 bytes each), and JSON: `[base ms, clock, shift, [name, value, ms after base, meter time,
quality, reason, [raw value, its unit]], …]`, without what is as usual at the end. `name` is the number of a device,
signal and unit in the store's table of names, so that no name is written twice; beyond MAX_NAMES it is the name itself.
A value is a plain
integer, or text whose first letter says what it was: a number keeps the meter's own digits. A reading's outward number
is its place in the store less `shift`.
The CRC covers the row, its place and the names that it uses: what a bad sector changed is no reading. `clock` is 0, or
where the clock had not been set since the machine started, the boot and how far it was ahead of the monotonic clock:
when the time has come by then, so has the reading's.
"""

from __future__ import annotations

from binascii import crc32

from .._number import Number
from ..gateway.json_text import dumps, encode, loads
from ..model import GOOD, QUALITIES, Reading, Signal
from .outbox import CLOCK_SET_MS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .outbox import Numbered

    Clock = tuple[str, int]  # boot, ms ahead of the monotonic clock

MAX_NAMES = 20_000
MAX_PLAIN = 1 << 53
HEAD = 8
USUAL: list[Any] = [None, GOOD, None, None]


class Names:
    """Devices, signals and units by number; `keep(number, name)` puts a new one on record."""

    def __init__(self, keep: Callable[[int, str], None]) -> None:
        self.keep = keep
        self.by_number: dict[int, str] = {}
        self._numbers: dict[str, int] = {}
        self._made: dict[str, tuple[Signal, str | None]] = {}

    def load(self, number: int, name: str) -> None:
        self.by_number[number] = name
        self._numbers[name] = number

    def number_of(self, name: str) -> int | str:
        """The number of a name; the name itself where there are too many."""
        known = self._numbers.get(name)
        if known is not None:
            return known
        if len(self._numbers) >= MAX_NAMES:
            return name
        number = max(self.by_number, default=0) + 1
        self.keep(number, name)
        self.load(number, name)
        return number

    def made_of(self, name: str) -> tuple[Signal, str | None]:
        """Raises: ValueError, TypeError."""
        known = self._made.get(name)
        if known is None:
            device, alias, unit = loads(name)
            known = Signal(device, alias, {}), unit
            if len(self._made) < MAX_NAMES:
                self._made[name] = known
        return known


def pack(taken: list[Numbered], names: Names, epoch: str, shift: int, offset: int, clock: Clock | None) -> bytes:
    """A row of consecutive readings; its place is the first number + `offset`."""
    base = taken[0][1].time_ms
    mark: Any = 0
    rows: list[Any] = []
    used = []
    for _, reading in taken:
        signal = reading.signal
        name = dumps([signal.device_alias, signal.alias, reading.unit])
        used.append(name)
        raw = None if reading.raw is None else [_written(reading.raw.value), reading.raw.unit]
        more = [reading.meter_time, reading.quality, reading.reason, raw]
        while more and more[-1] == USUAL[len(more) - 1]:
            more.pop()
        rows.append([names.number_of(name), _written(reading.value), reading.time_ms - base, *more])
        if clock is not None and reading.time_ms < CLOCK_SET_MS:
            mark = list(clock)
    text = encode(dumps([base, mark, shift, *rows]))
    body = bytes.fromhex(epoch) + text
    return _crc(taken[0][0] + offset, len(taken), body, used).to_bytes(4, "big") + body


class Row:
    """A row as it was found: `first` place, `epoch`, `shift`, its readings; `clock` where that was not set then, and
    is not yet.
    """

    __slots__ = ("clock", "epoch", "first", "readings", "shift")

    def __init__(self, first: int, epoch: str, shift: int, readings: list[Reading], clock: Clock | None) -> None:
        self.clock = clock
        self.first = first
        self.epoch = epoch
        self.shift = shift
        self.readings = readings


def unpack(first: int, last: int, data: Any, names: Names, clock: Clock | None = None) -> Row | None:
    """None where it is not what was written. `clock`: this boot and how far the clock is ahead, if it is set."""
    if not isinstance(data, bytes) or len(data) <= HEAD or not isinstance(last, int):
        return None
    try:
        base, mark, shift, *rows = loads(data[HEAD:])
        used = [name if isinstance(name, str) else names.by_number[name] for name, *_ in rows]
        if (
            _crc(first, last - first + 1, data[4:], used) != int.from_bytes(data[:4], "big")
            or len(rows) != last - first + 1
        ):
            return None
        late = clock[1] - mark[1] if mark and clock is not None and mark[0] == clock[0] else 0
        readings = [_reading(row, name, base, late, names) for row, name in zip(rows, used, strict=True)]
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError):
        return None
    unset = (str(mark[0]), int(mark[1])) if mark and clock is None else None
    return Row(first, data[4:HEAD].hex(), shift, readings, unset)


def base_ms(data: bytes) -> int:
    """When the first reading of a row was taken; 0 where the clock was not set. Raises: ValueError."""
    found = int(data[HEAD + 1 : data.index(b",", HEAD)])
    return found if found >= CLOCK_SET_MS else 0


def _reading(row: list[Any], name: str, base: int, late: int, names: Names) -> Reading:
    _, value, after, *more = row
    meter_time, quality, reason, raw = more + USUAL[len(more) :]
    signal, unit = names.made_of(name)
    time_ms = base + after
    if late and time_ms < CLOCK_SET_MS:
        time_ms += late
    quality = next((one for one in QUALITIES if one == quality), quality)  # the very string that others compare with
    reading = Reading(signal, _read(value), unit, time_ms, meter_time, quality, reason)
    if raw is not None:
        reading.raw = Reading(signal, _read(raw[0]), raw[1], time_ms, meter_time, quality, reason)
    return reading


def _written(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if -MAX_PLAIN < value < MAX_PLAIN else f"i{value}"
    if isinstance(value, Number):
        return f"n{value}"
    return f"f{value!r}" if isinstance(value, float) else f"s{value}"


def _read(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    kind, text = value[0], value[1:]
    if kind == "n":
        return Number.parse(text)
    if kind == "s":
        return text
    return int(text) if kind == "i" else float(text)


def _crc(first: int, count: int, body: bytes, used: list[str]) -> int:
    return crc32(encode("\n".join(used)), crc32(body, crc32(b"%d %d" % (first, count))))
