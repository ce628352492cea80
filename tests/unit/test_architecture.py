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
COMPILED = sorted((ROOT / "meterd").rglob("_*.pyx"))

# A conversation knows no file descriptor, clock or thread; and a small gateway cannot afford the rest.
FORBIDDEN_TO_PROTOCOLS = {
    "socket", "_socket", "select", "selectors", "serial", "os", "posix", "time", "threading", "_thread", "logging",
    "syslog", "asyncio", "dataclasses", "typing", "enum", "re", "decimal", "argparse", "random", "secrets",
    "subprocess", "signal", "fcntl", "termios",
}  # fmt: skip
FORBIDDEN_TO_ALL = {"asyncio", "dataclasses", "attr", "attrs", "typing", "logging", "requests", "crcmod", "gurux_dlms"}

# What gives a simulated meter a line to answer on.
HOSTS = ("meter_host", "carriers")

# Protocol packages stand alone, but for these.
LEANS_ON = {"elgama": {"dlms", "iec62056_21"}, "p1": {"dlms", "iec62056_21"}, "dlms_push": {"dlms", "iec62056_21"}}

MAX_FUNCTION, MAX_CLASS, MAX_MODULE = 50, 300, 400

# Compiled modules that know bytes and values only; and what texts for people they load when one is shown.
CODECS = (
    "_crc", "_decoder", "_input", "_number", "_axdr", "_hdlc", "_wrapper", "_readout", "_mbus",
)  # fmt: skip
SHOWN = {"meterd.gateway.shown", "meterd.gateway.shown.shown"}
# Declarations whose functions are all inline: no module, nothing to import.
INLINE = {"_input.pxd", "_readout.pxd"}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def modules_in(*rooms: str) -> list[Path]:
    return [path for path in [*MODULES, *COMPILED] if room_of(module_of(path)) in rooms]


def both_parts(path: Path) -> set[str]:
    """What a module imports, and what its .pxd does."""
    declared = path.with_suffix(".pxd")
    return imported_by(path) | (imported_by(declared) if declared.exists() else set())


@pytest.mark.parametrize("path", [path for path in MODULES if room_of(module_of(path)) != "api"], ids=name)
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


@pytest.mark.parametrize("path", [path for path in COMPILED if path.stem.startswith(CODECS)], ids=name)
def test_compiled_codecs_turn_bytes_into_values_and_nothing_else(path: Path) -> None:
    of_meterd = {each.split(".")[1] for each in both_parts(path) if each.startswith("meterd.")}
    seldom = {"mbus_values", "number"}
    assert {each for each in of_meterd if not each.startswith(CODECS)} <= {"cosem", "errors", "gateway"} | seldom
    assert {each for each in both_parts(path) if each.startswith("meterd.gateway.")} <= SHOWN
    text = path.read_text(encoding="utf-8") + path.with_suffix(".pxd").read_text(encoding="utf-8")
    assert not re.search(r"\b(nogil|poll|pollfd|clock_gettime|read_descriptor)\b", text)


@pytest.mark.parametrize("path", [*MODULES, *COMPILED], ids=name)
def test_the_clock_is_not_for_protocols(path: Path) -> None:
    if room_of(module_of(path)) == "protocols":
        assert "meterd._clock" not in both_parts(path)


