"""Sets of whole numbers that come mostly in a row: what was acknowledged, what was lost.

Kept as ranges of first and last number; what touches is one range. Each call costs a search and what it merges.
"""

from __future__ import annotations

from _bisect import bisect_left, bisect_right

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Range = tuple[int, int]


class Ranges:
    """Iterates as (first, last), in order; `len` is how many ranges there are."""

    __slots__ = ("_firsts", "_lasts")

    def __init__(self, ranges: Iterable[Range] = ()) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for first, last in ranges:
            self.add(first, last)

    def __iter__(self) -> Iterator[Range]:
        return iter(zip(self._firsts, self._lasts, strict=True))

    def __len__(self) -> int:
        return len(self._firsts)

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._firsts, number) - 1
        return at >= 0 and number <= self._lasts[at]

    def add(self, first: int, last: int) -> None:
        begin = bisect_left(self._lasts, first - 1)  # the first range that ends at `first - 1` or later
        end = bisect_right(self._firsts, last + 1)  # one past the last that begins at `last + 1` or earlier
        if begin < end:
            first = min(first, self._firsts[begin])
            last = max(last, self._lasts[end - 1])
        self._firsts[begin:end] = [first]
        self._lasts[begin:end] = [last]

    def remove(self, first: int, last: int) -> None:
        begin = bisect_left(self._lasts, first)
        end = bisect_right(self._firsts, last)
        if begin >= end:
            return
        left = [(self._firsts[begin], first - 1)] if self._firsts[begin] < first else []
        if self._lasts[end - 1] > last:
            left.append((last + 1, self._lasts[end - 1]))
        self._firsts[begin:end] = [one for one, _ in left]
        self._lasts[begin:end] = [one for _, one in left]

    def gaps(self, first: int, last: int) -> list[Range]:
        """What of first to last is not in it."""
        found = []
        at = bisect_left(self._lasts, first)
        while first <= last:
            if at == len(self._firsts) or self._firsts[at] > last:
                found.append((first, last))
                break
            if self._firsts[at] > first:
                found.append((first, self._firsts[at] - 1))
            first = self._lasts[at] + 1
            at += 1
        return found

    def low(self) -> int:
        """All up to this number are in it, of those that are not below its first."""
        return self._lasts[0]

    def high(self) -> int:
        """None above this number is in it."""
        return self._lasts[-1]

    def shifted(self, by: int) -> Ranges:
        made = Ranges()
        made._firsts = [first + by for first in self._firsts]
        made._lasts = [last + by for last in self._lasts]
        return made


def total(ranges: Iterable[Range]) -> int:
    """How many numbers these are, where none overlaps."""
    return sum(last - first + 1 for first, last in ranges)
