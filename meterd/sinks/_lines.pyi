"""Readings as lines, gathered and written without blocking."""

from collections.abc import Callable

from .._reading import Reading
from ._hub import Sink

MAX_WAITING: int

class Lines(Sink):
    """The compiled half of `meterd.sinks.lines.LineSink`: gathers lines and writes them without blocking."""

    name: str
    lost: int
    troubled: bool
    _fd: int | None

    def __init__(self, fd: int | None, write_line: Callable[[Reading], str], name: str) -> None: ...
    @property
    def waiting(self) -> int: ...
    def accept(self, reading: Reading) -> None: ...
    def flush(self) -> None: ...
    def clear(self) -> None: ...
