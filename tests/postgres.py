"""A PostgreSQL of its own for a test: no port, a socket in a folder, gone when the test is over."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

PROGRAMS = Path("/usr/lib/postgresql")


@contextmanager
def postgres() -> Iterator[str]:
    """Where it is, as psycopg takes it. Skips where there is none."""
    versions = sorted(PROGRAMS.glob("*/bin/initdb"))
    if not versions:
        pytest.skip("postgresql is missing: apt install postgresql")
    programs = versions[-1].parent
    # Not a test's own folder: another user must reach it, and the name of a socket is short.
    folder = Path(tempfile.mkdtemp(prefix="meterd-pg-"))
    as_other: list[str | Path] = []
    if os.geteuid() == 0:  # which PostgreSQL refuses to be
        shutil.chown(folder, "postgres")
        as_other = ["runuser", "-u", "postgres", "--"]
    data = folder / "data"
    quiet: dict[str, Any] = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/"}
    subprocess.run(
        [*as_other, programs / "initdb", "-D", data, "-A", "trust", "-U", "meter", "-E", "UTF8", "--locale=C"], **quiet
    )
    control = [*as_other, programs / "pg_ctl", "-D", data, "-w", "-t", "120"]
    options = f"-c listen_addresses= -c unix_socket_directories={folder}"
    subprocess.run([*control, "-o", options, "-l", folder / "log", "start"], **quiet)
    try:
        yield f"postgresql:///postgres?host={folder}&user=meter"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], **quiet)
        shutil.rmtree(folder, ignore_errors=True)
