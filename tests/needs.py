"""What some tests need from elsewhere: where it is missing they are skipped with a plain message; conftest has CI."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"
VECTORS = Path(os.environ.get("METERD_VECTORS") or SHARED / "vectors")


def needs(program: str, package: str = "") -> str:
    """The path of `program`, of the Debian package `package` (its own name by default)."""
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is missing: apt install {package or program}")
    return path


def recorded(kind: str) -> Path:
    """The folder of recorded frames or read-outs of one kind; a module that asks for one that is missing is skipped.

    They are others' and lie beside the project (or where METERD_VECTORS says); where they are, no test may skip.
    """
    folder = VECTORS / kind
    if not folder.is_dir():
        pytest.skip(f"no recorded {kind} in {VECTORS}; METERD_VECTORS names another place", allow_module_level=True)
    return folder
