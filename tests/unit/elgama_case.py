"""Elgama devices as a configuration would make them, and scans of simulated meters without I/O."""

from __future__ import annotations

from typing import Any

from meterd.config.profiles import Profiles
from meterd.model import Device, Memory, Signal
from meterd.protocols.elgama import driver
from meterd.protocols.elgama.parameters import DEVICE, SIGNAL, profile_faults, profile_merge, profile_name
from meterd.simulate import elgama as simulated
from tests.pair import Outcome, converse

SERIAL = 2141421


def values_of(rows: tuple[Any, ...], given: dict[str, Any]) -> dict[str, Any]:
    unknown = given.keys() - {row.name for row in rows}
    assert not unknown, unknown
    return {row.name: row.read(given[row.name]) if row.name in given else row.default for row in rows}


def shipped(name: str) -> dict[str, Any]:
    """A shipped profile, whatever the machine's own site directory holds."""
    profiles = Profiles()
    content = profiles.load("elgama", name)
    assert content is not None, profiles.errors
    return content


def device(over: dict[str, Any] | None = None, **given: Any) -> Device:
    """A GAMA 300 unless told otherwise; `over` is laid over its profile as a site's file would be."""
    values = values_of(DEVICE, {"id": SERIAL, "meter_model": 2, "timeout_ms": 2000, **given})
    made = Device("meter", "elgama", values, "PORT1")
    name = profile_name(values)
    assert name is not None
    content = shipped(name)
    if over is not None:
        assert profile_faults(over, False) == []
        content = profile_merge(content, over)
        assert profile_faults({key: content[key] for key in content if key != "file"}, True) == []
    made.profile = content
    return made


def signal(job: str, tag: str | None = None, **given: Any) -> Signal:
    tag = tag or job
    alias = given.pop("alias", tag)
    values = values_of(SIGNAL, {"number_type": "DOUBLE", **given, "job_todo": job, "tag_job_todo": tag})
    return Signal("meter", alias, values)


def text(job: str, tag: str | None = None, **given: Any) -> Signal:
    return signal(job, tag, number_type="STRING", **given)


def scan(of: Device, signals: list[Signal], meter: Any, kept: Memory | None = None, **options: Any) -> Outcome:
    """One scan of a simulated meter: `meter` is a factory (of a meter that goes on) or its options."""
    factory = simulated.meter(**meter) if isinstance(meter, dict) else meter
    plan = driver.plan(of, signals)
    assert not plan.refused, plan.refused
    return converse(driver.conversation(plan, Memory() if kept is None else kept), factory(), **options)


def told(outcome: Outcome) -> dict[str, tuple[str, str | None, str, str | None]]:
    """{alias: (value as text, unit, quality, reason)} of the last reading of each signal."""
    return {
        reading.signal.alias: (str(reading.value), reading.unit, reading.quality, reading.reason)
        for reading in outcome.readings
    }
