"""The address of a list that was most likely meant by one that is not in it: 1.8.0*24 for 1.8.0, 1.8.0 for 1.8.9.

The problem: a thousand signals may miss their address in a list of a thousand, and that may not stop the loop. So every
beginning and every ending of the list's addresses is noted once, and a question is a few look-ups.
Assumption: addresses share what they mean from the left (1.8. …) or, without their first groups, from the right.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_NOTED = 2048  # addresses
MAX_LETTERS = 32  # of an address
LEAST_SHARED = 2  # letters: fewer is chance


class Addresses:
    """A list of addresses, to be asked for the nearest one; of several equally near ones the first is told."""

    __slots__ = ("_beginnings", "_endings", "count")

    def __init__(self, addresses: Iterable[str]) -> None:
        self._beginnings: dict[str, str] = {}
        self._endings: dict[str, str] = {}
        self.count = 0
        for address in addresses:
            self.count += 1
            if self.count <= MAX_NOTED:
                kept = address[:MAX_LETTERS]
                for at in range(LEAST_SHARED, len(kept) + 1):
                    self._beginnings.setdefault(kept[:at], address)
                    self._endings.setdefault(kept[-at:], address)

    def nearest(self, asked: str) -> str | None:
        asked = asked[:MAX_LETTERS]
        for size in range(len(asked), LEAST_SHARED - 1, -1):
            begins, ends = self._beginnings.get(asked[:size]), self._endings.get(asked[-size:])
            if ends == asked[-size:] or begins is None:
                begins = ends  # all of a shorter code is better than a part of a longer one
            if begins is not None:
                return begins
        return None

    def missing(self, asked: str, what: str) -> str:
        """What is to be said of an address that `what`, which holds the list, does not have."""
        if not self.count:
            return f"{asked} is not in {what}, which is empty"
        near = self.nearest(asked)
        return f"{asked} is not in {what}; " + (f"nearest: {near}" if near else f"it has {self.count} others")
