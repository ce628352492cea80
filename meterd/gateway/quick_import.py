"""Imports of meterd's own modules by their names alone, for processes that are meterd.

Python looks for a module in every form that it may have, in what it remembers of a folder, and asks the folder each
time whether it has changed. That costs more than running most of our modules, and a module of meterd can be one file
only: on a gateway, where meterd lies as byte code, `<name>.pyc`, or `<name>/__init__.pyc` for a package; elsewhere
`<name>.py` with the byte code that Python has kept of it, if that is of the source as it is (PEP 552: by time and
size). What is not there, is of another Python, or is kept in another way, is left to the usual way.

Most of what importlib does besides, for every module anew, is to keep threads apart that import at the same time. As
long as there is but one thread, import statements load our modules here (`builtins.__import__` is made to be replaced);
with the second, and for all that is not ours, they are as ever. Of the 115,000 instructions that an empty module takes
50,000 are left, of the 11,000 of a name out of a module that is there 4,500.

The compiled modules, whose names begin with an underscore, are one file on a gateway (`tools/gateway/build/join.py`
says why): whichever is asked for first is given that one, and running it puts it into `sys.modules` under the names of
all. Elsewhere each is a file beside the sources, for whoever imports it, and `_together` has the beginnings of all once
more: one file to open for twenty modules is 2 M instructions less, and a twentieth of the CPU time of `meterd read`.
"""

from __future__ import annotations

import builtins
import sys
from _frozen_importlib import ModuleSpec  # importlib itself would have to be read from the disk
from _frozen_importlib_external import MAGIC_NUMBER, ExtensionFileLoader
from _imp import _fix_co_filename, extension_suffixes  # type: ignore[attr-defined]  # as importlib does
from _thread import _count as threads  # besides the first
from marshal import loads
from posix import close, open, read, stat
from sys import modules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import CodeType, ModuleType
    from typing import Any

HEADER = 16  # PEP 552: magic number, flags, hash or time and size
MOST = 1 << 16  # so much room is made for each; what is larger, and no file of ours is, is left to the usual way
PREFIX = "meterd."
FOLDER = __file__.rsplit("/", 2)[0]
BESIDE = __file__.endswith("c")  # byte code in the place of the source
ENDING = ".pyc" if BESIDE else ".py"
KEPT = f".{sys.implementation.cache_tag}.pyc"
COMPILED = extension_suffixes()[0]
JOINED = "meterd._joined"
OF_ALL = f"{FOLDER}/_joined.so" if BESIDE else f"{FOLDER}/_together{COMPILED}"
_there: list[str] = []
Module = type(sys)
pythons_own = builtins.__import__


class _Loader:
    """Runs the code that was found."""

    __slots__ = ("_code", "_file")

    def __init__(self, code: CodeType, file: str) -> None:
        self._code = code
        self._file = file

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """None: an ordinary module."""
        return None

    def exec_module(self, module: ModuleType) -> None:
        there = module.__dict__
        there["__file__"] = self._file
        exec(self._code, there)


class _Finder:
    """What `sys.meta_path` takes: for those who import without a statement."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if path is None or not name.startswith(PREFIX):
            return None
        return _spec(name, path[0], name.rpartition(".")[2])


def _import(
    name: str,
    globals: Mapping[str, Any] | None = None,
    locals: Mapping[str, Any] | None = None,
    fromlist: Sequence[str] | None = None,
    level: int = 0,
) -> ModuleType:
    """What an import statement calls in place of Python's own: it loads what is ours and not there yet, and hands over
    a module that has what is wanted of it. All else that a statement can be, and every mistake, is Python's to say."""
    whole = name
    if level and globals is not None:
        room = globals.get("__package__") or ""
        if level > 1:
            for _ in range(1, level):
                room = room.rpartition(".")[0]
        whole = f"{room}.{name}" if name else room
    if not threads():
        module = modules.get(whole) or _load(whole)
        if type(module) is Module:
            if not fromlist:
                if "." not in name:
                    return module
            # What is wanted of a module are its names; of a package, modules as well.
            elif "__path__" not in module.__dict__ or _has(module, fromlist):
                return module
    return pythons_own(name, globals, locals, fromlist, level)


