"""A cross compiler, a C library and a Python for each machine, from packages of Debian and PyPI alone.

`python -m tools.gateway.build.toolchain mips_24kc` makes them and prints where they are. The compiler is the one that
the ziglang wheel ships: it knows musl's headers and start files for every machine here. Python is CPython 3.11, what
OpenWrt 24.10 carries, from Debian's source package; where no Debian architecture has a
musl that fits (both soft-float MIPS), musl is built from Debian's source by the GNU cross compiler.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from . import next_python
from .cache import ROOT, made, program, run
from .debian import source, unpacked
from .machines import MACHINES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .machines import Machine

ZIG = "ziglang==0.17.1"
# OpenWrt 24.10 has 3.11, which is built for the machines; 25.12 has 3.14, whose source cannot be had here: packages are
# made for it, and are tried on Debian's own machines.
BUILT = "3.11"
PYTHON = os.environ.get("GATEWAY_PYTHON") or BUILT
JOBS = os.environ.get("METERD_GATEWAY_JOBS", "2")

CONFIGURE = (
    "--prefix=/usr", "--without-ensurepip", "--disable-test-modules", "--disable-ipv6", "--without-doc-strings",
    "--without-static-libpython", "ac_cv_file__dev_ptmx=yes", "ac_cv_file__dev_ptc=no",
    # What this machine's pkg-config knows of is not the other's: with this one's zlib, binascii would not be built.
    "PKG_CONFIG=false",
    # The compiler's musl is newer than the ones that gateways run.
    "ac_cv_func_preadv2=no", "ac_cv_func_pwritev2=no",
)  # fmt: skip


def zig() -> Path:
    """The compiler's program."""

    def make(folder: Path) -> None:
        run("zig.log", sys.executable, "-m", "pip", "install", "--quiet", "--target", folder, ZIG)

    return made("ziglang", {"package": ZIG}, make) / "ziglang" / "zig"


def compiler(machine: Machine) -> Path:
    """A folder with cc, ar, ranlib and strip for the machine, which has linked one program (and so its run time)."""

    def make(folder: Path) -> None:
        tool = zig()
        private = f'export ZIG_GLOBAL_CACHE_DIR="${{0%/*}}/cache" ZIG_LOCAL_CACHE_DIR="${{0%/*}}/cache"\nexec "{tool}"'
        commands = {
            "cc": f"cc -target {machine.target} -mcpu={machine.cpu} -dynamic",
            "c++": f"c++ -target {machine.target} -mcpu={machine.cpu} -dynamic",
            "ar": "ar", "ranlib": "ranlib",
        }  # fmt: skip
        for name, words in commands.items():
            script = folder / name
            script.write_text(f'#!/bin/sh\n{private} {words} "$@"\n')
            script.chmod(0o755)
        hello = folder / "hello.c"
        hello.write_text('#include <stdio.h>\nint main(int n, char **a) { return printf("%f\\n", n / 3.0) < 0; }\n')
        # Position-independent, so that the run time kept in its cache can go into a shared library as well.
        run(f"compiler-{machine.name}.log", folder / "cc", "-shared", "-fPIC", hello, "-o", folder / "hello.so")

    return made(
        f"compiler-{machine.name}",
        {"zig": ZIG, "target": machine.target, "cpu": machine.cpu, "pic": True, "c++": True},
        make,
    )


def musl(machine: Machine) -> Path:
    """A root with the machine's dynamic loader, which is its C library, at the path that programs name."""
    if machine.debian_musl:
        return unpacked(machine.debian_musl, ("musl",))
    recipe = {"zig": ZIG, "cpu": machine.cpu, "gnu": machine.gnu_prefix, "flags": machine.gnu_flags}
    return made(f"musl-{machine.name}", recipe, lambda folder: _build_musl(machine, folder))


