"""An outbox with the store behind it: the same face, and what does not fit into memory lies on the disk.

Readings lie in four places, oldest first: `ahead` (fetched from the disk, or handed out once and to be again), the
disk's part (a range of numbers), `behind` (backlog still in memory) and `live`. What memory has no room for goes to the
disk's part as soon as it is written there. `done` are the numbers that the far end has, or that are lost: whatever is
neither done nor in memory is on the disk. Nothing is handed out before the store knows under which epoch.
While the disk is away its part is passed over, so that what is read now still leaves, and comes later.
Numbers are the daemon's own: 1 is its first reading, 0 and below what an earlier run left; `key` has the outward one.
"""

from __future__ import annotations

from collections import deque

from .outbox import first_of
from .ranges import Ranges, total

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any, Protocol

    from ..model import Reading
    from .outbox import Numbered, Told
    from .ranges import Range
    from .store_disk import Opened
    from .store_numbers import Numbering

    class Store(Protocol):
        """`store_keeper.Store`, as far as an outbox knows it."""

        path: str
        trouble: str
        last: int
        written: int
        is_ready: bool
        is_open: bool
        numbering: Numbering

        def fetch(self, asker: Any, first: int, last: int) -> None: ...

        def number(self) -> None: ...

        def acknowledged(self, of_losses: bool = False) -> None: ...


BEGINNING = -(1 << 62)
FETCH_BELOW = 500  # readings ahead