def _has(package: ModuleType, wanted: Sequence[str]) -> bool:
    """Whether a package has these names, as those of its modules that are loaded for it now, if it is one of ours."""
    for name in wanted:
        if name not in package.__dict__:
            module = _load(f"{package.__name__}.{name}")
            if module is None:
                return False
    return True


def _load(name: str) -> ModuleType | None:
    """As importlib loads a module, but for the locks that only several threads need: most of what it takes.

    None where it is none of ours, or is not found here. Raises: what the module does.
    """
    if not name.startswith(PREFIX):
        return None
    package, _, last = name.rpartition(".")
    within = modules.get(package) or _load(package)
    if within is None or name in modules:  # its package may have loaded it
        return modules.get(name)
    folders = within.__dict__.get("__path__")
    if not folders:  # it is no package
        return None
    spec = _spec(name, folders[0], last)
    if spec is None or spec.loader is None:
        return None
    module = spec.loader.create_module(spec) or Module(name)
    there = module.__dict__
    there["__loader__"], there["__package__"], there["__spec__"] = spec.loader, package, spec
    if spec.submodule_search_locations is not None:
        there["__package__"], there["__path__"] = name, spec.submodule_search_locations
    spec._initializing = True  # type: ignore[attr-defined]  # for what Python says of circles
    modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        modules.pop(spec.name, None)
        raise
    finally:
        spec._initializing = False  # type: ignore[attr-defined]
    module = within.__dict__[last] = modules[name]
    return module


def _spec(name: str, folder: str, last: str) -> ModuleSpec | None:
    """Where the module `last` of a folder lies; None where it does not, or not as it must be to be loaded from here."""
    if last.startswith("_") and not last.startswith("__"):
        return _compiled(name, f"{folder}/{last}{COMPILED}")
    within = None
    code = _code(folder, last)
    if code is None:
        folder = within = f"{folder}/{last}"
        last = "__init__"
        code = _code(folder, last)
    if code is None:
        return None
    file = f"{folder}/{last}{ENDING}"
    loader: Any = _Loader(code, file)  # by its methods; the class that type checkers want would have to be imported
    spec = ModuleSpec(name, loader, origin=file)
    if within is not None:
        spec.submodule_search_locations = [within]
    return spec


def _compiled(name: str, file: str) -> ModuleSpec | None:
    """One compiled module, out of the file that has it; where they are joined the one, for the first name that is
    asked for. None where there is no such file, or it is there already."""
    if BESIDE:
        name, file = JOINED, OF_ALL
        if name in modules:
            return None
    if not _is_there(file):
        return None
    if _is_there(OF_ALL):
        file = OF_ALL
    return ModuleSpec(name, ExtensionFileLoader(name, file), origin=file)


def _is_there(file: str) -> bool:
    """What was there once still is."""
    if file not in _there:
        try:
            stat(file)
        except OSError:
            return False
        _there.append(file)
    return True


def _code(folder: str, name: str) -> CodeType | None:
    """The code of a module; None where there is no such file, or it is of another Python or of another source."""
    written = f"{folder}/{name}{ENDING}"
    begins, kept = MAGIC_NUMBER, written
    try:
        if not BESIDE:
            source = stat(written)
            begins += ((int(source.st_mtime) & 0xFFFFFFFF) << 32 | source.st_size << 64).to_bytes(12, "little")
            kept = f"{folder}/__pycache__/{name}{KEPT}"
        file = open(kept, 0)
    except (OSError, OverflowError):  # not there; a source of another century
        return None
    try:
        content = read(file, MOST)
    finally:
        close(file)
    if len(content) == MOST or not content.startswith(begins):
        return None
    code: CodeType = loads(memoryview(content)[HEADER:])
    if not BESIDE:
        _fix_co_filename(code, written)  # a folder may have been moved: tracebacks name the source as it lies now
    return code


def install() -> None:
    """Look here before anywhere else; not where Python keeps its byte code in a place or form of its own."""
    if not BESIDE and (sys.flags.optimize or sys.pycache_prefix):
        return
    if _Finder not in sys.meta_path:
        sys.meta_path.insert(0, _Finder)
        builtins.__import__ = _import
