"""The last hours of each signal in memory, for who wants to see a course and not a number.

A signal has `most` points. When there are more, every second one goes and new ones come half as often, until they reach
back a day; what is nearer in time than that moves the last point. A value that is not good is a gap.
Bounds: `signals` signals of `most` points, 16 octets each; what is older than LONGEST_S goes.
"""

from __future__ import annotations

from array import array

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model import Reading

LONGEST_S = 86400.0
GAP = float("nan")


class Course:
    """Times (s since 1970) and values of one signal, oldest first; a gap is not a number."""

    __slots__ = ("_apart_s", "times", "values")

    def __init__(self) -> None:
        self.times = array("d")
        self.values = array("d")
        self._apart_s = 0.0

    def add(self, time_s: float, value: float, most: int) -> None:
        """One more point; of gaps in a row the first and the last are enough."""
        times, values = self.times, self.values
        if times and time_s <= times[-1]:
            return  # the clock was set back, or the value is told again
        is_long_gap = value != value and len(values) > 1 and values[-1] != values[-1] and values[-2] != values[-2]
        if is_long_gap or (len(times) > 1 and time_s - times[-2] < self._apart_s):
            times[-1] = time_s
            values[-1] = value
            return
        times.append(time_s)
        values.append(value)
        if len(times) > most:
            self._thin(most)

    def _thin(self, most: int) -> None:
        span_s = self.times[-1] - self.times[0]
        if span_s < LONGEST_S:
            self._apart_s = 2.0 * span_s / most
            del self.times[1::2]
            del self.values[1::2]
            return
        old = most // 8 + 1
        while old < len(self.times) - 1 and self.times[old] < self.times[-1] - LONGEST_S:
            old += 1
        del self.times[:old]
        del self.values[:old]

    def points(self) -> tuple[list[int], list[float | None]]:
        """Whole seconds, and values or None for a gap."""
        return [int(each) for each in self.times], [None if each != each else each for each in self.values]


class History:
    """The courses of the first `signals` signals that have numbers."""

    def __init__(self, signals: int, most: int) -> None:
        self._signals = signals
        self._most = most
        self.courses: dict[tuple[str, str], Course] = {}
        self.left_out = False  # whether there are more signals than have a course

    def add(self, reading: Reading) -> None:
        value = number_of(reading)
        key = (reading.signal.device_alias, reading.signal.alias)
        course = self.courses.get(key)
        if course is None:
            if value != value:
                return
            if len(self.courses) >= self._signals:
                self.left_out = True
                return
            course = self.courses[key] = Course()
        course.add(reading.time_ms / 1000.0, value, self._most)

    def keep_only(self, known: dict[str, set[str]]) -> None:
        """Of these signals by device; the others are configured no more."""
        for key in [key for key in self.courses if key[1] not in known.get(key[0], ())]:
            del self.courses[key]
        self.left_out = False


def number_of(reading: Reading) -> float:
    """Not a number where the reading is not good, or is text."""
    if reading.quality != "good" or reading.value is None or isinstance(reading.value, str):
        return GAP
    try:
        return float(reading.value)
    except (OverflowError, TypeError, ValueError):
        return GAP
