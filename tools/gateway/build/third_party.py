"""What other projects bring, for a machine: ujson, which OpenWrt's feed lacks, and for the rig what the feed has."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from .cache import ToolMissing, made, program, run
from .compiled import CFLAGS, LDFLAGS, PROJECT, strip
from .toolchain import compiler, headers, headers_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .machines import Machine

UJSON = "ujson==6.1.0"
MSGPACK = "msgpack==1.2.1"
PYSERIAL = "pyserial==3.5"
# Of npm's registry; what it must be, to the last bit, is said by the digest of its archive.
UPLOT = "uplot@1.6.32"
UPLOT_SHA256 = "4b8a8191e425658e3ea8c8c1314b0fc679c861ee3a1af2b20c7b16ba50b5133d"
# What of it is used → under which name.
UPLOT_FILES = {"dist/uPlot.iife.min.js": "uPlot.js", "dist/uPlot.min.css": "uPlot.css", "LICENSE": "uPlot.LICENSE"}
# Works at build time only.
ZOPFLI = "zopfli==0.4.3"
# As many blocks, each with codes of its own, as it takes: byte code, text and machine code follow one another.
ZOPFLI_HOW = "blocksplittingmax=0"
PACKED = "packed.gz"
# All that ujson's float conversion needs of a C++ library; the library itself would be ten times as large as ujson.
NEW_AND_DELETE = PROJECT / "openwrt" / "python3-ujson" / "files" / "new_and_delete.cc"
# The one place where it asks for a locale, always the classic one (string-to-double.cc).
CLASSIC_LOCALE = re.compile(
    r"static const std::ctype<char>& (\w+) =\s*std::use_facet<std::ctype<char> >\([^;]*;\s*return \1\.tolower\(ch\);"
)
WITHOUT_LOCALE = "return 'A' <= ch && ch <= 'Z' ? ch - 'A' + 'a' : ch;"
PLAIN_CPP = ("-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics")
COMPILE = ("-g0", "-fPIC", "-w", *CFLAGS.split())
LINK = ("-shared", *LDFLAGS.split())


def sdist(requirement: str) -> Path:
    """A source distribution, unpacked."""

    def make(folder: Path) -> None:
        name = requirement.partition("==")[0]
        log = f"sdist-{name}.log"
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", f"--no-binary={name}"]
        run(log, *pip, "--dest", folder / "download", requirement)
        archive = next((folder / "download").iterdir())
        run(log, "tar", "-xf", archive, "-C", folder, "--strip-components=1")
        shutil.rmtree(folder / "download")

    return made(f"sdist-{requirement.replace('==', '-')}", {"requirement": requirement}, make)


def npm(requirement: str, sha256: str) -> Path:
    """A package of npm's registry, unpacked. Raises: ToolMissing without npm, RuntimeError where it is another one."""

    def make(folder: Path) -> None:
        log = f"npm-{requirement.partition('@')[0]}.log"
        program("npm", "npm")
        run(log, "npm", "pack", requirement, "--silent", "--pack-destination", folder)
        [archive] = folder.glob("*.tgz")
        if hashlib.sha256(archive.read_bytes()).hexdigest() != sha256:
            raise RuntimeError(f"{requirement}: npm brings another archive than was pinned")
        run(log, "tar", "-xf", archive, "-C", folder, "--strip-components=1")
        archive.unlink()

    return made(f"npm-{requirement}", {"requirement": requirement, "sha256": sha256}, make)


def uplot() -> dict[str, Path]:
    """uPlot's files by the names that the page has for them; none, with a word, where there is no npm."""
    try:
        folder = npm(UPLOT, UPLOT_SHA256)
    except ToolMissing as missing:
        print(f"meterd-page is without uPlot, and draws its own charts: {missing}", file=sys.stderr)
        return {}
    return {name: folder / place for place, name in UPLOT_FILES.items()}


def _recipe(machine: Machine, requirement: str) -> dict[str, object]:
    return {
        "requirement": requirement,
        "python": headers_of(machine),
        "compile": COMPILE,
        "link": LINK,
        "shim": (NEW_AND_DELETE.read_text(), WITHOUT_LOCALE, PLAIN_CPP),
    }


def ujson(machine: Machine) -> Path:
    """A folder with ujson.so; the C++ of its float conversion is linked in, so it needs no libstdc++."""

    def make(folder: Path) -> None:
        log = f"ujson-{machine.name}.log"
        tools = compiler(machine)
        compile_ujson(folder, log, (tools / "cc",), (tools / "c++",), headers(machine))
        strip(machine, folder / "ujson.so", log)

    return made(f"ujson-{machine.name}", _recipe(machine, UJSON), make)


