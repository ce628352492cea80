"""What is remembered of a meter that is read in mode C, as long as the process lasts."""

from __future__ import annotations

from ..iec62056_21.learnt import Learnt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...model import Memory


class ModeCMemory:
    """`learnt` its habits; `opening` which way to begin it answers, None while not known; `unnumbered` scans in a row
    in which it answered everything but the question for its number."""

    __slots__ = ("learnt", "opening", "unnumbered")

    def __init__(self) -> None:
        self.learnt = Learnt()
        self.opening: int | None = None
        self.unnumbered = 0

    @classmethod
    def of(cls, memory: Memory) -> ModeCMemory:
        if not isinstance(memory.own, cls):
            memory.own = cls()
        found: ModeCMemory = memory.own
        return found
