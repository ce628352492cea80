"""Readings as msgpack maps, for many at little cost.

The problem: to make a dictionary of eight fields and to pack it costs ten times what a line of JSON does, and of a
signal all is as it was the last time but value and time. So what stays is packed once and laid around these two.
Assumptions: nobody looks at the order of a map's members.
Bounds: one piece for each signal that is configured, and once as many after a reload.
"""

from __future__ import annotations

from .._number import Number
from ..model import GOOD
from .format import msgpack_fields, msgpack_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from ..model import Reading, Signal

    Pack = Callable[[Any], bytes]

MOST_KNOWN = 20_000
NOT_KNOWN = (object(), b"")  # unit and beginning
EIGHT = 0x88  # begins a map of so many members


class Maps:
    """`pack` packs one object."""

    __slots__ = ("_known", "_pack")

    def __init__(self, pack: Pack) -> None:
        self._pack = pack
        self._known: dict[Signal, tuple[object, bytes]] = {}

    def of(self, readings: Iterable[Reading]) -> bytes:
        """One map after the other."""
        known_of, pack, parts = self._known.get, self._pack, []
        of_ms: int | None = None
        usual_end = b""
        for reading in readings:
            plain = reading.plain()
            if plain is None:
                parts.append(self._blemished(reading))
                continue
            signal, value, unit, time_ms = plain
            kind = type(value)
            if kind is Number:
                double = value.double()
                value = msgpack_value(value) if double is None else double
            elif kind is float:
                parts.append(pack(msgpack_fields(reading)))
                continue
            elif kind is not str:
                value = msgpack_value(value)
            known, begin = known_of(signal, NOT_KNOWN)
            if known != unit:
                begin = self._learn(signal, unit)
            if time_ms != of_ms:  # of a scan they are mostly the same
                of_ms = time_ms
                usual_end = self._members(time_ms=time_ms, meter_time=None, quality=GOOD, reason=None)
            parts += (begin, pack(value), usual_end)
        return b"".join(parts)

    def _blemished(self, reading: Reading) -> bytes:
        """One of which there is more to say."""
        if reading.raw is not None or type(reading.value) is float:
            return self._pack(msgpack_fields(reading))
        unit, begin = self._known.get(reading.signal, NOT_KNOWN)
        if unit != reading.unit:
            begin = self._learn(reading.signal, reading.unit)
        end = self._members(
            time_ms=reading.time_ms, meter_time=reading.meter_time, quality=reading.quality, reason=reading.reason
        )
        return b"".join((begin, self._pack(msgpack_value(reading.value)), end))

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

    def _members(self, **fields: Any) -> bytes:
        """Without what begins a map, which is one octet for so few."""
        return self._pack(fields)[1:]
