"""The half, in the loop's thread, of a sink whose far end takes readings by the batch: a folder of files, a database.

The problem: a disk or a server may hang for minutes, and meters must be read meanwhile; and no reading may be forgotten
before the far end has it. So a thread of its own does one batch at a time (`batch_thread`); what is not delivered stays
in the outbox, in memory or in the store, and is tried again under the same numbers, with pauses that grow up to
`retry_max_s` and are never quite the same. All goes in order.
Readings wait `gather_ms` for company, unless there are BATCH of them. What went past the bound is told with the next
batch that arrives, by the ranges of its numbers. What the far end will never take is counted as lost, in words.
"""

from __future__ import annotations

from time import monotonic

from .. import log
from ..parameters import INTEGER, Parameter
from ..ports._timers import Timer
from ..ports.letter_box import LetterBox
from .backoff import Backoff
from .batch_thread import Batch, BatchThread
from .outbox import Outbox, Tray, keep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..model import Reading
    from ..ports._loop import Loop
    from .batch_thread import Delivered, FarEnd
    from .stored_outbox import StoredOutbox

BATCH = 500  # readings; more at once would keep the loop of a small gateway from its meters
GROWTH = 10  # of a batch that had to be smaller, with each that was taken
SLOW_S = 5.0  # of a batch, before the status says so
CLOSE_S = 2.0


def pace(gather_ms: int) -> tuple[Parameter, ...]:
    """The rows of a sink's table that this half reads; `gather_ms` as it is by default."""
    return (
        _number("gather_ms", "Longest wait for more readings before a batch is made of them, ms", gather_ms, 0, 600000),
        _number("keep_readings", "Readings kept in memory until they are delivered; then the oldest go", 10000, 1,
                1000000),
        _number("retry_max_s", "Longest pause between two attempts, s", 60, 1, 3600),
    )  # fmt: skip


def _number(name: str, help: str, default: int, low: int, high: int) -> Parameter:
    return Parameter(name, INTEGER, help, default=default, low=low, high=high, origin="meterd")


