"""The thread in which a far end lives that may hang: it takes one batch after another and says what became of each.

The loop's thread calls `give` (one batch at a time, so what waits is bounded) and `stop`. It is told by `tell(event)`:
("delivered", batch, Delivered) · ("failed", sentence, pause, whether a smaller batch might do) · ("said", sentence).
Nothing is logged here: the log belongs to the loop's thread. Between batches the far end may do a piece of something
that has time (`spare`).
"""

from __future__ import annotations

import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from ..model import Reading
    from .ranges import Range

    Row = tuple[str, int, Reading]  # epoch and number outward, and what was read

    class FarEnd(Protocol):
        """Where batches go. All is called in the thread and may raise whatever it likes, but for `break_off`."""

        say: Callable[[str], None]
        patience_s: float  # for one request; 0: nothing can be done about one that takes long

        def deliver(self, batch: Batch) -> Delivered: ...

        def spare(self) -> bool:
            """Do a piece of what has time. Returns: whether there is more of it."""

        def words(self, error: Exception) -> str:
            """What happened, and what to do next."""

        def close(self) -> None: ...

        def break_off(self) -> None:
            """Called by the loop's thread, while a batch takes long: let a request fail that takes longer than that."""


class Batch:
    """What is delivered as a whole: `rows`, and of what was lost its `epoch` and ranges of outward numbers, `lost`.

    `numbers` and `ranges` are what the outbox calls the same.
    """

    __slots__ = ("epoch", "lost", "numbers", "ranges", "rows")

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows
        self.numbers: list[int] = []
        self.epoch = ""
        self.lost: list[Range] = []
        self.ranges: list[Range] = []


class Delivered:
    """The far end has it, but for so many that it will never take, and why."""

    __slots__ = ("refused", "words")

    def __init__(self, refused: int = 0, words: str = "") -> None:
        self.refused = refused
        self.words = words


class Postponed(Exception):
    """Not now: after `pause_s`, where the far end says so; with `is_too_much` it might take a smaller batch at once."""

    def __init__(self, words: str, pause_s: float = 0.0, is_too_much: bool = False) -> None:
        super().__init__(words)
        self.pause_s = pause_s
        self.is_too_much = is_too_much


class BatchThread:
    """Runs from `start` to `stop`."""

    def __init__(self, name: str, far: FarEnd, tell: Callable[[tuple[Any, ...]], None]) -> None:
        self._far = far
        self._tell = tell
        self._given: Batch | None = None
        self._asked = threading.Event()
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name=name[:15], daemon=True)
        far.say = lambda sentence: tell(("said", sentence))

    # ---- called by the loop's thread

    def start(self) -> None:
        self._thread.start()

    def give(self, batch: Batch) -> None:
        self._given = batch
        self._asked.set()

    def stop(self, seconds: float) -> None:
        """End after the batch that was given; within `seconds`, whatever the far end hangs in."""
        self._is_stopping = True
        self._asked.set()
        if self._thread.is_alive():
            self._thread.join(seconds)

    # ---- the thread

    def _run(self) -> None:
        more = False
        while not self._is_stopping or self._given is not None:
            if not more:
                self._asked.wait()
            self._asked.clear()
            batch, self._given = self._given, None
            if batch is not None:
                self._tell(self._delivered(batch))
            more = not self._is_stopping and self._has_more()
        try:
            self._far.close()
        except Exception:  # it ends; what was not acknowledged is still kept
            pass

    def _delivered(self, batch: Batch) -> tuple[Any, ...]:
        try:
            return "delivered", batch, self._far.deliver(batch)
        except Postponed as error:
            return "failed", str(error), error.pause_s, error.is_too_much
        except Exception as error:  # whatever it is, the readings stay and it is tried again
            return "failed", self._far.words(error), 0.0, False

    def _has_more(self) -> bool:
        try:
            return self._far.spare()
        except Exception as error:
            self._tell(("said", self._far.words(error)))
            return False
