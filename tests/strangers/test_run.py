"""`meterd run` in front of hand-made meters that hang up when nobody talks to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.system.rig import Running

from .dlms_meter import Meter
from .mbus_bus import Bus, Slave
from .serve import Served
from .test_dlms_sockets import HDLC, JOBS, VALUES, device, signals
from .test_mbus import VOLUME_ONLY, row, rows

IDLE_S = 0.7  # longer than the pause before a new association
SCANS = 3


class Forgetful(Meter):
    """Every scan finds the link of the one before forgotten: an inactivity time-out without a word."""

    def __init__(self, every: int, **quirks: Any) -> None:
        super().__init__(**quirks)
        self.every = every

    def apdu(self, apdu: bytes) -> bytes:
        answer = super().apdu(apdu)
        if self.apdus % self.every == 0:
            self.linked = self.associated = False
        return answer


@pytest.mark.parametrize("keep_open", [0, 1])
def test_meters_that_hang_up_are_read_on(keep_open: int, tmp_path: Path) -> None:
    bus = Bus(Slave())
    servers = {
        "hdlc": Served(Meter, IDLE_S), "wrapper": Served(lambda: Meter(wrapped=True), IDLE_S),
        "forgetful": Served(lambda: Forgetful(9)), "bus": Served(lambda: bus, IDLE_S),
    }  # fmt: skip
    given = {"hdlc": HDLC, "wrapper": {"mode": "DLMS-WRAPPER", "physical_address": 1}, "forgetful": HDLC}
    devices = [
        device(alias, servers[alias].port,
               **{**parameters, "keep_open": keep_open, "scan_rate_ms": 1000, "timeout_ms": 400})
        for alias, parameters in given.items()
    ]  # fmt: skip
    where = {"ip": "127.0.0.1", "port": servers["bus"].port, "address": "5", "scan_rate_ms": 1000}
    devices.append(row("bus", where))
    wanted = [one for alias in given for one in signals(alias, {"import": JOBS["import"]})] + rows("bus", VOLUME_ONLY)
    running = Running(tmp_path, {"devices": devices, "signals": wanted})
    names = {alias: "import" for alias in given} | {"bus": "volume"}
    try:
        running.wait_for(lambda it: all(len(it.of(alias, name)) >= SCANS for alias, name in names.items()), 20)
    finally:
        code = running.stop()
        for server in servers.values():
            server.close()
    assert code == 0
    for alias, name in names.items():
        readings = running.of(alias, name)
        right = 2850.427 if alias == "bus" else VALUES["import"][0]
        assert [one["value"] for one in readings if one["quality"] == "good"] == [right] * len(readings), running.log
    assert servers["hdlc"].connections > 1
