"""Imports of meterd's own modules by their names alone, for processes that are meterd.

Python looks for a module in every form that it may have, in what it remembers of a folder, and asks the folder each
time whether it has changed. That costs more than running most of our modules, and a module of meterd can be one file
only: on a gateway, where meterd lies as byte code, `<name>.pyc`, or `<name>/__init__.pyc` for a package; elsewhere
`<name>.py` with the byte code that Python has kept of it, if that is of the source as it is (PEP 552: by time and
size). What is not there, is of another Python, or is kept in another way, is left to the usual way.

The compiled modules, whose names begin with an underscore, are one file on a gateway (`tools/gateway/build/join.py`
says why): whichever is asked for first is given that one, and running it puts it into `sys.modules` under the names of
all. Elsewhere each is a file beside the sources.
"""

from __future__ import annotations

import sys
from _frozen_importlib import ModuleSpec  # importlib itself would have to be read from the disk
from _frozen_importlib_external import MAGIC_NUMBER, ExtensionFileLoader
from _imp import _fix_co_filename, extension_suffixes  # type: ignore[attr-defined]  # as importlib does
from marshal import loads
from posix import close, open, read, stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType, ModuleType
    from typing import Any

HEADER = 16  # PEP 552: magic number, flags, hash or time and size
MOST = 1 << 16  # so much room is made for each; what is larger, and no file of ours is, is left to the usual way
PREFIX = "meterd."
FOLDER = __file__.rsplit("/", 2)[0]
BESIDE = __file__.endswith("c")  # byte code in the place of the source
ENDING = ".pyc" if BESIDE else ".py"
KEPT = f".{sys.implementation.cache_tag}"
JOINED = "meterd._joined"


class _Loader:
    """Runs the code that was found."""

    __slots__ = ("_code",)

    def __init__(self, code: CodeType) -> None:
        self._code = code

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """None: an ordinary module."""
        return None

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__file__ = module.__spec__.origin
        exec(self._code, module.__dict__)


class _Finder:
    """What `sys.meta_path` takes."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if path is None or not name.startswith(PREFIX):
            return None
        place = f"{FOLDER}/{name[len(PREFIX) :].replace('.', '/')}"
        last = name.rpartition(".")[2]
        if last.startswith("_") and not last.startswith("__"):
            return _compiled(name, place)
        folder = None
        code = _code(place)
        if code is None:
            folder, place = place, place + "/__init__"
            code = _code(place)
        if code is None:
            return None
        loader: Any = _Loader(code)  # by its methods; the class that type checkers want would have to be imported
        spec = ModuleSpec(name, loader, origin=place + ENDING)
        if folder is not None:
            spec.submodule_search_locations = [folder]
        return spec


def _compiled(name: str, place: str) -> ModuleSpec | None:
    """One compiled module; of those that are joined the one, for the first name of it that is asked for. None where
    there is no such file, or it is there already."""
    if BESIDE:
        name, place = JOINED, f"{FOLDER}/_joined.so"
        if name in sys.modules:
            return None
    else:
        place += extension_suffixes()[0]
    try:
        stat(place)
    except OSError:
        return None
    return ModuleSpec(name, ExtensionFileLoader(name, place), origin=place)


def _code(place: str) -> CodeType | None:
    """The code of a module; None where there is no such file, or it is of another Python or of another source."""
    made_of = b""
    written = place + ENDING
    try:
        if not BESIDE:
            source = stat(written)
            made_of = b"".join(number.to_bytes(4, "little") for number in (0, int(source.st_mtime), source.st_size))
            folder, _, name = place.rpartition("/")
            place = f"{folder}/__pycache__/{name}{KEPT}"
        file = open(place + ".pyc", 0)
    except (OSError, OverflowError):  # not there; a source of another century
        return None
    try:
        content = read(file, MOST)
    finally:
        close(file)
    if len(content) == MOST or not content.startswith(MAGIC_NUMBER + made_of):
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
