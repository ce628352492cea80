"""The CSV file that grows and those beside it that are done; in a thread, for a disk may hang.

`readings.csv` grows. When it is done it becomes `readings-000042-2026-11-28.csv`: its number, and the time of its last
row. Numbers rise, whatever the clock does; the highest in the folder goes before the next.
Dirt it must survive: a power cut that leaves half a row, or zeros where a row should be (what stands behind the last
line feed is cut off before anything is appended); a disk that takes half of a batch and is full (it is cut off again
and tried later); a folder that is gone, a file that was moved or deleted by others (looked at before each batch);
a file with other columns (it is done, and a new one begun); another process at the same file (a lock tells).
A batch that was written and whose end the process did not live to tell is written again: the same epoch and sequence.
"""

from __future__ import annotations

from errno import EACCES, EAGAIN, EDQUOT, EFBIG, ENOENT, ENOSPC, EROFS
from posix import (
    F_TLOCK,
    O_CLOEXEC,
    O_CREAT,
    O_NOCTTY,
    O_NONBLOCK,
    O_RDWR,
    close,
    fdatasync,
    fstat,
    ftruncate,
    lockf,
    lseek,
    pread,
    rename,
    stat,
    write,
)
from posix import open as open_file
from stat import S_ISREG

from .._clock import wall_clock_ms
from .batch_thread import Delivered
from .csv_done import DoneFiles
from .csv_rows import SPANS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .batch_thread import Batch
    from .csv_rows import Writer

PIECE = 1 << 16
DAY = SPANS["day"]
TIME = 24  # characters of the time that a row begins with
WORDS = {
    ENOENT: "the folder is not there; is the card in its place?",
    ENOSPC: "the disk is full",
    EDQUOT: "the disk quota is used up",
    EFBIG: "the file may not grow any more; lower rotate_kb",
    EROFS: "the disk is read-only",
}


class Unusable(Exception):
    """Nothing can be written there until somebody does something about it."""


class CsvFolder:
    """The far end of the sink: the file at `path` and its folder. `settings` as `csv.PARAMETERS` have them."""

    patience_s = 0.0

    def __init__(self, settings: dict[str, Any], writer: Writer) -> None:
        self.say: Callable[[str], None] = lambda sentence: None
        self._path: str = settings["path"]
        self._most = settings["rotate_kb"] * 1024
        self._span = SPANS[settings["rotate"]]
        self._sync = settings["sync"]
        self._writer = writer
        self._done = DoneFiles(self._path, settings["keep_files"], settings["compress"])
        self._fd = -1
        self._size = 0
        self._last = ""  # time of the last row

    # ---- what the thread asks for

    def deliver(self, batch: Batch) -> Delivered:
        rows = self._writer.rows(batch, wall_clock_ms())
        while rows:
            self._make_ready()
            count = self._room_for(rows)
            if count:
                self._append(rows[:count])
                del rows[:count]
            else:
                self._finish()
        return Delivered()

    def spare(self) -> bool:
        return self._done.pack_a_piece()

    def words(self, error: Exception) -> str:
        number = getattr(error, "errno", None)
        return WORDS.get(number or 0) or getattr(error, "strerror", None) or str(error) or type(error).__name__

    def break_off(self) -> None:
        """A disk that hangs lets nobody go."""

    def close(self) -> None:
        self._done.close()
        if self._fd >= 0 and self._sync != "none":
            fdatasync(self._fd)
        self._let_go()

    # ---- the file that grows

    def _make_ready(self) -> None:
        """Open the file that bears the name, if it is not that one already, cut to whole rows."""
        if self._fd >= 0 and self._is_the_same():
            return
        self._let_go()
        self._fd = open_file(self._path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0o640)
        try:
            self._look()
        except BaseException:
            self._let_go()
            raise

    def _is_the_same(self) -> bool:
        try:
            named = stat(self._path)
        except OSError:
            return False
        own = fstat(self._fd)
        return (named.st_ino, named.st_dev) == (own.st_ino, own.st_dev) and own.st_size == self._size

    def _look(self) -> None:
        found = fstat(self._fd)
        if not S_ISREG(found.st_mode):
            raise Unusable("is no file; name one that meterd may write")
        self._lock()
        header = self._writer.header
        begins = pread(self._fd, len(header), 0)
        if begins == header:
            self._size = self._whole_rows(found.st_size)
            self._last = self._time_of_last_row()
        elif not header.startswith(begins) and begins.strip(b"\0"):
            self._finish()
            self.say("it had other columns; it is done, and a new one is begun")
            self._make_ready()
            return
        if self._size < found.st_size:
            ftruncate(self._fd, self._size)
            self.say(
                f"cut off {found.st_size - self._size} bytes behind the last whole row, as a power cut leaves them"
            )

    def _lock(self) -> None:
        lseek(self._fd, 0, 0)
        try:
            lockf(self._fd, F_TLOCK, 0)
        except OSError as error:
            if error.errno in (EAGAIN, EACCES):
                raise Unusable("another process writes there; give each a file of its own") from None
            # a disk without locks

    def _whole_rows(self, size: int) -> int:
        """How many of so many bytes are up to the last line feed."""
        while size:
            begin = max(size - PIECE, 0)
            at = pread(self._fd, size - begin, begin).rfind(b"\n")
            if at >= 0:
                return begin + at + 1
            size = begin
        return 0

    def _time_of_last_row(self) -> str:
        begin = self._whole_rows(self._size - 1)
        text = pread(self._fd, TIME, begin).decode("ascii", "replace")
        return text if begin and text[10:11] == "T" else ""

    def _room_for(self, rows: list[bytes]) -> int:
        """How many of these still belong into the file; an empty one takes one at least."""
        size, last = self._size or len(self._writer.header), self._last
        for count, row in enumerate(rows):
            time = row[:TIME].decode()
            if last and time[: self._span] > last[: self._span]:  # a clock that is set back makes no file
                return count
            size += len(row)
            if self._most and size > self._most and last:
                return count
            last = time
        return len(rows)

    def _append(self, rows: list[bytes]) -> None:
        data = b"".join(rows if self._size else (self._writer.header, *rows))
        try:
            self._write(data)
            if self._sync == "batch":
                fdatasync(self._fd)
        except BaseException:
            self._take_back()
            raise
        self._size += len(data)
        self._last = rows[-1][:TIME].decode()

    def _write(self, data: bytes) -> None:
        lseek(self._fd, self._size, 0)
        left = memoryview(data)
        while left:
            count = write(self._fd, left)
            left = left[count:]

    def _take_back(self) -> None:
        """What was written of the batch; where even that fails, the next look at the file does it."""
        try:
            ftruncate(self._fd, self._size)
        except OSError:
            pass
        self._let_go()

    def _finish(self) -> None:
        """The file is done; the next one is made when there is something to write."""
        if self._sync != "none":
            fdatasync(self._fd)
        rename(self._path, self._done.next(self._last[: max(self._span, DAY)]))
        self._let_go()
        self._done.sync_folder(self._sync != "none")
        for name in self._done.drop_oldest():
            self.say(f"{name} is deleted, for more than keep_files are there")

    def _let_go(self) -> None:
        if self._fd >= 0:
            close(self._fd)
            self._fd = -1
        self._size = 0
        self._last = ""
