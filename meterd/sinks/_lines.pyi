"""Readings as lines, gathered and written without blocking."""

from collections.abc import Callable
from typing import Any

from .._octets import Octets
from .._reading import Inlet, Reading

MAX_WAITING: int

class Lines(Inlet):
    """Gathers lines, up to MAX_WAITING bytes, and writes them to `fd` as far as that goes without blocking; with a
    `loop`, soon after a write no sooner than 0.1 s after it. `flush()` writes what there is.

    `ready()` opens what is not open (`fd` below 0) and says whether it is; `failed(error)` is called with what went
    wrong, `written()` after all that went right while something waits, was `lost` or the owner was `troubled`.
    """

    fd: int
    lost: int
    troubled: bool

    def __init__(
        self,
        write_line: Callable[[Reading], str],
        ready: Callable[[], bool],
        failed: Callable[[OSError], None],
        written: Callable[[], None],
        loop: Any = None,
    ) -> None: ...
    @property
    def waiting(self) -> int:
        """Bytes that wait to be written."""

    @property
    def text(self) -> Octets:
        """They themselves."""

    def clear(self) -> None:
        """Forget them."""
