"""What the IEC 62056-21 tests share: a device, its signals, one scan against a simulated meter."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from meterd.model import Device, Memory, Signal
from meterd.protocols.iec62056_21 import driver, parameters
from tests.pair import Fault, Outcome, converse


def device(**parameter: Any) -> Device:
    """A device at 300 7E1, unless told otherwise, with every default of the table."""
    values = {row.name: row.default for row in parameters.DEVICE}
    values.update(device_alias="meter", serialnumber="0", device="PORT1", baudrate=300, databits=7, parity="even")
    values.update(parameter)
    return Device("meter", "IEC 62056-21", values)


def signal(tag: str, number_type: str = "FLOAT", job: str = "", alias: str = "") -> Signal:
    values = {row.name: row.default for row in parameters.SIGNAL}
    values.update(tag_job_todo=tag, job_todo=job or tag, number_type=number_type)
    return Signal("meter", alias or tag, values)


def scan(
    signals: list[Signal],
    meter: Generator[Any, Any, Any],
    memory: Memory | None = None,
    fault: Fault | None = None,
    chunk: int = 0,
    limit_s: float = 600.0,
    **parameter: Any,
) -> Outcome:
    plan = driver.plan(device(**parameter), signals)
    assert not plan.refused
    conversation = driver.conversation(plan, memory or Memory())
    return converse(conversation, meter, fault=fault, chunk=chunk, limit_s=limit_s)


def printed(outcome: Outcome) -> dict[str, tuple[str | None, str | None, str | None]]:
    """Alias → value as printed, unit, reason."""
    return {
        reading.signal.alias: (None if reading.value is None else str(reading.value), reading.unit, reading.reason)
        for reading in outcome.readings
    }
