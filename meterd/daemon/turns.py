"""The turns of a line's devices in the order in which they are due, and which of them fit into a given time.

The problem: a bus of a thousand meters asks after every scan who is next, and a line with dead ones, whose attempt is
short enough to be made before the next living one. To look at all of them each time would cost more with every device.
Heaps on `due`, then; that of the silent ones knows of each place the least and the most that a turn in or below it
takes, so that a search passes over all below a place where nothing fits. Most lines have one device: there every
operation is over at once.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol, TypeVar

    Heap = TypeVar("Heap", bound="Turns")

    class Rhythm(Protocol):
        """A place in time that is kept (`rhythm`)."""

        def after(self, due: float, now: float) -> float:
            """When it is due again that was due then and is finished now."""


LIVE, UNTRIED, SILENT = 0, 1, 2
NEVER_S = float("inf")


class Turn:
    """When one device is due: every `period_s`, or `retry_s` after it was silent if given. Seconds, monotonic.

    `cost_s` is what its last whole turn took, `brief_s` its last brief one, or may take; `brief` says which kind the
    turn at hand is. One that keeps its place in time has a `rhythm`. Once it is planned, its time is changed through
    its schedule alone.
    """

    __slots__ = (
        "brief", "brief_s", "cost_s", "due", "least_brief_s", "least_cost_s", "most_cost_s", "order", "overdue",
        "period_s", "place", "retry_s", "rhythm", "state",
    )  # fmt: skip

    def __init__(self, due: float, period_s: float, retry_s: float | None = None, brief_s: float = 0.0) -> None:
        self.due = due
        self.order = 0  # among those that are due at the same time
        self.period_s = period_s
        self.retry_s = retry_s
        self.rhythm: Rhythm | None = None
        self.state = UNTRIED
        self.overdue = False  # silent, and noticed to be due
        self.cost_s = 0.0
        self.brief_s = brief_s
        self.brief = False
        self.place = 0  # in its heap, and what is true in and below it where that is kept:
        self.least_cost_s = self.least_brief_s = self.most_cost_s = 0.0

    def comes_before(self, other: Turn) -> bool:
        return self.due < other.due or (self.due == other.due and self.order < other.order)


class Turns(list[Turn]):
    """A heap: the earliest due is [0]."""

    __slots__ = ()

    def add(self, turn: Turn) -> None:
        self.append(turn)
        self._settle(turn, len(self) - 1)

    def remove(self, turn: Turn) -> None:
        place = turn.place
        last = self.pop()
        if last is not turn:
            self[place] = last
            self._settle(last, place)
        if self:
            self.changed(max(len(self) - 1, 0) >> 1)  # above the place that is no more

    def moved(self, turn: Turn) -> None:
        """Its time is another one now."""
        self._settle(turn, turn.place)

    def changed(self, place: int) -> None:
        """There, and nowhere below, something has changed; a plain heap knows no more than the order."""

    def _settle(self, turn: Turn, place: int) -> None:
        """Put a turn into its place, which is above or below the one where it stands."""
        lowest = place
        while place and turn.comes_before(above := self[(place - 1) >> 1]):
            self[place] = above
            above.place = place
            place = (place - 1) >> 1
        while (child := 2 * place + 1) < len(self):
            if child + 1 < len(self) and self[child + 1].comes_before(self[child]):
                child += 1
            if not (below := self[child]).comes_before(turn):
                break
            self[place] = below
            below.place = place
            place = child
        self[place] = turn
        turn.place = place
        self.changed(max(lowest, place))


class SilentTurns(Turns):
    """A heap that can be searched by how long an attempt takes."""

    __slots__ = ()

    def most_cost_s(self) -> float:
        return self[0].most_cost_s if self else 0.0

    def fitting(self, room_s: float, brief: bool = False) -> Turn | None:
        """The earliest due of those whose whole (or `brief`) attempt takes no longer than that."""
        found: Turn | None = None
        places = [0]
        while places:
            place = places.pop()
            if place >= len(self):
                continue
            turn = self[place]
            least_s = turn.least_brief_s if brief else turn.least_cost_s
            if least_s > room_s or (found is not None and not turn.comes_before(found)):
                continue
            if (turn.brief_s or NEVER_S if brief else turn.cost_s) <= room_s:
                found = turn  # those below it are due later
            else:
                places += (2 * place + 1, 2 * place + 2)
        return found

    def changed(self, place: int) -> None:
        """What is known of this place and those above is made true again."""
        while True:
            self._sum_up(place)
            if not place:
                return
            place = (place - 1) >> 1

    def _sum_up(self, place: int) -> None:
        turn = self[place]
        least = most = turn.cost_s
        least_brief = turn.brief_s or NEVER_S
        for below in self[2 * place + 1 : 2 * place + 3]:
            least = min(least, below.least_cost_s)
            least_brief = min(least_brief, below.least_brief_s)
            most = max(most, below.most_cost_s)
        turn.least_cost_s, turn.least_brief_s, turn.most_cost_s = least, least_brief, most


# Stands for every heap in which there is none: most lines have live devices alone.
NOBODY = SilentTurns()


def with_one(heap: Heap, turn: Turn, kind: type[Heap]) -> Heap:
    """The heap, or in the place of `NOBODY` another one of its `kind`, with one more in it."""
    if heap is NOBODY:
        heap = kind()
    heap.add(turn)
    return heap
