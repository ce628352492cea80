"""When rubbish is searched for: not while a site begins or changes, and never among what stays.

The problem: the garbage collector stops everything while it looks through all objects, 0.1 s for three thousand lines
and more, and what a beginning or a reload makes by the thousand sets it off again and again, in vain: nearly all of it
stays. So it rests until the lines have begun; what is there by then is put aside (gc.freeze), and from then on there is
little to look through. Nearly everything that a scan leaves goes without it, by its last reference.

The configuration's text and what was made of it on the way leave holes in the heap, 3 kB for each meter, which no other
thing fills: glibc gives them back if it is told to, when the lines begin and when they have begun.
"""

from __future__ import annotations

import gc

from ..ports._loop import give_back_memory
from ..ports._timers import Timer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..ports._loop import Loop

SETTLED_S = 30.0  # by then the lines have begun and most have been talked to


class Settling:
    """`begin` when much is about to be made."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._settled = Timer(_put_aside)

    def begin(self) -> None:
        gc.disable()
        give_back_memory()
        self._loop.arm(self._settled, self._loop.time + SETTLED_S)


def _put_aside() -> None:
    give_back_memory()
    gc.freeze()
    gc.enable()
