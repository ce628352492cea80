"""The laws of the house: which room may import what, and how large a piece may grow.

Imports that exist only for type checkers (under `if TYPE_CHECKING:`) are no imports. Those inside functions are.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.house import imported_by, module_of, room_of

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "meterd").rglob("*.py"))
COMPILED = sorted(path for ending in ("pyx", "pxi") for path in (ROOT / "meterd").glob(f"_*.{ending}"))

# A conversation knows no file descriptor, clock or thread; and a small gateway cannot afford the rest.
FORBIDDEN_TO_PROTOCOLS = {
    "socket", "_socket", "select", "selectors", "serial", "os", "posix", "time", "threading", "_thread", "logging",
    "syslog", "asyncio", "dataclasses", "typing", "enum", "re", "decimal", "argparse", "random", "secrets",
    "subprocess", "signal", "fcntl", "termios",
}  # fmt: skip
FORBIDDEN_TO_ALL = {"asyncio", "dataclasses", "attr", "attrs", "typing", "logging", "requests", "crcmod", "gurux_dlms"}

# What gives a simulated meter a line to answer on.
HOSTS = ("meter_host",)

# Protocol packages stand alone, but for these.
LEANS_ON = {"elgama": {"dlms", "iec62056_21"}}

MAX_FUNCTION, MAX_CLASS, MAX_MODULE = 50, 300, 400

# Parts of the compiled module that know bytes and values only, and what the others give to the runtime alone.
CODECS = ("_crc", "_decoder", "_axdr", "_hdlc", "_wrapper", "_readout", "_mbus")
OF_THE_RUNTIME = {
    "Loop",
    "Timer",
    "Port",
    "Stepper",
    "Echo",
    "Outlet",
    "Sink",
    "Lines",
    "LoggedOnly",
    "wall_clock_ms",
    "json_line",
}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def modules_in(*rooms: str) -> list[Path]:
    return [path for path in MODULES if room_of(module_of(path)) in rooms]


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_nothing_dear_is_imported(path: Path) -> None:
    assert not {each.partition(".")[0] for each in imported_by(path)} & FORBIDDEN_TO_ALL


@pytest.mark.parametrize(
    "path", [path for path in modules_in("protocols", "simulate") if path.stem not in HOSTS], ids=name
)
def test_protocols_do_no_input_or_output(path: Path) -> None:
    found = imported_by(path)
    assert not {each.partition(".")[0] for each in found} & FORBIDDEN_TO_PROTOCOLS
    assert "meterd.log" not in found
    assert not {each for each in found if room_of(each) in ("daemon", "ports", "sinks", "config", "cli")}


@pytest.mark.parametrize("path", modules_in("protocols"), ids=name)
def test_protocols_stand_alone(path: Path) -> None:
    parts = module_of(path).split(".")
    own = parts[2] if len(parts) > 2 else ""
    if own in ("", "registry"):
        return
    others = {each.split(".")[2] for each in imported_by(path) if each.startswith("meterd.protocols.")}
    assert others <= {own} | LEANS_ON.get(own, set())


@pytest.mark.parametrize("path", modules_in("daemon", "ports", "config", "sinks"), ids=name)
def test_only_the_registry_knows_the_protocols(path: Path) -> None:
    found = {each for each in imported_by(path) if each.startswith("meterd.protocols.")}
    if room_of(module_of(path)) in ("sinks", "ports"):
        assert not found
    else:
        assert {each for each in found if each.split(".")[2] != "registry"} == set()
    assert "meterd.obis" not in imported_by(path)


@pytest.mark.parametrize("path", [path for path in COMPILED if path.suffix == ".pxi"], ids=name)
def test_compiled_codecs_turn_bytes_into_values_and_nothing_else(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    imported = re.findall(r"^\s*(?:from|import) .*", text, re.MULTILINE)  # the one list of imports is _core.pyx's
    assert [line.strip() for line in imported if ".shown" not in line] == []
    if path.stem.startswith(CODECS):
        assert not re.search(r"\b(nogil|poll|pollfd|Loop|Port|clock_gettime|read_descriptor)\b", text)


def test_the_compiled_module_stands_on_the_ground_floor() -> None:
    text = (ROOT / "meterd" / "_core.pyx").read_text(encoding="utf-8")
    relative = set(re.findall(r"^from \.([a-z_0-9.]*) c?import", text, re.MULTILINE))
    assert relative == {"_cosem", "errors", "gateway.json_text", "number"}
    assert not re.search(r"c?import \*", text)


@pytest.mark.parametrize("path", [path for path in MODULES if "protocols" in path.parts], ids=name)
def test_protocols_take_codecs_and_steps_from_the_compiled_module(path: Path) -> None:
    """The loop, ports and sinks lie there too, and are not for them."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "_core":
            assert not {alias.name for alias in node.names} & OF_THE_RUNTIME


