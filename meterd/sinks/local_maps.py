"""Readings as msgpack maps, for many at little cost.

The problem: to make a dictionary of eight fields and to pack it costs ten times what a line of JSON does, and of a
signal all is as it was the last time but value and time. So what stays is packed once and laid around these two.
Assumptions: nobody looks at the order of a map's members.
Bounds: one piece for each signal that is configured, and once as many after a reload.
"""

from __future__ import annotations

from .._number import Number
from ..model import GOOD
from .format import DOUBLE_DIGITS, msgpack_fields, msgpack_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from ..model import Reading, Signal

    Pack = Callable[[Any], bytes]

MOST_KNOWN = 20_000
NOT_KNOWN = (object(), b"")  # unit and beginning
EIGHT = 0x88  # begins a map of so many members
BEYOND_DOUBLE = 10**DOUBLE_DIGITS
TENS = {-power: 10.0**power for power in range(1, 23)}  # those that a double is exactly, by an exponent


class Maps:
    """`pack` packs one object."""

    __slots__ = ("_known", "_pack")

    def __init__(self, pack: Pack) -> None:
        self._pack = pack
        self._known: dict[Signal, tuple[object, bytes]] = {}

    def of(self, readings: Iterable[Reading]) -> bytes:
        """One map after the other."""
        known_of, pack, parts = self._known.get, self._pack, []
        time_ms, usual_end = -1, b""
        for reading in readings:
            value = reading.value
            kind = type(value)
            if kind is Number and value.exponent in TENS and -BEYOND_DOUBLE < value.mantissa < BEYOND_DOUBLE:
                value = value.mantissa / TENS[value.exponent]  # both are exact, so this is the nearest double
            elif kind is not str:
                value = msgpack_value(value)
            if reading.raw is not None or kind is float:
                parts.append(pack(msgpack_fields(reading)))
                continue
            unit, begin = known_of(reading.signal, NOT_KNOWN)
            if unit != reading.unit:
                begin = self._learn(reading.signal, reading.unit)
            if reading.time_ms != time_ms:  # of a scan they are mostly the same
                time_ms = reading.time_ms
                usual_end = self._end(reading, GOOD, None, None)
            if reading.quality is GOOD and reading.meter_time is None and reading.reason is None:
                parts += (begin, pack(value), usual_end)
            else:
                end = self._end(reading, reading.quality, reading.meter_time, reading.reason)
                parts += (begin, pack(value), end)
        return b"".join(parts)

    def numbered(self, number: int, reading: Reading) -> bytes:
        """One map with its `sequence` before all."""
        whole = self.of((reading,))
        return b"".join((bytes((whole[0] + 1,)), self._members(sequence=number), whole[1:]))

    def _learn(self, signal: Signal, unit: str | None) -> bytes:
        """What is before the value; all members are eight."""
        begin = bytes((EIGHT,)) + self._members(device=signal.device_alias, signal=signal.alias, unit=unit, value=None)
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        begin = begin[: -len(self._pack(None))]
        self._known[signal] = unit, begin
        return begin

    def _end(self, reading: Reading, quality: str, meter_time: str | None, reason: str | None) -> bytes:
        """What is behind it."""
        return self._members(time_ms=reading.time_ms, meter_time=meter_time, quality=quality, reason=reason)

    def _members(self, **fields: Any) -> bytes:
        """Without what begins a map, which is one octet for so few."""
        return self._pack(fields)[1:]
