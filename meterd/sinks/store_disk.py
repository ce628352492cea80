"""The thread in which the store's file lives: a disk may take seconds for a commit, and meters must be read meanwhile.

The loop's thread calls `write` (one at a time), `fetch` (one at a time for each outbox) and `stop`, so what waits is
bounded. It is told by `tell(event)`: ("opened", Opened) · ("written", up to, trimmed places) ·
("fetched", asker, rows, next place) · ("failed", sentence). After a failure nothing is tried but `open`, which the
loop's thread asks for again after a while. Nothing is logged here: the log belongs to the loop's thread.
"""

from __future__ import annotations

import threading
from collections import deque
from posix import W_OK, access
from time import clock_gettime

from .._clock import wall_clock_ms
from ..paths import exists, parent
from .outbox import CLOCK_SET_MS
from .ranges import Ranges
from .store_rows import pack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .outbox import Numbered
    from .store_file import StoreFile
    from .store_rows import Clock

ROW = 100  # readings of one row
FETCH_ROWS = 16
MONOTONIC = 1
BOOT_ID = "/proc/sys/kernel/random/boot_id"


class Opened:
    """What was found: the `state` (None: none), the places `present`, whether the file `is_new`; and what was amiss."""

    __slots__ = ("is_new", "present", "saved", "state", "was_damaged")

    def __init__(self, file: StoreFile, present: Ranges) -> None:
        self.state = file.state
        self.is_new = file.is_new
        self.present = present
        self.was_damaged = ""
        self.saved = 0


class Write:
    """One commit: readings with their numbers, of which `up_to` is the last that is settled by it; the state; and up to
    which number all rows may go. A number's place is `offset` more.
    """

    __slots__ = ("clock", "epoch", "low", "numbered", "offset", "older_than_ms", "shift", "state", "up_to")

    def __init__(self, up_to: int, numbered: list[Numbered], state: dict[str, Any], low: int, offset: int) -> None:
        self.up_to = up_to
        self.numbered = numbered
        self.state = state
        self.low = low
        self.offset = offset
        self.epoch = ""
        self.shift = self.older_than_ms = 0
        self.clock: Clock | None = None


class _Closed(Exception):
    """Asked for before it was known that the file had failed."""