class StoredOutbox:
    """`room` readings at most wait in memory, those that are under way aside."""

    is_kept = True

    def __init__(self, store: Store, name: str, room: int) -> None:
        self.name = name
        self.lost = 0
        self.done = Ranges([(BEGINNING, 0)])
        self.on_more: Callable[[], None] = lambda: None  # readings have come from the disk
        self._store = store
        self._room = room
        self._under_way: dict[int, Reading] = {}
        self._ahead: deque[Numbered] = deque()
        self._behind: deque[Numbered] = deque()
        self._live: deque[Numbered] = deque()
        self._disk = (1, 0)  # first and last number; none
        self._asked = 0  # which question to the disk is the present one
        self._is_asked = False
        self._losses = Ranges()

    def __len__(self) -> int:
        return total(self.done.gaps(self.done.low() + 1, self._store.last))

    # ---- the face of every outbox

    def put(self, readings: Sequence[Reading]) -> int:
        """The store has taken them too, as its last ones, and numbers them now if it has not yet."""
        self._store.number()
        last = self._store.last
        first = last - len(readings) + 1
        numbered = enumerate(readings, first)
        if self.done.high() >= first:  # memory had no room for so many
            self._live.extend(one for one in numbered if one[0] not in self.done)
        else:
            self._live.extend(numbered)
        if len(self._live) + len(self._behind) > self._room:
            self.spill()
        return last

    def key(self, number: int) -> tuple[str, int]:
        return self._store.numbering.key(number)

    def limit(self) -> str:
        return f"{self._store.path} is full"

    def peek(self, count: int) -> list[Numbered]:
        taken: list[Numbered] = []
        while len(taken) < count:
            queue = self._queue()
            if queue is None and not self.backlog() and self._store.is_ready:
                queue = self._live
            if not queue or self._is_of_other_numbers(queue[0][0]):
                break
            taken += self._take(queue, 1)
        return taken

    def peek_backlog(self, count: int) -> list[Numbered]:
        taken: list[Numbered] = []
        while len(taken) < count:
            queue = self._queue()
            if not queue:
                break
            taken += self._take(queue, count - len(taken))
        return taken

    def peek_live(self, count: int) -> list[Numbered]:
        return self._take(self._live, count) if self._store.is_ready else []

    def backlog(self) -> int:
        return len(self._ahead) + len(self._behind) + (0 if self._store.trouble else self._on_disk())

    def drop(self, up_to: int) -> int:
        found = [number for number in self._under_way if number <= up_to]
        self.drop_these(found)
        if found:
            for first, last in list(self._losses):
                if last < found[-1]:
                    self._losses.remove(first, last)
        return len(found)

    def drop_these(self, numbers: Iterable[int]) -> None:
        under_way = self._under_way
        gone = [number for number in numbers if under_way.pop(number, None) is not None]
        if gone and gone == list(range(gone[0], gone[-1] + 1)):  # as a scan's are
            self.done.add(gone[0], gone[-1])
        else:
            for number in gone:
                self.done.add(number, number)
        self._store.acknowledged()

    def again(self) -> None:
        """The disk's part stays where it is: what was under way goes before or behind it."""
        waiting = sorted((*self._under_way.items(), *self._ahead, *self._behind, *self._live), key=_number)
        first, last = self._disk
        self._ahead = deque(one for one in waiting if one[0] < first <= last)
        self._behind = deque(one for one in waiting if one[0] > last or last < first)
        self._under_way.clear()
        self._live.clear()
        self._is_asked = False
        self.spill()
        self._ask()

    def under_way(self) -> int:
        return len(self._under_way)

    def losses(self) -> list[Range]:
        return list(self._losses) if self._store.is_ready else []

    def told(self, ranges: list[Range]) -> None:
        for first, last in ranges:
            self._losses.remove(first, last)
        self._store.acknowledged(of_losses=True)

    def to_tell(self) -> Told:
        return self._store.numbering.told_of(list(self._losses))

    # ---- from memory to the disk and back

    def spill(self) -> None:
        """What there is no room for goes, as far as it is on the disk."""
        self._let_go(self._room)

    def _let_go(self, room: int) -> None:
        written = self._store.written
        while len(self._behind) + len(self._live) > room:
            queue = self._behind or self._live
            number = queue[0][0]
            if number > written:
                break
            queue.popleft()
            first, last = self._disk
            self._disk = (first if first <= last else number, number)

    def _on_disk(self) -> int:
        """How many that are not done lie in the disk's part, more or less: some may be under way."""
        first, last = self._disk
        return total(self.done.gaps(first, last)) if first <= last else 0

    def _queue(self) -> deque[Numbered] | None:
        """Where the oldest of the backlog are; None where there are none, or they are still to come from the disk."""
        if not self._store.is_ready:
            return None
        if len(self._ahead) < FETCH_BELOW:
            self._ask()
        if self._ahead:
            return self._ahead
        if self._on_disk() and not self._store.trouble:
            return None
        return self._behind or None

    def _ask(self) -> None:
        first, last = self._disk
        if first <= last and not self._is_asked and self._store.is_open:
            self._is_asked = True
            self._asked += 1
            self._store.fetch((self, self._asked), first, last)

    def fetched(self, question: int, numbered: list[Numbered], next_number: int) -> None:
        if question != self._asked or not self._is_asked:
            return  # much has changed since
        self._is_asked = False
        first, last = self._disk
        known = {*self._under_way, *(number for number, _ in self._ahead)}
        self._ahead.extend(
            one for one in numbered if first <= one[0] <= last and one[0] not in self.done and one[0] not in known
        )
        self._disk = (next_number, last)
        self.lose([(first, min(next_number - 1, last))])  # what should have been there
        self.on_more()

    def unanswered(self) -> None:
        """The disk failed."""
        self._is_asked = False

    def _is_of_other_numbers(self, number: int) -> bool:
        """Whether it is numbered in another way than what is under way, so that an answer could mean either."""
        one = next(iter(self._under_way), None)
        return one is not None and self.key(one)[1] - one != self.key(number)[1] - number

    def _take(self, queue: deque[Numbered], count: int) -> list[Numbered]:
        taken = first_of(queue, count)
        self._under_way.update(taken)
        return taken

    # ---- what is lost, and what an earlier run left

    def lose(self, ranges: list[Range]) -> None:
        """These are on the disk no more. What of them is in memory is not lost yet."""
        held = Ranges()
        for number in (
            *self._under_way,
            *(one for queue in (self._ahead, self._behind, self._live) for one, _ in queue),
        ):
            held.add(number, number)
        for first, last in ranges:
            for begin, end in self.done.gaps(first, last):
                self._lose(held.gaps(begin, end))

    def lose_unwritten(self, number: int) -> None:
        """It was never written, and memory has no room for it."""
        if number in self.done or number in self._under_way:
            return
        self._let_go(0)
        for name in ("_ahead", "_behind", "_live"):
            queue: deque[Numbered] = getattr(self, name)
            if queue and queue[0][0] == number:
                queue.popleft()
            else:
                setattr(self, name, deque(one for one in queue if one[0] != number))
        self._lose([(number, number)])

    def _lose(self, ranges: list[Range], counted: bool = True) -> None:
        for first, last in ranges:
            self.done.add(first, last)
            self._losses.add(first, last)
            self.lost += last - first + 1 if counted else 0

    def take_over(self, opened: Opened, offset: int) -> None:
        """What the store has of an earlier run of this sink, or of another: places less `offset` are numbers."""
        state = opened.state
        found = state["sinks"].get(self.name) if state is not None else None
        present = opened.present.shifted(-offset)
        if found is not None:
            done, losses = found
            before = Ranges([(BEGINNING, done[0] - offset), *((one - offset, end - offset) for one, end in done[1:])])
            for first, last in losses:
                self._losses.add(first - offset, last - offset)
        elif state is None:
            before = Ranges([(BEGINNING, next((first - 1 for first, _ in present), 0))])
        else:
            before = Ranges([(BEGINNING, 0)])
        for first, last in self.done:
            if first > 0 or last > 0:
                before.add(max(first, 1), last)
        self.done = before
        given = state["last"] - offset if state is not None else 0
        for first, last in self.done.gaps(self.done.low() + 1, 0):
            for begin, end in present.gaps(
                first, last
            ):  # of a run that was cut off: taken and not written, or never given
                self._lose([(begin, min(end, given))] if begin <= given else [])
                self._lose([(max(begin, given + 1), end)] if end > given else [], counted=False)
        left = self.done.gaps(self.done.low() + 1, 0)
        if left:
            self._disk = (left[0][0], left[-1][1])

    def look_again(self, present: Ranges) -> None:
        """The file was opened anew, and these numbers are in it."""
        first, last = self._disk
        self.lose([gap for gap in present.gaps(first, last)] if first <= last else [])
        self._ask()

    def on_record(self, offset: int) -> list[object]:
        """What `take_over` reads: what is done, by places, the first one without a beginning; and what is lost."""
        done = [(first + offset, last + offset) for first, last in self.done]
        kept: list[object] = [done[0][1], *done[1:MAX_RANGES]]
        return [kept, [(first + offset, last + offset) for first, last in self._losses][:MAX_RANGES]]


MAX_RANGES = 300  # of each on record; what is done beyond is sent again after a restart


def _number(numbered: Numbered) -> int:
    return numbered[0]