def compile_ujson(
    folder: Path, log: str, c: Sequence[Path | str], cpp: Sequence[Path | str], include: Sequence[Path]
) -> None:
    """Make ujson.so in the folder; `c` and `cpp` are the words that begin a compiler's command."""
    source = sdist(UJSON) / "src" / "ujson"
    floats = source / "deps" / "double-conversion" / "double-conversion"
    flags = [*COMPILE, "-D_GNU_SOURCE", f'-DUJSON_VERSION="{UJSON.partition("==")[2]}"']
    flags += [f"-I{path}" for path in (*include, source, floats)]
    allocation = folder / NEW_AND_DELETE.name
    shutil.copy(NEW_AND_DELETE, allocation)
    reading = folder / "string-to-double.cc"
    text, replaced = CLASSIC_LOCALE.subn(WITHOUT_LOCALE, (floats / reading.name).read_text())
    if replaced != 1:
        raise RuntimeError(f"{UJSON}: string-to-double.cc is not as it was")
    reading.write_text(text)
    sources = [path for path in sorted(floats.glob("*.cc")) if path.name != reading.name]
    sources += [*sorted(source.glob("*.c")), source / "dconv_wrapper.cc", reading, allocation]
    objects: list[Path] = []
    for path in sources:
        objects.append(folder / (path.stem + ".o"))
        words = (*cpp, *PLAIN_CPP) if path.suffix == ".cc" else c
        run(log, "nice", *words, "-c", *flags, path, "-o", objects[-1])
    run(log, *c, *LINK, *objects, "-o", folder / "ujson.so")
    for path in (*objects, reading, allocation):
        path.unlink()


def licences() -> dict[str, str]:
    """What the packages' own licences and those of what is linked into them ask to be passed on, by package."""
    floats = "deps/double-conversion/double-conversion/LICENSE"
    parts = [
        sdist(UJSON) / "LICENSE.txt",
        *(path for path in sdist(UJSON).rglob("LICENSE") if floats in path.as_posix()),
    ]
    linked = "\n\n".join(path.read_text() for path in parts)
    found = {"meterd.txt": (PROJECT / "LICENSE").read_text(), "python3-ujson.txt": linked}
    found.update({f"meterd-page-{name}.txt": path.read_text() for name, path in uplot().items() if "LICENSE" in name})
    return found


def msgpack(machine: Machine) -> Path:
    """A folder with the msgpack package, as the standard feed's python3-msgpack installs it."""

    def make(folder: Path) -> None:
        log = f"msgpack-{machine.name}.log"
        work = folder.with_name(folder.name + "-work")
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(sdist(MSGPACK), work)
        if not (work / "msgpack" / "_cmsgpack.c").exists():
            run(log, sys.executable, "-m", "cython", "-3", "msgpack/_cmsgpack.pyx", cwd=work)
        leave = shutil.ignore_patterns("*.pyx", "*.c", "*.h", "*.pyi")
        shutil.copytree(work / "msgpack", folder / "msgpack", ignore=leave)
        order = "-D__BIG_ENDIAN__=1" if machine.big_endian else "-D__LITTLE_ENDIAN__=1"
        module = folder / "msgpack" / "_cmsgpack.so"
        flags = [*COMPILE, order, *(f"-I{path}" for path in (*headers(machine), work, work / "msgpack"))]
        run(log, "nice", compiler(machine) / "cc", *flags, *LINK, work / "msgpack" / "_cmsgpack.c", "-o", module)
        strip(machine, module, log)
        shutil.rmtree(work)

    return made(f"msgpack-{machine.name}", _recipe(machine, MSGPACK), make)


def small_gzip(data: bytes) -> bytes:
    """A gzip file a few percent smaller than zlib's best, by trying for longer; the same data gives the same bytes.

    It is kept, for most packages are the same on every machine, and are asked for by several proofs.
    """

    def make(folder: Path) -> None:
        (folder / PACKED).write_bytes(_zopfli(data))

    recipe = {"data": hashlib.sha256(data).hexdigest(), "requirement": ZOPFLI, "how": ZOPFLI_HOW}
    return (made("gzip", recipe, make, told=False) / PACKED).read_bytes()


def _zopfli(data: bytes) -> bytes:
    def make(folder: Path) -> None:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
        run("zopfli.log", *pip, "--target", folder, ZOPFLI)

    place = made("zopfli", {"requirement": ZOPFLI, "python": sys.version_info[:2]}, make)
    program = (
        f"import sys, zopfli.gzip as z; sys.stdout.buffer.write(z.compress(sys.stdin.buffer.read(), {ZOPFLI_HOW}))"
    )
    environment = {**os.environ, "PYTHONPATH": str(place)}
    done = subprocess.run(
        [sys.executable, "-c", program], input=data, stdout=subprocess.PIPE, env=environment, check=True
    )
    return done.stdout


def pure(requirement: str) -> Path:
    """A folder with a pure Python package, as pip installs it."""

    def make(folder: Path) -> None:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"]
        run(f"pure-{requirement}.log", *pip, "--target", folder, requirement)

    return made(f"pure-{requirement.replace('==', '-')}", {"requirement": requirement}, make)
