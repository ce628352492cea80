"""Programs that some tests need: where one is missing the test is skipped with a plain message, in CI it fails."""

from __future__ import annotations

import os
import shutil

import pytest


def needs(program: str, package: str = "") -> str:
    """The path of `program`, of the Debian package `package` (its own name by default)."""
    path = shutil.which(program)
    if path is None:
        message = f"{program} is missing: apt install {package or program}"
        if os.environ.get("METERD_CI"):
            pytest.fail(message)
        pytest.skip(message)
    return path
