"""`make release`: the sdist and a wheel made from it, and the proof that they stand by themselves.

The sdist must hold every file that git has, for whoever packages it must be able to test it. The wheel is made from the
unpacked sdist, not from this tree. Then fresh virtual environments: one with the wheel alone reads simulated meters,
and has the man page and the completions; one with the wheel runs the unit tests as cibuildwheel would, one of the
unpacked sdist runs all of them. `--wheel` leaves the last two out.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DIST = ROOT / "build" / "release"
CROWD = ("-n", str(os.cpu_count()))
PIP = ("-m", "pip", "--disable-pip-version-check", "--quiet")
# What a wheel lays beside a program's bin.
SHARED = ("share/man/man1/meterd.1", "share/bash-completion/completions/meterd", "share/zsh/site-functions/_meterd")


def run(*words: str | Path, cwd: Path | None = None) -> str:
    """Run it, show what it says where it fails. Raises: SystemExit."""
    found = subprocess.run(
        [str(word) for word in words], cwd=cwd, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if found.returncode:
        raise SystemExit(f"{' '.join(map(str, words))}\n{found.stdout}\nended with {found.returncode}")
    return found.stdout


def missing(sdist: Path) -> list[str]:
    """Files of the repository that the sdist lacks."""
    with tarfile.open(sdist) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    return [name for name in run("git", "ls-files", cwd=ROOT).splitlines() if name not in held]


def superfluous(wheel: Path) -> list[str]:
    """Files of the wheel that no installation needs: sources to compile, C, tests."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    return [name for name in names if name.endswith((".pyx", ".pxd", ".c")) or name.startswith(("tests/", "tools/"))]


def environment(folder: Path, *requirements: str) -> Path:
    """A fresh virtual environment; its bin folder."""
    run(sys.executable, "-m", "venv", folder)
    if requirements:
        run(folder / "bin" / "python", *PIP, "install", *requirements)
    return folder / "bin"


def build(tools: Path) -> tuple[Path, Path]:
    """The sdist and the wheel made from it, in build/release."""
    shutil.rmtree(DIST, ignore_errors=True)
    run(tools / "python", "-m", "build", "--outdir", DIST, ROOT)
    (sdist,), (wheel,) = DIST.glob("*.tar.gz"), DIST.glob("*.whl")
    run(tools / "twine", "check", "--strict", sdist, wheel)
    return sdist, wheel


def try_wheel(wheel: Path, folder: Path) -> None:
    bin = environment(folder, str(wheel))
    for name in SHARED:
        if not (folder / name).is_file():
            raise SystemExit(f"{wheel.name} does not install {name}")
    readings = run(bin / "meterd", "demo", "--duration", "5", cwd=folder).count('"quality":"good"')
    if not readings:
        raise SystemExit(f"{wheel.name} in a fresh environment reads nothing in the demo")
    print(f"wheel alone: {readings} good readings in five seconds of the demo")


def unpacked(sdist: Path, folder: Path) -> Path:
    folder.mkdir()
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (source,) = folder.iterdir()
    return source


def try_tests_of_wheel(wheel: Path, source: Path, folder: Path) -> None:
    """What cibuildwheel does in a container of each Python, by its own lines of pyproject.toml."""
    wanted = tomllib.loads((source / "pyproject.toml").read_text())["tool"]["cibuildwheel"]
    bin = environment(folder, f"{wheel}[{','.join(wanted['test-extras'])}]", "pytest-xdist")
    beside = folder / "beside"
    beside.mkdir()
    for name in wanted["test-sources"]:
        copy = shutil.copytree if (source / name).is_dir() else shutil.copy
        copy(source / name, beside / name)
    command = [bin / "python", "-m", *shlex.split(wanted["test-command"])]
    print(f"unit tests of the wheel: {run(*command, *CROWD, cwd=beside).strip().splitlines()[-1]}", flush=True)


def try_tests_of_sdist(source: Path) -> None:
    bin = environment(source / ".venv")
    run(bin / "python", *PIP, "install", "--editable", ".[test]", cwd=source)
    said = run(bin / "python", "-m", "pytest", "-q", *CROWD, "tests/unit", cwd=source)
    print(f"unit tests of the sdist: {said.strip().splitlines()[-1]}", flush=True)


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="meterd-release-") as name:
        folder = Path(name)
        sdist, wheel = build(environment(folder / "tools", "build", "twine"))
        if lacking := missing(sdist):
            raise SystemExit(f"{sdist.name} lacks {len(lacking)} files of the repository: {', '.join(lacking[:10])}")
        if surplus := superfluous(wheel):
            raise SystemExit(f"{wheel.name} has what no installation needs: {', '.join(surplus[:10])}")
        print(f"{sdist.name} {sdist.stat().st_size:,} B, {wheel.name} {wheel.stat().st_size:,} B")
        try_wheel(wheel, folder / "wheel")
        if "--wheel" not in sys.argv[1:]:
            source = unpacked(sdist, folder / "sdist")
            try_tests_of_wheel(wheel, source, folder / "tested")
            try_tests_of_sdist(source)
    return 0


if __name__ == "__main__":
    sys.exit(main())
