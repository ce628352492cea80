"""Imports of meterd's own modules by their names alone, where they lie as byte code: on a gateway.

Python looks for a module in every form that it may have, in what it remembers of a folder, and asks the folder each
time whether it has changed. On a gateway that costs more than running most of our modules, and a module of meterd can
be one file only: `<name>.pyc`, or `<name>/__init__.pyc` for a package. What is not there, or is of another Python, is
left to the usual way, and so is everything where meterd lies as source.

The compiled modules, whose names begin with an underscore, are one file there (`tools/gateway/build/join.py` says why):
whichever is asked for first is given that one, and running it puts it into `sys.modules` under the names of all.
"""

from __future__ import annotations

import sys
from _frozen_importlib import ModuleSpec  # importlib itself would have to be read from the disk
from _frozen_importlib_external import MAGIC_NUMBER, ExtensionFileLoader
from marshal import loads
from posix import close, open, read, stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType, ModuleType
    from typing import Any

HEADER = 16  # PEP 552: magic number, flags, hash or time and size
MOST = 1 << 20
PREFIX = "meterd."
FOLDER = __file__.rsplit("/", 2)[0]
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
        last = name.rpartition(".")[2]
        if last.startswith("_") and not last.startswith("__"):
            return _joined()
        place = f"{FOLDER}/{name[len(PREFIX) :].replace('.', '/')}"
        folder = None
        code = _code(place + ".pyc")
        if code is None:
            folder, place = place, place + "/__init__"
            code = _code(place + ".pyc")
        if code is None:
            return None
        loader: Any = _Loader(code)  # by its methods; the class that type checkers want would have to be imported
        spec = ModuleSpec(name, loader, origin=place + ".pyc")
        if folder is not None:
            spec.submodule_search_locations = [folder]
        return spec


def _joined() -> ModuleSpec | None:
    """The one compiled module, for the first name of it that is asked for; None where there is none, or it is there."""
    place = f"{FOLDER}/_joined.so"
    if JOINED in sys.modules:
        return None
    try:
        stat(place)
    except OSError:
        return None
    return ModuleSpec(JOINED, ExtensionFileLoader(JOINED, place), origin=place)


def _code(place: str) -> CodeType | None:
    """The code in a file; None where there is no such file or it is of another Python."""
    try:
        file = open(place, 0)
    except OSError:
        return None
    try:
        content = read(file, MOST)
    finally:
        close(file)
    if content[: len(MAGIC_NUMBER)] != MAGIC_NUMBER:
        return None
    code: CodeType = loads(memoryview(content)[HEADER:])
    return code


def install() -> None:
    """Look here before anywhere else."""
    if _Finder not in sys.meta_path:
        sys.meta_path.insert(0, _Finder)
