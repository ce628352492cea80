"""What the gateway's tests share. What a machine lacks for them is said in one line, and the test is skipped."""

from __future__ import annotations

import os
import shutil

import pytest

from tools.gateway.build.cache import ToolMissing
from tools.gateway.prove import gateway_root


@pytest.fixture
def scripts_root(tmp_path):
    """A gateway's root with a shell and meterd's scripts, without Python."""
    if os.geteuid() or not shutil.which("chroot"):
        pytest.skip("the init scripts are tried in a root of their own, which takes root's rights")
    try:
        gateway_root.scripts(tmp_path)
        gateway_root.settle(tmp_path, "meterd")
        gateway_root.settle(tmp_path, "meterd-wcclite")
    except ToolMissing as missing:
        pytest.skip(str(missing))
    return tmp_path
