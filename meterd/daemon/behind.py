"""Files of the state folder that are written behind the loop's back, because nothing depends on when.

The problem: a file that is to survive a power cut is waited for (fsync), tens of milliseconds on a slow card, and when
a large site meets its meters for the first time, or meters change their ways in every scan, that is done again and
again. What only spares questions can wait: a thread writes it, the newest of each file alone, and ends when nothing is
left.
Dirt it must survive: a write that is asked for at once while an older one of the same file waits or is under way; no
thread to be had; a disk that is full.
"""

from __future__ import annotations

from _thread import allocate_lock, start_new_thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Behind:
    """`put(name, data)` replaces a file and returns '' or why it could not, in words; one call at a time is made."""

    __slots__ = ("_lock", "_put", "_waiting", "_works", "_writing", "trouble")

    def __init__(self, put: Callable[[str, bytes], str]) -> None:
        self._put = put
        self._lock = allocate_lock()
        self._writing = allocate_lock()
        self._waiting: dict[str, bytes] = {}
        self._works = False
        self.trouble = ""  # of the last file

    def put_later(self, name: str, data: bytes) -> str:
        """What was in the way of the last file that was written so; '' where nothing was."""
        with self._lock:
            self._waiting[name] = data
            if not self._works:
                self._begin()
            return self.trouble

    def put_now(self, name: str, data: bytes) -> str:
        """Older content that waits is not written any more."""
        with self._writing:
            with self._lock:
                self._waiting.pop(name, None)
            return self._put(name, data)

    def finish(self) -> None:
        """Write all that waits."""
        while self._write_one():
            pass

    def _begin(self) -> None:
        try:
            start_new_thread(self._work, ())
            self._works = True
        except RuntimeError as error:  # the next file tries again; what waits is not lost
            self.trouble = str(error)

    def _work(self) -> None:
        """A thread: write until nothing is left."""
        while True:
            if self._write_one():
                continue
            with self._lock:
                if not self._waiting:
                    self._works = False
                    return

    def _write_one(self) -> bool:
        with self._writing:
            with self._lock:
                if not self._waiting:
                    return False
                name, data = self._waiting.popitem()
            self.trouble = self._put(name, data)
        return True
