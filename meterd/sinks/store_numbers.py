"""Three ways to number a reading, and how they hang together.

The daemon's own number: 1 is its first reading, 0 and below what earlier runs left. Its place in the store's file:
that plus `offset`, once the file was seen. Outward: (epoch, sequence), which no other reading of this gateway ever has;
`spans` say from which own number on which epoch counts, and what is taken from the number to give the sequence.
"""

from __future__ import annotations

from posix import urandom

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from .outbox import Told
    from .ranges import Range
    from .store_disk import Opened

    Span = tuple[int, str, int]


RESERVE = 10_000


class Numbering:
    """Nothing is to be asked of it before the file was seen, or `go_without` was decided."""

    def __init__(self) -> None:
        self.offset = 0
        self.is_known = False  # where the file begins
        self._spans: list[Span] = []
        self._reserved = 0  # own number, up to which no other run gives any

    def key(self, number: int) -> tuple[str, int]:
        for first, epoch, shift in reversed(self._spans):
            if number >= first:
                return epoch, number - shift
        return self._spans[0][1], number - self._spans[0][2]

    def told_of(self, ranges: list[Range]) -> Told:
        """As much of them as has one epoch: that, the outward ranges, and which those were."""
        epoch = self.key(ranges[0][0])[0]
        within = []
        for first, last in ranges:
            later = [begin for begin, other, _ in self._spans if begin > first and other != epoch]
            last = min(last, min(later, default=last + 1) - 1)
            if self.key(first)[0] != epoch:
                break
            within.append((first, last))
        return epoch, [(self.key(first)[1], self.key(last)[1]) for first, last in within], within

    def numbers(self, places: Iterable[Range]) -> list[Range]:
        return [(first - self.offset, last - self.offset) for first, last in places]

    def own(self) -> tuple[str, int]:
        """Epoch of this run, and what is taken from a place to give the sequence."""
        return self._spans[-1][1], self._spans[-1][2] + self.offset

    def epochs(self) -> list[str]:
        return [epoch for _, epoch, _ in self._spans] if self.is_known else []

    def is_short(self, last: int) -> bool:
        """Whether more must be put on record before many more are given."""
        return last > self._reserved - RESERVE // 2

    def on_record(self, last: int, clean: bool, needed: int) -> dict[str, Any]:
        """What `take_over` reads, by places: the `last` that was given, what is not given before the `next` record, and
        the spans, from that of the number that is `needed` on. `clean`: none is given any more.
        """
        while len(self._spans) > 1 and self._spans[1][0] <= needed:
            del self._spans[0]
        place = last + self.offset
        reserved = place if clean else (place // RESERVE + 2) * RESERVE
        self._reserved = reserved - self.offset
        spans = [(first + self.offset, epoch, shift + self.offset) for first, epoch, shift in self._spans]
        return {"last": place, "next": reserved + 1, "clean": int(clean), "spans": spans}

    def go_without(self) -> None:
        """The disk did not answer in time: this run has an epoch of its own, whatever it will say."""
        shift = self._spans.pop()[2] if self.is_known else 0
        self._spans.append((1, _new_epoch(), shift))

    def take_over(self, opened: Opened, has_gone_without: bool) -> None:
        """Where the last run ended politely its epoch goes on; else it may have given numbers that nobody knows."""
        state = opened.state
        offset = max((last for _, last in opened.present), default=0)
        offset = self.offset = offset if state is None else max(state["next"] - 1, offset)
        self.is_known = True
        older = [] if state is None else _earlier(state["spans"], offset)
        if has_gone_without:
            self._spans = [*older, *self._spans]
            return
        goes_on = older and state is not None and state["clean"] and not opened.was_damaged and older[-1][2] == -offset
        self._spans = [*older, (1, older[-1][1] if goes_on else _new_epoch(), -offset)]

    def learn(self, place: int, epoch: str, shift: int) -> None:
        """A row knows its epoch by itself, whatever became of the state."""
        first, shift = place - self.offset, shift - self.offset
        if self.key(first) != (epoch, first - shift):
            self._spans.append((first, epoch, shift))
            self._spans.sort()


def _earlier(spans: list[Span], offset: int) -> list[Span]:
    """By numbers; of neighbours that are numbered alike, the first."""
    found: list[Span] = []
    for first, epoch, shift in spans:
        if not found or found[-1][1:] != (epoch, shift - offset):
            found.append((first - offset, epoch, shift - offset))
    return found


def _new_epoch() -> str:
    return urandom(4).hex()
