"""A real InfluxDB 1 for tests, that can be killed and started anew; and what is in it."""

from __future__ import annotations

import json
import signal
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.broker import free_port
from tests.needs import needs

ADMIN, SECRET = "root", "planted-Adm1n"


class InfluxServer:
    """`http` are lines of its section of that name."""

    def __init__(self, folder: Path, *http: str) -> None:
        self.program = needs("influxd", "influxdb")
        self.port = free_port()
        self.folder = folder
        lines = [
            "reporting-disabled = true", f'bind-address = "127.0.0.1:{free_port()}"',
            "[meta]", f'dir = "{folder}/meta"', "[data]", f'dir = "{folder}/data"', f'wal-dir = "{folder}/wal"',
            "[monitor]", "store-enabled = false", "[http]", f'bind-address = "127.0.0.1:{self.port}"', *http,
        ]  # fmt: skip
        self.file = folder / "influxdb.conf"
        self.file.write_text("\n".join(lines) + "\n")
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        with open(self.file.with_suffix(".log"), "ab") as log:
            self.process = subprocess.Popen([self.program, "-config", str(self.file)], stdout=log, stderr=log)
        limit = time.monotonic() + 60
        while time.monotonic() < limit:
            try:
                urllib.request.urlopen(f"{self.url}/ping", timeout=5).close()
                return
            except OSError:
                time.sleep(0.05)
        pytest.fail(f"influxd does not start: {self.file.with_suffix('.log').read_text()[-2000:]}")

    def kill(self, number: int = signal.SIGKILL) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            if number == signal.SIGKILL:
                self.process.wait(20)
                self.process = None

    def ask(self, question: str, database: str = "meters", named: bool = True) -> list[dict[str, Any]]:
        """What it says, a dictionary for each row; times in ns. The first user of all is made by nobody."""
        who = urllib.parse.urlencode({"u": ADMIN, "p": SECRET} if named else {})
        words = urllib.parse.urlencode({"q": question, "db": database, "epoch": "ns"})
        request = urllib.request.Request(f"{self.url}/query?{who}", words.encode())
        with urllib.request.urlopen(request, timeout=30) as answer:
            (result,) = json.load(answer)["results"]
        assert "error" not in result, result
        found = []
        for series in result.get("series", ()):
            for values in series["values"]:
                found.append({**series.get("tags", {}), **dict(zip(series["columns"], values, strict=True))})
        return found

    def begin(self, *questions: str) -> None:
        self.start()
        for question in ("CREATE DATABASE meters", *questions):
            self.ask(question)
