"""A daemon at which meters call, configured as a user does, and callers of our own making in the same thread."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from meterd.config.files import load
from meterd.daemon.calls import Calls
from meterd.daemon.daemon import Daemon
from meterd.daemon.state import StateDirectory
from meterd.ports._loop import Loop
from meterd.sinks.hub import Hub
from tests.strangers.calling_meter import ENERGY, Caller
from tests.strangers.dlms_meter import Meter

from .runtime_rig import Readings, Rig

PUSH = {"protocol": "DLMS push", "ip": "127.0.0.1", "port": 4059, "listen": 1, "framing": "wrapper"}
READ = {
    "protocol": "DLMS", "ip": "127.0.0.1", "port": 4059, "listen": 1, "mode": "DLMS-WRAPPER", "client_address": 16,
    "physical_address": 1, "type": "LN", "timeout_ms": 2000, "scan_rate_ms": 300,
}  # fmt: skip


class CallsRig(Rig):
    """`listener` is the line of all who call; the kernel chooses its port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.loop = Loop()
        self.host: Any = None
        self.readings = Readings()
        self.hub = Hub([self.readings], lambda: 1_700_000_000_000)
        self.daemon = Daemon(self.loop, self.hub, StateDirectory(str(folder / "state")))
        self.daemon.status_interval_s = 3600.0
        self.callers: list[Caller] = []

    def use(self, *devices: dict[str, Any], jobs: tuple[str, ...] = (ENERGY,)) -> None:
        rows = [{"name": one["device_alias"], **one} for one in devices]
        signals = [
            {"device_alias": row["device_alias"], "signal_alias": job.replace(".", "_"), "signal_name": "any",
             "obis_job": job}
            for row in rows
            for job in jobs
        ]  # fmt: skip
        path = self.folder / "meterd.json"
        path.write_text(json.dumps({"devices": rows, "signals": signals}))
        configuration = load([str(path)])
        assert [str(error) for error in configuration.errors] == []
        for device in configuration.devices:
            device.line = device.line.replace(":4059", ":0")  # any free port
        self.daemon.configure(configuration)
        if self.daemon.lines:
            self.run(10.0, lambda: self.listener.port.is_open())

    @property
    def listener(self) -> Calls:
        return next(line for line in self.daemon.lines.values() if isinstance(line, Calls))

    def call(self, *telegrams: bytes, address: str = "127.0.0.1", meter: Meter | None = None) -> Caller:
        caller = Caller(self.listener.port.port, self.listener.port.is_udp(), address, meter)
        self.callers.append(caller)
        for telegram in telegrams:
            caller.say(telegram)
        return caller

    def run(self, seconds: float, until: Callable[[], object] | None = None) -> None:
        def look() -> object:
            for caller in self.callers:
                if not caller.hung_up:
                    caller.look()
            return until is not None and until()

        super().run(seconds, look if until is not None else None)

    def values(self, device: str) -> list[str]:
        return [str(one.value) for one in self.readings.of(device, "good")]

    def row(self, device: str) -> dict[str, Any]:
        return next(row for row in self.daemon.status()["devices"] if row["device"] == device)  # type: ignore[attr-defined,no-any-return]

    def close(self) -> None:
        for caller in self.callers:
            caller.close()
        self.callers = []
        self.daemon.stop()
        self.run(10.0, lambda: not self.daemon._closing)
        self.loop.close()
