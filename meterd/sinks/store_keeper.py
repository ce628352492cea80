"""The half of the store that lives in the loop's thread: numbers every reading, has the disk keep what must be kept.

A reading that every sink's far end acknowledges within half of `durable_ms` is never written: while all is well, the
card is spared. It is looked every half of `durable_ms`, and when one waits that was there at the last look, all that
wait are committed; or at COUNT of them. What a power cut or `kill -9` may take is what is younger than `durable_ms` and
not acknowledged.

Numbers outward are (epoch, sequence). The sequence goes on over restarts and never comes back: commits reserve RESERVE
numbers ahead, and a run that was cut off leaves the rest of them unused, which is told as a range. The epoch is the
same while runs end politely, so that no number can have been given twice whatever the disk has lost.
Where the disk fails in any way, readings wait in memory up to `memory_readings`, and it is tried again.
"""

from __future__ import annotations

from collections import deque
from itertools import islice, takewhile
from time import monotonic

from .. import log
from .._clock import wall_clock_ms
from ..ports._timers import Timer
from ..ports.letter_box import LetterBox
from .outbox import CLOCK_SET_MS, Tray
from .store_disk import Write
from .store_numbers import Numbering
from .stored_outbox import StoredOutbox
from .unset_clock import UnsetClock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

    from ..ports._loop import Loop
    from .outbox import Numbered
    from .ranges import Range
    from .store_disk import Disk, Opened
    from .store_rows import Row

COUNT = 500  # or a tenth of what memory holds
BATCH = 2000  # readings of one commit
ACKNOWLEDGED_SHARE = 0.4  # of `durable_ms`; after half of it what is not acknowledged is written
WAIT_S = 5.0  # for the disk, before readings leave without it
SLOW_S = 5.0
RETRY_S, RETRY_MAX_S = 2.0, 60.0
CLOSE_S = 3.0
HOUR_MS = 3_600_000


