"""Real processes for system tests: simulated meters on a host thread of their own, and the daemon as users start it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from meterd.ports._loop import Loop
from meterd.simulate.faults import Fault
from meterd.simulate.meter_host import MeterHost


class Site:
    """Simulated meters, served by a thread of the test's own process."""

    def __init__(self) -> None:
        self.loop = Loop()
        self.host = MeterHost(self.loop)
        self._thread = threading.Thread(target=self.loop.run, daemon=True)
        self._thread.start()

    def call(self, action):
        """Run `action()` in the host's thread and return what it returned."""
        done, result, failed = threading.Event(), [], []

        def run():
            try:
                result.append(action())
            except Exception as error:  # the caller's business, and no reason to end the host's thread
                failed.append(error)
            finally:
                done.set()

        self.loop.call_soon_from_thread(run)
        assert done.wait(60)
        if failed:
            raise failed[0]
        return result[0]

    def pty(self, link, meter, line, fault=None, paced=False):
        """Serve a meter on a pty linked at `link`; returns the port, whose close pulls the plug."""
        fault = Fault.parse(fault) if isinstance(fault, str) else fault
        return self.call(lambda: self.host.on_pty(str(link), meter, line, fault, paced))

    def tcp(self, meter, fault=None, paced=None, port=0):
        """Serve a meter on TCP; returns the port number."""
        fault = Fault.parse(fault) if isinstance(fault, str) else fault
        return self.call(lambda: self.host.on_tcp(port, meter, fault, paced))

    def close(self) -> None:
        self.call(self.host.close)
        self.loop.call_soon_from_thread(self.loop.stop)
        self._thread.join(60)
        assert not self._thread.is_alive(), "a loop that is still waited in must not be closed"
        self.loop.close()


class Running:
    """A daemon under test: `readings` as they come, `log` lines, `stop()` → exit code."""

    def __init__(self, directory: Path, configuration: dict, *options: str, command: str = "run") -> None:
        self.directory = directory
        self.path = directory / "meterd.json"
        self.configure(configuration)
        self.control = str(directory / "control.sock")
        self.readings: list[dict] = []
        self.log: list[str] = []
        words = [sys.executable, "-m", "meterd", command, "-c", str(self.path), "--state", str(directory)]
        if command == "run":
            words += ["--control", self.control]
        self.process = subprocess.Popen(
            [*words, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONWARNINGS": "error"},
        )
        self._threads = [
            threading.Thread(target=self._read_readings, daemon=True),
            threading.Thread(target=self._read_log, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def configure(self, configuration: dict) -> None:
        self.path.write_text(json.dumps(configuration, indent=1))

    def _read_readings(self) -> None:
        for line in self.process.stdout:
            self.readings.append(json.loads(line))

    def _read_log(self) -> None:
        for line in self.process.stderr:
            self.log.append(line.rstrip("\n"))

    def wait_for(self, condition, seconds: float = 15.0, what: str = ""):
        """Wait until `condition(self)` is true; returns its value."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            value = condition(self)
            if value:
                return value
            time.sleep(0.02)
        raise AssertionError(
            f"not seen within {seconds} s: {what or condition}\nlog: {self.log[-20:]}\nreadings: {self.readings[-5:]}"
        )

    def of(self, device: str, name: str, quality: str | None = None) -> list[dict]:
        """The readings of one signal so far."""
        return [
            reading
            for reading in list(self.readings)
            if reading["device"] == device and reading["signal"] == name and quality in (None, reading["quality"])
        ]

    def kill(self, number: int) -> None:
        self.process.send_signal(number)

    def ask(self, *words: str) -> subprocess.CompletedProcess:
        """A command to the running daemon through its control socket."""
        command = [sys.executable, "-m", "meterd", words[0], "--control", self.control, *words[1:]]
        return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)

    def stop(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(15)
        for thread in self._threads:
            thread.join(5)
        self.process.stdout.close()
        self.process.stderr.close()
        return code


def iec_device(alias: str, **parameters) -> dict:
    row = {"name": alias, "device_alias": alias, "protocol": "IEC 62056-21", "serialnumber": 0, "poll_delay_ms": 0,
           "t2": 200, "timeout_ms": 800, "scan_rate_ms": 500}  # fmt: skip
    return {**row, **parameters}


def iec_signal(device: str, alias: str, address: str, number_type: str = "DOUBLE", **columns) -> dict:
    row = {"signal_name": alias, "device_alias": device, "signal_alias": alias, "number_type": number_type}
    return {**row, "job_todo": address, "tag_job_todo": address, **columns}