class BatchSink:
    """`name` is what the log and the status call it; `settings` hold the rows of `pace`; `far` is where readings go.

    `trouble` is the last sentence of why nothing is delivered, '' while all is well.
    """

    def __init__(self, name: str, settings: dict[str, Any], loop: Loop, far: FarEnd) -> None:
        self.trouble = ""
        self.outbox: Outbox | StoredOutbox = Outbox(settings["keep_readings"])
        self.refused = 0  # by the far end, for ever
        self._name = name
        self._settings = settings
        self._loop = loop
        self._tray = Tray()
        self.accept = self._tray.append
        self._fresh = 0  # readings that wait
        self._is_due = False
        self._batch: Batch | None = None  # that the thread has
        self._since = 0.0
        self._most = BATCH
        self._backoff = Backoff(settings["retry_max_s"])
        self._gather_timer = Timer(self._gathered)
        self._retry_timer = Timer(self.more)
        self._far = far
        self._patience_timer = Timer(self._break_off)
        self._box = LetterBox(loop, self._serve)
        self._thread = BatchThread(name, far, self._box.post)
        self._thread.start()

    # ---- a sink

    def _keep(self, readings: list[Reading]) -> None:
        keep(self.outbox, readings, self._name)
        self._fresh += len(readings)
        if self._gather_timer.deadline is None and not self._is_due:
            self._loop.arm(self._gather_timer, self._loop.time + self._settings["gather_ms"] / 1000)

    def flush(self) -> None:
        """The loop turns often without a reading, and more often without a batch."""
        if self._tray:
            self._keep(self._tray.taken())
        if (self._is_due or self._fresh >= self._most) and self._is_free():
            self._give()

    def more(self) -> None:
        """What waited may go: readings have come from the disk, or the far end is free again."""
        if self._is_free() and (self._is_due or self._fresh >= self._most or self.outbox.backlog()):
            self._give()

    def _is_free(self) -> bool:
        return self._batch is None and self._retry_timer.deadline is None

    def condition(self) -> tuple[str, str, int, int]:
        """Readings that the far end does not have wait; lost are those that went past the bound or were refused."""
        trouble = self.trouble
        if self._batch is not None and self._loop.time - self._since > SLOW_S:
            trouble = f"has been busy for {self._loop.time - self._since:.0f} s; readings wait"
        return self._name, trouble, len(self.outbox), self.outbox.lost + self.refused

    def reopen(self) -> None:
        """What is open is looked at before each batch, so a reload changes nothing."""

    def close(self) -> None:
        """Deliver what is there, within CLOSE_S; the loop turns no more."""
        limit = monotonic() + CLOSE_S
        while monotonic() < limit:
            self._serve()
            if self._batch is None and not (self._retry_timer.deadline is None and self._give()):
                break
            self._box.wait(0.1)
        self._thread.stop(max(limit - monotonic(), 0.1))
        if len(self.outbox) and not self.outbox.is_kept:
            log.warning(
                f"{self._name}: readings that were not delivered and end with this process, for they are kept in "
                f"memory only: {len(self.outbox)}"
            )

    # ---- to the thread

    def _gathered(self) -> None:
        self._is_due = True
        self.flush()

    def _give(self) -> bool:
        """Returns: whether there was anything to give."""
        taken = self.outbox.peek(self._most)
        self._fresh = len(self.outbox) - len(taken)
        self._is_due = self._is_due and self._fresh > 0  # some may still have to come from the disk
        batch = Batch([(*self.outbox.key(number), reading) for number, reading in taken])
        if self.outbox.losses():
            batch.epoch, batch.lost, batch.ranges = self.outbox.to_tell()
        if not taken and not batch.ranges:
            return False
        batch.numbers = [number for number, _ in taken]
        self._batch = batch
        self._since = self._loop.time
        self._thread.give(batch)
        if self._far.patience_s and self._patience_timer.deadline is None:
            self._loop.arm(self._patience_timer, self._since + self._far.patience_s)
        return True

    def _break_off(self) -> None:
        if self._batch is not None:
            self._far.break_off()
            self._loop.arm(self._patience_timer, self._loop.time + self._far.patience_s)

    # ---- what the thread tells

    def _serve(self) -> None:
        for kind, *rest in self._box.letters():
            if kind == "delivered":
                self._is_delivered(*rest)
            elif kind == "failed":
                self._has_failed(*rest)
            else:
                log.notice(f"{self._name}: {rest[0]}")
        self.more()

    def _is_delivered(self, batch: Batch, found: Delivered) -> None:
        self._batch = None
        self.outbox.drop_these(batch.numbers)
        if batch.ranges:
            self.outbox.told(batch.ranges)
        if found.refused:
            self.refused += found.refused
            log.error(
                f"{self._name}: {found.words}; readings that were refused and are lost: {found.refused}, since the "
                f"start {self.refused}",
                fold=f"refused by {self._name}",
            )
        self._most = min(self._most + GROWTH, BATCH)
        self._backoff = Backoff(self._settings["retry_max_s"])
        if self.trouble:
            self.trouble = ""
            log.recovered(self._name, f"{self._name}: readings are delivered again")

    def _has_failed(self, words: str, pause_s: float, is_too_much: bool) -> None:
        """`pause_s` is what the far end asks for; 0 leaves it to us."""
        if is_too_much and self._batch is not None:
            self._most = max(1, len(self._batch.rows) // 2)
        self._batch = None
        self.trouble = f"{words}; readings wait"
        log.error(f"{self._name}: {self.trouble}", fold=self._name)
        self.outbox.again()
        if not is_too_much:
            own_s = self._backoff.after(0.0)
            self._loop.arm(self._retry_timer, self._loop.time + max(own_s, pause_s))
