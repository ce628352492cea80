"""Debian's own Python of other machines, with meterd compiled for it, and the unit tests run on them.

`python -m tools.gateway.foreign [s390x armhf mipsel]` runs tests/unit under emulation: big-endian with 64 bits,
little-endian with 32, real glibc. Roots are unpacked, not installed; nothing of this system is touched.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from .cache import ToolMissing, made, program, run
from .compiled import PROJECT
from .debian import unpacked
from .third_party import COMPILE, LINK, UJSON, compile_ujson, pure
from .toolchain import PYTHON, zig

PACKAGES = (
    f"libpython{PYTHON}-minimal", f"libpython{PYTHON}-stdlib", f"libpython{PYTHON}-dev", f"python{PYTHON}-minimal",
    "libc6", "libgcc-s1", "libstdc++6", "zlib1g", "libexpat1", "libffi8", "libssl3", "libsqlite3-0", "libbz2-1.0",
    "liblzma5", "libuuid1", "python3-msgpack", "python3-ujson", "python3-pycryptodome", "python3-cffi-backend",
    "python3-cryptography",
    "libdouble-conversion3", "libgmp10",
)  # fmt: skip
# Newer ones are compiled for this machine.
PURE = ("hypothesis==6.112.0", "attrs==24.2.0", "sortedcontainers==2.4.0")
# Those, what Debian has for the machine, and what is of this machine alone.
NOT_TAKEN = (
    "hypothesis", "_hypothesis", "attr", "sortedcontainers", "msgpack", "ujson", "Crypto", "cffi", "pycparser",
    "cryptography", "meterd", "__editable__", "__pycache__", "xdist", "pytest_xdist",
)  # fmt: skip
# What is of this machine: its sources' imports, its packaging tools.
LEFT_OUT = ("test_architecture.py", "test_import_budget.py", "test_ipk.py", "test_ipk_contents.py")
# The peer reads floats in the machine's byte order: on a big-endian one it is no oracle.
LITTLE_ENDIAN_PEERS = ("tests/unit/test_axdr.py::test_against_gurux",)


class Foreign:
    """`architecture` is Debian's name; `target` the compiler's; `emulator` runs it (empty: this machine does)."""

    __slots__ = ("architecture", "emulator", "loader", "target")

    def __init__(self, architecture: str, target: str, emulator: str, loader: str) -> None:
        self.architecture = architecture
        self.target = target
        self.emulator = emulator
        self.loader = loader


FOREIGN = {
    row.architecture: row
    for row in (
        Foreign("s390x", "s390x-linux-gnu", "qemu-s390x-static", "lib/ld64.so.1"),
        Foreign("armhf", "arm-linux-gnueabihf", "qemu-arm-static", "lib/ld-linux-armhf.so.3"),
        Foreign("mipsel", "mipsel-linux-gnueabihf", "qemu-mipsel-static", "lib/ld.so.1"),
        Foreign("i386", "x86-linux-gnu", "", "lib/ld-linux.so.2"),
    )
}


def modules(row: Foreign) -> Path:
    """A folder with meterd's compiled modules for the machine's Debian Python."""
    sources = sorted(path for kind in ("*.pyx", "*.pxd", "*.pxi") for path in (PROJECT / "meterd").glob(kind))
    contents = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sources}
    root = unpacked(row.architecture, PACKAGES)

    def make(folder: Path) -> None:
        work = folder.with_name(folder.name + "-work")
        shutil.rmtree(work, ignore_errors=True)
        (work / "meterd").mkdir(parents=True)
        for path in (*sources, PROJECT / "meterd" / "__init__.py"):
            shutil.copy(path, work / "meterd")
        for name in ("setup.py", "pyproject.toml"):
            shutil.copy(PROJECT / name, work)
        compiler = work / "cc"
        compiler.write_text(f'#!/bin/sh\nexec "{zig()}" cc -target {row.target} "$@"\n')
        compiler.chmod(0o755)
        include = root / "usr" / "include"
        places = f"-I{include / f'python{PYTHON}'} -I{include}"
        environment = {**os.environ, "CC": str(compiler), "LDSHARED": f"{compiler} -shared", "LDFLAGS": "-O2 -s",
                       "CFLAGS": f"{places} -O2 -DNDEBUG -fwrapv -D__STRICT_ANSI__",
                       "_PYTHON_HOST_PLATFORM": f"linux-{row.architecture}"}  # fmt: skip
        log = f"foreign-{row.architecture}.log"
        command: list[str | Path] = [sys.executable, "setup.py", "--quiet", "build_ext", "--build-lib", work / "lib"]
        run(log, "nice", *command, cwd=work, env=environment)
        for built in (work / "lib" / "meterd").glob("*.so"):
            shutil.copy(built, folder / (built.name.partition(".")[0] + ".so"))
        shutil.rmtree(work)

    return made(f"foreign-{row.architecture}", {"sources": contents, "root": root.name}, make)


def packed_ujson(row: Foreign) -> Path:
    """ujson.so as meterd's feed packs it, for the machine: without the C++ library that Debian's needs."""
    root = unpacked(row.architecture, PACKAGES)

    def make(folder: Path) -> None:
        compiler = [[str(zig()), language, "-target", row.target, "-D__STRICT_ANSI__"] for language in ("cc", "c++")]
        include = root / "usr" / "include"
        compile_ujson(folder, f"ujson-{row.architecture}.log", *compiler, (include / f"python{PYTHON}", include))

    recipe = {"requirement": UJSON, "root": root.name, "flags": [*COMPILE, *LINK]}
    return made(f"ujson-{row.architecture}", recipe, make) / "ujson.so"


def place(row: Foreign, folder: Path) -> Path:
    """Fill a folder with meterd for the machine, the tests, and the pure Python packages that they use."""
    ignore = shutil.ignore_patterns("*.so", "__pycache__", "*.pyx")
    shutil.copytree(PROJECT / "meterd", folder / "meterd", ignore=ignore)
    for built in modules(row).glob("*.so"):
        shutil.copy(built, folder / "meterd")
    for name in ("tests", "setup.py", "pyproject.toml", "docs", "benchmarks"):
        if (PROJECT / name).is_dir():
            shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif (PROJECT / name).exists():
            shutil.copy(PROJECT / name, folder / name)
    site = Path(sysconfig.get_paths()["purelib"])
    native = {path.relative_to(site).parts[0] for path in site.rglob("*.so")}
    (folder / "site").mkdir()
    for path in site.iterdir():
        if path.name.startswith(NOT_TAKEN):
            continue
        if path.is_dir() and path.name not in native - {"crcmod", "simplejson"}:
            shutil.copytree(path, folder / "site" / path.name, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
        elif path.suffix == ".py":
            shutil.copy(path, folder / "site")
    for requirement in PURE:
        shutil.copytree(pure(requirement), folder / "site", dirs_exist_ok=True)
    return folder


def command(row: Foreign, folder: Path) -> list[str]:
    """What runs the machine's Python with meterd's folder on its path."""
    root = unpacked(row.architecture, PACKAGES)
    path = f"{folder}:{folder / 'site'}:{root / 'usr/lib/python3/dist-packages'}"
    if not row.emulator:
        libraries = ":".join(str(found) for found in (*root.glob("lib/*-gnu"), *root.glob("usr/lib/*-gnu")))
        return ["env", f"PYTHONHOME={root}/usr", f"PYTHONPATH={path}", str(root / row.loader), "--library-path",
                libraries, f"{root}/usr/bin/python{PYTHON}"]  # fmt: skip
    emulator = program(row.emulator, "qemu-user-static")
    return [emulator, "-L", str(root), "-E", f"PYTHONHOME={root}/usr", "-E", f"PYTHONPATH={path}",
            f"{root}/usr/bin/python{PYTHON}"]  # fmt: skip


def _able_to_start_itself(words: list[str], folder: Path) -> None:
    """Tests start further Pythons by sys.executable; the kernel cannot, so that becomes a script which can."""
    script = folder / "python"
    script.write_text("#!/bin/sh\nexec " + " ".join(words) + ' "$@"\n')
    script.chmod(0o755)
    (folder / "site" / "sitecustomize.py").write_text(f"import sys\n\nsys.executable = {str(script)!r}\n")


def tested(row: Foreign, folder: Path, *which: str) -> int:
    """Run the unit tests, or some; returns pytest's exit code."""
    left_out = [f"--ignore=tests/unit/{name}" for name in LEFT_OUT]
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:randomly", "-o", "timeout=600", "-o", "faulthandler_timeout=0"]
    if row.architecture == "s390x":
        left_out += [f"--deselect={name}" for name in LITTLE_ENDIAN_PEERS]
    python = command(row, place(row, folder))
    _able_to_start_itself(python, folder)
    words = [*python, "-B", "-m", "pytest", *options, *left_out, *(which or ("tests/unit",))]
    return subprocess.run(["nice", *words], cwd=folder, check=False).returncode


def main(names: list[str]) -> int:
    import tempfile

    failed = 0
    for name in names or ["s390x", "armhf", "mipsel"]:
        print(f"unit tests on Debian's Python for {name}", flush=True)
        try:
            with tempfile.TemporaryDirectory() as folder:
                failed |= tested(FOREIGN[name], Path(folder) / "meterd")
        except ToolMissing as missing:
            print(f"not run: {missing}")
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
