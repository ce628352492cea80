"""What the documents name is there: files, folders, goals of the Makefile, modules to run, and all steps."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from meterd import conversation

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
ROOMS = [path.name for path in (ROOT / "meterd").iterdir() if (path / "__init__.py").exists()]
OURS = ("meterd", "tests", "tools", "docs", "benchmarks", "openwrt", "packaging", *ROOMS)
SOURCES = (".py", ".pyx", ".pxd", ".pyi", ".md", ".c")
SKIPPED = {".git", ".venv", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
# What is made by following the text, or once was: the change log tells of names that are gone.
HISTORY = {"CHANGELOG.md"}


def tree() -> set[str]:
    """Every file and folder, from the root."""
    found: set[str] = set()
    for place, folders, files in os.walk(ROOT):
        folders[:] = [each for each in folders if each not in SKIPPED]
        inside = Path(place).relative_to(ROOT)
        found.update((inside / each).as_posix() for each in [*folders, *files])
    return found


TREE = tree()
ENDINGS = {path[at:] for path in TREE for at in [0, *(place.start() + 1 for place in re.finditer("/", path))]}


def named(text: str) -> set[str]:
    """Words that are paths within the project; those with a place to fill in (<name>, *, NAME…) are none."""
    words = re.findall(r"(?<![\w/.<$~-])[\w.-]+(?:/[\w.<>*{…-]*)*", text)
    found = set()
    for word in (each.rstrip(".…") for each in words):
        if re.search(r"[<>*{]|\b[A-Z]{2,}/|…", word) or word.startswith("."):
            continue
        if (word.endswith(SOURCES) and not word.startswith("_name.")) or (
            word.partition("/")[0] in OURS and "/" in word
        ):
            found.add(word.rstrip("/"))
    return found


def missing(text: str, beside: Path = ROOT / "docs") -> set[str]:
    here = beside.relative_to(ROOT)
    there = {os.path.normpath(here / path): path for path in named(text)}
    return {path for whole, path in there.items() if path not in ENDINGS and whole not in TREE}


@pytest.mark.parametrize("path", [each for each in DOCUMENTS if each.name not in HISTORY], ids=lambda path: path.name)
def test_every_file_that_a_document_names_is_there(path: Path) -> None:
    text = re.sub(r"meterd/<gateway>\S*", "", path.read_text(encoding="utf-8"))  # topics of MQTT
    assert missing(text, path.parent) == set()


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("see `ports/_loop.pyx` and [state](state.md)", set()),
        ("(`ports/_select.pyx`)", {"ports/_select.pyx"}),
        ("`runtime/daemon.py` holds", {"runtime/daemon.py"}),
        ("in tests/pair.py, tests/unrolled.py.", {"tests/unrolled.py"}),
        ("`meterd/protocols/<name>/driver.py`, `_readout_*.pyx`", set()),
        ("`ports/selecting`", {"ports/selecting"}),
    ],
)
def test_what_is_gone_is_found(text: str, gone: set[str]) -> None:
    assert missing(text) == gone


@pytest.mark.parametrize("path", [each for each in DOCUMENTS if each.name not in HISTORY], ids=lambda path: path.name)
def test_what_a_document_runs_is_there(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    shown = r"^```\w*\n(.*?)^```"
    code = "\n".join(re.findall(shown, text, re.MULTILINE | re.DOTALL))
    code += "\n" + "\n".join(re.findall(r"`([^`]+)`", re.sub(shown, "", text, flags=re.MULTILINE | re.DOTALL)))
    targets = set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"^make ([a-z][\w-]*)", code, re.MULTILINE)) <= targets
    modules = set(re.findall(r"python3? -m ((?:tools|tests|benchmarks|meterd)[\w.]*)", code))
    assert {
        each for each in modules if not ENDINGS & {f"{each.replace('.', '/')}{end}" for end in (".py", "")}
    } == set()


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "docs/design.md"])
def test_every_step_is_named(name: str) -> None:
    steps = {each for each in conversation.__all__ if isinstance(getattr(conversation, each), type)}
    assert {"Send", "Receive", "MeterTime"} <= steps
    assert steps <= set(re.findall(r"\w+", (ROOT / name).read_text(encoding="utf-8")))
