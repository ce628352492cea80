"""When rubbish is searched for: not while a site begins or changes, and never among what stays.

The problem: the garbage collector stops everything while it looks through all objects, 0.1 s for three thousand lines
and more, and what a beginning or a reload makes by the thousand sets it off again and again, in vain: nearly all of it
stays. So it rests until the lines have begun; what is there by then is put aside (gc.freeze), and from then on there is
little to look through. Nearly everything that a scan leaves goes without it, by its last reference.
"""

from __future__ import annotations

import gc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..ports._loop import Loop

# By then the lines have begun and most have been talked to; where nothing happens, nobody is woken for it.
SETTLED_S = 30.0


class Settling:
    """`begin` when much is about to be made."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._until = 0.0
        self._is_watching = False

    def begin(self) -> None:
        gc.disable()
        self._until = self._loop.time + SETTLED_S
        if not self._is_watching:
            self._is_watching = True
            self._loop.turn_ends.append(self._look)

    def _look(self) -> None:
        if self._loop.time >= self._until:
            self._loop.turn_ends.remove(self._look)  # the last one there: none is passed over
            self._is_watching = False
            gc.freeze()
            gc.enable()
