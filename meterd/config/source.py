"""One configuration file: its content, where that stands, and what is wrong with it."""

from __future__ import annotations

from ..errors import ConfigError
from ..gateway.json_text import loads
from ..paths import parent, read_up_to
from .validation import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from .json_places import Careful, Steps
    from .validation import Row

PARTS = {"devices": list, "signals": list, "ports": dict, "publish": dict}
MAX_FILE = 16 << 20


class Source:
    """One file. `faults` are (steps to the place, words for the place, message), told with lines at the end.

    `parts` are what may stand in it at the top.
    """

    __slots__ = ("careful", "content", "directory", "faults", "packages", "parts", "path", "readable", "text")

    def __init__(self, path: str, careful: bool, parts: Iterable[str] = PARTS) -> None:
        self.path = path
        self.parts = tuple(parts)
        self.directory = parent(path)
        self.text = ""
        self.content: Row = {}
        self.faults: list[tuple[Steps, str, str]] = []
        self.packages: set[str] = set()
        self.careful: Careful | None = None
        self.readable = self._read(careful)

    def _read(self, careful: bool) -> bool:
        try:
            data = read_up_to(self.path, MAX_FILE + 1)
            self.text = data.decode().removeprefix("\ufeff")
        except OSError as error:
            return self._unreadable(f"cannot be read: {error.strerror}")
        except UnicodeDecodeError as error:
            return self._unreadable(f"is not UTF-8 text (byte {error.start})")
        if len(data) > MAX_FILE:
            return self._unreadable(f"is larger than {MAX_FILE >> 20} MB")
        content = None if careful or self._looks_doubled() else _fast(self.text)
        if content is None:
            content = self.look_carefully()
        if not self.faults and not isinstance(content, dict):
            return self._unreadable(f"holds {shown(content)}, allowed: an object with {', '.join(self.parts)}")
        if self.careful is not None:
            for steps in self.careful.twice:
                self.faults.append((steps, words(steps), "is given twice"))
        self.content = content if isinstance(content, dict) else {}
        return self.content is content

    def _unreadable(self, message: str) -> bool:
        self.faults.append(((), "", message))
        return False

    def _looks_doubled(self) -> bool:
        """Whether a part may be given twice, of which a fast parser would silently keep the last."""
        return any(self.text.count(f'"{part}"') > 1 for part in self.parts)

    def look_carefully(self) -> Any:
        """Read the text again with lines; a text that is not JSON becomes a fault."""
        from .json_places import Careful

        try:
            self.careful = Careful(self.text)
        except ValueError as error:
            line, message = error.args
            self.faults.append(((), f"line {line}", message))
            return None
        return self.careful.content

    def errors(self) -> list[ConfigError]:
        """Every fault with its line, in their order."""
        if self.faults and self.careful is None and self.readable:
            self.look_carefully()
        told = []
        for steps, place, message in self.faults:
            line = self.careful.line(steps) if steps and self.careful is not None else 0
            where = ", ".join(filter(None, (self.path, f"line {line}" if line else "", place)))
            told.append((line, ConfigError(where, message)))
        told.sort(key=lambda each: each[0])
        return [error for _, error in told]


def _fast(text: str) -> Any:
    try:
        return loads(text)
    except ValueError:
        return None


def words(steps: Steps) -> str:
    """`devices[3], parameter baudrate` for ("devices", 3, "baudrate")."""
    words = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps[:2]).lstrip(".")
    return words if len(steps) < 3 else f"{words}, parameter {'.'.join(map(str, steps[2:]))}"


def part_of(source: Source, name: str) -> Any:
    """The part's content; an empty one where it is absent or of the wrong shape."""
    kind: Callable[[], Any] = PARTS[name]
    found = source.content.get(name)
    return found if isinstance(found, PARTS[name]) else kind()
