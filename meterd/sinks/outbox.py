"""What waits for a sink's acknowledgement: readings by number, kept until somebody at the far end has them.

Numbers begin with 1 and never come back, so that a consumer sees what it missed and knows what it got twice. The bound
is a number of readings; past it the oldest reading that has not been handed out is lost. What has been handed out is
under way and may yet be acknowledged, so it stays. Each loss is told by the range of its numbers, until the consumer
has acknowledged what came after it.
This outbox lives in memory: a restart begins anew. Whoever sinks into it calls `put`; the consumer's side calls `peek`,
`drop`, and `again` when the far end was exchanged for one that may have seen nothing of what is under way.
"""

from __future__ import annotations

from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model import Reading

    Numbered = tuple[int, Reading]


class Outbox:
    """`most` readings at most; `lost` counts those that went past it, since the start."""

    __slots__ = ("_losses", "_next", "_under_way", "_waiting", "lost", "most")

    def __init__(self, most: int) -> None:
        self.most = most
        self.lost = 0
        self._next = 1
        self._under_way: deque[Numbered] = deque()
        self._waiting: deque[Numbered] = deque()
        self._losses: deque[tuple[int, int]] = deque()

    def __len__(self) -> int:
        return len(self._under_way) + len(self._waiting)

    def put(self, reading: Reading) -> int:
        """Keep one reading; returns its number."""
        number = self._next
        self._next += 1
        self._waiting.append((number, reading))
        if len(self) > self.most:
            self._lose(self._waiting.popleft()[0])
        return number

    def peek(self, count: int) -> list[Numbered]:
        """The next readings that were not handed out yet, at most `count`, oldest first. They stay until `drop`."""
        taken = [self._waiting.popleft() for _ in range(min(count, len(self._waiting)))]
        self._under_way.extend(taken)
        return taken

    def drop(self, up_to: int) -> int:
        """These have arrived: forget all handed out up to this number. Returns: how many those were.

        A number that was never handed out acknowledges nothing beyond what was.
        """
        dropped = 0
        while self._under_way and self._under_way[0][0] <= up_to:
            last, _ = self._under_way.popleft()
            dropped += 1
            while self._losses and self._losses[0][1] < last:
                self._losses.popleft()
        return dropped

    def again(self) -> None:
        """Nothing is under way any more: hand out again all that was not acknowledged."""
        self._under_way.extend(self._waiting)
        self._waiting, self._under_way = self._under_way, deque()

    def under_way(self) -> int:
        """How many were handed out and are not acknowledged."""
        return len(self._under_way)

    def losses(self) -> list[tuple[int, int]]:
        """First and last number of each range that was lost, oldest first, while it may be unknown to the consumer."""
        return list(self._losses)

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
