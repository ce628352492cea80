"""The real daemon, `meterd run` in a process of its own: begun on a configuration, held still, asked what it has used.

The .venv of a work tree holds an editable installation, whose import hook alone brings in `re`, `enum`, `pathlib` and
some twenty modules more. A gateway has none of that: unless `hooks` is said, the daemon runs without those of `site`.
"""

from __future__ import annotations

import compileall
import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ._machine import allow_descriptors, cpu_s, is_stopped, status_kb

ROOT = Path(__file__).resolve().parents[1]
NO_HOOKS = "-S"
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in [str(ROOT), *sys.path] if path)}
PATIENCE_S = 300.0
SETTLED_S = 1.0
IN_MEMORY = "/dev/shm"  # as /tmp is on a gateway: what a disk adds is not the daemon's


def dlms_site(places: Sequence[tuple[str, int]], registers: int, scan_rate_ms: int, **device: Any) -> dict[str, Any]:
    """A DLMS meter at each place, with so many registers; its association stays open, HDLC unless told otherwise."""
    devices, signals = [], []
    for number, (host, port) in enumerate(places):
        alias = f"m{number}"
        devices.append(
            {"name": alias, "device_alias": alias, "protocol": "DLMS", "mode": "DLMS-HDLC", "type": "LN",
             "client_address": 32, "physical_address": 1, "ip": host, "port": port, "scan_rate_ms": scan_rate_ms,
             "timeout_ms": 20_000, "keep_open": 1, **device}
        )  # fmt: skip
        signals += [
            {"signal_name": "E", "device_alias": alias, "signal_alias": f"E{register}",
             "obis_job": f"1.0.1.8.{register}.255"}
            for register in range(1, registers + 1)
        ]  # fmt: skip
    return {"devices": devices, "signals": signals}


@functools.cache
def have_byte_code() -> None:
    """Whoever compiles modules as it imports them takes more memory and time than who is installed."""
    compileall.compile_dir(ROOT / "meterd", quiet=1)


def words_of(folder: str, configured: dict[str, Any], hooks: bool = False, level: int = 3) -> list[str]:
    """What runs a daemon on a configuration, with its readings, state and control socket in `folder`."""
    have_byte_code()
    path = _write(folder, configured)
    words = [sys.executable, *([] if hooks else [NO_HOOKS]), "-m", "meterd", "run", "-c", path, "--state", folder]
    return [*words, "--control", os.path.join(folder, "control"), f"-d{level}"]


def _write(folder: str, configured: dict[str, Any]) -> str:
    path = Path(folder, "site.json")
    publish = {"file": {"path": os.path.join(folder, "readings")}, **configured.get("publish", {})}
    publish = {name: part for name, part in publish.items() if part is not None}
    path.write_text(json.dumps({**configured, "publish": publish}), "utf-8")
    return str(path)


class Daemon:
    """Reads what is configured for as long as the block lasts; readings go to a file beside it, unless that is None."""

    def __init__(self, configured: dict[str, Any], hooks: bool = False, level: int = 3) -> None:
        self.folder = tempfile.mkdtemp(prefix="meterd-bench-", dir=IN_MEMORY if os.path.isdir(IN_MEMORY) else None)
        self.readings = Path(self.folder, "readings")
        self.log = Path(self.folder, "log")
        self._counted = 0  # bytes of the readings
        words = words_of(self.folder, configured, hooks, level)
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                words, env=ENVIRONMENT, stderr=log, preexec_fn=allow_descriptors, cwd=self.folder
            )

    def place(self, configured: dict[str, Any]) -> None:
        """Another configuration, for the next reload."""
        _write(self.folder, configured)

    @property
    def pid(self) -> int:
        return self.process.pid

    def taken(self, mark: bytes = b"\n") -> int:
        """Readings since this was asked last; those alone whose line holds `mark`."""
        if not self.readings.exists():
            return 0
        with self.readings.open("rb") as file:
            file.seek(self._counted)
            found = file.read()
        whole = found[: found.rfind(b"\n") + 1]
        self._counted += len(whole)
        return whole.count(mark)

    def wait_for(self, count: int, mark: bytes = b"\n", limit_s: float = PATIENCE_S) -> None:
        """Until so many readings have come. Raises: RuntimeError, with the end of the log."""
        limit, seen = time.monotonic() + limit_s, 0
        while (seen := seen + self.taken(mark)) < count:
            if time.monotonic() > limit or self.process.poll() is not None:
                raise RuntimeError(f"{seen} of {count} readings came; the log ends: {self.log.read_text()[-500:]}")
            time.sleep(0.05)

    def wait_until_settled(self) -> None:
        """Until what it learnt of its meters is on record: nothing in its state folder was changed for a second."""
        while time.time() - os.stat(self.folder).st_mtime < SETTLED_S:
            time.sleep(0.1)

    def hold(self) -> None:
        """It stands still until `go_on`, and leaves the machine to others."""
        self.process.send_signal(signal.SIGSTOP)
        while not is_stopped(self.pid):
            time.sleep(0.0005)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def micros_per_reading(self, seconds: float) -> float:
        """CPU for each reading while it goes on for so long; it was held, and is held again."""
        self.taken()
        before = self.cpu_s()
        self.go_on()
        time.sleep(seconds)
        self.hold()
        spent, readings = self.cpu_s() - before, self.taken()
        if not readings:
            raise RuntimeError(f"nothing was read in {seconds} s; the log ends: {self.log.read_text()[-500:]}")
        return spent / readings * 1e6

    def cpu_s(self) -> float:
        return cpu_s(self.pid)

    def resident_kb(self) -> int:
        return status_kb(self.pid, "VmRSS")

    def ask(self, words: str, hold_s: float = 0.0) -> int:
        """Bytes of the answer on the control socket; with `hold_s` what comes in that time."""
        size = 0
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.connect(os.path.join(self.folder, "control"))
            connection.sendall(words.encode() + b"\n")
            end = time.monotonic() + hold_s
            connection.settimeout(hold_s or PATIENCE_S)
            try:
                while (block := connection.recv(1 << 16)) and not (hold_s and time.monotonic() > end):
                    size += len(block)
            except TimeoutError:
                pass
        return size

    def __enter__(self) -> Daemon:
        return self

    def __exit__(self, *_: object) -> None:
        self.go_on()
        self.process.terminate()
        self.process.wait(60)
        shutil.rmtree(self.folder, ignore_errors=True)
