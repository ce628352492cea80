"""A reading as Python people expect it: exact numbers as `decimal.Decimal`, times as `datetime`.

Decimal compares with int and float, converts by `int()` and `float()`, and keeps the digits that the meter sent:
`147238.40` stays so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from .._number import Number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..model import Reading as Internal

Value = int | Decimal | float | str | None


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of one signal of one device at one time.

    `value` is None where the read failed and nothing was known before; a `stale` reading carries the last known value.
    `quality` is 'good', 'stale', 'invalid' or 'overflow', and `reason` why it is not good. `time` is the gateway's,
    aware, in UTC; `meter_time` the meter's own where it gave one, aware if the meter told its zone, and
    `meter_time_text` the same as the meter has it, for clocks that tell less than a whole time. `sequence` is its
    number on a local socket that keeps readings (`keep_readings`), else None.
    """

    device: str
    signal: str
    value: Value
    unit: str | None
    time: datetime
    meter_time: datetime | None
    meter_time_text: str | None
    quality: str
    reason: str | None
    sequence: int | None = None

    @property
    def is_good(self) -> bool:
        return self.quality == "good"


def public(reading: Internal, name: str | None = None) -> Reading:
    """What a driver reported; `name` is what the caller calls the signal."""
    value = reading.value
    return Reading(
        reading.signal.device_alias,
        name or reading.signal.alias,
        Decimal(str(value)) if isinstance(value, Number) else value,
        reading.unit,
        _time(reading.time_ms),
        _meter_time(reading.meter_time),
        reading.meter_time,
        reading.quality,
        reading.reason,
    )


def from_socket(fields: Mapping[str, Any]) -> Reading:
    """What the local socket sends. A double there stands for the digits that it prints with."""
    value = fields["value"]
    return Reading(
        fields["device"],
        fields["signal"],
        Decimal(repr(value)) if isinstance(value, float) else value,
        fields["unit"],
        _time(fields["time_ms"]),
        _meter_time(fields["meter_time"]),
        fields["meter_time"],
        fields["quality"],
        fields["reason"],
        fields.get("sequence"),
    )


def _time(milliseconds: int) -> datetime:
    seconds, rest = divmod(milliseconds, 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest * 1000)


def _meter_time(text: str | None) -> datetime | None:
    try:
        return None if text is None else datetime.fromisoformat(text)
    except ValueError:
        return None  # a clock that does not know its year, or its hour
