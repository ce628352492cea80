"""The pictures of the documentation show what the commands say today: each scene is played again.

Numbers, times, the qualities of meters that are disturbed on purpose, and names of temporary folders differ from run to
run; every other word has to be the same, line by line.
"""

from __future__ import annotations

import html
import re

import pytest

from tools.pictures import CELL_W, COLUMNS, EDGE, PICTURES, ROWS, SCENES, Screen, drawn, play

CHANGES = re.compile(
    r", longest turn [\d.]+ ms|/tmp/\S+|\S*\d\S*|↑|[▏▎▍▌▋▊▉█]+|–|-"
    r"|\b(good|stale|invalid|timeout|bad_frame|no_bytes|s|min|h)\b"
)


def words(lines: list[str]) -> list[str]:
    """What has to be the same: not the lines by their load, which hangs on how long the daemon has been running."""
    told = " \n".join(lines).partition("\nin use ")[0].split("\n")
    return [line for line in (" ".join(CHANGES.sub(" ", line).split()) for line in told) if line]


def lines_of(picture: str) -> list[str]:
    """The text of a picture, each piece in its column."""
    rows: dict[str, str] = {}
    for x, y, text in re.findall(r'<text x="([\d.]+)" y="(\d+)"[^>]*>([^<]*)</text>', picture):
        rows[y] = rows.get(y, "").ljust(round((float(x) - EDGE) / CELL_W)) + html.unescape(text)
    return list(rows.values())


@pytest.mark.parametrize("name", sorted(SCENES))
def test_a_picture_shows_what_the_command_says(name: str) -> None:
    kept = (PICTURES / f"{name}.svg").read_text(encoding="utf-8")
    screen = play(name)
    assert words(screen.lines()) == words(lines_of(kept)), "`python -m tools.pictures` makes the pictures anew"
    assert len(screen.lines()) <= ROWS and max(map(len, screen.lines())) <= COLUMNS


def test_every_picture_has_a_scene_and_a_page() -> None:
    assert {path.stem for path in PICTURES.glob("*.svg")} == set(SCENES)
    pages = "".join(path.read_text("utf-8") for path in PICTURES.parent.glob("*.md"))
    assert all(f"(pictures/{name}.svg)" in pages for name in SCENES)


def test_the_screen_is_laid_out_as_a_terminal_does_it() -> None:
    screen = Screen()
    screen.write("one\r\n\x1b[32mtwo\x1b[0m <3\x1b[K\rT")
    assert screen.lines() == ["one", "Two <3"]
    assert words(lines_of(drawn(screen))) == ["one", "Two"]
    screen.write("\x1b[Hnew\x1b[K\x1b[J")
    assert screen.lines() == ["new"]
    screen.write("\r\n" * ROWS + "x" * (COLUMNS + 1))
    assert screen.lines()[-2:] == ["x" * COLUMNS, "x"] and len(screen.lines()) == ROWS
    with pytest.raises(ValueError, match="no escape"):
        screen.write("\x1b]0;title\x07")
