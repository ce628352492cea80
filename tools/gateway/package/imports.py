"""Which package of a gateway's feed each import of meterd needs, and so how meterd itself is split into packages."""

from __future__ import annotations

import ast

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

# Top-level module → feed package. What stands neither here nor in LATER is in python3-light (OpenWrt's
# lang/python/python3/files).
FEED = {
    "asyncio": "python3-asyncio",
    "ctypes": "python3-ctypes",
    "dbm": "python3-dbm",
    "decimal": "python3-decimal",
    "email": "python3-email",
    "logging": "python3-logging",
    "lzma": "python3-lzma",
    "multiprocessing": "python3-multiprocessing",
    "pydoc": "python3-pydoc",
    "serial": "python3-pyserial",
    "ssl": "python3-openssl",
    "ujson": "python3-ujson",
    "unicodedata": "python3-codecs",
    "unittest": "python3-unittest",
    "urllib": "python3-urllib",
    "uuid": "python3-uuid",
    "xml": "python3-xml",
}

# Used where it is there, done without where it is not: the feed's msgpack pulls libstdc++ in, and rich it has not.
IF_THERE = {"msgpack": "python3-msgpack", "rich": ""}

# What nobody pays for who does not want it: module → (meterd's package, the feed package that it depends on). A module
# of meterd that cannot be imported without goes into that package; where the import waits inside a function, only the
# dependency does.
OPTIONAL = {
    "Cryptodome": ("meterd-dlms-security", "python3-cryptodomex"),
    "h11": ("meterd-metrics", "python3-h11"),
    "paho": ("meterd-mqtt", "python3-paho-mqtt"),
    "redis": ("meterd-redis", "python3-redis"),
    "openpyxl": ("meterd-import", "python3-openpyxl"),
    "sqlite3": ("meterd-store", "python3-sqlite3"),
}


def imported(path: Path) -> set[str]:
    """Top-level names of the absolute imports in a source file; not those for type checkers alone."""
    return _names(_nodes(ast.parse(path.read_text()), functions=True))


def imported_at_once(path: Path) -> set[str]:
    """The same without those that wait inside functions."""
    return _names(_nodes(ast.parse(path.read_text()), functions=False))


def _names(nodes: list[ast.AST]) -> set[str]:
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            found.add(node.module.partition(".")[0])
    return found


def _nodes(node: ast.AST, functions: bool) -> list[ast.AST]:
    nodes = [node]
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
            continue
        if functions or not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            nodes += _nodes(child, functions)
    return nodes


def package_of(at_once: set[str]) -> str:
    """The package in which a module with these imports belongs."""
    return next((package for module, (package, _) in OPTIONAL.items() if module in at_once), "meterd")


def depends(names: set[str]) -> tuple[str, ...]:
    """Feed packages that these imports need, the optional ones aside."""
    return tuple(sorted({FEED[name] for name in names if name in FEED}))


def optional(names: set[str]) -> dict[str, str]:
    """meterd's packages that bring what these imports would like → the feed package behind it."""
    return {package: feed for module, (package, feed) in OPTIONAL.items() if module in names}
