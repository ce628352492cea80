"""Tables for people: with rich where it is installed (extra `terminal`), as plain columns else.

What is no terminal is never given a table, and no colours stand where NO_COLOR (no-color.org) is set. Nothing that a
table shows is cut but the one column that may be, where the terminal is too narrow for all of it.
"""

from __future__ import annotations

import os
import shutil
import sys

from ..log import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, TextIO

GOOD, DOUBTFUL, BAD, QUIET = "green", "yellow", "red", "dim"
LEAST = 8  # columns that are left to what is cut


class Column:
    """`right` for numbers; `gives` for the one that is cut where there is no room."""

    __slots__ = ("gives", "head", "right")

    def __init__(self, head: str, right: bool = False, gives: bool = False) -> None:
        self.head = head
        self.right = right
        self.gives = gives


def is_terminal(stream: TextIO) -> bool:
    return stream.isatty()


def has_colours(stream: TextIO) -> bool:
    return is_terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def width() -> int:
    return shutil.get_terminal_size((80, 24)).columns


def age(milliseconds: int) -> str:
    """How long ago, in the unit that people would use."""
    seconds = max(0, milliseconds) // 1000
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def print_table(columns: Sequence[Column], rows: Sequence[tuple[Sequence[str], str]], stream: TextIO) -> None:
    """`rows` are (cells, style of the last cell: GOOD, DOUBTFUL, BAD or '')."""
    rows = [([printable(cell) for cell in cells], style) for cells, style in rows]
    if has_colours(stream):
        try:
            from rich.console import Console
        except ModuleNotFoundError:
            pass
        else:
            _print_rich(Console(file=stream, highlight=False), columns, rows)
            return
    print("\n".join(table_lines(columns, [cells for cells, _ in rows], width())), file=stream)


def _print_rich(console: Any, columns: Sequence[Column], rows: Sequence[tuple[Sequence[str], str]]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column, size in zip(columns, table_widths(columns, [cells for cells, _ in rows], console.width), strict=True):
        table.add_column(column.head, justify="right" if column.right else "left", no_wrap=True, width=size)
    for cells, style in rows:
        table.add_row(*(Text(cell) for cell in cells[:-1]), Text(cells[-1], style=style))
    console.print(table)


def table_widths(columns: Sequence[Column], rows: Sequence[Sequence[str]], room: int) -> list[int]:
    """How wide each column is, with two columns between them."""
    sizes = [max(len(column.head), *(len(row[at]) for row in rows), 1) for at, column in enumerate(columns)]
    over = sum(sizes) + 2 * (len(sizes) - 1) - room
    for at, column in enumerate(columns):
        if column.gives and over > 0:
            sizes[at] = max(min(LEAST, sizes[at]), sizes[at] - over)
    return sizes


def table_lines(columns: Sequence[Column], rows: Sequence[Sequence[str]], room: int) -> list[str]:
    sizes = table_widths(columns, rows, room)
    lines = []
    for row in [[column.head for column in columns], *rows]:
        cells = [
            _cut(cell, size).rjust(size) if column.right else _cut(cell, size).ljust(size)
            for column, cell, size in zip(columns, row, sizes, strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    return lines


def _cut(text: str, size: int) -> str:
    return text if len(text) <= size else text[: size - 1] + "…"


def wrapped(text: str, stream: TextIO) -> str:
    """No wider than the terminal, broken between words; as it is elsewhere."""
    text = printable(text, "\n")
    if not is_terminal(stream):
        return text
    from textwrap import fill

    lines = text.split("\n")
    return "\n".join(
        fill(line, width() - 1, subsequent_indent="    ", replace_whitespace=False, break_on_hyphens=False)
        for line in lines
    )


class Status:
    """One line on a terminal that is written over again and again; elsewhere each news is a line of its own."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = sys.stderr if stream is None else stream
        self.live = is_terminal(self.stream)
        self._shown = False

    def now(self, text: str) -> None:
        """What is being done."""
        if self.live:
            # The cursor waits at the left, where a line of the log may come.
            print(f"{_cut(printable(text), width() - 1)}\x1b[K\r", end="", file=self.stream, flush=True)
            self._shown = True

    def line(self, text: str) -> None:
        """What stays."""
        self.clear()
        print(wrapped(text, self.stream), file=self.stream, flush=True)

    def clear(self) -> None:
        if self._shown:
            print("\x1b[K", end="", file=self.stream, flush=True)
            self._shown = False
