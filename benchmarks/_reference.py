"""Small C programs of our own in `reference/`, which do the same work as a part of meterd: what the machine allows.

Each is one file, compiled by this machine's gcc with -O2 when it is first asked for, into `build/reference`, under a
name that changes with its source. Where there is no compiler the rows that need one are left out, with a word.
"""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

from tools.gateway.build.cache import ToolMissing, program

ROOT = Path(__file__).resolve().parents[1]
SOURCES = Path(__file__).with_name("reference")
BUILT = ROOT / "build" / "reference"
OPTIONS = ("-O2", "-std=gnu11", "-Wall", "-Wextra", "-Wno-sign-compare")


def built(name: str) -> Path:
    """The program made of `reference/<name>.c`. Raises: ToolMissing where no gcc is, RuntimeError with its words."""
    source = SOURCES / f"{name}.c"
    compiler = program("gcc", "gcc libc6-dev")
    digest = hashlib.sha256(source.read_bytes() + " ".join(OPTIONS).encode()).hexdigest()[:12]
    made = BUILT / f"{name}-{digest}"
    if made.exists():
        return made
    BUILT.mkdir(parents=True, exist_ok=True)
    half = made.with_suffix(".half")
    done = subprocess.run([compiler, *OPTIONS, source, "-o", half, "-lm"], capture_output=True, text=True, check=False)
    if done.returncode and "stdio.h" in done.stderr:
        raise ToolMissing("the C library's headers are missing: apt install libc6-dev")
    if done.returncode:
        raise RuntimeError(f"{source}:\n{done.stderr}")
    half.replace(made)
    return made
