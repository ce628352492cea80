"""The gateway's build joins the compiled modules into one: their names must not meet, and nobody sees a difference."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools.gateway.build import join

ROOT = Path(__file__).parents[2]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for path in [*(ROOT / "meterd").rglob("_*.pyx"), *(ROOT / "meterd").rglob("_*.pxd")]:
        place = tmp_path / path.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
    return tmp_path


def test_names_are_given_once_over_all_modules(tree: Path) -> None:
    source, declarations = join.joined(tree)
    defined = re.findall(r"^cdef class (\w+)", source, re.MULTILINE)
    assert len(defined) == len(set(defined)) > 20
    for name in defined:
        assert declarations.count(f"cdef class {name}:") + declarations.count(f"cdef class {name}(") == 1


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("_crc.pyx", "cdef int take_address(int a):\n    return a\n"),
        ("_crc.pyx", "GOOD = 1\n"),
        ("_crc.pyx", "cdef enum:\n    FLAG = 1\n"),
        ("_crc.pyx", "def write(a):\n    return a\n"),
        ("ports/_timers.pxd", "cdef class Reading:\n    pass\n"),
        ("_wrapper.pyx", 'cdef extern from "x.h":\n    int epoll_wait(int a) nogil\n'),
    ],
)
def test_a_name_that_is_given_twice_is_seen(tree: Path, file: str, words: str) -> None:
    with open(tree / "meterd" / file, "a") as source:
        source.write("\n" + words)
    with pytest.raises(ValueError, match=r"names that are given twice: \w+: meterd"):
        join.joined(tree)


def test_no_module_imports_another_any_more_and_each_comes_behind_what_it_needs(tree: Path) -> None:
    source, declarations = join.joined(tree)
    modules = [join.module_of(path, tree) for path in (tree / "meterd").rglob("_*.pyx")]
    for text in (source, declarations):
        from_meterd = re.findall(r"^ *from (\.*[\w.]*) c?import", text, re.MULTILINE)
        assert not set(from_meterd) & set(modules)
        assert not [each for each in from_meterd if each.startswith(".")]
    assert source.index("cdef class FrameDecoder") < source.index("cdef class HdlcDecoder")
    assert source.index("cdef class Burst") < source.index("cdef class Registers")
    for module in modules:
        assert f'"{module}"' in source


def test_modules_that_need_one_another_cannot_be_joined(tree: Path) -> None:
    path = tree / "meterd" / "_crc.pyx"
    path.write_text(path.read_text().replace("cdef ", "from ._hdlc cimport HdlcFrame\n\ncdef ", 1))
    with pytest.raises(ValueError, match=r"these need one another: meterd\._crc"):
        join.joined(tree)


def test_the_tree_holds_the_one_module_in_place_of_all(tree: Path) -> None:
    join.join(tree)
    assert sorted(path.name for path in (tree / "meterd").rglob("_*.p[xy][dxi]")) == ["_joined.pxd", "_joined.pyx"]


def test_each_name_leads_to_the_one_module(tree: Path) -> None:
    """Played with a Python module in place of the compiled one: it does what that does at its end."""
    join.join(tree)
    for folder in ("", "ports", "sinks", "protocols", "protocols/dlms"):
        (tree / "meterd" / folder / "__init__.py").touch()
    end = (tree / "meterd" / "_joined.pyx").read_text().rpartition("from sys import modules")
    (tree / "meterd" / "_joined.py").write_text("runs = globals().get('runs', 0) + 1\n" + end[1] + end[2])
    program = """
from meterd.ports._loop import runs
from meterd import _crc
from meterd.sinks import _json
import meterd._joined, sys
assert _crc is _json is sys.modules["meterd.protocols.dlms._registers"] is meterd._joined
assert runs == 1
"""
    subprocess.run([sys.executable, "-P", "-c", program], cwd=tree, env={"PYTHONPATH": str(tree)}, check=True)
