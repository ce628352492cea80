"""What waits for a sink's acknowledgement: readings by number, kept until somebody at the far end has them.

Numbers begin with 1 and never come back, so that a consumer sees what it missed and knows what it got twice. The bound
is a number of readings; past it the oldest reading that has not been handed out is lost. What has been handed out is
under way and may yet be acknowledged, so it stays. Each loss is told by the range of its numbers, until the consumer
has acknowledged what came after it.
This outbox lives in memory: a restart begins anew. Whoever sinks into it calls `put`; the consumer's side calls `peek`,
`drop`, and `again` when the far end was exchanged for one that may have seen nothing of what is under way. What was
there by then is backlog, what comes after it live; a consumer that wants live readings first takes the two apart.
"""

from __future__ import annotations

from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..model import Reading

    Numbered = tuple[int, Reading]


class Outbox:
    """`most` readings at most; `lost` counts those that went past it, since the start."""

    __slots__ = ("_backlog", "_live", "_losses", "_next", "_under_way", "lost", "most")

    def __init__(self, most: int) -> None:
        self.most = most
        self.lost = 0
        self._next = 1
        self._under_way: dict[int, Reading] = {}
        self._backlog: deque[Numbered] = deque()
        self._live: deque[Numbered] = deque()
        self._losses: deque[tuple[int, int]] = deque()

    def __len__(self) -> int:
        return len(self._under_way) + len(self._backlog) + len(self._live)

    def put(self, reading: Reading) -> int:
        """Keep one reading; returns its number."""
        number = self._next
        self._next += 1
        self._live.append((number, reading))
        if len(self) > self.most:
            self._lose((self._backlog or self._live).popleft()[0])
        return number

    def peek(self, count: int) -> list[Numbered]:
        """The next readings that were not handed out yet, at most `count`, oldest first. They stay until `drop`."""
        taken = self.peek_backlog(count)
        return taken + self.peek_live(count - len(taken))

    def peek_backlog(self, count: int) -> list[Numbered]:
        """The same of what was there at the last `again`."""
        return self._take(self._backlog, count)

    def peek_live(self, count: int) -> list[Numbered]:
        """The same of what came since."""
        return self._take(self._live, count)

    def backlog(self) -> int:
        """How many of those that were there at the last `again` are still to be handed out."""
        return len(self._backlog)

    def drop(self, up_to: int) -> int:
        """These have arrived: forget all handed out up to this number. Returns: how many those were.

        A number that was never handed out acknowledges nothing beyond what was. For readings handed out in order.
        """
        dropped = 0
        while self._under_way:
            last = next(iter(self._under_way))
            if last > up_to:
                break
            del self._under_way[last]
            dropped += 1
            while self._losses and self._losses[0][1] < last:
                self._losses.popleft()
        return dropped

    def drop_these(self, numbers: Iterable[int]) -> None:
        """The same of single numbers, where live readings overtake the backlog; losses are then told by `told`."""
        for number in numbers:
            self._under_way.pop(number, None)

    def again(self) -> None:
        """Nothing is under way any more: hand out again all that was not acknowledged."""
        self._backlog = deque(sorted((*self._under_way.items(), *self._backlog, *self._live), key=_number))
        self._under_way.clear()
        self._live.clear()

    def under_way(self) -> int:
        """How many were handed out and are not acknowledged."""
        return len(self._under_way)

    def losses(self) -> list[tuple[int, int]]:
        """First and last number of each range that was lost, oldest first, while it may be unknown to the consumer."""
        return list(self._losses)

    def told(self, ranges: list[tuple[int, int]]) -> None:
        """The consumer knows of these, which `losses` returned; what was lost since is still to be told."""
        for first, last in ranges:
            still: deque[tuple[int, int]] = deque()
            for begin, end in self._losses:
                if begin < first:
                    still.append((begin, min(end, first - 1)))
                if end > last:
                    still.append((max(begin, last + 1), end))
            self._losses = still

    def _take(self, waiting: deque[Numbered], count: int) -> list[Numbered]:
        taken = [waiting.popleft() for _ in range(min(count, len(waiting)))]
        self._under_way.update(taken)
        return taken

    def _lose(self, number: int) -> None:
        self.lost += 1
        ranges = self._losses
        at = len(ranges)
        while at and ranges[at - 1][0] > number:  # an older one goes where it was handed out once and is to be again
            at -= 1
        first = last = number
        if at < len(ranges) and ranges[at][0] == number + 1:
            last = ranges[at][1]
            del ranges[at]
        if at and ranges[at - 1][1] == number - 1:
            at -= 1
            first = ranges[at][0]
            del ranges[at]
        ranges.insert(at, (first, last))


def _number(numbered: Numbered) -> int:
    return numbered[0]
