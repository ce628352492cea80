"""The cache of what is slow to make: each thing lies in a folder named after everything that went into it.

A folder is made beside its place and moved there whole, so what is there is complete. METERD_GATEWAY_CACHE names
another place than ~/.cache/meterd-gateway.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

ROOT = Path(os.environ.get("METERD_GATEWAY_CACHE") or Path.home() / ".cache" / "meterd-gateway")
LOGS = ROOT / "logs"
OF_MAKE = ("MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "MAKELEVEL", "ARCH")


class ToolMissing(Exception):
    """The machine lacks a program or a package; the text says which and how to get it."""


def made(name: str, recipe: Mapping[str, Any], make: Callable[[Path], None], told: bool = True) -> Path:
    """The folder `name`-<hash of recipe>, made by `make(folder)` unless it is there; unless `told`, without a word."""
    digest = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:12]
    place = ROOT / f"{name}-{digest}"
    if place.exists():
        return place
    ROOT.mkdir(parents=True, exist_ok=True)
    with open(ROOT / f".{name}-{digest}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if place.exists():
            return place
        started = time.monotonic()
        if told:
            print(f"{place.name}: being made", file=sys.stderr, flush=True)
        # Some things remember where they were made, so a half-made one is marked by its lock and made anew.
        half = ROOT / f"{name}-{digest}.half"
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir()
        make(half)
        half.rename(place)
        if told:
            print(f"{place.name}: made in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    return place


def run(log: str, *command: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> None:
    """Run one step of a recipe; its output goes to logs/<log>. Raises: ToolMissing, RuntimeError with the log's end.

    What a make above this process was told (`make ipk ARCH=…`) is kept from a make below it.
    """
    LOGS.mkdir(parents=True, exist_ok=True)
    path = LOGS / log
    words = [str(word) for word in command]
    with open(path, "ab") as output:
        output.write(("$ " + " ".join(words) + "\n").encode())
        output.flush()
        try:
            code = subprocess.run(
                words,
                cwd=cwd,
                env={name: value for name, value in (env or os.environ).items() if name not in OF_MAKE},
                stdout=output,
                stderr=output,
                check=False,
            ).returncode
        except FileNotFoundError:
            raise ToolMissing(f"{words[0]} is missing") from None
    if code:
        tail = path.read_text(errors="replace").splitlines()[-15:]
        raise RuntimeError(f"{' '.join(words)}: exit {code}; {path} ends:\n" + "\n".join(tail))


def program(name: str, package: str) -> str:
    """The path of a program. Raises: ToolMissing, naming the Debian package that has it."""
    found = shutil.which(name)
    if found is None:
        raise ToolMissing(f"{name} is missing: apt install {package}")
    return found