def _build_musl(machine: Machine, folder: Path) -> None:
    gcc = machine.gnu_prefix + "gcc"
    log = f"musl-{machine.name}.log"
    work = folder.with_name(folder.name + "-work")
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(source("musl"), work)
    run(log, "./configure", f"--target={machine.host}", f"CC={gcc} {machine.gnu_flags}",
        f"LIBCC={run_time(machine) / 'run-time.a'}", cwd=work)  # fmt: skip
    run(log, "nice", "make", f"-j{JOBS}", "lib/libc.so", cwd=work)
    (folder / "lib").mkdir()
    shutil.copy(work / "lib" / "libc.so", folder / "lib" / "libc.so")
    (folder / machine.loader.lstrip("/")).symlink_to("libc.so")
    shutil.rmtree(work)


def run_time(machine: Machine) -> Path:
    """A folder with run-time.a, the arithmetic that the GNU compiler calls for.

    The GNU compiler's own libgcc is for a floating point unit, so it comes from the other compiler's soft-float run
    time, made anew for a small shared library: the compiler's own cache keeps some that fit none. Only its own names
    (__*) may stay visible, or its memset hides musl's; and nothing unwinds it.
    """

    def make(folder: Path) -> None:
        program(machine.gnu_prefix + "gcc", f"gcc-{machine.gnu_prefix.rstrip('-')}")
        log = f"run-time-{machine.name}.log"
        work = folder.with_name(folder.name + "-work")
        shutil.rmtree(work, ignore_errors=True)
        cache = {"ZIG_GLOBAL_CACHE_DIR": str(work / "cache"), "ZIG_LOCAL_CACHE_DIR": str(work / "cache")}
        source = compiler(machine) / "hello.c"
        words = ["-target", machine.target, f"-mcpu={machine.cpu}", "-shared", "-fPIC", "-Os", str(source)]
        work.mkdir()
        run(log, zig(), "cc", *words, "-o", work / "hello.so", env={**os.environ, **cache})
        run(log, zig(), "ar", "x", next(work.rglob("libcompiler_rt.a")), cwd=folder)
        shutil.rmtree(work)
        for found in sorted(folder.iterdir()):
            run(log, machine.gnu_prefix + "objcopy", "-w", "--keep-global-symbol=__*", "-R", ".eh_frame", found)
        run(
            log,
            machine.gnu_prefix + "ar",
            "rc",
            "run-time.a",
            *sorted(path.name for path in folder.iterdir()),
            cwd=folder,
        )

    return made(f"run-time-{machine.name}", {"compiler": compiler(machine).name, "own": True, "unwound": False}, make)


def gnu_compiler(machine: Machine) -> Path:
    """The GNU compiler for shared libraries of the machine, as a script: musl's headers, no libraries but musl.

    It is what OpenWrt compiles with, and the only one here that knows MIPS16, in which OpenWrt has most of its packages
    for these machines: code takes two thirds of the space.
    """

    def make(folder: Path) -> None:
        headers = zig().parent / "lib" / "libc" / "include"
        short = machine.target.removesuffix("eabi")
        own = subprocess.run(
            [machine.gnu_prefix + "gcc", "-print-file-name=include"], capture_output=True, text=True, check=True
        ).stdout.strip()
        places = " ".join(f"-isystem {path}" for path in (own, headers / short, headers / "generic-musl"))
        script = folder / "cc"
        script.write_text(
            '#!/bin/sh\nlibraries=\nfor word; do\n\t[ "$word" = -shared ] && '
            f'libraries="{run_time(machine)}/run-time.a -L{musl(machine)}/lib -lc -nostdlib -Wl,--hash-style=sysv '
            '-Wl,-Bsymbolic -Wl,--gc-sections"\ndone\n'
            f'exec {machine.gnu_prefix}gcc {machine.gnu_flags} -nostdinc {places} "$@" $libraries\n'
        )
        script.chmod(0o755)

    recipe = {"flags": machine.gnu_flags, "musl": musl(machine).name, "zig": ZIG, "run time": run_time(machine).name}
    return made(f"gnu-compiler-{machine.name}", recipe, make)


def headers(machine: Machine) -> list[Path]:
    """The folders with the headers of the Python that packages are made for. Raises: ToolMissing."""
    if PYTHON == next_python.VERSION:
        return next_python.headers(machine)
    return [python(machine) / "usr" / "include" / f"python{PYTHON}"]


