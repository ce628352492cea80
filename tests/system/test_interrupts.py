"""A command with a loop hears an interrupt whenever it comes, also just as its loop goes to sleep, and ends politely.

That moment cannot be met at will. What it looks like from inside can be had: the kernel gives the signal to another
thread of the process, so that the one that sleeps is not woken by it.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEARD_BY_ANOTHER = """
import signal, sys, threading, time
threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
from meterd.cli.main import main
sys.exit(main(sys.argv[1:]))
"""
HEARD_WITHIN_S = 40.0
INTERRUPTED = 130
SILENT = {"protocol": "DLMS", "type": "LN", "mode": "DLMS-WRAPPER", "client_address": 16, "physical_address": 1,
          "ip": "127.0.0.1", "timeout_ms": 60_000, "retry_counter": 5, "scan_rate_ms": 60_000}  # fmt: skip


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A place where somebody listens and nobody answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(HEARD_WITHIN_S)
        yield listener


def commands(port: int, folder: Path) -> dict[str, list[str]]:
    path = folder / "meterd.json"
    signals = [{"signal_name": "E", "signal_alias": "E", "device_alias": "m", "obis_job": "1.0.1.8.0.255"}]
    row = {**SILENT, "name": "m", "device_alias": "m", "port": port}
    path.write_text(json.dumps({"devices": [row], "signals": signals}))
    described = ["dlms", f"port={port}"] + [
        f"{name}={value}" for name, value in SILENT.items() if name not in ("protocol", "scan_rate_ms")
    ]
    return {
        "read": ["read", "-c", str(path)], "read described": ["read", *described, "--", "1.0.1.8.0.255"],
        "scan": ["scan", *described], "doctor": ["doctor", "-c", str(path)], "find": ["scan", f"127.0.0.1:{port}"],
    }  # fmt: skip


@pytest.mark.timeout(180)
@pytest.mark.parametrize("command", ["read", "read described", "scan", "doctor", "find"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_is_heard_while_the_loop_sleeps(
    command: str, number: signal.Signals, silent: socket.socket, tmp_path: Path
) -> None:
    words = commands(silent.getsockname()[1], tmp_path)[command]
    process = subprocess.Popen(
        [sys.executable, "-c", HEARD_BY_ANOTHER, words[0], "--state", str(tmp_path), *words[1:]],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        connection, _ = silent.accept()
        with connection:
            connection.settimeout(HEARD_WITHIN_S)
            assert connection.recv(1)  # it has asked, and sleeps until it is answered
            process.send_signal(number)
            said, _ = process.communicate(timeout=HEARD_WITHIN_S)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == INTERRUPTED, said.decode()


@pytest.mark.timeout(180)
@pytest.mark.parametrize("closed", [(1,), (2,), (0, 1, 2)])
def test_a_daemon_whose_standard_streams_were_closed_ends_as_any(
    closed: tuple[int, ...], silent: socket.socket, tmp_path: Path
) -> None:
    """Whoever closes them (`>&-`) means that nothing is to be said there, not that the loop's own pipe is to be had."""
    commands(silent.getsockname()[1], tmp_path)
    words = ["run", "-c", str(tmp_path / "meterd.json"), "--state", str(tmp_path), "--control", str(tmp_path / "c")]
    process = subprocess.Popen(
        [sys.executable, "-m", "meterd", *words], cwd=ROOT, preexec_fn=lambda: [os.close(number) for number in closed]
    )
    try:
        connection, _ = silent.accept()
        with connection:
            connection.settimeout(HEARD_WITHIN_S)
            assert connection.recv(1)
            streams = {number: os.readlink(f"/proc/{process.pid}/fd/{number}") for number in closed}
            process.send_signal(signal.SIGTERM)
            assert process.wait(HEARD_WITHIN_S) == 0
    finally:
        process.kill()
        process.wait()
    assert streams == dict.fromkeys(closed, "/dev/null")
