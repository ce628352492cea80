"""meterd's compiled modules for a machine, joined into one.

They are joined by `join` and built by meterd's own setup.py under the variables with which OpenWrt's package build
cross-compiles, so what works here is what a feed's build does.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from pathlib import Path

from . import join
from .cache import made, run
from .toolchain import compiler, gnu_compiler, headers, headers_of, python

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .machines import Machine

PROJECT = Path(__file__).resolve().parents[3]
# As OpenWrt compiles most of its packages: for size, on MIPS in the short instructions. Nothing unwinds C here, so no
# tables for it; what the linker cannot reach goes.
CFLAGS = "-Os -DNDEBUG -fwrapv -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables -fno-unwind-tables"
# What Cython spends on calling Python code fast, and on names that Python code may change, is not worth its place:
# such calls and names are rare where it counts.
CFLAGS += " -DCYTHON_VECTORCALL=0 -DCYTHON_UNPACK_METHODS=0 -DCYTHON_USE_DICT_VERSIONS=0"
CFLAGS += " -DCYTHON_USE_UNICODE_INTERNALS=0 -DCYTHON_USE_PYLONG_INTERNALS=0"
# Nor is a second way to begin a module, one more to end an object, C's own line numbers, names for others to link to.
# (CYTHON_FAST_THREAD_STATE=0 would save another 900 bytes, for 1,500 instructions in each register read singly.)
CFLAGS += " -DCYTHON_PEP489_MULTI_PHASE_INIT=0 -DCYTHON_USE_TP_FINALIZE=0"
CFLAGS += " -DCYTHON_CLINE_IN_TRACEBACK=0 -fvisibility=hidden"
# Texts are packed with all else; packed by Cython as well, they would be larger, and unpacked at every start.
CFLAGS += " -DCYTHON_COMPRESS_STRINGS=0"
# As one, what nobody outside calls goes or moves to where it is called (LTO); the linker compiles, so it is told, too.
# Some of GCC's passes make code for 16 registers from what has eight: each of these makes both the module and the
# package larger; the expensive ones take 4 kB of the module for nothing that can be measured. Without cse-follow-jumps
# the module is 1 kB larger, and so regular that it takes 3.5 kB less in a package.
MIPS_CFLAGS = "-mips16 -flto -fno-ivopts -fno-gcse -fno-tree-pre -fno-expensive-optimizations"
MIPS_CFLAGS += " -fno-cse-follow-jumps -fno-code-hoisting -fno-move-loop-invariants -fno-reorder-blocks"
LDFLAGS = "-O2 -s -Wl,--gc-sections"
MIPS_LDFLAGS = "-mips16 -Os -flto -Wl,-z,norelro -Wl,-z,common-page-size=16 -Wl,--build-id=none"
SOURCES = ("setup.py", "pyproject.toml", "meterd/**/*.pyx", "meterd/**/*.pxd", "meterd/**/__init__.py")


def meterd_modules(machine: Machine) -> Path:
    """A folder with the stripped `_joined.so`."""
    paths = sorted(path for pattern in SOURCES for path in PROJECT.glob(pattern))
    contents = {path.relative_to(PROJECT).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
    recipe = {
        "sources": contents,
        "python": headers_of(machine),
        "flags": [CFLAGS, MIPS_CFLAGS, LDFLAGS, MIPS_LDFLAGS],
        "join": Path(join.__file__).read_text(),
    }
    return made(f"meterd-{machine.name}", recipe, lambda folder: _build_meterd(machine, folder, list(contents)))


def cross_environment(machine: Machine, folder: Path) -> dict[str, str]:
    """The variables under which this machine's Python builds extensions for the other machine's."""
    # What setup.py asks this machine's Python for comes from the variables below, whichever version it is built for.
    data = next((python(machine) / "usr" / "lib").glob("python3.*/_sysconfigdata_*.py"))
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(data, folder)
    tools = compiler(machine)
    include = " ".join(f"-I{path}" for path in headers(machine))
    gnu = machine.gnu_prefix
    cc, flags, link = (gnu_compiler(machine), MIPS_CFLAGS, f"{LDFLAGS} {MIPS_LDFLAGS}") if gnu else (tools, "", LDFLAGS)
    return {
        **os.environ, "PYTHONPATH": str(folder), "_PYTHON_SYSCONFIGDATA_NAME": data.stem,
        "_PYTHON_HOST_PLATFORM": f"linux-{machine.name}", "CC": str(cc / "cc"), "AR": str(tools / "ar"),
        "LDSHARED": f"{cc / 'cc'} -shared", "CPPFLAGS": include, "LDFLAGS": link,
        "CFLAGS": f"{include} {CFLAGS} {flags}",
    }  # fmt: skip


def _build_meterd(machine: Machine, folder: Path, sources: list[str]) -> None:
    log = f"meterd-{machine.name}.log"
    work = folder.with_name(folder.name + "-work")
    shutil.rmtree(work, ignore_errors=True)
    for name in sources:
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / name, work / name)
    join.join(work)
    environment = cross_environment(machine, work / "sysconfig")
    build: list[str | Path] = [sys.executable, "setup.py", "--quiet", "build_ext", "--build-lib", work / "lib"]
    run(log, "nice", *build, cwd=work, env=environment)
    (built,) = (work / "lib" / "meterd").rglob("*.so")
    shutil.copy(built, folder / "_joined.so")
    strip(machine, folder / "_joined.so", log)
    shutil.rmtree(work)


def strip(machine: Machine, path: Path, log: str) -> None:
    """Of MIPS files the linker leaves debugger's sections that no loader reads."""
    if machine.gnu_prefix:
        unread = (".pdr", ".comment", ".gnu.attributes")
        words = [word for section in unread for word in ("-R", section)]
        run(log, machine.gnu_prefix + "strip", "--strip-all", *words, path)