@pytest.mark.parametrize("path", COMPILED, ids=name)
def test_a_compiled_module_stands_by_itself(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert path.with_suffix(".pxd").exists() and path.with_suffix(".pyi").exists()
    assert not re.search(r"^include |^from .* c?import \*", text, re.MULTILINE)


def test_nothing_compiled_is_left_over() -> None:
    house = ROOT / "meterd"
    assert not list(house.rglob("*.pxi"))
    modules = {path.with_suffix("") for path in COMPILED}
    assert {path.with_suffix("") for path in house.rglob("*.pyx")} == modules
    assert {path.with_suffix("") for path in house.rglob("*.pyi")} == modules
    bodiless = {path.name for path in house.rglob("*.pxd") if path.with_suffix("") not in modules}
    assert bodiless == INLINE


# ---- one way in, one way out

# Who writes to a descriptor, sends a datagram or lets somebody in; all others go through these. What is in no list
# below does none of it: a second buffered writer or accept loop would have to.
WAYS = {
    "write": {
        "meterd/_octets.pyx": "what waits to leave, for streams, ports, lines and the log",
        "meterd/ports/_loop.pyx": "one byte that wakes the loop",
        "meterd/sinks/csv_file.py": "whole rows to a disk that may hang, in a thread of its own",
        "meterd/sinks/csv_done.py": "the same of files that are packed",
        "meterd/cli/demo.py": "the ports of the meters to the parent process, once",
        "meterd/cli/ubus.py": "an answer to rpcd, in a process of its own",
    },
    "send": {
        "meterd/log_syslog.py": "a datagram to syslog, kept nowhere",
        "meterd/cli/asking.py": "a client of the control socket, in a process of its own",
        "meterd/cli/control.py": "another one",
        "meterd/cli/top_questions.py": "another one, that never waits",
        "meterd/fleet/daemon_talk.py": "and one more, for who asks from afar",
        "meterd/cli/ubus.py": "another one, for rpcd",
        "meterd/api/connection.py": "a client of the local socket, in a process of its own",
        "meterd/ports/udp.py": "datagrams to peers, kept nowhere",
        "meterd/daemon/liveness.py": "a datagram to systemd, kept nowhere",
    },
    "accept": {"meterd/ports/listener.py": "the one listener"},
}
CALLS = {
    "write": {"os.write", "posix.write", "write", "writev", "os.writev", "posix.writev", "os.sendfile"},
    "send": {".send", ".sendall", ".sendto", ".sendmsg"},
    "accept": {".accept", "._accept", ".listen"},
}
SOCKETS = {"socket", "_socket"}
COMPILED_CALLS = {
    "write": r"\b(write_descriptor|writev)\(|\"write\"|^from posix import .*\bwrite\b|posix\.write",
    "send": r"\b(send|sendto|sendmsg)\(int ",
    "accept": r"\baccept4?\(int ",
}


def dotted(node: ast.expr) -> str:
    """`os.write` of a module's function, `write` of a plain one, `.accept` of any other object's."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        modules = ("os", "posix")
        return f"{node.value.id if isinstance(node.value, ast.Name) and node.value.id in modules else ''}.{node.attr}"
    return ""


def ways_used(path: Path, text: str) -> set[str]:
    """Which of CALLS a source makes; a method named like a socket's counts only where sockets are at hand."""
    if path.suffix == ".pyx":
        return {way for way, pattern in COMPILED_CALLS.items() if re.search(pattern, text, re.MULTILINE)}
    tree = ast.parse(text)
    from_system = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module in ("os", "posix")
        for alias in node.names
    }
    has_sockets = any(
        (isinstance(node, ast.ImportFrom) and node.module in SOCKETS)
        or (isinstance(node, ast.Import) and SOCKETS & {alias.name for alias in node.names})
        for node in ast.walk(tree)
    )
    made = {dotted(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    made = {call for call in made if ("." in call and (call[0] != "." or has_sockets)) or call in from_system}
    return {way for way, calls in CALLS.items() if calls & made}


@pytest.mark.parametrize("path", [*MODULES, *COMPILED], ids=name)
def test_there_is_one_buffered_writer_and_one_accept_loop(path: Path) -> None:
    allowed = {way for way, places in WAYS.items() if name(path) in places}
    assert ways_used(path, path.read_text(encoding="utf-8")) == allowed


@pytest.mark.parametrize(
    ("ending", "text", "ways"),
    [
        ("py", "import posix\nposix.write(1, b'')", {"write"}),
        ("py", "from os import write as put\n", set()),
        ("py", "from posix import write\ndef f():\n    write(1, b'')", {"write"}),
        ("py", "from _socket import socket\nsocket().accept()", {"accept"}),
        ("py", "def f(sink):\n    sink.accept(1)", set()),
        ("py", "import socket\nsocket.socket().sendall(b'')", {"send"}),
        ("pyx", 'cdef extern from "unistd.h":\n    int other "write"(int fd)\n', {"write"}),
        ("pyx", "from posix import close, write\n", {"write"}),
        ("pyx", "x.write(fd)\n", set()),
    ],
)
def test_what_writes_and_who_lets_in_is_seen(ending: str, text: str, ways: set[str]) -> None:
    assert ways_used(Path(f"x.{ending}"), text) == ways


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


@pytest.mark.parametrize("path", COMPILED, ids=name)
def test_a_compiled_module_shows_its_face(path: Path) -> None:
    """What Python sees of it is typed in the .pyi beside it, and nothing else is."""
    text = path.read_text(encoding="utf-8")
    hidden = set(re.findall(r"^cdef [\w ]*?(\w+)$", path.with_suffix(".pxd").read_text(encoding="utf-8"), re.MULTILINE))
    visible = set(re.findall(r"^(?:def|cdef class|class) ([^_]\w*)", text, re.MULTILINE))
    visible |= set(re.findall(r"^([A-Z]\w*) = ", text, re.MULTILINE)) - hidden
    named: set[str] = set()
    for node in ast.parse(path.with_suffix(".pyi").read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            named.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            named.add(node.target.id)
    assert {each for each in named if each[0] != "_"} == visible
