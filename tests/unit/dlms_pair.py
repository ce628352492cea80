"""DLMS devices as a configuration would make them, and scans of simulated meters without I/O."""

from __future__ import annotations

from typing import Any

from meterd.model import Device, Memory, Signal
from meterd.protocols.dlms import driver
from meterd.protocols.dlms.parameters import DEVICE, SIGNAL
from meterd.simulate import dlms as simulated
from tests.pair import Outcome, converse

KEYS = {
    "system_title": "4D54524400000001",
    "encryption_key": "000102030405060708090A0B0C0D0E0F",
    "authentication_key": "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF",
}
KEYS_256 = {
    "system_title": "4D54524400000001",
    "encryption_key": "000102030405060708090A0B0C0D0E0F" * 2,
    "authentication_key": "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF" * 2,
}


def values_of(rows: tuple[Any, ...], given: dict[str, Any]) -> dict[str, Any]:
    unknown = given.keys() - {row.name for row in rows}
    assert not unknown, unknown
    return {row.name: row.read(given[row.name]) if row.name in given else row.default for row in rows}


def device(**given: Any) -> Device:
    """A device on a serial line unless `ip` is given; LN, client 16, server 1, one byte, unless told otherwise."""
    chosen = {"client_address": 16, "physical_address": 1, "type": "LN", "timeout_ms": 2000, **given}
    return Device("meter", "DLMS", values_of(DEVICE, chosen))


def signal(job: str, **given: Any) -> Signal:
    alias = given.pop("alias", job.replace(".", "_").replace(":", "-"))
    return Signal("meter", alias, values_of(SIGNAL, {"obis_job": job, **given}))


class Random:
    """Challenges that differ and can be foretold."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, size: int) -> bytes:
        self.count += 1
        return self.count.to_bytes(2, "big") * (size // 2)


def memory() -> Memory:
    return Memory(random_bytes=Random())


def scan(of: Device, signals: list[Signal], meter: Any, kept: Memory | None = None, **options: Any) -> Outcome:
    """One scan of a simulated meter: `meter` is a factory (of a meter that goes on) or its options."""
    factory = simulated.meter(**meter) if isinstance(meter, dict) else meter
    plan = driver.plan(of, signals)
    return converse(driver.conversation(plan, memory() if kept is None else kept), factory(), **options)
