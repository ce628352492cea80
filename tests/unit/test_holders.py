"""A port that does not open names who has it, or what this user lacks."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from errno import EACCES, EBUSY, ENOENT
from pathlib import Path

import pytest

from meterd.errors import PortGone
from meterd.ports import holders
from meterd.ports._loop import Loop
from meterd.ports.serial_port import SerialCarrier

HOLD = """
import fcntl, os, sys, termios
fd = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)
fcntl.ioctl(fd, termios.TIOCEXCL) if sys.argv[2] == "claimed" else fcntl.flock(fd, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many processes the machine of the test has."""
    monkeypatch.setattr(holders, "LIMIT_S", 60.0)


@pytest.fixture
def node() -> Iterator[str]:
    """Of a pty that this process does not hold open itself: it would be a holder like any other."""
    master, slave = os.openpty()
    name = os.ttyname(slave)
    os.close(slave)
    yield name
    os.close(master)


@contextlib.contextmanager
def held(script: Path, node: str, how: str) -> Iterator[int]:
    script.write_text(HOLD)
    words = [sys.executable, str(script), node, how]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdin is not None
        assert process.stdout.readline() == b"held\n"
        yield process.pid
        process.stdin.close()


def test_a_locked_port_names_the_program_that_has_it(node: str, tmp_path: Path) -> None:
    name = tmp_path / "by-id-of-the-head"
    name.symlink_to(node)
    loop = Loop()
    told: list[PortGone | None] = []
    with held(tmp_path / "minicom.py", node, "locked") as process:
        SerialCarrier(loop, str(name)).port.open(1.0, told.append)
    said = str(told[0])
    assert said.startswith(f"{name}: the port is in use: process {process} (")
    assert "minicom.py) has it open; end that one, or give the port to one of the two" in said
    loop.close()


def test_another_meterd_is_told_with_its_configuration(node: str, tmp_path: Path) -> None:
    script = tmp_path / "meterd"
    script.write_text(HOLD.replace("sys.argv[1]", "sys.argv[-1]").replace("sys.argv[2]", "''"))
    words = ["run", "-c", "/etc/meterd/site.json", "--state", "/var/x", "password=Geheim77", node]
    with subprocess.Popen(
        [sys.executable, str(script), *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None and other.stdin is not None
        assert other.stdout.readline() == b"held\n"
        said = holders.why(node, EBUSY)
        other.stdin.close()
    assert f"process {other.pid} (" in said and "meterd run -c /etc/meterd/site.json) has it open" in said
    assert "Geheim77" not in said


def test_what_was_found_stands_for_a_while(node: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(holders, "why", lambda path, number: asked.append(path) or "somebody has it")
    loop = Loop()
    port = SerialCarrier(loop, node).port
    told: list[PortGone | None] = []
    with held(tmp_path / "other.py", node, "locked"):
        for _ in range(3):
            port.open(1.0, told.append)
    assert all("somebody has it" in str(error) for error in told)
    assert asked == [node]
    port.open(1.0, told.append)
    assert told[-1] is None
    port.close()
    loop.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open what another has claimed for itself")
def test_a_claimed_port(node: str, tmp_path: Path) -> None:
    loop = Loop()
    told: list[PortGone | None] = []
    with held(tmp_path / "screen.py", node, "claimed") as process:
        SerialCarrier(loop, node).port.open(1.0, told.append)
    assert f"process {process} " in str(told[0])
    loop.close()


def test_busy_by_number_is_said_alike(node: str, tmp_path: Path) -> None:
    with held(tmp_path / "picocom.py", node, "locked") as process:
        assert f"process {process} " in holders.why(node, EBUSY)


def test_two_names_of_one_node(node: str) -> None:
    ours = os.open(node, os.O_RDWR | os.O_NOCTTY)
    assert "meterd itself has it open under another name" in holders.why(node, EBUSY)
    os.close(ours)


def test_a_lock_file_tells_where_the_descriptors_may_not_be_seen(
    node: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holders, "_holds", lambda process, path, until: None)
    monkeypatch.setattr(holders, "LOCKS", str(tmp_path / "LCK.."))
    lock = tmp_path / f"LCK..{node.rpartition('/')[2]}"
    lock.write_text(f"{os.getppid():10d}\n")
    assert f"process {os.getppid()} " in holders.why(node, EBUSY) and str(lock) in holders.why(node, EBUSY)
    for left_behind in ("999999999\n", "", "who?"):
        lock.write_text(left_behind)
        assert f"fuser -v {node}" in holders.why(node, EBUSY)


def test_what_a_user_lacks(tmp_path: Path) -> None:
    node = tmp_path / "tty"
    node.write_bytes(b"")
    node.chmod(0o640)
    said = holders.why(str(node), EACCES)
    assert f"group {os.getegid()}, mode 640" in said and "usermod -aG dialout" in said


def test_of_other_causes_nothing_more_is_known(tmp_path: Path) -> None:
    assert holders.why(str(tmp_path / "none"), ENOENT) == holders.why("/dev/none", None) == ""
    assert holders.why(str(tmp_path / "none"), EACCES) == ""


def test_links_that_lead_to_each_other_end(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("./a")
    assert holders.real(str(tmp_path / "a")).startswith(str(tmp_path))
    (tmp_path / "c").symlink_to("../" + tmp_path.name + "/d")
    assert holders.real(str(tmp_path / "c")) == str(tmp_path / "d")
