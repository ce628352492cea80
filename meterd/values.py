"""How what a meter said becomes the value of a signal, under the signal's `number_type`.

Every protocol ends here: text from a read-out, an integer with a scaler, a BCD counter. The value keeps the meter's
own digits: nothing is rounded, clipped, or sent through a binary float that the meter did not send.

| number_type | value |
|---|---|
| FLOAT, DOUBLE | int or Number, with the digits that the meter sent; float only where the meter sent one |
| SIGNED8 … UNSIGNED64 | int; a fraction other than zero is refused, not cut off |
| DIGITAL | 0 or 1 |
| STRING | the text as it is, or the number as it prints; times and dates are text |
"""

from __future__ import annotations

from ._number import Number
from .errors import DecodeError, OutOfRange
from .model import INVALID, OVERFLOW, Reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .model import Signal

    Value = int | Number | float | str

# Number type → smallest and largest value; None where the type sets no bound.
_RANGES: dict[str, tuple[int, int] | None] = {
    "FLOAT": None,
    "DOUBLE": None,
    "DIGITAL": (0, 1),
    "SIGNED8": (-(1 << 7), (1 << 7) - 1),
    "SIGNED16": (-(1 << 15), (1 << 15) - 1),
    "SIGNED32": (-(1 << 31), (1 << 31) - 1),
    "SIGNED64": (-(1 << 63), (1 << 63) - 1),
    "UNSIGNED8": (0, (1 << 8) - 1),
    "UNSIGNED16": (0, (1 << 16) - 1),
    "UNSIGNED32": (0, (1 << 32) - 1),
    "UNSIGNED64": (0, (1 << 64) - 1),
}


def typed(value: Value, number_type: str) -> Value:
    """`value` as `number_type` (one of `meterd.parameters.NUMBER_TYPES`) wants it.

    Raises: DecodeError where the value is no such number, OutOfRange where it is one that the type cannot hold.
    """
    if number_type == "STRING":
        return value if isinstance(value, str) else str(value)
    number = _number(value)
    bounds = _RANGES[number_type]
    if bounds is None:
        return number
    whole = _whole(number, number_type)
    if not bounds[0] <= whole <= bounds[1]:
        raise OutOfRange(f"{number} is out of the range of {number_type}, {bounds[0]} to {bounds[1]}")
    return whole


def reading(signal: Signal, value: Value, unit: str | None = None, meter_time: str | None = None) -> Reading:
    """A reading of `value` under the signal's `number_type`.

    A value that is no such number is a failed reading with reason `type`; one beyond the type's range is an overflow
    without a value, since a clipped one would pass for a good one.
    """
    try:
        return Reading(signal, typed(value, signal["number_type"]), unit, meter_time=meter_time)
    except OutOfRange as error:
        return Reading(signal, None, unit, meter_time=meter_time, quality=OVERFLOW, reason=error.reason)
    except DecodeError as error:
        return Reading(signal, None, unit, meter_time=meter_time, quality=INVALID, reason=error.reason)


def _number(value: Value) -> int | Number | float:
    if isinstance(value, str):
        try:
            return Number.parse(value)
        except ValueError as error:
            raise DecodeError(str(error)) from None
    if isinstance(value, float) and not abs(value) < float("inf"):
        raise DecodeError(f"{value} is not a number")
    return int(value) if isinstance(value, bool) else value


def _whole(number: int | Number | float, number_type: str) -> int:
    integral = number.is_integral() if isinstance(number, Number) else number == int(number)
    if not integral:
        raise DecodeError(f"{number} is not a whole number, as {number_type} must be")
    return int(number)
