"""The unit tests on the Pythons of other machines, with meterd compiled for them.

`python -m tools.gateway.prove.foreign [mips_24kc … s390x armhf mipsel i386 amd64-3.14 s390x-3.14] [--whole]
[tests/unit/… …]` runs tests/unit, or what is named of it, under emulation but for i386 and amd64: on the gateways'
own musl Pythons, big-endian and soft-float first, where the compiled modules are joined, and on Debian's with real
glibc, big-endian with 64 bits and little-endian with 32. The gateways' first processor and the next Python run all of
it; the others leave out what neither compiled code nor the order and size of bytes can change, unless told `--whole`;
and those whose order and size of bytes another has, which needs no emulation, run what imports compiled modules.
Several run side by side, one on each core; what each says is shown when it is through. Debian's roots are unpacked,
not installed; nothing of this system is touched. What is left out is listed, with its reason, before each run.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from ..build import join, next_python
from ..build.cache import ToolMissing, made, program, run
from ..build.compiled import CFLAGS, LDFLAGS, PROJECT, SOURCES, meterd_modules
from ..build.debian import unpacked
from ..build.foreign_parts import foreign_parts
from ..build.machines import MACHINES
from ..build.third_party import COMPILE, LINK, UJSON, compile_ujson, msgpack, pure, ujson
from ..build.toolchain import BUILT, python, zig
from .left_out import (
    COMPILED_ALONE,
    LEFT_OUT,
    LEFT_OUT_BIG_ENDIAN,
    LEFT_OUT_EMULATED_SID,
    LEFT_OUT_GATEWAY,
    LEFT_OUT_MIPS,
    SAME_EVERYWHERE,
    without_compiled,
)

# The gateways' machine whose programs this processor runs, and needs no emulator for.
OWN = "x86_64"


def packages(version: str) -> tuple[str, ...]:
    """What Debian's Python of that version and the tests need."""
    return (
        f"libpython{version}-minimal", f"libpython{version}-stdlib", f"libpython{version}-dev",
        f"python{version}-minimal", "libc6", "libgcc-s1", "libstdc++6", "zlib1g", "libexpat1", "libffi8",
        "libssl3" if version == "3.11" else "libssl3t64", "libsqlite3-0", "libbz2-1.0", "liblzma5", "libuuid1",
        "python3-msgpack", "python3-ujson", "python3-pycryptodome", "python3-cffi-backend", "python3-cryptography",
        "libdouble-conversion3", "libgmp10", "libatomic1",
        *(() if version == "3.11" else ("libzstd1", "openssl-provider-legacy")),
    )  # fmt: skip


# OpenWrt 25.12's; no release of Debian here has it, nor is its source to be had, so it is tried on Debian's machines.
NEXT_PYTHON = next_python.VERSION
# Newer ones are compiled for this machine.
PURE = ("hypothesis==6.112.0", "attrs==24.2.0", "sortedcontainers==2.4.0")
# Those, what Debian has for the machine, and what is of this machine alone.
NOT_TAKEN = (
    "hypothesis", "_hypothesis", "attr", "sortedcontainers", "msgpack", "ujson", "Crypto", "cffi", "pycparser",
    "cryptography", "meterd", "__editable__", "__pycache__", "xdist", "pytest_xdist",
)  # fmt: skip
# Of the project, beside meterd itself: what its tests read.
TAKEN = (
    "tests", "tools", "docs", "benchmarks", "examples", "openwrt", "packaging", "setup.py", "pyproject.toml",
    "Makefile", "mkdocs.yml", "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "LICENSE", "MANIFEST.in",
)  # fmt: skip
# Little-endian with 32 bits, as the gateways' own arm_cortex-a7 and mipsel_24kc are: only when asked for.
TWICE = ("armhf", "mipsel")
WHOLE = "--whole"
# The peer meterbus calls Cryptodome by its older name.
OTHER_NAMES = {"Crypto/__init__.py": "from Cryptodome import __path__\n"}
# An emulated Python with ctypes may wait for ever in its own end, when all tests are over: it ends without.
PYTEST = "import os, sys, pytest; code = pytest.main(sys.argv[1:]); sys.stdout.flush(); os._exit(code)"
# On a gateway the compiled modules are one, under the names of all.
JOINED = "import meterd._crc, meterd._joined; assert meterd._crc is meterd._joined, 'they are not joined'; "
# What the peer dlms_cosem imports by name and these tests do not call, where it cannot be had: file → content.
NAMES_ALONE = {
    "cryptography/__init__.py": "",
    "cryptography/exceptions.py": "class InvalidTag(Exception): ...\n",
    "cryptography/hazmat/__init__.py": "",
    "cryptography/hazmat/primitives/__init__.py": "",
    "cryptography/hazmat/primitives/ciphers.py": "Cipher = algorithms = modes = None\n",
    "cryptography/hazmat/primitives/keywrap.py": "aes_key_unwrap = aes_key_wrap = None\n",
}


