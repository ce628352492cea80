"""What the unit tests need on a gateway's Python beside meterd's own packages: zlib, binascii, ctypes and Cryptodome.

The cross-built Python lacks the first three, as it lacks the libraries behind them; a gateway has all of them from the
standard feed. They are made from Debian's and PyPI's sources, as simply as will do for tests.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from .cache import made, run
from .compiled import cross_environment
from .debian import source
from .third_party import COMPILE, LINK, sdist
from .toolchain import BUILT, compiler, headers, python

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .machines import Machine

# What OpenWrt 23.05 and 24.10 carry, as they carry this Python.
CRYPTODOME = "pycryptodomex==3.18.0"
CTYPES = ("_ctypes.c", "callbacks.c", "callproc.c", "stgdict.c", "cfield.c")
FFI = ("-DHAVE_FFI_PREP_CIF_VAR=1", "-DHAVE_FFI_PREP_CLOSURE_LOC=1", "-DHAVE_FFI_CLOSURE_ALLOC=1")
# For arm its static trampolines call a function that it does not declare there; callbacks do without them.
FFI_CONFIGURE = ("--disable-shared", "--disable-docs", "--disable-exec-static-tramp")
# libffi's assembly has addresses in tables that nobody reads here; the loader may write them in.
FFI_LINK = (*LINK, "-Wl,-z,notext")


def foreign_parts(machine: Machine) -> Path:
    """A folder with the modules, to be put on the path."""

    def make(folder: Path) -> None:
        work = folder.with_name(folder.name + "-work")
        shutil.rmtree(work, ignore_errors=True)
        log = f"foreign-parts-{machine.name}.log"
        _compression(machine, folder, log)
        _ctypes(machine, folder, work / "ffi", log)
        _cryptodome(machine, folder, work / "cryptodome", log)
        shutil.rmtree(work)

    recipe = {
        "python": python(machine).name, "compile": COMPILE, "link": FFI_LINK, "ffi": FFI_CONFIGURE,
        "ciphers": (CRYPTODOME, "-O1"),
    }  # fmt: skip
    return made(f"foreign-parts-{machine.name}", recipe, make)


def _module(machine: Machine, log: str, target: Path, link: tuple[str, ...], *rest: str | Path) -> None:
    code = source(f"python{BUILT}")
    places = (*(f"-I{path}" for path in headers(machine)), f"-I{code / 'Include' / 'internal'}")
    run(log, "nice", compiler(machine) / "cc", *COMPILE, *places, *link, *rest, "-o", target)


def _compression(machine: Machine, folder: Path, log: str) -> None:
    modules, library = source(f"python{BUILT}") / "Modules", source("zlib")
    parts = [path for path in sorted(library.glob("*.c")) if not path.name.startswith(("gz", "infback"))]
    _module(machine, log, folder / "binascii.so", LINK, modules / "binascii.c")
    _module(machine, log, folder / "zlib.so", LINK, f"-I{library}", modules / "zlibmodule.c", *parts)


def _ctypes(machine: Machine, folder: Path, work: Path, log: str) -> None:
    tools = compiler(machine)
    names = {"CC": "cc", "AR": "ar", "RANLIB": "ranlib"}
    environment = {**os.environ, **{name: str(tools / tool) for name, tool in names.items()}}
    environment["CFLAGS"] = "-Os -g0 -fPIC"
    work.mkdir(parents=True)
    switches = (f"--host={machine.host}", "--build=x86_64-pc-linux-gnu", *FFI_CONFIGURE)
    run(log, source("libffi") / "configure", *switches, cwd=work, env=environment)
    run(log, "nice", "make", cwd=work, env=environment)
    parts = [source(f"python{BUILT}") / "Modules" / "_ctypes" / name for name in CTYPES]
    library = next(work.rglob("libffi.a"))
    _module(machine, log, folder / "_ctypes.so", FFI_LINK, *FFI, f"-I{work / 'include'}", *parts, library)


def _cryptodome(machine: Machine, folder: Path, work: Path, log: str) -> None:
    """As OpenWrt's feed compiles it: the library asks the compiler for processor extensions, but the machine that
    compiles for its byte order and word size, and the feed lets it. What meterd needs must work so, for so gateways
    have it; Debian's machines have it compiled right.
    """
    tools = compiler(machine)
    shutil.copytree(sdist(CRYPTODOME), work)
    environment = {
        **cross_environment(machine, work / "sysconfig"),
        "CC": str(tools / "cc"),
        "LDSHARED": f"{tools / 'cc'} -shared",
        "LDFLAGS": "-s",
        "CFLAGS": " ".join(f"-I{path}" for path in headers(machine)) + " -O1 -fwrapv -fno-strict-aliasing -DNDEBUG",
    }
    build: list[str | Path] = [sys.executable, "setup.py", "--quiet", "build", "--build-lib", work / "lib"]
    run(log, "nice", *build, cwd=work, env=environment)
    shutil.copytree(work / "lib" / "Cryptodome", folder / "Cryptodome")
