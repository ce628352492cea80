"""systemd's notifications, and the end of a daemon whose loop no longer turns."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import pytest

from meterd.daemon import liveness
from meterd.daemon.liveness import Liveness
from meterd.ports._loop import Loop

# A loop that turns for a while longer than its watchdog waits, and then no more, as a defect would have it.
LOOP = """
import sys
from meterd.ports._loop import Loop
from meterd.ports._timers import Timer
from meterd.daemon.liveness import Liveness

loop = Loop()
def told():
    print("turned", flush=True)
    if sys.argv[1] == "ends":
        loop.stop()
    else:
        while True:
            pass
timer = Timer(told)
loop.arm(timer, loop.time + float(sys.argv[2]))
one = Liveness(loop)
one.begin()
loop.run()
one.end()
"""


def run(fate: str, after_s: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **variables}
    return subprocess.run(
        [sys.executable, "-c", LOOP, fate, after_s],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_loop_that_turns_no_longer_is_ended_and_says_where_it_stood():
    done = run("hangs", "1.5", WATCHDOG_USEC="1000000")
    assert done.returncode == -signal.SIGALRM
    assert 'File "<string>"' in done.stderr


def test_a_loop_that_turns_is_let_live():
    done = run("ends", "6", WATCHDOG_USEC="5000000")
    assert (done.stdout, done.stderr, done.returncode) == ("turned\n", "", 0)


@pytest.mark.parametrize("variables", [{}, {"WATCHDOG_USEC": "x"}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_PID": "1"}])
def test_nobody_watches_nothing_beats(monkeypatch, variables):
    seen = {"WATCHDOG_USEC": "5000000", **variables} if "WATCHDOG_PID" in variables else variables
    monkeypatch.setattr(liveness, "environment", seen.get)
    loop = Loop()
    one = Liveness(loop)
    one.begin()
    assert loop.next_deadline() is None
    one.end()


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_is_told(monkeypatch, tmp_path, abstract):
    name = f"@meterd-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    with told:
        told.bind("\0" + name[1:] if abstract else name)
        variables = {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "600000000", "WATCHDOG_PID": str(os.getpid())}
        monkeypatch.setattr(liveness, "environment", variables.get)
        loop = Loop()
        one = Liveness(loop)
        one.begin()
        assert loop.next_deadline() == pytest.approx(loop.time + 200)
        one.end()
        assert [told.recv(100) for _ in range(3)] == [b"READY=1", b"WATCHDOG=1", b"STOPPING=1"]
        assert loop.next_deadline() is None


def test_a_deaf_systemd_ends_nothing(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(liveness, "environment", {"NOTIFY_SOCKET": str(tmp_path / "absent")}.get)
    Liveness(Loop()).begin()
