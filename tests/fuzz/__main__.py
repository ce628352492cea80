"""Fuzzes every decoder on a build with sanitizers: `python -m tests.fuzz [--target NAME] [--runs N] [--seconds S]`.

The sources are copied to build/fuzz and built there with METERD_DEBUG=1, so that the build in the work tree stays as
it is. Each target runs in a process of its own with the sanitizer's runtime preloaded and with plain malloc, so that
every object has its own guarded memory. An input on which the process dies, an exception escapes or more than
`HANG_S` pass is written to tests/fuzz/corpus/<target>/crash-… and the run fails.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from . import engine
from .worker import HEADER, SLATE

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "fuzz"
HANG_S = 10.0  # for one input; the sanitizers slow everything down some five times
WATCH_S = 0.25
RUNS = 200_000


def sources() -> list[Path]:
    kept = {".py", ".pyx", ".pxd", ".json"}
    found = [path for path in (ROOT / "meterd").rglob("*") if path.suffix in kept and "__pycache__" not in path.parts]
    return sorted([ROOT / "setup.py", ROOT / "pyproject.toml", *found])


def build() -> Path:
    """Make the sanitizer build if the sources have changed since; returns the folder to run in."""
    tree = {path.relative_to(ROOT): path.read_bytes() for path in sources()}
    compiled = {".pyx", ".pxd"}
    digest = hashlib.sha256(repr([(name, tree[name]) for name in tree if name.suffix in compiled]).encode()).hexdigest()
    stamp = BUILD / "stamp"
    fresh = stamp.exists() and stamp.read_text() == digest
    if not fresh:
        shutil.rmtree(BUILD, ignore_errors=True)
    for name, content in tree.items():
        path = BUILD / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    if not fresh:
        print("building with sanitizers …", flush=True)
        command = [sys.executable, "-W", "ignore", "setup.py", "--quiet", "build_ext", "--inplace"]
        environment = {**os.environ, "METERD_DEBUG": "1"}
        subprocess.run(command, cwd=BUILD / "source", env=environment, check=True, stdout=subprocess.DEVNULL)
        stamp.write_text(digest)
    return BUILD / "source"


def sanitizer_runtime() -> str:
    compiler = os.environ.get("CC", "gcc").split()  # such as "ccache gcc"
    return subprocess.run(
        [*compiler, "-print-file-name=libasan.so"], check=True, capture_output=True, text=True
    ).stdout.strip()


def environment(folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}",
        "PYTHONMALLOC": "malloc",
        "PYTHONDONTWRITEBYTECODE": "1",
        "LD_PRELOAD": sanitizer_runtime(),
        # The sanitizers' runtime and a library bound deeply do not go together (Cryptodome/Util/_raw_api.py).
        "PYCRYPTODOME_DISABLE_DEEPBIND": "1",
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1:quarantine_size_mb=16",
        "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    }


def last_input(slate: Path) -> tuple[int, bytes]:
    board = slate.read_bytes()
    number, length = HEADER.unpack_from(board)
    return number, board[HEADER.size : HEADER.size + length]


def watch(process: subprocess.Popen[str], slate: Path) -> str:
    """Wait for the worker's end; returns '' or why it was killed."""
    number, since = -1, time.monotonic()
    while process.poll() is None:
        time.sleep(WATCH_S)
        current, _ = last_input(slate)
        if current != number:
            number, since = current, time.monotonic()
        elif time.monotonic() - since > HANG_S:
            process.kill()
            process.wait()
            return f"hangs: one input took more than {HANG_S:g} s"
    return ""


def fuzz(name: str, folder: Path, runs: int, seconds: float, seed: int) -> bool:
    """Run one target and report; False if it broke."""
    with tempfile.TemporaryDirectory() as scratch:
        slate, report = Path(scratch) / "slate", Path(scratch) / "report"
        slate.write_bytes(bytes(SLATE))
        command = [sys.executable, "-m", "tests.fuzz.worker", name, str(slate), str(runs), str(seconds), str(seed)]
        start = time.monotonic()
        with report.open("w") as output:
            process = subprocess.Popen(
                command, cwd=folder, env=environment(folder), stdout=subprocess.PIPE, stderr=output, text=True
            )
            verdict = watch(process, slate)
        elapsed = time.monotonic() - start
        assert process.stdout is not None
        printed = process.stdout.read().split()
        process.stdout.close()
        if process.returncode == 0 and printed:
            count = int(printed[-1])
            print(
                f"{name:<20} {count:>10} inputs, {count / elapsed:>8.0f}/s, seed {seed}: no crash, no hang", flush=True
            )
            return True
        number, data = last_input(slate)
        crasher = engine.CORPUS / name / f"crash-{hashlib.sha256(data).hexdigest()[:12]}"
        crasher.parent.mkdir(parents=True, exist_ok=True)
        crasher.write_bytes(data)
        verdict = verdict or f"ended with {process.returncode}"
        print(f"{name:<20} BROKE at input {number}, seed {seed}: {verdict}; kept as {crasher.relative_to(ROOT)}")
        print(report.read_text()[-6000:], flush=True)
        return False


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.split("\n")[0])
    parser.add_argument("--target", action="append", choices=engine.names(), help="this one only; may be repeated")
    parser.add_argument("--runs", type=int, default=RUNS, help=f"inputs per target (default {RUNS})")
    parser.add_argument("--seconds", type=float, default=1e9, help="time limit per target (default none)")
    parser.add_argument("--seed", type=int, default=1, help="another seed, other inputs")
    options = parser.parse_args()
    folder = build()
    chosen = options.target or engine.names()
    good = [fuzz(name, folder, options.runs, options.seconds, options.seed) for name in chosen]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
