"""A slow, exact look at a configuration file, to name the line of an error.

The daemon reads its files with a fast parser that knows no lines. Only when something is wrong, or when `meterd check`
asks, is a file read here: syntax by the standard library's strict parser, and then where each row and parameter begins
and which names are given twice in one object (of which JSON parsers silently keep the last).
"""

from __future__ import annotations

import json
from bisect import bisect_left

from .json_slips import skip_blanks, what_is_wrong

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..ports.work import Work

    Steps = tuple[str | int, ...]

# devices → row → parameter; what is nested deeper has no place of its own.
MAX_DEPTH = 4
_STRICT = json.JSONDecoder()


class Careful:
    """`content` and, once `look` is through, where it stands. Raises: ValueError with (line, message) where `text` is
    not JSON."""

    def __init__(self, text: str) -> None:
        try:
            self.content: Any = _STRICT.decode(text)
        except json.JSONDecodeError as error:
            line, words = what_is_wrong(text, error)
            raise ValueError(line, f"is not JSON: {words}") from None
        except RecursionError:
            raise ValueError(1, "is not a configuration: nested without end") from None
        self.twice: list[Steps] = []
        self._text = text
        self._starts: dict[Steps, int] = {}
        self._line_ends: list[int] = []

    def look(self) -> Work[None]:
        """Find where everything stands, in portions."""
        at = -1
        while (at := self._text.find("\n", at + 1)) >= 0:
            self._line_ends.append(at)
        yield from self._value(self._skip(0), ())

    def line(self, steps: Steps) -> int:
        """The line of a row or parameter; where it is missing, that of the row or list it is missing from."""
        while steps and steps not in self._starts:
            steps = steps[:-1]
        return bisect_left(self._line_ends, self._starts.get(steps, 0)) + 1

    def _skip(self, at: int) -> int:
        return skip_blanks(self._text, at)

    def _value(self, at: int, steps: Steps) -> Work[int]:
        """Note where the value at `at` and its parts begin; returns where it ends."""
        self._starts.setdefault(steps, at)
        if len(steps) < MAX_DEPTH and self._text[at] == "{":
            return (yield from self._object(at + 1, steps))
        if len(steps) < MAX_DEPTH and self._text[at] == "[":
            return (yield from self._array(at + 1, steps))
        return _STRICT.raw_decode(self._text, at)[1]

    def _object(self, at: int, steps: Steps) -> Work[int]:
        yield
        at = self._skip(at)
        while self._text[at] != "}":
            if self._text[at] == ",":
                at = self._skip(at + 1)
            start = at
            name, at = _STRICT.raw_decode(self._text, at)
            inner = (*steps, name)
            if inner in self._starts:
                self.twice.append(inner)
            self._starts[inner] = start
            at = self._skip((yield from self._value(self._skip(self._skip(at) + 1), inner)))
        return at + 1

    def _array(self, at: int, steps: Steps) -> Work[int]:
        number = 0
        at = self._skip(at)
        while self._text[at] != "]":
            if self._text[at] == ",":
                at = self._skip(at + 1)
            at = self._skip((yield from self._value(at, (*steps, number))))
            number += 1
        return at + 1
