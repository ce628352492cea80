"""One configuration file, JSON or UCI: its content, where that stands, and what is wrong with it."""

from __future__ import annotations

from ..errors import ConfigError
from ..gateway.json_text import dumps, loads
from ..paths import parent, read_up_to
from ..ports.work import at_once
from .validation import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from ..ports.work import Work
    from .json_places import Careful, Steps
    from .uci import Uci
    from .validation import Row

PARTS = {"devices": list, "signals": list, "ports": dict, "publish": dict}
MAX_FILE = 16 << 20
ROWS = ("devices", "signals")
STDIN = "-"
TWICE = "is given twice"
# How files of spreadsheet programs begin → what is to be done with them.
WORKBOOKS = {
    b"PK\x03\x04": "is a workbook and no JSON: `meterd import FILE.xlsx` makes a configuration of it",
    b"\xd0\xcf\x11\xe0": "is a workbook of the old kind: save it as .xlsx, then `meterd import FILE.xlsx`",
}
UCI_FOLDER = "/etc/config/"
# The init script's copies: the originals are root's alone, for there are passwords in them.
UCI_COPIES = "/var/run/meterd-config/"


class Source:
    """One file, read at once or, without `read`, by `reading`.

    `faults` are (steps to the place, words for the place, message), told with lines at the end.
    `parts` are what may stand in it at the top. `settings` are the service's own, which only UCI has; `slips` says that
    a UCI file has sections which cannot be meant, or that a part is given twice; `doubled` names what rows give twice.
    """

    __slots__ = (
        "_place", "absent", "careful", "content", "directory", "doubled", "faults", "is_uci", "packages", "parts",
        "path", "readable", "settings", "slips", "text",
    )  # fmt: skip

    def __init__(self, path: str, careful: bool, parts: Iterable[str] = PARTS, read: bool = True) -> None:
        self._place = "/dev/stdin" if path == STDIN else path
        self.path = "standard input" if path == STDIN else original(path)
        self.parts = tuple(parts)
        self.directory = parent(self.path)
        self.text = ""
        self.absent = False
        self.is_uci = False
        self.settings: Row = {}
        self.slips = False
        self.doubled: dict[Steps, list[str]] = {}
        self.content: Row = {}
        self.faults: list[tuple[Steps, str, str]] = []
        self.packages: set[str] = set()
        self.careful: Careful | Uci | None = None
        self.readable = False
        if read:
            at_once(self.reading(careful))

    def reading(self, careful: bool) -> Work[None]:
        """Read it, in portions."""
        self.readable = yield from self._read(careful)

    def _read(self, careful: bool) -> Work[bool]:
        try:
            data = read_up_to(self._place, MAX_FILE + 1)
            if data[:4] in WORKBOOKS:
                return self._unreadable(WORKBOOKS[data[:4]])
            self.text = data.decode().removeprefix("\ufeff")
        except OSError as error:
            self.absent = True
            return self._unreadable(f"cannot be read: {error.strerror}")
        except UnicodeDecodeError as error:
            return self._unreadable(f"is not UTF-8 text (byte {error.start})")
        if len(data) > MAX_FILE:
            return self._unreadable(f"is larger than {MAX_FILE >> 20} MB")
        content = yield from self._content(careful)
        if not self.faults and not isinstance(content, dict):
            return self._unreadable(f"holds {shown(content)}, allowed: an object with {', '.join(self.parts)}")
        if self.careful is not None:
            for steps in self.careful.twice:
                if len(steps) > 2 and steps[0] in ROWS:
                    self.doubled.setdefault(steps[:2], []).append(str(steps[2]))
                else:
                    self.faults.append((steps, words(steps), TWICE))
                    self.slips = True
        self.content = content if isinstance(content, dict) else {}
        return self.content is content

    def _content(self, careful: bool) -> Work[Any]:
        self.is_uci = PARTS.keys() == set(self.parts) and is_uci(self.path, self.text)
        yield
        content = None if careful else (yield from self._fast())
        return (yield from self._look_carefully()) if content is None else content

    def _fast(self) -> Work[Any]:
        """The content, without lines; None where there is more to say."""
        try:
            if not self.is_uci:
                content = loads(self.text)
                return None if self._holds_more_than(content) else content
            from .uci import Uci

            uci = Uci()
            yield from uci.take(self.text)
        except (ValueError, OverflowError):
            return None
        self.settings = uci.main
        return None if uci.faults or uci.doubled else uci.content

    def _unreadable(self, message: str) -> bool:
        self.faults.append(((), "", message))
        return False

    def _holds_more_than(self, content: Any) -> bool:
        """Whether a name may be given twice, of which a fast parser silently keeps the last: every name has a colon."""
        return self.text.count(":") != dumps(content).count(":")

    def _look_carefully(self) -> Work[Any]:
        """Read the text again with lines; a text that is not JSON becomes a fault."""
        try:
            self.careful = yield from self._with_places()
        except ValueError as error:
            line, message = error.args
            self.faults.append(((), f"line {line}", message))
            return None
        return self.careful.content

    def _with_places(self) -> Work[Careful | Uci]:
        if not self.is_uci:
            from .json_places import Careful

            careful = Careful(self.text)
            yield from careful.look()
            return careful
        from .uci import Uci

        uci = Uci(places=True)
        yield from uci.take(self.text)
        self.faults += uci.faults
        self.slips = bool(uci.faults)
        self.settings = uci.main
        return uci

    def words_of(self, steps: Steps) -> str:
        """A row's place in words, where its line does not say it all."""
        return "" if self.is_uci else words(steps)

    def row_words(self, steps: Steps, device_alias: str, signal_alias: str, parameter: str | None) -> str:
        """The place of what is wrong with a row, in words."""
        named = (("device", device_alias), ("signal", signal_alias), ("parameter", parameter))
        return ", ".join(filter(None, (self.words_of(steps), *(f"{what} {name}" for what, name in named if name))))

    def located(self, steps: Steps, place: str, message: str) -> ConfigError:
        """A fault with its file and, where that is known, its line."""
        line = self._line(steps)
        return ConfigError(", ".join(filter(None, (self.path, f"line {line}" if line else "", place))), message)

    def _line(self, steps: Steps) -> int:
        return self.careful.line(steps) if steps and self.careful is not None else 0

    def errors(self) -> list[ConfigError]:
        """Every fault with its line, in their order."""
        return at_once(self.telling())

    def telling(self) -> Work[list[ConfigError]]:
        """The same in portions."""
        if self.faults and self.careful is None and self.readable:
            yield from self._look_carefully()
        told = []
        for steps, place, message in self.faults:
            yield
            told.append((self._line(steps), self.located(steps, place, message)))
        told.sort(key=lambda each: each[0])
        return [error for _, error in told]


