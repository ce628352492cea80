"""What passes on a wire, a line for each frame: `SNRM to 1 → silence after 2.5 s`.

A request waits for its answer, so that silence can be told beside it. Bound: MAX_HELD bytes of one side are joined.
"""

from __future__ import annotations

from ..simulate.transcript import Entry, parse_entry
from . import frames
from .known import Known
from .page import Page

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

UNANSWERED = ("B0",)  # a break of IEC 62056-21 gets no answer
MAX_HELD = 1 << 16
LONGEST = 160


def summaries(data: bytes, known: Known, masked: bytes = b"") -> list[str]:
    """Each frame in a few words, with the first thing that is wrong with it."""
    page = Page(lambda row: None)
    walk = page.walk(data, masked)
    found = []
    while walk.left:
        before = walk.at
        page.titles, page.faults = [], []
        frames.one(walk, known)
        words = ", ".join(dict.fromkeys(page.titles))
        if page.faults:
            words += f" !! {page.faults[0]}"
        if words:
            found.append(words[:LONGEST])
        elif data[before : walk.at].strip(b"\x7e\r\n"):
            found.append(f"{walk.at - before} bytes")
    return _folded(found)


def _folded(found: list[str]) -> list[str]:
    """Data lines in a row as their number: a list has hundreds."""
    folded: list[str] = []
    lines = 0
    for words in [*found, ""]:
        if words.startswith("data line "):
            lines += 1
            last = words
            continue
        if lines:
            folded.append(last if lines == 1 else f"{lines} data lines")
            lines = 0
        folded.append(words)
    return folded[:-1]


class _Line:
    __slots__ = ("asked", "heard", "known", "name", "time_ms")

    def __init__(self, name: str) -> None:
        self.name = name
        self.known = Known()
        self.asked: list[str] = []
        self.heard: list[Entry] = []
        self.time_ms = 0.0


class Telling:
    """Takes the rows of a wire log as they come, and writes lines in words."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._lines: dict[str, _Line] = {}
        self._line = _Line("")

    def row(self, text: str) -> None:
        """One row of a wire log. What is none is passed over."""
        sign, _, rest = text.strip().partition(" ")
        if sign == "@":
            self._line = self._lines.setdefault(rest, _Line(rest))
            return
        try:
            entry = parse_entry(sign, rest)
        except ValueError:
            return
        line = self._line
        if sign != "<":
            self._heard(line)
            self._silent(line, entry.time_ms)
        if sign == "~":
            self._put(line, entry.time_ms, f"~ {entry.settings}")
        elif sign == ">":
            data, masked = _bytes([entry])
            line.asked, line.time_ms = summaries(data, line.known, masked), entry.time_ms
        else:
            self._asked(line)
            line.heard.append(entry)
            if sum(len(each.data) for each in line.heard) > MAX_HELD:
                self._heard(line)

    def idle(self) -> None:
        """Nothing has come for a while: what was heard is whole."""
        for line in (self._line, *self._lines.values()):
            self._heard(line)

    def end(self) -> None:
        for line in {id(each): each for each in (self._line, *self._lines.values())}.values():
            self._heard(line)
            self._asked(line)

    def _put(self, line: _Line, time_ms: float, words: str) -> None:
        self._write(f"{time_ms / 1000:9.3f} {line.name}  {words}")

    def _asked(self, line: _Line) -> None:
        for words in line.asked:
            self._put(line, line.time_ms, f"> {words}")
        line.asked = []

    def _silent(self, line: _Line, now_ms: float) -> None:
        if line.asked:
            if not line.asked[-1].startswith(UNANSWERED):
                line.asked[-1] += f" → silence after {(now_ms - line.time_ms) / 1000:.1f} s"
            self._asked(line)

    def _heard(self, line: _Line) -> None:
        if line.heard:
            data, masked = _bytes(line.heard)
            for words in summaries(data, line.known, masked):
                self._put(line, line.heard[0].time_ms, f"< {words}")
            line.heard = []


def _bytes(entries: list[Entry]) -> tuple[bytes, bytes]:
    """The bytes of entries, and where they are masked."""
    joined = [byte for entry in entries for byte in entry.data]
    return bytes(byte or 0 for byte in joined), bytes(byte is None for byte in joined)
