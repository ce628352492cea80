"""Work that grows with the meters, as a generator: it yields wherever others may have their turn, at the latest after
one meter; what it returns is what came of it. A loop does it in portions (`portions`); whoever has no loop yet, or no
meters that could wait, has it done `at_once`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import TypeVar

    Result = TypeVar("Result")
    Work = Generator[None, None, Result]


def at_once(work: Work[Result]) -> Result:
    """All of it, now."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: Result = end.value
            return result