class Foreign:
    """One row: `name` as Debian or OpenWrt has it; `emulator` runs it (empty: this machine does).

    `target` is the compiler's name for a Debian machine, whose modules are compiled here, and empty for a gateway's,
    whose package has them. `python` is the version, the name's end where it is not the gateways'. `whole`: nothing is
    left out for being the same everywhere.
    """

    __slots__ = ("big_endian", "emulator", "loader", "name", "python", "target", "whole")

    def __init__(
        self,
        name: str,
        emulator: tuple[str, ...],
        target: str = "",
        loader: str = "",
        big_endian: bool = False,
        python: str = BUILT,
        whole: bool = False,
    ) -> None:
        self.name = name
        self.whole = whole
        self.python = python
        self.emulator = emulator
        self.target = target
        self.loader = loader
        self.big_endian = big_endian

    def root(self) -> Path:
        if not self.target:
            return python(MACHINES[self.name])
        return unpacked(self.name.partition("-")[0], packages(self.python), sid=self.python == NEXT_PYTHON)

    def left_out(self) -> dict[str, str]:
        alike = None if self.whole else COMPILED_ALONE.get(self.name)
        return {
            **(dict.fromkeys(without_compiled(), f"imports no compiled module, and {alike} runs it") if alike else {}),
            **LEFT_OUT,
            **(LEFT_OUT_BIG_ENDIAN if self.big_endian else {}),
            **({} if self.target else LEFT_OUT_GATEWAY),
            **(LEFT_OUT_EMULATED_SID if self.emulator and self.python == NEXT_PYTHON else {}),
            **(LEFT_OUT_MIPS if self.name.startswith("mips") else {}),
            **({} if self.whole else SAME_EVERYWHERE),
        }


FOREIGN = {
    row.name: row
    for row in (
        *(
            Foreign(
                row.name,
                () if row.name == OWN else row.emulator,
                loader=row.loader.lstrip("/"),
                big_endian=row.big_endian,
                whole=row.name == "mips_24kc",
            )
            for row in MACHINES.values()
        ),
        Foreign("s390x", ("qemu-s390x-static",), "s390x-linux-gnu", "lib/ld64.so.1", big_endian=True),
        Foreign("armhf", ("qemu-arm-static",), "arm-linux-gnueabihf", "lib/ld-linux-armhf.so.3"),
        Foreign("mipsel", ("qemu-mipsel-static",), "mipsel-linux-gnueabihf", "lib/ld.so.1"),
        Foreign("i386", (), "x86-linux-gnu", "lib/ld-linux.so.2"),
        Foreign(
            f"amd64-{NEXT_PYTHON}", (), "x86_64-linux-gnu", "lib64/ld-linux-x86-64.so.2", python=NEXT_PYTHON, whole=True
        ),
        Foreign(f"s390x-{NEXT_PYTHON}", ("qemu-s390x-static",), "s390x-linux-gnu", "lib/ld64.so.1", True, NEXT_PYTHON),
    )
}


