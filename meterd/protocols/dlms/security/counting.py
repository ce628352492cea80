"""Whose invocation counter it is: that of every key under which this client's system title seals something.

The counter belongs to (system title, key), not to a device or its alias (Green Book 9.2.3.3). It is kept under a name
that is made of them: the first half of a SHA-256, from which no key can be computed, and which tells two apart.
A configured dedicated key seals under the same title, perhaps in several devices whose global keys differ: it has a
counter of its own, and a number is spent only where it is new to both.
"""

from __future__ import annotations

from ....counter import Counter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_NAME_DIGITS = 32
_PURPOSE = b"meterd invocation counter\x00"


def counter_name(title: bytes, key: bytes) -> str:
    """The name under which the counter of this title and key is kept."""
    from hashlib import sha256

    return sha256(_PURPOSE + title + key).hexdigest()[:_NAME_DIGITS]


class Counters:
    """The counters of the keys in use, the global one first, spent as one."""

    __slots__ = ("_all",)

    def __init__(self, counters: Sequence[Counter]) -> None:
        self._all = counters

    @property
    def next(self) -> int:
        return max(counter.next for counter in self._all)

    @property
    def heard(self) -> dict[bytes, int]:
        """What was heard of peers under the global key."""
        return self._all[0].heard

    @property
    def settled(self) -> bool:
        return all(counter.settled for counter in self._all)

    @property
    def on_record(self) -> bool:
        """Whether it is known from where to go on, whatever the meter tells."""
        return all(counter.known and not counter.trouble for counter in self._all)

    def spend(self) -> int:
        """A number that is new to all. Raises: SecurityError."""
        spent = [counter.spend() for counter in self._all]
        while min(spent) < (highest := max(spent)):
            pairs = zip(spent, self._all, strict=True)
            spent = [number if number == highest else counter.spend(highest) for number, counter in pairs]
        return highest

    def told(self, heard: int) -> None:
        """Raises: SecurityError."""
        for counter in self._all:
            counter.told(heard)

    def accepted(self) -> None:
        for counter in self._all:
            counter.accepted()

    def doubt(self) -> None:
        for counter in self._all:
            counter.doubt()
