"""Imports point down the house, file by file, and never run in a circle."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tools import house

PLANTED = {
    "meterd/__init__.py": "",
    "meterd/log.py": "",
    "meterd/ports/__init__.py": "",
    "meterd/ports/tcp_port.py": "from .. import log\n",
    "meterd/ports/_loop.pyx": "from ._timers cimport Timer, move_up\n",
    "meterd/ports/_timers.pyx": "cdef class Timer:\n    pass\n",
    "meterd/sinks/__init__.py": "",
    "meterd/sinks/hub.py": "from ..ports.tcp_port import connect\n",
}


def planted(folder: Path, **more: str) -> Path:
    """A small house, with lines added to some of its files (`ports__tcp_port` is ports/tcp_port.py)."""
    for name, text in PLANTED.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        key = path.relative_to(folder / "meterd").with_suffix("").as_posix().replace("/", "__")
        path.write_text(text + more.get(key, ""))
    return folder


def test_imports_point_down() -> None:
    assert house.upward(house.graph()) == []


def test_no_imports_run_in_a_circle() -> None:
    assert house.circles(house.graph(types=True)) == []


def test_the_planted_house_stands(tmp_path: Path) -> None:
    drawn = house.graph(planted(tmp_path))
    assert drawn["meterd.sinks.hub"] == {"meterd.ports.tcp_port"}
    assert drawn["meterd.ports.tcp_port"] == {"meterd.log"}
    assert drawn["meterd.ports._loop"] == {"meterd.ports._timers"}
    assert (house.upward(drawn), house.circles(drawn)) == ([], [])


@pytest.mark.parametrize(
    "line",
    [
        "from ..sinks.hub import Hub\n",
        "from ..sinks import hub\n",
        "import meterd.sinks.hub\n",
        "def late():\n    from ..sinks.hub import Hub\n",
        "def late():\n    if True:\n        import meterd.sinks.hub\n",
        'def late():\n    return __import__("meterd.sinks.hub")\n',
        'def late():\n    import importlib\n    return importlib.import_module("meterd.sinks.hub")\n',
    ],
)
def test_an_upward_import_is_found(tmp_path: Path, line: str) -> None:
    drawn = house.graph(planted(tmp_path, ports__tcp_port=line))
    assert house.upward(drawn) == [("meterd.ports.tcp_port", "meterd.sinks.hub")]


@pytest.mark.parametrize("line", ["from ..sinks.hub cimport Hub\n", "    from ..sinks.hub import Hub\n"])
def test_an_upward_import_of_compiled_code_is_found(tmp_path: Path, line: str) -> None:
    drawn = house.graph(planted(tmp_path, ports___loop=line))
    assert house.upward(drawn) == [("meterd.ports._loop", "meterd.sinks.hub")]


TYPES = "TYPE_CHECKING = False\nif TYPE_CHECKING:\n    from . import {}\n"


@pytest.mark.parametrize(
    ("log", "types"),
    [
        ("from . import model\n", False),
        ("def late():\n    from .model import Number\n", False),
        (TYPES.format("model"), True),
    ],
)
def test_a_circle_is_found(tmp_path: Path, log: str, types: bool) -> None:
    root = planted(tmp_path, log=log)
    (root / "meterd" / "model.py").write_text("from . import log\n")
    assert house.circles(house.graph(root, types=True)) == [["meterd.log", "meterd.model"]]
    assert bool(house.circles(house.graph(root))) != types


def test_imports_for_type_checkers_alone_are_none() -> None:
    source = (
        "import os.path\nfrom . import log\nfrom ..model import Number\nTYPE_CHECKING = False\n"
        "if TYPE_CHECKING:\n    import typing\ndef f():\n    from .x import y\n"
    )
    found = set(house.imports(ast.parse(source), "meterd.sinks.hub", False))
    assert found == {
        "os.path", "meterd.sinks", "meterd.sinks.log", "meterd.model", "meterd.model.Number", "meterd.sinks.x",
        "meterd.sinks.x.y",
    }  # fmt: skip
    assert "typing" in set(house.imports(ast.parse(source), "meterd.sinks.hub", False, types=True))


def test_floors() -> None:
    floors = [house.floor_of(module) for module in ("meterd.cli.main", "meterd.__main__", "meterd.ports.tcp_port")]
    assert floors == [0, 0, house.ROOMS.index("ports")]
    assert house.floor_of("meterd.model") == house.GROUND
    assert house.floor_of("meterd") == house.ROOMS.index("api")  # whose names it shows


def test_what_breaks_the_law_is_named(tmp_path: Path) -> None:
    assert house.faults(planted(tmp_path)) == []
    root = planted(tmp_path, log="from .sinks import hub\n")
    assert house.faults(root) == [
        "upward: meterd.log imports meterd.sinks.hub",
        "circle: meterd.log ↔ meterd.ports.tcp_port ↔ meterd.sinks.hub",
    ]


def test_the_command_draws_rooms_and_files(capsys: pytest.CaptureFixture[str]) -> None:
    house.main([])
    assert capsys.readouterr().out.startswith("needs →")
    house.main(["--files"])
    assert "meterd.cli.main: " in capsys.readouterr().out
