"""An MQTT sink on a loop that the test turns by itself; its settings come from the table that users fill."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from meterd.config.publishing import read_publish
from meterd.model import Device, Reading, Signal
from meterd.ports._loop import Loop
from meterd.ports._timers import Timer
from meterd.sinks.mqtt import settings


def read_settings(**given: Any) -> dict[str, Any]:
    said: list[str] = []
    given = {"linger_ms": 0, **given}  # what a test puts in, it sees after the next turn
    found = read_publish({"mqtt": {"host": "broker", "gateway": "gw", **given}}, lambda name, text: said.append(text))
    assert said == []
    return settings(found["mqtt"])


def device(alias: str, *names: str, **parameters: Any) -> tuple[Device, list[Signal]]:
    made = Device(alias, "iec62056_21", {"name": f"Meter {alias}", "scan_rate_ms": 7000, **parameters})
    return made, [Signal(alias, name, {"signal_name": name}) for name in names]


def reading(signal: Signal, value: Any, **more: Any) -> Reading:
    return Reading(signal, value, **{"unit": "kWh", "time_ms": 1_700_000_000_000, **more})


def turn_until(loop: Loop, condition: Callable[[], Any], seconds: float = 30.0) -> None:
    timer = Timer(lambda: None)
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "not seen in time"
        loop.arm(timer, loop.time + 0.02)
        loop.turn()