# ---- shape


def has_code(tree: ast.AST) -> bool:
    return any(isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) for node in ast.walk(tree))


def length(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> int:
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_no_piece_outgrows_its_bound(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    too_long = []
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and length(node) > MAX_FUNCTION:
            too_long.append(f"{node.name}: {length(node)} lines")
        elif isinstance(node, ast.ClassDef) and length(node) > MAX_CLASS:
            too_long.append(f"class {node.name}: {length(node)} lines")
    if has_code(tree) and text.count("\n") > MAX_MODULE:
        too_long.append(f"module: {text.count(chr(10))} lines")
    assert not too_long


def compiled_functions(text: str) -> Iterator[tuple[str, int]]:
    """Name and number of lines of each function of a .pyx, by indentation."""
    lines = text.split("\n")
    for start, line in enumerate(lines):
        found = re.match(r"( *)(?:cpdef|cdef|def)\b[^=]*?(\w+)\(", line)
        if not found or "class " in line:
            continue
        indent = len(found[1])
        end = start
        for number in range(start + 1, len(lines)):
            stripped = lines[number].strip()
            if stripped and len(lines[number]) - len(lines[number].lstrip()) <= indent and not stripped.startswith(")"):
                break
            if stripped:
                end = number
        yield found[2], end - start + 1


def test_the_shape_of_compiled_functions_is_seen() -> None:
    text = (
        "cdef class A:\n    cdef int x(\n        self,\n    ) except -1:\n        pass\n\n    def y(self):\n        1\n"
    )
    assert list(compiled_functions(text)) == [("x", 4), ("y", 2)]


@pytest.mark.parametrize("path", COMPILED, ids=name)
def test_no_compiled_function_outgrows_its_bound(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= MAX_MODULE
    assert not [f"{function}: {count} lines" for function, count in compiled_functions(text) if count > MAX_FUNCTION]


@pytest.mark.parametrize("path", [*MODULES, *COMPILED], ids=name)
def test_every_module_begins_by_saying_what_it_is_for(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not text.strip() or text.lstrip().startswith('"""')


def test_the_compiled_module_shows_its_face() -> None:
    """What Python sees of the parts is typed in one .pyi, and nothing else is."""
    visible: set[str] = set()
    for path in COMPILED:
        found = re.findall(r"^(?:def|cdef class|class) ([^_]\w*)", path.read_text(encoding="utf-8"), re.MULTILINE)
        visible.update(found)
    face = ast.parse((ROOT / "meterd" / "_core.pyi").read_text(encoding="utf-8"))
    named = {
        node.name for node in face.body if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name[0] != "_"
    }
    assert named == visible


def test_every_part_is_part_of_the_compiled_module() -> None:
    text = (ROOT / "meterd" / "_core.pyx").read_text(encoding="utf-8")
    parts = [path.name for path in COMPILED if path.suffix == ".pxi"]
    assert sorted(re.findall(r'^include "(.*)"$', text, re.MULTILINE)) == sorted(parts)
