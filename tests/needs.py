"""Programs that some tests need: where one is missing the test is skipped with a plain message; see conftest for CI."""

from __future__ import annotations

import shutil

import pytest


def needs(program: str, package: str = "") -> str:
    """The path of `program`, of the Debian package `package` (its own name by default)."""
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is missing: apt install {package or program}")
    return path
