"""Readings as lines in a file.

The dirt to survive: a full disk, a directory that is not there (the SD card was pulled), a file that was rotated away,
a FIFO that nobody reads; how lines wait meanwhile is told in `sinks.lines`.
"""

from __future__ import annotations

from errno import EDQUOT, EFBIG, ENOSPC
from posix import O_APPEND, O_CLOEXEC, O_CREAT, O_NOCTTY, O_NONBLOCK, O_WRONLY, close
from posix import open as open_file

from .. import log
from ..parameters import BOTH, STRING, Parameter
from .format import FORMATS
from .lines import LineSink

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..model import Reading
    from ..ports._loop import Loop

PARAMETERS = (
    Parameter("path", STRING, "File that readings are appended to", low=1, high=4095, origin="meterd", **BOTH),
    Parameter("format", STRING, "JSON or WCC Lite lines", default="json", choices=tuple(FORMATS), origin="meterd"),
)


class FileSink(LineSink):
    """Lines appended to a file, which is made when it is not there and tried again at each flush while it fails."""

    def __init__(self, path: str, write_line: Callable[[Reading], str], loop: Loop | None = None) -> None:
        super().__init__(None, write_line, loop, path)
        self.path = path

    def reopen(self) -> None:
        """Another file may bear the name by now."""
        self.flush()
        self._close_file()

    def close(self) -> None:
        self.flush()
        self._close_file()
        self.inlet.clear()

    def _ready(self) -> bool:
        try:
            # O_NONBLOCK: opening a FIFO that nobody reads must fail instead of waiting for a reader.
            flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY
            self.inlet.fd = open_file(self.path, flags, 0o640)
        except OSError as error:
            self._failed(error)
        return self.inlet.fd >= 0

    def _failed(self, error: OSError) -> None:
        """A full disk empties, a card returns: keep what waits and try again."""
        self.inlet.troubled = True
        self._trouble = f"{error.strerror}; readings wait"
        log.error(f"{self.path}: {self._trouble}", fold=f"sink {self.name}")
        if error.errno not in (ENOSPC, EDQUOT, EFBIG):
            self._close_file()

    def _close_file(self) -> None:
        self._stop_waiting()
        if self.inlet.fd >= 0:
            close(self.inlet.fd)
            self.inlet.fd = -1


def open_sink(parameters: dict[str, Any], loop: Loop) -> FileSink:
    return FileSink(parameters["path"], FORMATS[parameters["format"]], loop)
