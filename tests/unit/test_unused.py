"""Nothing stands in the house that nobody uses, or tests alone: every name of a source is read somewhere else, too.

By words: a name that the sources have no more often than it is defined is used by none of them.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOUSE = ROOT / "meterd"
PLACES = ("meterd", "tools", "benchmarks", "openwrt")
# Called by others under these names: import machinery, and whoever uses the Python face.
CALLED = {"find_spec", "create_module", "exec_module", "is_good"}
# Named by their sound: `getattr(self, "_" + kind)`.
BY_NAME = {"meterd/simulate/faults.py"}
# Complete rows of a standard's numbers, in order.
ROWS = {"ALERT", "RISING"}
COMPILED = (
    re.compile(r"^ *(?:def|cpdef|cdef)\b(?! class)[^=(\n]*?(\w+)\(", re.MULTILINE),
    re.compile(r"^ *cdef class (\w+)", re.MULTILINE),
    re.compile(r"^    cdef (?:public |readonly )?[\w ]+?\b(\w+)$", re.MULTILINE),
)


def defined(path: Path, text: str) -> Iterator[str]:
    if path.suffix != ".py":
        for pattern in COMPILED:
            yield from pattern.findall(text)
        return
    parsed = ast.parse(text)
    for node in ast.walk(parsed):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
    for node in parsed.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        yield from (each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name))


def unused(sources: dict[Path, str], others: str = "") -> set[str]:
    words = Counter(re.findall(r"[A-Za-z_]\w*", others))
    names: Counter[str] = Counter()
    for path, text in sources.items():
        words.update(re.findall(r"[A-Za-z_]\w*", text))
        names.update(defined(path, text))
    return {name for name, times in names.items() if words[name] <= times and not name.startswith("__")}


def read(*endings: str) -> dict[Path, str]:
    paths = [path for place in PLACES for end in endings for path in (ROOT / place).rglob(f"*{end}")]
    return {path: path.read_text(encoding="utf-8") for path in sorted(paths)}


def test_nothing_is_left_that_nobody_uses() -> None:
    sources = {path: text for path, text in read(".py", ".pyx", ".pxd").items() if HOUSE in path.parents}
    by_name = {name for path in BY_NAME for name in defined(ROOT / path, sources[ROOT / path])}
    others = "\n".join(text for path, text in read(".py").items() if path not in sources)
    assert unused(sources, others) - CALLED - ROWS - by_name == set()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("def one() -> int:\n    return LIMIT\n\n\nLIMIT = 3\n", {"one"}),
        (
            "LIMIT, MOST = 3, 4\n\n\nclass One:\n    def read(self) -> int:\n        return MOST\n\n\nOne().read()\n",
            {"LIMIT"},
        ),
    ],
)
def test_what_nobody_uses_is_found(text: str, names: set[str]) -> None:
    assert unused({Path("one.py"): text}) == names


def test_what_nobody_uses_of_compiled_code_is_found() -> None:
    body = (
        "cdef class Frame:\n    @property\n    def length(self):\n        return whole(self)\n\n\n"
        "cdef int whole(Frame frame):\n    return 1\n"
    )
    layout = "cdef class Frame:\n    cdef readonly Py_ssize_t left\n"
    assert unused({Path("_f.pyx"): body, Path("_f.pxd"): layout}) == {"length", "left"}