class Given(Source):
    """A configuration that a program hands over as it is, without a file.

    `simple` where it is of dictionaries, lists and texts made for this alone: others are copied, and held against what
    JSON can hold.
    """

    __slots__ = ("_given", "_simple")

    def __init__(self, content: Any, simple: bool = False) -> None:
        self._given = content
        self._simple = simple
        super().__init__("configuration", False)

    def _read(self, careful: bool) -> Work[bool]:
        yield
        try:
            self.content = self._given if self._simple else loads(dumps(self._given))
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            return self._unreadable(f"holds what no JSON can: {error}")
        if not isinstance(self.content, dict):
            self.content = {}
            return self._unreadable(f"is {shown(self._given)}, allowed: an object with {', '.join(self.parts)}")
        return True

    def _look_carefully(self) -> Work[Any]:
        """There are no lines to be told."""
        yield
        return self.content


def original(path: str) -> str:
    """The file that the user writes, where `path` is the init script's copy of it."""
    return UCI_FOLDER + path[len(UCI_COPIES) :] if path.startswith(UCI_COPIES) else path


def is_uci(path: str, text: str) -> bool:
    """Whether it is a UCI file: it lies where they lie, or its first word is theirs; no JSON begins so."""
    if path.startswith(UCI_FOLDER):
        return True
    for line in text.split("\n", 64)[:64]:
        first = line.split(None, 1)
        if first and first[0][0] != "#":
            return first[0] in ("config", "package")
    return False


def words(steps: Steps) -> str:
    """`devices[3], parameter baudrate` for ("devices", 3, "baudrate")."""
    words = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps[:2]).lstrip(".")
    return words if len(steps) < 3 else f"{words}, parameter {'.'.join(map(str, steps[2:]))}"


def part_of(source: Source, name: str) -> Any:
    """The part's content; an empty one where it is absent or of the wrong shape."""
    kind: Callable[[], Any] = PARTS[name]
    found = source.content.get(name)
    return found if isinstance(found, PARTS[name]) else kind()
