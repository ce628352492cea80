"""What a simulated meter leaves behind: nothing, however it is ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest


def wait_until(seen: Callable[[], object]) -> None:
    limit = time.monotonic() + 60.0
    while not seen():
        assert time.monotonic() < limit
        time.sleep(0.02)


def simulated(link: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "meterd", "simulate", "mbus", "--pty", str(link)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    assert process.stderr is not None
    assert b"simulated meter on" in process.stderr.readline()
    assert link.is_symlink()
    return process


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_no_link_outlives_a_simulated_meter(tmp_path: Path, number: int) -> None:
    link = tmp_path / "tty"
    process = simulated(link)
    process.send_signal(number)
    process.wait(60)
    wait_until(lambda: not link.is_symlink())
    assert process.stderr is not None
    process.stderr.read()  # whoever else had it open has ended, too
    process.stderr.close()


def test_a_link_that_leads_elsewhere_by_then_stays(tmp_path: Path) -> None:
    link = tmp_path / "tty"
    process = simulated(link)
    link.unlink()
    os.symlink("/dev/null", link)
    process.kill()
    process.wait(60)
    assert process.stderr is not None
    process.stderr.read()
    process.stderr.close()
    assert os.readlink(link) == "/dev/null"