class Disk:
    """`path` and `size` of the file. Runs from `start` to `stop`."""

    def __init__(self, path: str, size: int, tell: Callable[[tuple[Any, ...]], None]) -> None:
        self._path = path
        self._size = size
        self._tell = tell
        self._jobs: deque[Callable[[], None]] = deque()
        self._asked = threading.Event()
        self._stopping = False
        self._file: StoreFile | None = None
        self._is_settled = False
        self._damage = ""  # that was found while it was open
        self._thread = threading.Thread(target=self._run, name="store", daemon=True)
        self.boot = _boot()

    # ---- called by the loop's thread

    def start(self) -> None:
        self._thread.start()

    def open(self, epochs: list[str]) -> None:
        """Open the file anew; one that knows none of these epochs is another's, and is set aside. [] for any."""
        self._ask(lambda: self._open(epochs))

    def write(self, write: Write) -> None:
        self._ask(lambda: self._write(write))

    def fetch(self, asker: Any, first: int, last: int) -> None:
        self._ask(lambda: self._fetch(asker, first, last))

    def stop(self, seconds: float) -> bool:
        """Do what was asked for and end. Returns: whether it has, within `seconds`."""
        self._stopping = True
        self._asked.set()
        if self._thread.is_alive():
            self._thread.join(seconds)
        return not self._thread.is_alive()

    def _ask(self, job: Callable[[], None]) -> None:
        self._jobs.append(job)
        self._asked.set()

    # ---- the thread

    def _run(self) -> None:
        while True:
            self._asked.wait()
            self._asked.clear()
            while self._jobs:
                self._try(self._jobs.popleft())
            if self._stopping and not self._jobs:
                break
        self._close()

    def _try(self, job: Callable[[], None]) -> None:
        try:
            job()
        except _Closed:
            pass  # by a failure that was told
        except Exception as error:  # whatever it is, the readings stay in memory and it is tried again
            if self._file is not None and self._file.is_damage(error):
                self._damage = str(error) or "damaged"
            self._close()
            self._tell(("failed", _words(error, parent(self._path) or ".")))

    def _open(self, epochs: list[str]) -> None:
        from .store_file import STRANGE, Damaged, StoreFile, set_aside

        self._close()
        try:
            if self._damage:
                raise Damaged(self._damage)
            opened = self._open_and_check()
            state = opened.state
            if epochs and not opened.is_new and not (state and {one[1] for one in state["spans"]} & {*epochs}):
                self._close()
                set_aside(self._path, STRANGE)
                opened = self._open_and_check()
        except Damaged as error:
            opened = self._begin_anew(StoreFile, str(error))
        self._tell(("opened", opened))

    def _open_and_check(self) -> Opened:
        from .store_file import StoreFile

        self._is_settled = False
        file = self._file = StoreFile(self._path, self._size)
        return Opened(file, file.check())

    def _begin_anew(self, opener: Callable[[str, int], StoreFile], words: str) -> Opened:
        from .store_file import DAMAGED, set_aside

        self._close()
        set_aside(self._path, DAMAGED)
        self._damage = ""
        file = self._file = opener(self._path, self._size)
        saved = file.save_from(self._path + DAMAGED)
        opened = Opened(file, file.check())
        opened.was_damaged = words or "damaged"
        opened.saved = saved
        return opened

    def _write(self, write: Write) -> None:
        file = self._whole()
        file.begin()
        for taken in _runs(write.numbered):
            data = pack(taken, file.names, write.epoch, write.shift, write.offset, write.clock)
            file.put(taken[0][0] + write.offset, taken[-1][0] + write.offset, data)
        trimmed = file.trim(write.older_than_ms)
        file.commit(write.state, write.low + write.offset)
        if not self._is_settled:  # that this run goes on must not be lost with the WAL
            self._is_settled = True
            file.settle()
        self._tell(("written", write.up_to, trimmed))

    def _fetch(self, asker: Any, first: int, last: int) -> None:
        now_ms = wall_clock_ms()
        clock = (self.boot, now_ms - monotonic_ms()) if now_ms >= CLOCK_SET_MS else None
        rows, next_place = self._whole().fetch(first, last, FETCH_ROWS, clock)
        self._tell(("fetched", asker, rows, next_place))

    def _whole(self) -> StoreFile:
        if self._file is None:
            raise _Closed
        if not self._file.is_there():
            raise OSError(2, "the file is gone; was the card taken out?")
        return self._file

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def monotonic_ms() -> int:
    return int(clock_gettime(MONOTONIC) * 1000)


def _boot() -> str:
    """Which start of the machine this is."""
    try:
        with open(BOOT_ID, encoding="ascii") as file:
            return file.read(8)
    except OSError:
        return ""


def _runs(numbered: list[Numbered]) -> list[list[Numbered]]:
    """By rows: consecutive numbers, ROW of them at most."""
    runs: list[list[Numbered]] = []
    for one in numbered:
        if runs and len(runs[-1]) < ROW and runs[-1][-1][0] == one[0] - 1:
            runs[-1].append(one)
        else:
            runs.append([one])
    return runs


def _words(error: Exception, folder: str) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    name = getattr(error, "sqlite_errorname", "")
    known = {
        "SQLITE_BUSY": "another process has it open",
        "SQLITE_CANTOPEN": "it cannot be opened; is its folder there?",
        "SQLITE_FULL": "the disk is full",
        "SQLITE_READONLY": "the disk is read-only",
    }
    if name.startswith(("SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_READONLY")):  # which of them it is depends
        if not exists(folder):
            return "its folder is not there; was the card taken out?"
        if not access(folder, W_OK):
            return known["SQLITE_READONLY"]
    return next((words for begin, words in known.items() if name.startswith(begin)), text)
