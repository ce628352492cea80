"""Meters, broker, database, consumer and several daemons as processes, and the meters' own note of what was read."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.broker import Broker

ROOT = Path(__file__).parents[2]
CONSUMER = ROOT / "examples" / "fleet" / "consumer.py"


def until(condition: Callable[[], Any], seconds: float, what: str | Callable[[], str]) -> Any:
    """Wait until it is true, generously; returns its value."""
    limit = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < limit, f"not seen within {seconds} s: {what if isinstance(what, str) else what()}"
        time.sleep(0.1)
    return value


@dataclass
class Connection:
    """Of one meter, as it saw it."""

    address: str
    begun: int  # lines of the note
    ended: int | None = None
    values: list[int] = field(default_factory=list)


class Processes:
    """By name; each writes to `<name>.log`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *words: str) -> None:
        with open(self.folder / f"{name}.log", "ab") as log:
            self.running[name] = subprocess.Popen([sys.executable, *words], stdout=log, stderr=log, cwd=ROOT)

    def end(self, name: str, number: int = signal.SIGTERM) -> int:
        process = self.running.pop(name)
        process.send_signal(number)
        return process.wait(60)

    def close(self) -> None:
        for process in self.running.values():
            process.kill()
            process.wait(60)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()


class Site:
    """`addresses` {device alias: address}; `configure` writes the one configuration of all shards."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder, self.database = folder, database
        self.notes = folder / "served"
        self.processes = Processes(folder)
        self.meters = subprocess.Popen(
            [sys.executable, "-m", "tests.fleet.many_meters", self.notes], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        assert self.meters.stdout is not None
        self.port = int(self.meters.stdout.readline())
        self.broker = Broker(folder)
        self.path = folder / "meterd.json"
        self.addresses: dict[str, str] = {}
        self.scan_ms = 1000

    def close(self) -> None:
        self.processes.close()
        self.broker.kill()
        self.meters.kill()
        self.meters.wait(60)
        assert self.meters.stdout is not None
        self.meters.stdout.close()

    def configure(self) -> None:
        devices, signals = [], []
        for alias, address in self.addresses.items():
            devices.append({"name": alias, "device_alias": alias, "protocol": "DLMS", "type": "LN",
                            "client_address": 16, "physical_address": 1, "mode": "DLMS-WRAPPER", "ip": address,
                            "port": self.port, "scan_rate_ms": self.scan_ms, "reconnect_time": 100, "keep_open": 1,
                            "timeout_ms": 20000})  # fmt: skip
            signals.append({"signal_name": "e", "device_alias": alias, "signal_alias": "e",
                            "obis_job": "1.0.1.8.0.255", "class_id": 3})  # fmt: skip
        mqtt = {"host": "127.0.0.1", "port": self.broker.port, "gateway": "site", "in_flight": 300, "gather_ms": 50,
                "reconnect_max_s": 1, "acknowledgement": "application", "acknowledge_s": 20}  # fmt: skip
        store = {"path": str(self.folder / "readings.store"), "durable_ms": 50}
        publish = {"mqtt": mqtt, "store": store}
        written = self.path.with_suffix(".new")
        written.write_text(json.dumps({"devices": devices, "signals": signals, "publish": publish}))
        os.replace(written, self.path)

    def start_consumer(self) -> None:
        where = ["--broker", f"127.0.0.1:{self.broker.port}", "--database", self.database]
        self.processes.start("consumer", str(CONSUMER), *where)

    def start_shard(self, number: int, count: int) -> None:
        words = ["run", "--shard", f"{number}/{count}", "-c", str(self.path), "--state", str(self.folder / "state")]
        control = str(self.folder / f"control-{number}.sock")
        self.processes.start(f"shard-{number}", "-m", "meterd", *words, "--control", control)

    def ask(self, command: str, number: int) -> dict[str, Any]:
        """`meterd status` or `reload` of a shard."""
        words = [command, "--json", "--control", str(self.folder / f"control-{number}.sock")]
        done = subprocess.run([sys.executable, "-m", "meterd", *words], capture_output=True, text=True, cwd=ROOT)
        return json.loads(done.stdout) if done.returncode == 0 else {"ok": False, "error": done.stderr}

    def waiting(self, number: int) -> int:
        """Readings of a shard that the consumer has not acknowledged."""
        sinks = self.ask("status", number).get("sinks", [])
        return sum(row["waiting"] for row in sinks if "MQTT" in row["sink"]) if sinks else -1

    def seen(self) -> list[Connection]:
        """The meters' own word, in the order of their beginning."""
        found: dict[str, Connection] = {}
        whole = self.notes.read_text().rpartition("\n")[0]
        for at, line in enumerate(whole.splitlines()):
            what, address, number, *value = line.split()
            if what == "open":
                found[number] = Connection(address, at)
            elif what == "read":
                found[number].values.append(int(value[0]))
            else:
                found[number].ended = at
        return list(found.values())

    def served(self) -> dict[str, list[int]]:
        """Values by address."""
        values: dict[str, list[int]] = defaultdict(list)
        for connection in self.seen():
            values[connection.address] += connection.values
        return values
