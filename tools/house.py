"""The house as its imports draw it: which file needs which, on which floor each stands, where arrows run in circles.

    .venv/bin/python -m tools.house           # rooms and how often each needs another, then what breaks the law
    .venv/bin/python -m tools.house --files   # every file and what it needs

Read as text, without importing anything: Python and Cython sources, what is imported late (inside functions) as well as
at once, by a statement or by a call that names it. What stands under `if TYPE_CHECKING` is no import: it may point up.
But two files that cannot be understood one without the other are one, whoever tells them so: a circle is looked for in
the imports for type checkers, too.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
HOUSE = "meterd"
# From the top floor down: a room imports itself and what stands below it. What is in no room is the ground floor.
ROOMS = ("cli", "api", "fleet", "page", "daemon", "explain", "simulate", "config", "sinks", "protocols", "ports")
GROUND = len(ROOMS)

Graph = dict[str, set[str]]


def room_of(module: str) -> str:
    """'' for the ground floor."""
    parts = module.split(".")
    if module == f"{HOUSE}.__main__":
        return "cli"
    if module == HOUSE:  # it shows the Python face
        return "api"
    return parts[1] if len(parts) > 1 and parts[1] in ROOMS else ""


def floor_of(module: str) -> int:
    room = room_of(module)
    return ROOMS.index(room) if room else GROUND


def module_of(path: Path, root: Path = ROOT) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def absolute(base: str, level: int, module: str, is_package: bool) -> str:
    if not level:
        return base
    parts = module.split(".")
    anchor = parts[: len(parts) - level + is_package]
    return ".".join([*anchor, base] if base else anchor)


def imports(tree: ast.AST, module: str, is_package: bool, types: bool = False) -> Iterator[str]:
    """Every module that is imported at run time, absolute; `from a import b` gives `a.b` as well, for b may be one.

    `types`: those for type checkers, too.
    """
    for node in ast.walk(tree) if types else _running(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = absolute(node.module or "", node.level, module, is_package)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and node.args:
            yield from _named_in(node)


def _named_in(call: ast.Call) -> Iterator[str]:
    """The module that a call of `import_module` or `__import__` names in so many words."""
    function, name = call.func, call.args[0]
    called = getattr(function, "attr", getattr(function, "id", ""))
    if called in ("import_module", "__import__") and isinstance(name, ast.Constant) and isinstance(name.value, str):
        yield name.value


def _running(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run; the branch of `if TYPE_CHECKING` does not."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
            yield from (each for other in child.orelse for each in (other, *_running(other)))
        else:
            yield child
            yield from _running(child)


_COMPILED_FROM = re.compile(r"^[ \t]*from[ \t]+(\.*)([\w.]*)[ \t]+c?import[ \t]+(\([^)]*\)|[^\n#]*)", re.MULTILINE)
_COMPILED_IMPORT = re.compile(r"^[ \t]*c?import[ \t]+([\w., ]+)", re.MULTILINE)


def compiled_imports(text: str, module: str) -> Iterator[str]:
    """The same of a .pyx or .pxd, by its words; `cimport` counts like `import`."""
    for dots, base, names in _COMPILED_FROM.findall(text):
        whole = absolute(base, len(dots), module, False)
        yield whole
        for name in names.strip("()").split(","):
            words = name.split()
            if words:
                yield f"{whole}.{words[0]}"
    for names in _COMPILED_IMPORT.findall(text):
        yield from (name.split()[0] for name in names.split(",") if name.strip())


def imported_by(path: Path, root: Path = ROOT, types: bool = False) -> set[str]:
    """All that one source imports, absolute."""
    text = path.read_text(encoding="utf-8")
    module = module_of(path, root)
    if path.suffix == ".py":
        return set(imports(ast.parse(text), module, path.name == "__init__.py", types))
    return set(compiled_imports(text, module))


def sources(root: Path = ROOT) -> list[Path]:
    house = root / HOUSE
    return sorted(path for ending in ("py", "pyx", "pxd") for path in house.rglob(f"*.{ending}"))


def graph(root: Path = ROOT, types: bool = False) -> Graph:
    """Module → modules of the house that it needs. A package is needed only by who takes a name out of it itself."""
    paths = sources(root)
    modules = {module_of(path, root) for path in paths}
    drawn: Graph = {module: set() for module in modules}
    for path in paths:
        module = module_of(path, root)
        found = imported_by(path, root, types)
        for each in found:
            needed = each if each in modules else each.rpartition(".")[0]
            submodules_only = needed == each and any(other.rpartition(".")[0] == each for other in found & modules)
            if needed in modules and needed != module and not submodules_only:
                drawn[module].add(needed)
    return drawn


def upward(drawn: Graph) -> list[tuple[str, str]]:
    """Arrows that point up the house."""
    return sorted((one, other) for one in drawn for other in drawn[one] if floor_of(other) < floor_of(one))


def circles(drawn: Graph) -> list[list[str]]:
    """Groups of modules each of which needs, over others, itself (Tarjan's strongly connected components)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(module: str) -> None:
        index[module] = low[module] = len(index)
        stack.append(module)
        for other in sorted(drawn[module]):
            if other not in index:
                visit(other)
                low[module] = min(low[module], low[other])
            elif other in stack:
                low[module] = min(low[module], index[other])
        if low[module] == index[module]:
            at = stack.index(module)
            if len(stack) - at > 1:
                found.append(sorted(stack[at:]))
            del stack[at:]

    for module in sorted(drawn):
        if module not in index:
            visit(module)
    return sorted(found)


def _table(drawn: Graph) -> Iterator[str]:
    rooms = [*ROOMS, ""]
    counts = {(one, other): 0 for one in rooms for other in rooms}
    for module, needed in drawn.items():
        for other in needed:
            counts[room_of(module), room_of(other)] += 1
    yield "needs →".ljust(11) + "".join((room or "ground").rjust(10) for room in rooms)
    for one in rooms:
        row = "".join(str(counts[one, other] or "·").rjust(10) for other in rooms)
        yield (one or "ground").ljust(11) + row


def _files(drawn: Graph) -> Iterator[str]:
    for module in sorted(drawn, key=lambda each: (floor_of(each), each)):
        yield f"{module}: {', '.join(sorted(drawn[module])) or '–'}"


def faults(root: Path = ROOT) -> list[str]:
    """What breaks the law, a line each."""
    found = [f"upward: {one} imports {other}" for one, other in upward(graph(root))]
    return found + [f"circle: {' ↔ '.join(circle)}" for circle in circles(graph(root, types=True))]


def main(words: Iterable[str]) -> int:
    drawn = graph()
    print("\n".join(_files(drawn) if "--files" in words else _table(drawn)))
    found = faults()
    print("\n".join(found) or "no arrow points up, none runs in a circle")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
