"""What a thread of its own tells the loop's thread: letters, in their order, one box for each such thread.

The problem: a disk, a broker or a database may hang, so each is waited for in a thread of its own, and what becomes of
it is the loop's business. To wake the loop for each letter is dear: a system call, a turn and twice the interpreter's
lock. So the loop is called once for all letters that lie there; and a letter that has time is laid down without a word
(`at_leisure`): whoever serves looks into the box when the loop turns anyway. Who lays one down sees to it that another,
for which the loop is called, follows within a time that he states.
Bounds: the thread's, which has a bounded number of things to tell of at any time.
"""

from __future__ import annotations

from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from threading import Event
    from typing import Any

    from ._loop import Loop

    Letter = tuple[Any, ...]


class LetterBox:
    """`serve()` is called in the loop when there are letters; it takes them by `letters`."""

    __slots__ = ("_called", "_letters", "_loop", "_serve", "_woken")

    def __init__(self, loop: Loop, serve: Callable[[], None]) -> None:
        self._loop = loop
        self._serve = serve
        self._letters: deque[Letter] = deque()
        self._called = False
        self._woken: Event | None = None

    # ---- called in the thread

    def post(self, letter: Letter, at_leisure: bool = False) -> None:
        self._letters.append(letter)
        if self._woken is not None:
            self._woken.set()
        elif not (at_leisure or self._called):
            self._called = True
            self._loop.call_soon_from_thread(self._serve)

    # ---- called by the loop's thread

    def __len__(self) -> int:
        return len(self._letters)

    def letters(self) -> Iterator[Letter]:
        """All that lie there, with those that come meanwhile."""
        self._called = False
        while self._letters:
            yield self._letters.popleft()

    def wait(self, seconds: float) -> None:
        """Until there is a letter: at the end, for the loop is not called any more."""
        if self._woken is None:
            from threading import Event

            self._woken = Event()
        if not self._letters:
            self._woken.wait(seconds)
        self._woken.clear()