def modules(row: Foreign, joined: bool = False) -> Path:
    """A folder with meterd's compiled modules for the machine's Python; a gateway's are always joined into one."""
    if not row.target:
        return meterd_modules(MACHINES[row.name])
    sources = sorted(path for pattern in SOURCES for path in PROJECT.glob(pattern))
    contents = {path.relative_to(PROJECT).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in sources}
    root = row.root()

    def make(folder: Path) -> None:
        work = folder.with_name(folder.name + "-work")
        shutil.rmtree(work, ignore_errors=True)
        for name in contents:
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT / name, work / name)
        if joined:
            join.join(work)
        compiler = work / "cc"
        compiler.write_text(f'#!/bin/sh\nexec "{zig()}" cc -target {row.target} "$@"\n')
        compiler.chmod(0o755)
        include = root / "usr" / "include"
        places = f"-I{include / f'python{row.python}'} -I{include}"
        size, link = (CFLAGS, LDFLAGS) if joined else ("-O2 -DNDEBUG -fwrapv", "-O2 -s")
        environment = {**os.environ, "CC": str(compiler), "LDSHARED": f"{compiler} -shared", "LDFLAGS": link,
                       "CFLAGS": f"{places} {size} -D__STRICT_ANSI__",
                       "_PYTHON_HOST_PLATFORM": f"linux-{row.name}"}  # fmt: skip
        log = f"foreign-{row.name}.log"
        command: list[str | Path] = [sys.executable, "setup.py", "--quiet", "build_ext", "--build-lib", work / "lib"]
        run(log, "nice", *command, cwd=work, env=environment)
        for built in (work / "lib" / "meterd").rglob("*.so"):
            place = folder / built.relative_to(work / "lib" / "meterd").with_name(built.name.partition(".")[0] + ".so")
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(built, place)
        shutil.rmtree(work)

    recipe: dict[str, object] = {"sources": contents, "root": root.name}
    if joined:
        recipe |= {"join": Path(join.__file__).read_text(), "flags": [CFLAGS, LDFLAGS]}
    return made(f"foreign-{row.name}", recipe, make)


def packed_ujson(row: Foreign) -> Path:
    """ujson.so as meterd's feed packs it, for the machine: without the C++ library that Debian's needs."""
    root = row.root()

    def make(folder: Path) -> None:
        compiler = [[str(zig()), language, "-target", row.target, "-D__STRICT_ANSI__"] for language in ("cc", "c++")]
        include = root / "usr" / "include"
        compile_ujson(folder, f"ujson-{row.name}.log", *compiler, (include / f"python{row.python}", include))

    recipe = {"requirement": UJSON, "root": root.name, "flags": [*COMPILE, *LINK]}
    return made(f"ujson-{row.name}", recipe, make) / "ujson.so"


def place(row: Foreign, folder: Path, joined: bool = False) -> Path:
    """Fill a folder with meterd for the machine, the tests, and the pure Python packages that they use."""
    ignore = shutil.ignore_patterns("*.so", "__pycache__", "*.pyx")
    shutil.copytree(PROJECT / "meterd", folder / "meterd", ignore=ignore)
    shutil.copytree(modules(row, joined), folder / "meterd", dirs_exist_ok=True)
    if not row.target:
        join.stubs([join.module_of(path, PROJECT) for path in join.compiled(PROJECT)[0]], folder)
    for name in TAKEN:
        if (PROJECT / name).is_dir():
            shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif (PROJECT / name).exists():
            shutil.copy(PROJECT / name, folder / name)
    _fill_site(folder / "site")
    for built in third_parties(row):
        shutil.copytree(built, folder / "site", dirs_exist_ok=True)
    for name, content in {**OTHER_NAMES, **({} if row.target else NAMES_ALONE)}.items():
        (folder / "site" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "site" / name).write_text(content)
    return folder


