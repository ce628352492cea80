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
    "msgpack": "python3-msgpack",
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

# A module of meterd that imports one of these goes into the package named first, which depends on the second: nobody
# pays for it who does not want it.
OPTIONAL = {
    "Cryptodome": ("meterd-dlms-security", "python3-cryptodomex"),
    "paho": ("meterd-mqtt", "python3-paho-mqtt"),
    "redis": ("meterd-redis", "python3-redis"),
    "openpyxl": ("meterd-import", "python3-openpyxl"),
    "sqlite3": ("meterd-store", "python3-sqlite3"),
}


def imported(path: Path) -> set[str]:
    """Top-level names of all absolute imports in a source file, those for type checkers alone left out."""
    found: set[str] = set()
    for node in _run_time_nodes(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            found.add(node.module.partition(".")[0])
    return found


def _run_time_nodes(node: ast.AST) -> list[ast.AST]:
    nodes = [node]
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
            continue
        nodes += _run_time_nodes(child)
    return nodes


def package_of(names: set[str]) -> str:
    """The package in which a module with these imports belongs."""
    return next((package for module, (package, _) in OPTIONAL.items() if module in names), "meterd")


def depends(names: set[str]) -> tuple[str, ...]:
    """Feed packages that these imports need."""
    needed = {FEED[name] for name in names if name in FEED}
    needed |= {package for module, (_, package) in OPTIONAL.items() if module in names}
    return tuple(sorted(needed))
