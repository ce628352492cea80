"""What waits for a sink's acknowledgement: readings by number, kept until somebody at the far end has them.

Numbers begin with 1 and never come back, so that a consumer sees what it missed and knows what it got twice. The bound
is a number of readings; past it the oldest reading that has not been handed out is lost. What has been handed out is
under way and may yet be acknowledged, so it stays. Each loss is told by the range of its numbers, until the consumer
has acknowledged what came after it.
This outbox lives in memory: a restart begins anew, with another epoch; the one with the store behind it has the same
face (`stored_outbox`). `key` gives the numbers that a consumer sees.
Whoever sinks into it calls `put`, once a turn with all that came in it, for a call for each reading costs more than
the reading; the consumer's side calls `peek`, `drop`, and `again` when the far end was exchanged for one that may have
seen nothing of what is under way. What was there by then is backlog, what comes after it live; a consumer that wants
live readings first takes the two apart.
"""

from __future__ import annotations

from collections import deque
from posix import urandom

from .. import log
from .ranges import Ranges

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Protocol

    from ..model import Reading
    from .ranges import Range

    Numbered = tuple[int, Reading]
    Told = tuple[str, list[Range], list[Range]]

    class Bounded(Protocol):
        """Either outbox, as far as it can lose what is put into it."""

        lost: int

        def put(self, readings: Sequence[Reading]) -> int: ...

        def limit(self) -> str: ...


CLOCK_SET_MS = 1_577_836_800_000  # 2020: a clock that shows less was not set since the machine was switched on


class Tray(list["Reading"]):
    """What came in one turn of the loop; its `append` is a sink's `accept`. An error loses one turn, and no more."""

    __slots__ = ()

    def taken(self) -> list[Reading]:
        found = self[:]
        self.clear()
        return found


class Outbox:
    """`most` readings at most; `lost` counts those that went past it, since the start."""

    __slots__ = ("_backlog", "_live", "_losses", "_next", "_under_way", "epoch", "lost", "most", "on_more")

    is_kept = False  # over the end of the process

    def __init__(self, most: int) -> None:
        self.most = most
        self.lost = 0
        self.epoch = urandom(4).hex()
        self.on_more: Callable[[], None] = lambda: None  # of an outbox that has readings come from elsewhere
        self._next = 1
        self._under_way: dict[int, Reading] = {}
        self._backlog: deque[Numbered] = deque()
        self._live: deque[Numbered] = deque()
        self._losses = Ranges()

    def __len__(self) -> int:
        return len(self._under_way) + len(self._backlog) + len(self._live)

    def put(self, readings: Sequence[Reading]) -> int:
        """Keep these; returns the number of the last."""
        self._live.extend(enumerate(readings, self._next))
        self._next += len(readings)
        while len(self) > self.most:
            self._lose((self._backlog or self._live).popleft()[0])
        return self._next - 1

    def key(self, number: int) -> tuple[str, int]:
        """Epoch and sequence by which a consumer knows a reading; no other has them, ever."""
        return self.epoch, number

    def limit(self) -> str:
        """Why readings are lost."""
        return f"more than {self.most} readings wait"

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
        dropped = highest = 0
        while self._under_way:
            number = next(iter(self._under_way))
            if number > up_to:
                break
            del self._under_way[number]
            dropped += 1
            highest = number
        for first, last in list(self._losses):
            if last < highest:
                self._losses.remove(first, last)
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

    def losses(self) -> list[Range]:
        """First and last number of each range that was lost, oldest first, while it may be unknown to the consumer."""
        return list(self._losses)

    def told(self, ranges: list[Range]) -> None:
        """The consumer knows of these, which `losses` returned; what was lost since is still to be told."""
        for first, last in ranges:
            self._losses.remove(first, last)

    def to_tell(self) -> Told:
        """Of the losses those of one epoch: that, their ranges as the consumer knows numbers, and as `told` does."""
        ranges = list(self._losses)
        return self.epoch, ranges, ranges

    def _take(self, waiting: deque[Numbered], count: int) -> list[Numbered]:
        taken = first_of(waiting, count)
        self._under_way.update(taken)
        return taken

    def _lose(self, number: int) -> None:
        self.lost += 1
        self._losses.add(number, number)


def keep(outbox: Bounded, readings: list[Reading], name: str) -> None:
    """Put them there; what goes past the bound by that is told, as lost by the sink of that name."""
    lost = outbox.lost
    outbox.put(readings)
    if outbox.lost != lost:
        log.warning(f"{name}: {outbox.limit()}; the oldest are lost: {outbox.lost}", fold=f"lost by {name}")


def first_of(waiting: deque[Numbered], count: int) -> list[Numbered]:
    """At most so many of those that wait, which wait no more; as a rule these are all."""
    if count < len(waiting):
        return [waiting.popleft() for _ in range(count)]
    taken = list(waiting)
    waiting.clear()
    return taken


def _number(numbered: Numbered) -> int:
    return numbered[0]