def headers_of(machine: Machine) -> str:
    """Whose headers these are, for a recipe."""
    return headers(machine)[0].relative_to(ROOT).parts[0]


def python(machine: Machine) -> Path:
    """A root with musl and CPython of the version that can be built, under /usr; byte code lies beside the sources as
    `make install` leaves them.
    """
    recipe = {
        "zig": ZIG, "cpu": machine.cpu, "target": machine.target, "python": BUILT, "configure": CONFIGURE,
        "musl": musl(machine).name,
    }  # fmt: skip
    return made(f"python-{machine.name}", recipe, lambda folder: _build_python(machine, folder))


def missing(machine: Machine) -> str:
    """What this machine lacks to build for the other, in one line; empty where it lacks nothing. Nothing is begun."""
    wanted = {"readelf": "binutils", "apt-get": "apt", "dpkg": "dpkg", "make": "make", f"python{BUILT}": "python3-dev"}
    if sys.version.startswith(BUILT + "."):
        del wanted[f"python{BUILT}"]
    if PYTHON not in (BUILT, next_python.VERSION):
        return f"packages are made for Python {BUILT} and {next_python.VERSION}, not for GATEWAY_PYTHON={PYTHON}"
    if PYTHON == next_python.VERSION and machine.debian_next is None:
        return f"{machine.name} cannot be built for with Python {PYTHON}, whose source is not to be had: {BUILT} is"
    if machine.gnu_prefix:
        package = f"gcc-{machine.gnu_prefix.rstrip('-')}"
        wanted |= {f"{machine.gnu_prefix}gcc": package, f"{machine.gnu_prefix}objcopy": package}
    lacking = {name: package for name, package in wanted.items() if shutil.which(name) is None}
    if not lacking:
        return ""
    packages = " ".join(dict.fromkeys(lacking.values()))
    return f"{machine.name} cannot be built for without {', '.join(lacking)}: apt install {packages}"


def unknown(name: str) -> str:
    return f"there is no machine {name}: {', '.join(MACHINES)} are"


def build_python() -> str:
    """The Python of this machine that has the version to be built, which cross-building needs."""
    if sys.version.startswith(BUILT + "."):
        return sys.executable
    return program(f"python{BUILT}", f"python{BUILT}")


def _build_python(machine: Machine, folder: Path) -> None:
    tools = compiler(machine)
    log = f"python-{machine.name}.log"
    work = folder.with_name(folder.name + "-work")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    environment = {
        **os.environ, "CC": str(tools / "cc"), "AR": str(tools / "ar"), "RANLIB": str(tools / "ranlib"),
        "CFLAGS": "-Os -g0 -fno-sanitize=undefined -Wno-date-time", "READELF": program("readelf", "binutils"),
    }  # fmt: skip
    run(log, "nice", source(f"python{BUILT}") / "configure", f"--host={machine.host}", "--build=x86_64-pc-linux-gnu",
        f"--with-build-python={build_python()}", *CONFIGURE, cwd=work, env=environment)  # fmt: skip
    run(log, "nice", "make", f"-j{JOBS}", cwd=work, env=environment)
    run(log, "nice", "make", "install", f"DESTDIR={folder}", cwd=work, env=environment)
    shutil.copytree(musl(machine), folder, symlinks=True, dirs_exist_ok=True)
    shutil.rmtree(work)


def fingerprint() -> str:
    """What the whole cache depends on, for a continuous integration's cache key."""
    rows = [(ZIG, PYTHON, *CONFIGURE)] + [(row.name, row.target, row.cpu, row.gnu_flags) for row in MACHINES.values()]
    return hashlib.sha256(repr(rows).encode()).hexdigest()[:12]


def main(names: list[str]) -> int:
    if names[:1] == ["--able"]:
        lacking = [missing(MACHINES[name]) if name in MACHINES else unknown(name) for name in names[1:]]
        print("\n".join(filter(None, lacking)), end="\n" if any(lacking) else "", file=sys.stderr)
        return 2 if any(lacking) else 0
    for name in names or list(MACHINES):
        print(python(MACHINES[name]))
    print(f"cache {ROOT}, fingerprint {fingerprint()}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
