"""`reference/mbus_fields.c` at work on frames: what is in them, and how long it takes to say so."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from typing import Self

from ._reference import built

HOWS = ("structs", "printed")
"""How it hands the fields on: into an array of the caller's; or each record allocated, its value as exact text."""


class Fields:
    """One process that holds `frames`. Raises: ToolMissing where no C compiler is."""

    def __init__(self, frames: Sequence[bytes]) -> None:
        self._process = subprocess.Popen(
            [built("mbus_fields")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, errors="replace"
        )
        self._tell("".join(f"{frame.hex()}\n" for frame in frames))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def seconds(self, how: str, rounds: int) -> float:
        """CPU that `rounds` times all frames took."""
        self._tell(f"{how} {rounds}")
        return int(self._line()) * 1e-9

    def dump(self) -> list[list[str]]:
        """The lines of each frame: one of its header, one of each record; or 'refused'."""
        self._tell("dump")
        frames: list[list[str]] = []
        while line := self._line():
            if line == "refused" or line.startswith("telegram\t"):
                frames.append([])
            frames[-1].append(line)
        return frames

    def _tell(self, text: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{text}\n")
        self._process.stdin.flush()

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "it ended by itself"
        return line.removesuffix("\n")
