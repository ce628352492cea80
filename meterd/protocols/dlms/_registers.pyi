"""Many attributes read singly or in lists, and their values as readings."""

from collections.abc import Callable
from typing import Any

from ..._reading import Reading, Signal
from ..._steps import Burst, Receive
from ._shortcut import Shortcut

class Wanted:
    """What is read and whom it feeds: the encoded `descriptor`, `signals`, and `scaler`, (power of ten, unit)."""

    descriptor: bytes
    signals: tuple[Signal, ...]
    scaler: tuple[int, str | None] | None

class InvokeIds:
    """Called, gives invoke-id-and-priority octets: `flags`, and ids 1 to 15 in turn."""

    def __init__(self, flags: int) -> None: ...
    def __call__(self) -> int: ...

_Other = Callable[[Any, Any, Any], list[Reading]]

class Registers(Burst):
    """Reads prepared targets from `start` on: up to `most` in one request of up to `limit` octets, if it fits a frame
    of `max_info`. `done` is the first that was not reported; `asked` how many the last request asks for, 0 where none
    was made, and `invoke` its invoke-id-and-priority; `listed` whether a list was answered.
    """

    @property
    def done(self) -> int: ...
    @property
    def asked(self) -> int: ...
    @property
    def invoke(self) -> int: ...
    @property
    def listed(self) -> bool: ...
    def __init__(
        self,
        receive: Receive,
        shortcut: Shortcut,
        invoke_ids: InvokeIds,
        targets: list[Any],
        start: int,
        other: _Other,
        most: int = 1,
        limit: int = 0,
        max_info: int = 0,
    ) -> None: ...
    def again(self, targets: list[Any]) -> bool:
        """Begin anew with the first target. Returns: whether this is the very list of them that it was made for."""

def readings_of(targets: list[Any], results: list[tuple[Any, Any]], other: _Other) -> list[Reading]:
    """The readings of all targets' signals out of `(code, value)` each; `other(target, code, value)` makes those that
    are not an integer with a known scaler. Raises: ValueError where the two differ in number.
    """
