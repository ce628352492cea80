"""What is done with the readings of one signal before they leave: unit, factor, offset, one bit, and what is held back.

The problem: on a WCC Lite that is the hub's work, by columns of the workbook (manual 1.4.0, 17.2.3: first multiply,
then add, then bit_select); whoever replaces one expects the same numbers. Arithmetic is exact: a factor of 0.001 gives
the meter's own digits with the point elsewhere, never a binary fraction.
Assumptions: the manual tells of the suppression and the thresholds no more than what they are for. Here a value of
`suppression_values` is held back until it has been read again `suppression_time_ms` after it was first seen, and what
is held back by either leaves in no form. Anything that is not good passes at once, and so does the first good value
after it: a threshold must not hide a failure, or its end.
Dirt it must survive: text where a number was expected, powers of ten without end, clocks that are set.
"""

from __future__ import annotations

from . import log
from ._number import Number
from ._reading import Reading
from .model import GOOD, INVALID
from .number import with_power

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


class Recalculation:
    """By a signal's validated `parameters`; `withholds` where a good value may stay away although it was read."""

    __slots__ = (
        "_absolute",
        "_add",
        "_bit",
        "_held_since_ms",
        "_integral",
        "_left",
        "_multiply",
        "_seen_ms",
        "_sum",
        "_suppressed",
        "_suppression_ms",
        "_unit",
        "withholds",
    )

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        self._unit: str | None = parameters.get("units") or None
        self._multiply = _given(parameters, "multiply")
        self._add = _given(parameters, "add")
        self._bit: int | None = parameters.get("bit_select")
        self._suppressed = [_exact(text) for text in (parameters.get("suppression_values") or "").split()]
        self._suppression_ms: int = parameters.get("suppression_time_ms") or 0
        self._absolute = _given(parameters, "absolute_threshold")
        self._integral = _given(parameters, "integral_threshold")
        self.withholds = bool(self._suppressed) or self._absolute is not None or self._integral is not None
        self._left: Number | None = None  # the last good value that left, since something was not good
        self._seen_ms = 0
        self._sum = Number(0)
        self._held_since_ms: int | None = None

    def apply(self, reading: Reading) -> Reading | None:
        """What leaves in place of `reading`, which stays as it is; None where nothing does."""
        if reading.value is None:
            self._start_anew()
            return reading
        try:
            made = self.made(reading)
        except ValueError as error:
            signal = reading.signal
            log.warning(f"{signal.device_alias}: {signal.alias}: {error}", fold=f"recalculation {signal.device_alias}")
            made = Reading(signal, None, None, reading.time_ms, reading.meter_time, INVALID, "type")
            made.words = str(error)
        made.raw = reading
        if made.quality != GOOD:
            self._start_anew()
            return made
        return None if self.withholds and self._is_withheld(made) else made

    def made(self, reading: Reading) -> Reading:
        """The same reading with its unit and number recalculated. Raises: ValueError, in words."""
        unit, value = reading.unit, reading.value
        if self._multiply is not None or self._bit is not None:
            unit = None  # the meter's own is not its unit any more
        if self._multiply is not None or self._add is not None or self._bit is not None:
            value = self._calculated(value)
        made = Reading(
            reading.signal, value, self._unit or unit, reading.time_ms, reading.meter_time, reading.quality,
            reading.reason,
        )  # fmt: skip
        made.words = reading.words
        return made

    def _calculated(self, value: Any) -> Any:
        if isinstance(value, str):
            raise ValueError("the value is text; multiply, add and bit_select need a number: leave them out here")
        number = _exact(value)
        if self._multiply is not None:
            number = Number(number.mantissa * self._multiply.mantissa, number.exponent + self._multiply.exponent)
        if self._add is not None:
            number = _sum(number, self._add)
        if self._bit is not None:
            if not number.is_integral():
                raise ValueError(f"bit_select needs a whole number, and the value is {number}")
            return int(number) >> self._bit & 1
        if type(value) is float:
            return float(number)
        return number if number.exponent else number.mantissa

    # ---- what is held back

    def _start_anew(self) -> None:
        self._left = self._held_since_ms = None

    def _is_withheld(self, made: Reading) -> bool:
        """Of a good reading."""
        if isinstance(made.value, str):
            return False
        number, now_ms = _exact(made.value), made.time_ms
        if self._is_suppressed(number, now_ms):
            return True
        left, since_ms = self._left, self._seen_ms
        self._seen_ms = now_ms
        if left is not None and not self._is_far(_difference(number, left), max(0, now_ms - since_ms)):
            return True
        self._left, self._sum = number, Number(0)
        return False

    def _is_suppressed(self, number: Number, now_ms: int) -> bool:
        if not self._suppression_ms or number not in self._suppressed:
            self._held_since_ms = None
            return False
        since_ms = self._held_since_ms
        if since_ms is None or now_ms < since_ms:
            since_ms = self._held_since_ms = now_ms
        return now_ms - since_ms < self._suppression_ms

    def _is_far(self, difference: Number, elapsed_ms: int) -> bool:
        """From what left last, by one of the thresholds; always, where there is none."""
        absolute, integral = self._absolute, self._integral
        if absolute is not None and _is_reached(difference, absolute):
            return True
        if integral is not None:
            self._sum = _sum(self._sum, Number(difference.mantissa * elapsed_ms, difference.exponent - 3))
            return _is_reached(self._sum, integral)
        return absolute is None


def _given(parameters: Mapping[str, Any], name: str) -> Number | None:
    text = parameters.get(name)
    return None if text is None else _exact(text)


def _exact(value: Any) -> Number:
    """Of an int, a Number, a float (its shortest digits) or a decimal text. Raises: ValueError."""
    if isinstance(value, Number):
        return value
    if isinstance(value, int):
        return Number(int(value))
    found: Number = with_power(str(value), Number)
    return found


def _sum(one: Number, other: Number) -> Number:
    exponent = min(one.exponent, other.exponent)
    return Number(_mantissa(one, exponent) + _mantissa(other, exponent), exponent)


def _difference(one: Number, other: Number) -> Number:
    """Without its sign."""
    found = _sum(one, Number(-other.mantissa, other.exponent))
    return Number(abs(found.mantissa), found.exponent)


def _is_reached(number: Number, bound: Number) -> bool:
    exponent = min(number.exponent, bound.exponent)
    return bool(_mantissa(number, exponent) >= _mantissa(bound, exponent))


def _mantissa(number: Number, exponent: int) -> int:
    """At a power of ten that is not above its own; the range of a Number's exponents bounds what that takes."""
    return int(number.mantissa * 10 ** (number.exponent - exponent))