class Store:
    """A sink that keeps for others. `last` number given, `written` up to which all is settled; `trouble` with the disk.

    `open_disk(tell)` makes the `Disk`.
    """

    is_way_out = False

    def __init__(self, settings: dict[str, Any], loop: Loop, open_disk: Callable[[Callable[..., None]], Disk]) -> None:
        self.path: str = settings["path"]
        self.last = self.written = 0
        self.is_ready = self.is_open = False
        self.trouble = ""
        self.outboxes: list[StoredOutbox] = []
        self._settings = settings
        self._loop = loop
        self._fresh: deque[Numbered] = deque()
        self.numbering = Numbering()
        self._on_disk_to = self._off_disk_to = 0  # numbers
        self._seen = 0  # the last number at the last look
        self._is_dirty = self._losses_changed = False
        self._tray = Tray()
        self.accept = self._tray.append
        self._writing: Write | None = None
        self._count = min(COUNT, settings["memory_readings"] // 10)
        self._since, self._pause_s = 0.0, RETRY_S
        self._clock = UnsetClock(settings["memory_readings"])
        self._box = LetterBox(loop, self._serve)
        self._timer = Timer(self._look)
        self._retry = Timer(self._reopen)
        self._wait = Timer(self._go_without)
        self._disk = open_disk(self._box.post)
        self._disk.start()
        self._disk.open([])
        loop.arm(self._wait, loop.time + WAIT_S)

    def stand_behind(self, name: str, sink: Any) -> None:
        """From now on the sink's outbox is in the store. Nothing may have been put into it yet."""
        sink.outbox = StoredOutbox(self, name, min(sink.outbox.most, self._settings["memory_readings"]))
        sink.outbox.on_more = getattr(sink, "more", sink.flush)
        self.outboxes.append(sink.outbox)
        if hasattr(sink, "acknowledge_within"):
            sink.acknowledge_within(self._settings["durable_ms"] * ACKNOWLEDGED_SHARE / 1000)

    # ---- a sink

    def flush(self) -> None:
        """What came needs no number before a sink wants it, or it is time to look at what must be kept."""
        if len(self._tray) >= self._count:
            self.number()
        elif self._tray and self._timer.deadline is None:
            self._arm()

    def number(self) -> None:
        """All that came has its number from now on, the same for every sink, whoever asks first."""
        if not self._tray:
            return
        taken = self._tray.taken()
        self._fresh.extend(enumerate(taken, self.last + 1))
        self.last += len(taken)
        self._clock.note(taken)
        while len(self._fresh) > self._settings["memory_readings"]:
            self._overflow()
        if len(self._fresh) >= self._count and self._writing is None:
            self._write()
        elif self._timer.deadline is None:
            self._arm()

    def condition(self) -> tuple[str, str, int, int]:
        """Readings that some sink's far end does not have wait."""
        waiting = max((len(outbox) for outbox in self.outboxes), default=0)
        lost = max((outbox.lost for outbox in self.outboxes), default=0)
        return self.path, self._trouble_now(), waiting, lost

    def _trouble_now(self) -> str:
        if self._writing is not None and self._loop.time - self._since > SLOW_S:
            return f"the disk has been busy for {self._loop.time - self._since:.0f} s; readings wait in memory"
        return self.trouble

    def reopen(self) -> None:
        """The file outlives a reload."""

    def close(self) -> None:
        """The last commit, within CLOSE_S; the loop turns no more. Sinks have had their last acknowledgements."""
        limit = monotonic() + CLOSE_S
        self.number()
        while True:
            self._serve()
            if self._writing is None and self.is_open and self._fresh:
                self._commit(self.last)
            if not self.is_open or self._writing is None or monotonic() > limit:
                break
            self._box.wait(0.1)
        if self.is_open and self._writing is None:
            self._disk.write(self._job(0, [], clean=True))
        ended = self._disk.stop(max(limit - monotonic(), 0.1))
        left = sum(not self._is_done(number) for number, _ in self._fresh)
        if left or not ended:
            log.warning(
                f"{self.path}: {self.trouble or 'the disk is busy'}; readings that end with this process: {left}"
            )

    # ---- before the disk has answered

    def _go_without(self) -> None:
        if not self.is_ready:
            self.numbering.go_without()
            if not self.trouble:
                self._is_troubled("the disk does not answer")
            self._is_now_ready()

    def _is_now_ready(self) -> None:
        self.is_ready = True
        self._wait.deadline = None
        for outbox in self.outboxes:
            outbox.on_more()

    # ---- what must be kept

    def acknowledged(self, of_losses: bool = False) -> None:
        """A sink's far end has more than before."""
        self._is_dirty = True
        self._losses_changed = self._losses_changed or of_losses
        if self._timer.deadline is None and (of_losses or self._off_disk_to < self._on_disk_to):
            self._arm()

    def _arm(self) -> None:
        self._loop.arm(self._timer, self._loop.time + self._settings["durable_ms"] / 2000)

    def _low(self) -> int:
        """All up to this number may be forgotten."""
        return min((outbox.done.low() for outbox in self.outboxes), default=self.last)

    def _is_done(self, number: int) -> bool:
        return all(number in outbox.done for outbox in self.outboxes)

    def _look(self) -> None:
        """Settle what waits, unless the disk is at work: then it goes on when that is over."""
        self.number()
        seen, self._seen = self._seen, self.last
        if not self.is_open or self._writing is not None:
            return
        low = self._low()
        if _waits_one(self._fresh, low, seen, self._is_done):
            self._commit(self.last)
        elif self._must_be_said():
            self._commit(max(seen, low))  # what is young may still be done in time, and then is never written
        else:
            self._settle(max(seen, low))

    def _write(self) -> None:
        """There are COUNT: have kept what is not done by now."""
        if self.is_open and self._writing is None:
            self._forget(self._low())
            if len(self._fresh) >= self._count:
                self._commit(self.last)

    def _commit(self, up_to: int) -> None:
        """Have kept what waits up to this number, or as much of it as one commit takes."""
        low = self._low()
        taken = list(takewhile(lambda one: one[0] <= up_to, islice(self._fresh, BATCH)))
        up_to = taken[-1][0] if taken else self.written
        needed = [one for one in taken if one[0] > low and not self._is_done(one[0])]
        if needed or self._must_be_said():
            self._send(self._job(up_to, needed))
        else:
            self._settle(up_to)

    def _must_be_said(self) -> bool:
        moved = self._is_dirty and self._off_disk_to < self._on_disk_to
        return moved or self._losses_changed or self.numbering.is_short(self.last)

    def _send(self, job: Write) -> None:
        self._writing = job
        self._since = self._loop.time
        if job.numbered:
            self._on_disk_to = job.numbered[-1][0]
        self._off_disk_to = self._low()
        self._is_dirty = self._losses_changed = False
        self._disk.write(job)

    def _job(self, up_to: int, needed: list[Numbered], clean: bool = False) -> Write:
        offset, low = self.numbering.offset, self._low()
        untold = [first for outbox in self.outboxes for first, _ in outbox.losses()[:1]]
        state = self.numbering.on_record(self.last, clean, min(low + 1, *untold, 1))
        state["sinks"] = {outbox.name: outbox.on_record(offset) for outbox in self.outboxes}
        job = Write(up_to, needed, state, low, offset)
        job.epoch, job.shift = self.numbering.own()
        job.clock = (self._disk.boot, self._clock.ahead_ms)
        job.older_than_ms = _too_old_ms(self._settings["keep_hours"])
        return job

    def _forget(self, up_to: int) -> None:
        fresh = self._fresh
        if fresh and fresh[-1][0] <= up_to:
            fresh.clear()
        while fresh and fresh[0][0] <= up_to:
            fresh.popleft()
        self.written = max(self.written, up_to)

    def _settle(self, up_to: int) -> None:
        self._forget(up_to)
        for outbox in self.outboxes:
            outbox.spill()
        if len(self._fresh) >= self._count:
            self._write()
        elif self._fresh and self._timer.deadline is None:
            self._arm()

    def _overflow(self) -> None:
        number, _ = self._fresh.popleft()
        for outbox in self.outboxes:
            outbox.lose_unwritten(number)
        _words().overflowing(self.path, self._trouble_now(), self._settings["memory_readings"])

    # ---- what the disk tells

    def fetch(self, asker: Any, first: int, last: int) -> None:
        self._disk.fetch(asker, first + self.numbering.offset, last + self.numbering.offset)

    def _serve(self) -> None:
        for kind, *rest in self._box.letters():
            if kind == "written":
                self._is_written(*rest)
            elif kind == "fetched":
                self._is_fetched(*rest)
            elif kind == "opened":
                self._is_opened(rest[0])
            else:
                self._has_failed(rest[0])

    def _is_written(self, up_to: int, trimmed: list[Range]) -> None:
        self._writing = None
        self._pause_s = RETRY_S
        if self.trouble:  # that it could be opened says little: it may be full
            self.trouble = ""
            log.recovered(f"store {self.path}", f"{self.path}: readings are kept again")
        self._settle(up_to)
        if trimmed:
            self._is_trimmed(self.numbering.numbers(trimmed))
        if not self.is_ready:
            self._is_now_ready()

    def _is_trimmed(self, ranges: list[Range]) -> None:
        for outbox in self.outboxes:
            before = outbox.lost
            outbox.lose(ranges)
            if outbox.lost > before:
                self._losses_changed = True
                _words().trimmed(self.path, outbox)

    def _is_fetched(self, asker: tuple[StoredOutbox, int], rows: list[Row], next_place: int) -> None:
        outbox, question = asker
        offset, lost = self.numbering.offset, outbox.lost
        for row in rows:
            self.numbering.learn(row.first, row.epoch, row.shift)
            if row.clock is not None and row.clock[0] == self._disk.boot:
                self._clock.note_all(row.readings, row.clock[1])
        numbered = [(row.first - offset + at, reading) for row in rows for at, reading in enumerate(row.readings)]
        outbox.fetched(question, numbered, next_place - offset)
        if outbox.lost > lost:
            self._losses_changed = True
            _words().rotten(self.path, outbox, outbox.lost - lost)

    def _is_opened(self, opened: Opened) -> None:
        self.is_open = True
        self._retry.deadline = None
        if opened.was_damaged:
            _words().damaged(self.path, opened)
        if not self.numbering.is_known:
            self.numbering.take_over(opened, has_gone_without=self.is_ready)
            for outbox in self.outboxes:
                outbox.take_over(opened, self.numbering.offset)
            _words().found(self.path, opened, self.outboxes, self._settings["durable_ms"])
        else:
            present = opened.present.shifted(-self.numbering.offset)
            for outbox in self.outboxes:
                outbox.look_again(present)
        self._on_disk_to = max([self._on_disk_to, *(last for _, last in self.numbering.numbers(opened.present))])
        self._off_disk_to = min(self._off_disk_to, self._low(), self._on_disk_to - 1)
        self._losses_changed = True
        self._commit(self.last)

    def _has_failed(self, words: str) -> None:
        self.is_open = False
        self._writing = None
        for outbox in self.outboxes:
            outbox.unanswered()
        self._is_troubled(words)
        self._loop.arm(self._retry, self._loop.time + self._pause_s)
        self._pause_s = min(2 * self._pause_s, RETRY_MAX_S)
        for outbox in self.outboxes:
            outbox.on_more()  # what is in memory need not wait for what is on the disk

    def _is_troubled(self, words: str) -> None:
        self.trouble = f"{words}; readings wait in memory"
        log.error(f"{self.path}: {self.trouble}", fold=f"store {self.path}")

    def _reopen(self) -> None:
        self._disk.open(self.numbering.epochs())


def _waits_one(fresh: deque[Numbered], low: int, seen: int, is_done: Callable[[int], bool]) -> bool:
    """Whether one of those up to the number `seen` is not done; those up to `low` are."""
    if seen <= low:
        return False
    for number, _ in fresh:
        if number > seen:
            break
        if number > low and not is_done(number):
            return True
    return False


def _too_old_ms(keep_hours: int) -> int:
    """What was taken before goes; 0: nothing, as while nobody knows how late it is."""
    now_ms = wall_clock_ms()
    return now_ms - keep_hours * HOUR_MS if keep_hours and now_ms >= CLOCK_SET_MS else 0


def _words() -> ModuleType:
    from . import store_words

    return store_words