def _fill_site(target: Path) -> None:
    """What this machine's own tests import, as far as it is pure Python."""
    site = Path(sysconfig.get_paths()["purelib"])
    native = {path.relative_to(site).parts[0] for path in site.rglob("*.so")}
    target.mkdir()
    for path in site.iterdir():
        if path.name.startswith(NOT_TAKEN):
            continue
        if path.is_dir() and path.name not in native - {"crcmod", "simplejson"}:
            shutil.copytree(path, target / path.name, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
        elif path.suffix == ".py":
            shutil.copy(path, target)


def third_parties(row: Foreign) -> list[Path]:
    """Folders with what is made for the machine, or made to be pure Python."""
    found = [pure(requirement) for requirement in PURE]
    if not row.target:
        machine = MACHINES[row.name]
        found += [msgpack(machine), ujson(machine), foreign_parts(machine)]
    return found


def command(row: Foreign, folder: Path) -> list[str]:
    """What runs the machine's Python with meterd's folder on its path."""
    root = row.root()
    settings = {
        "PYTHONHOME": f"{root}/usr",
        "PYTHONPATH": f"{folder}:{folder / 'site'}:{root / 'usr/lib/python3/dist-packages'}",
    }
    for ciphers in root.glob("usr/lib/*/ossl-modules"):
        settings["OPENSSL_MODULES"] = str(ciphers)
    words = [f"{name}={value}" for name, value in settings.items()]
    interpreter = f"{root}/usr/bin/python{row.python}"
    if not row.emulator:
        folders = (root / "lib", *root.glob("lib/*-gnu"), *root.glob("usr/lib/*-gnu"))
        libraries = ":".join(map(str, folders))
        return ["env", *words, str(root / row.loader), "--library-path", libraries, interpreter]
    emulator = program(row.emulator[0], "qemu-user-static")
    given = [part for word in words for part in ("-E", word)]
    return [emulator, *row.emulator[1:], "-L", str(root), *given, interpreter]


def _able_to_start_itself(words: list[str], folder: Path) -> None:
    """Tests start further Pythons by sys.executable; the kernel cannot, so that becomes a script which can.

    A test's own PYTHONPATH comes first.
    """
    script = folder / "python"
    own = [word.replace("PYTHONPATH=", 'PYTHONPATH="${PYTHONPATH:+$PYTHONPATH:}"') for word in words]
    script.write_text("#!/bin/sh\nexec " + " ".join(own) + ' "$@"\n')
    script.chmod(0o755)
    (folder / "site" / "sitecustomize.py").write_text(f"import sys\n\nsys.executable = {str(script)!r}\n")


def tested(row: Foreign, folder: Path, *which: str) -> int:
    """Run the unit tests, or some; returns pytest's exit code."""
    # One file that cannot be read hides no other.
    words = [
        "--continue-on-collection-errors",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:randomly",
        "-o",
        "timeout=600",
        "-o",
        "faulthandler_timeout=0",
    ]
    for name, reason in row.left_out().items():
        print(f"left out: {name}: {reason}", flush=True)
        words.append(f"--{'deselect' if '::' in name else 'ignore'}=tests/unit/{name}")
    python = command(row, place(row, folder))
    _able_to_start_itself(python, folder)
    code = PYTEST if row.target else JOINED + PYTEST
    words = ["nice", *python, "-B", "-c", code, "-rs", *words, *(which or ("tests/unit",))]
    return subprocess.run(words, cwd=folder, check=False).returncode


def _one(name: str, whole: bool, *which: str) -> int:
    """Returns 1 if the tests failed, or could not be run."""
    print(f"unit tests on the Python of {name}", flush=True)
    FOREIGN[name].whole |= whole
    try:
        with tempfile.TemporaryDirectory() as folder:
            return int(tested(FOREIGN[name], Path(folder) / "meterd", *which) != 0)
    except ToolMissing as missing:
        print(f"not run: {missing}")
        return 1


def _in_a_process_of_its_own(name: str, whole: bool, *which: str) -> tuple[str, subprocess.CompletedProcess[str]]:
    command = [sys.executable, "-m", "tools.gateway.prove.foreign", name, *([WHOLE] if whole else []), *which]
    return name, subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def main(words: list[str]) -> int:
    """Returns 1 if the tests failed, or could not be run, on any machine; all of them are tried."""
    whole = WHOLE in words
    which = [word for word in words if word.startswith("tests/")]
    names = [word for word in words if word not in (WHOLE, *which)] or [name for name in FOREIGN if name not in TWICE]
    if len(names) == 1:
        return _one(names[0], whole, *which)
    # Those with the most to do begin.
    names.sort(key=lambda name: not FOREIGN[name].whole)
    failed: list[str] = []
    with ThreadPoolExecutor(os.cpu_count()) as cores:
        for ended in as_completed([cores.submit(_in_a_process_of_its_own, name, whole, *which) for name in names]):
            name, tests = ended.result()
            print(tests.stdout, end="", flush=True)
            if tests.returncode:
                failed.append(name)
    print(f"unit tests failed on {', '.join(failed)}" if failed else "unit tests passed on all", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
