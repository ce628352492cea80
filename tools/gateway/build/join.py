"""All compiled modules as one source, for machines where flash and start-up count: `python join.py TREE`, in place.

The problem: twenty-eight extension modules take twice the flash and three times the time at start that one takes; as
sources they belong apart. As SQLite does with its amalgamation, only the build joins them: what modules import of one
another goes, the rest of their imports is gathered, and the bodies follow one another, those needed first. Loaded, the
one module (`meterd._joined`) puts itself into `sys.modules` under the names of all, so nobody who imports them sees a
difference. It is loaded by `meterd.gateway.quick_import`, whichever name is asked for first; where that is not at work,
by a file of one line under each name (`stubs`).
Assumptions: names are unique over all modules (two that are alike end the build; a unit test sees to it before), and
imports stand at the left margin, as `from … import …` or `cimport cython`, unless they wait inside a function.
"""

import re
import sys
from pathlib import Path

HOUSE = "meterd"
NAME = f"{HOUSE}._joined"
IMPORT = re.compile(r"^(from (\.*)([\w.]*) (c?import) (?:\(([^)]*)\)|(.*))|cimport (\w+))\n", re.MULTILINE)
LATE = re.compile(r"^( +from )(\.+)([\w.]*)( import )", re.MULTILINE)
# What a source names at its left margin: classes, structures, functions, variables; and inside enum and extern blocks.
NAMED = (
    re.compile(r"^(?:cdef )?(?:class|struct|union|enum) (\w+)", re.MULTILINE),
    re.compile(r"^c?p?def [^\n=(]*?(\w+)\(", re.MULTILINE),
    re.compile(r"^cdef [^\n(:=]*?(\w+)(?:\[[^\]\n]*\])?(?: = .*)?(?:  #.*)?$", re.MULTILINE),
    re.compile(r"^(\w+) = ", re.MULTILINE),
)
BLOCK = re.compile(r"^cdef (?:enum|extern)[^\n]*:.*\n((?:    .*\n)+)", re.MULTILINE)
INSIDE = re.compile(
    r"^    (?! )(?:(?:ctypedef )?(?:struct|union) (\w+)|[\w *]*?(\w+)(?: \"|\(|  #| = |$))", re.MULTILINE
)
FRONT = '"""The compiled modules of meterd, joined by tools/gateway/build/join.py. Do not edit."""\n\n'
NAMES = """

from sys import modules as _modules

_modules.update(dict.fromkeys(({}), _modules[__name__]))
"""
# In a .pxd, what other modules might call: where there are none, each would only be offered to them at every start.
OFFERED = re.compile(r"^cdef (?!class|enum|struct|union|extern|inline)[^:=\n(]*\([^()]*\)[^:\n]*\n", re.MULTILINE)
SHARED = re.compile(r"^cdef (?!class|enum|struct|union|extern|inline)[\w \*]+\n", re.MULTILINE)


def module_of(path, tree):
    return ".".join(path.relative_to(tree).with_suffix("").parts)


def absolute(dots, name, module):
    """`name` behind `dots` as seen from a module."""
    if not dots:
        return name
    room = module.split(".")[: -len(dots)]
    return ".".join([*room, name] if name else room)


class Part:
    """One source file: which of its kind it needs, what else it imports, and its body without any of that."""

    def __init__(self, path, tree, modules):
        self.module = module_of(path, tree)
        self.needs = set()
        self.imports = set()
        text = path.read_text(encoding="utf-8")
        for _, dots, name, word, many, few, plain in IMPORT.findall(text):
            source = absolute(dots, name, self.module)
            names = {each.strip() for each in (many or few).split(",") if each.strip()}
            if plain:
                self.imports.add(("cimport", plain, ""))
            elif source in modules:
                self.needs.add(source)
            else:
                self.imports.update((word, source, each) for each in names)
        text = LATE.sub(lambda found: found[1] + absolute(found[2], found[3], self.module) + found[4], text)
        self.body = IMPORT.sub("", text)


def named(text):
    """The names that a source gives to things of its own."""
    text = re.sub(r'""".*?"""', "", text, flags=re.DOTALL)
    found = {each for pattern in NAMED for each in pattern.findall(text)}
    for block in BLOCK.findall(text):
        found |= {one or other for one, other in INSIDE.findall(block)}
    return found


def alike(parts):
    """Names that two modules, or a module and an import, give to different things: a sentence each."""
    origins = {}
    for part in parts:
        for name in named(part.body):
            origins.setdefault(name, set()).add(part.module)
        for _, source, name in part.imports:
            origins.setdefault(name, set()).add(source)
    several = {name: sorted(places) for name, places in sorted(origins.items()) if name and len(places) > 1}
    return [f"{name}: {', '.join(places)}" for name, places in several.items()]


def in_order(parts):
    """Those that others need come first; among equals the order of the alphabet."""
    waiting = {part.module: part for part in sorted(parts, key=lambda part: part.module)}
    ordered = []
    while waiting:
        free = [part for part in waiting.values() if not part.needs & (waiting.keys() - {part.module})]
        if not free:
            raise ValueError(f"these need one another: {', '.join(sorted(waiting))}")
        for part in free:
            del waiting[part.module]
        ordered += free
    return ordered


def gathered(parts):
    """The imports of all, each once."""
    every = set().union(*(part.imports for part in parts))
    lines = sorted(f"cimport {name}\n" for _, name, each in every if not each)
    for word in ("cimport", "import"):
        for source in sorted({source for kind, source, each in every if kind == word and each}):
            names = sorted(each for kind, other, each in every if (kind, other) == (word, source) and each)
            lines.append(f"from {source} {word} {', '.join(names)}\n")
    return "".join(lines)


def compiled(tree):
    """(.pyx files, .pxd files) of a source tree."""
    house = tree / HOUSE
    return sorted(house.rglob("_*.pyx")), sorted(house.rglob("_*.pxd"))


def joined(tree):
    """(text of the one .pyx, text of its .pxd)."""
    sources, declarations = compiled(tree)
    modules = {module_of(path, tree) for path in (*sources, *declarations)}
    parts = [[Part(path, tree, modules) for path in paths] for paths in (sources, declarations)]
    found = alike([part for kind in parts for part in kind])
    if found:
        raise ValueError("names that are given twice: " + "; ".join(found))
    (head, body), (declared_head, declared) = [
        (FRONT + gathered(kind) + "\n", "\n".join(part.body for part in kind)) for kind in map(in_order, parts)
    ]
    shared = "".join(SHARED.findall(declared))
    names = ", ".join(f'"{module_of(path, tree)}"' for path in sources)
    return head + shared + body + NAMES.format(names), declared_head + SHARED.sub("", OFFERED.sub("", declared))


def stubs(modules, tree):
    """Under each module's name a file whose import is the one module's: what is in `sys.modules` afterwards counts."""
    for module in modules:
        tree.joinpath(*module.split(".")).with_suffix(".py").write_text(f"import {NAME}  # which takes this name\n")


def join(tree):
    """Put the one module in place of all."""
    source, declarations = joined(tree)
    stubs([module_of(path, tree) for path in compiled(tree)[0]], tree)
    for paths in compiled(tree):
        for path in paths:
            path.unlink()
    place = tree.joinpath(*NAME.split("."))
    place.with_suffix(".pyx").write_text(source, encoding="utf-8")
    place.with_suffix(".pxd").write_text(declarations, encoding="utf-8")


if __name__ == "__main__":
    join(Path(sys.argv[1]))
