"""The event log: what signals with `log` > 0 were, when it changed.

A reading is an event when its value or its quality is another than that signal's last one. Events are kept newest
first, `size` of them in all, each as the JSON line of its reading (times in ms). With a path they are also appended to
a file, oldest first, which is written anew when it holds twice `size`, and read back at the start. Files belong on
tmpfs or an SD card: a counter that moves is one line per scan.
"""

from __future__ import annotations

import posix

from .. import log
from ..gateway.json_text import encode, loads
from ..parameters import INTEGER, STRING, Parameter
from ..paths import exists, read_up_to
from ._hub import LoggedOnly
from .format import json_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..model import Reading
    from ..ports._loop import Loop

DEFAULT_SIZE = 1000
MAX_FILE = 64 << 20  # bytes that are read back; a file beyond it is not ours

PARAMETERS = (
    Parameter("path", STRING, "File of the event log; absent: in memory only", high=4095, origin="meterd"),
    Parameter(
        "size", INTEGER, "Events kept, of all signals", default=DEFAULT_SIZE, low=1, high=100000, origin="meterd"
    ),
)


class EventLog:
    """`size` events at most, in memory and, where `path` is given, in a file."""

    is_way_out = False  # it keeps what few signals ask for, and sends nothing anywhere

    def __init__(self, size: int = DEFAULT_SIZE, path: str | None = None) -> None:
        self.size = size
        self.path = path
        self._lines: list[str] = []  # oldest first, up to twice `size`
        self._in_file = 0
        self._trouble = ""
        self._last: dict[tuple[str, str], tuple[Any, str]] = {}
        inlet = self.inlet = LoggedOnly(self._keep, self._write_out)
        self.accept: Callable[[Reading], None] = inlet.accept
        self.flush: Callable[[], None] = inlet.flush
        if path is not None:
            self._read_back(path)

    def _keep(self, reading: Reading) -> None:
        """Take the reading of a signal that asks for it, if it is news."""
        signal = reading.signal
        key, state = (signal.device_alias, signal.alias), (reading.value, reading.quality)
        if self._last.get(key) == state:
            return
        self._last[key] = state
        self._lines.append(json_line(reading))
        self.inlet.unwritten += self.path is not None
        if len(self._lines) >= 2 * self.size:
            del self._lines[: -self.size]

    def newest(self, count: int | None = None) -> list[str]:
        """The JSON lines of the last `count` events (all, if None), newest first."""
        wanted = self.size if count is None else min(count, self.size)
        return self._lines[: -wanted - 1 : -1]

    def _write_out(self) -> None:
        """Bring the file up to date; where that fails the events stay in memory and the next flush tries again."""
        if self.path is None:
            return
        new = min(self.inlet.unwritten, self.size)
        try:
            if self._in_file + new > 2 * self.size:
                self._rewrite(self.path)
            else:
                with open(self.path, "ab") as file:
                    file.write(_joined(self._lines[-new:]))
                self._in_file += new
        except OSError as error:
            self._trouble = f"{error.strerror}; events stay in memory"
            log.error(f"{self.path}: {self._trouble}", fold=f"sink {self.path}")
            self._in_file = 2 * self.size  # what it holds now is not known: write it anew
            return
        self.inlet.unwritten = 0
        self._trouble = ""
        log.recovered(f"sink {self.path}", f"{self.path}: events are written again")

    def condition(self) -> tuple[str, str, int, int]:
        """Events that are not in the file yet wait."""
        waiting = self.inlet.unwritten if self.path is not None else 0
        return self.path or "events in memory", self._trouble, waiting, 0

    def reopen(self) -> None:
        """A file that was rotated away is begun anew."""
        if self.path is not None and not exists(self.path):
            self._in_file = 0

    def close(self) -> None:
        self.flush()

    def _rewrite(self, path: str) -> None:
        """Only the newest events, in one step: a power cut leaves the old file or the new one."""
        kept = self._lines[-self.size :]
        with open(path + ".new", "wb") as file:
            file.write(_joined(kept))
        posix.replace(path + ".new", path)
        self._in_file = len(kept)

    def _read_back(self, path: str) -> None:
        try:
            content = read_up_to(path, MAX_FILE)
        except FileNotFoundError:
            return
        except OSError as error:
            log.error(f"{path}: {error.strerror}; earlier events are not shown", fold=f"sink {path}")
            return
        lines = content.decode("utf-8", "replace").rstrip("\n").split("\n") if content else []
        # A torn last line (power cut) must not swallow the first event after it.
        if content and not content.endswith(b"\n"):
            self._in_file = 2 * self.size
        else:
            self._in_file = len(lines)
        self._lines = [line for line in lines[-self.size :] if _is_event(line)]


def open_sink(parameters: dict[str, Any], loop: Loop) -> EventLog:
    return EventLog(parameters["size"], parameters["path"])


def _is_event(line: str) -> bool:
    try:
        return isinstance(loads(line), dict)
    except ValueError:
        return False


def _joined(lines: list[str]) -> bytes:
    return b"".join(encode(line + "\n") for line in lines)
