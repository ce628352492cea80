"""Up to which invocation counter each meter that sends unasked was heard, so that nothing is taken that is played back.

The counters are on record, but not at every telegram: a flash memory would not live long with one write a second. So
one is written where it has grown by SPREAD since; after a restart, telegrams of that span may be played back, older
ones never. Only authentic telegrams count, so nobody without the keys can fill the record.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ....model import Memory

NAME = "heard"
SPREAD = 512
MOST = 64


class Heard:
    """`lowest` {title: the least counter that its next APDU may show}."""

    __slots__ = ("_kept", "lowest")

    def __init__(self, kept: dict[str, int]) -> None:
        self.lowest = {bytes.fromhex(title): lowest for title, lowest in kept.items()}
        self._kept = dict(self.lowest)

    @classmethod
    def of(cls, memory: Memory) -> Heard:
        """What is known of the meters behind that memory."""
        if not isinstance(memory.own, cls):
            memory.own = cls(memory.persistent.get(NAME, {}))
        found: Heard = memory.own
        return found

    def keep(self, memory: Memory) -> None:
        """Put on record what has grown enough since it was."""
        grown = [title for title, lowest in self.lowest.items() if lowest - self._kept.get(title, -SPREAD) >= SPREAD]
        if not grown:
            return
        self._kept = dict(list(self.lowest.items())[-MOST:])
        memory.persistent[NAME] = {title.hex(): lowest for title, lowest in self._kept.items()}
        memory.save()
