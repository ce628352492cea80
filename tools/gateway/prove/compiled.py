"""What the compiled code weighs and costs, against what it cost at an earlier commit.

`python -m tools.gateway.prove.compiled [COMMIT]` prints for the emulated 24Kc the bytes of the joined module, the
instructions that importing it takes and those of one round of `compiled_work.py`; and, with valgrind, those of the
round on this machine, module by module as `make build` compiles them. COMMIT (default: the last one whose compiled code
was one module) is built with the flags of its time beside it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from ..build import join
from ..build.cache import ToolMissing, made, program, run
from ..build.compiled import PROJECT, cross_environment, meterd_modules, strip
from ..build.machines import MACHINES
from ..build.third_party import ujson
from ..build.toolchain import PYTHON, python
from .gateway_root import light_python, shell
from .instructions import output_of

ONE_MODULE = "f07573a"
MACHINE = MACHINES["mips_24kc"]
MOST_BYTES, MOST_IMPORT, MOST_RATIO = 270_000, 2_400_000, 1.01
ROUNDS = 60
WORK = Path(__file__).with_name("compiled_work.py")
_END = re.compile(r"instructions end 0 (\d+)")
_REFS = re.compile(r"I\s+refs:\s+([\d,]+)")


class Tree:
    """The sources of a commit (None: as they lie here), what its compiled modules are called, and what they need."""

    def __init__(self, folder: Path, commit: str | None) -> None:
        self.folder = folder
        if commit is None:
            shutil.copytree(PROJECT / "meterd", folder / "meterd", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
            for name in ("setup.py", "pyproject.toml"):
                shutil.copy(PROJECT / name, folder)
        else:
            archive = folder / "tree.tar"
            words = ["git", "archive", "-o", str(archive), commit, "meterd", "setup.py", "pyproject.toml"]
            subprocess.run(words, cwd=PROJECT, check=True)
            run("tree.log", "tar", "-xf", archive, "-C", folder)
        (folder / "README.md").touch()
        self.modules = [join.module_of(path, folder) for path in sorted((folder / "meterd").rglob("_*.pyx"))]
        text = "".join(path.read_text() for path in (folder / "meterd").rglob("_*.pyx"))
        found = re.findall(r"^from \.+((?:gateway\.)?(?!_)[a-z_]+|_cosem) import", text, re.MULTILINE)
        self.needed = sorted({"meterd." + name for name in found})

    def compiled_for(self, machine_name: str, commit: str | None) -> Path:
        """The folder with the machine's .so files."""
        machine = MACHINES[machine_name]
        if commit is None:
            return meterd_modules(machine)

        def make(folder: Path) -> None:
            environment = cross_environment(machine, folder / "sysconfig")
            flags = {name: environment[name].replace("-mips16 -Os -flto ", "") for name in ("LDFLAGS", "CFLAGS")}
            environment |= {name: words.replace(" -flto", "") for name, words in flags.items()}
            words: list[str | Path] = [
                sys.executable,
                "setup.py",
                "--quiet",
                "build_ext",
                "--build-lib",
                folder / "lib",
            ]
            run("compiled.log", "nice", *words, cwd=self.folder, env=environment)
            (built,) = (folder / "lib" / "meterd").glob("*.so")
            shutil.copy(built, folder / "_core.so")
            strip(machine, folder / "_core.so", "compiled.log")

        return made(f"compiled-{commit}-{machine_name}", {"commit": commit, "python": python(machine).name}, make)


def emulated(tree: Tree, objects: Path, joined: bool) -> tuple[float, float]:
    """(instructions of the import, of one round) on the gateway's processor."""
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "root"
        shutil.copytree(light_python(MACHINE), root, symlinks=True)
        shell(root)
        site = root / "site"
        shutil.copytree(
            tree.folder / "meterd", site / "meterd", ignore=shutil.ignore_patterns("*.so", "*.pyx", "*.pxd")
        )
        for built in objects.glob("*.so"):
            shutil.copy(built, site / "meterd")
        shutil.copy(ujson(MACHINE) / "ujson.so", site)
        shutil.copy(WORK, site)
        modules = "meterd._joined" if joined else ",".join(tree.modules)

        def count(what: str) -> int:
            words = [f"/usr/bin/python{PYTHON}", "-SB", "/site/compiled_work.py", what, ",".join(tree.needed), modules]
            text = output_of(root, words, 300.0, enough=lambda said: bool(_END.search(said)))
            found = _END.search(text)
            if found is None or "Traceback" in text:
                raise RuntimeError(f"{what}: it said:\n{text}")
            return int(found[1])

        imported = count("import")
        return imported - count("bare"), (count(str(2 * ROUNDS)) - count(str(ROUNDS))) / ROUNDS


def here(tree: Tree) -> float:
    """Instructions of one round on this machine. Raises: ToolMissing."""
    valgrind = program("valgrind", "valgrind")
    build = [sys.executable, "setup.py", "--quiet", "build_ext", "--inplace"]
    run("compiled-here.log", "nice", *build, cwd=tree.folder)
    environment = {"PYTHONPATH": str(tree.folder), "PYTHONHASHSEED": "0", "PATH": "/usr/bin:/bin"}

    def count(rounds: int) -> int:
        words = [
            valgrind,
            "--tool=cachegrind",
            "--cache-sim=no",
            "--cachegrind-out-file=/dev/null",
            sys.executable,
            "-B",
        ]
        words += [str(WORK), str(rounds), ",".join(tree.needed), ",".join(tree.modules)]
        said = subprocess.run(words, env=environment, cwd=tree.folder, capture_output=True, text=True, check=True)
        found = _REFS.search(said.stderr)
        assert found is not None, said.stderr
        return int(found[1].replace(",", ""))

    return (count(2 * ROUNDS) - count(ROUNDS)) / ROUNDS


def judged(figure: float, most: float) -> str:
    return f"{figure:,.0f} ({'at most' if figure <= most else 'MORE than'} {most:,.0f})"


def main(words: list[str]) -> int:
    commit = words[0] if words else ONE_MODULE
    failed = False
    with tempfile.TemporaryDirectory() as now, tempfile.TemporaryDirectory() as then:
        trees = Tree(Path(now), None), Tree(Path(then), commit)
        objects = trees[0].compiled_for(MACHINE.name, None), trees[1].compiled_for(MACHINE.name, commit)
        size = sum(path.stat().st_size for path in objects[0].glob("*.so"))
        (imported, work), before = emulated(trees[0], objects[0], True), emulated(trees[1], objects[1], False)
        before_size = (objects[1] / "_core.so").stat().st_size
        rows = [
            ("bytes of the joined module", size, MOST_BYTES, before_size),
            ("instructions to import it", imported, MOST_IMPORT, before[0]),
            ("instructions of a round of work", work, before[1] * MOST_RATIO, before[1]),
        ]
        try:
            figures = here(trees[0]), here(trees[1])
            rows.append(("the same here, module by module", figures[0], figures[1] * MOST_RATIO, figures[1]))
        except ToolMissing as missing:
            print(f"not counted on this machine: {missing}")
        for what, figure, most, earlier in rows:
            print(f"{what}: {judged(figure, most)}; {commit}: {earlier:,.0f}")
            failed |= figure > most
    return int(failed)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except ToolMissing as missing:
        print(f"not counted: {missing}")
