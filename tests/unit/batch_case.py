"""A sink that delivers by the batch, on a loop that the test turns; its parameters come from the users' own table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from meterd import log
from meterd.config.publishing import read_publish
from meterd.model import Reading, Signal
from meterd.ports._loop import Loop
from meterd.sinks import registry
from meterd.sinks.batches import BatchSink
from tests.unit.mqtt_case import turn_until

NOON_MS = 1_795_867_200_000  # 2026-11-28T12:00:00Z
DAY_MS = 86_400_000
E = Signal("M1", "E", {"number_type": "DOUBLE"})


class Site:
    """`name` of the sink, and its parameters; what the log says is in `said`."""

    def __init__(self, name: str, **given: Any) -> None:
        self.loop = Loop()
        self.said: list[str] = []
        self.is_closed = False
        log.configure(log.INFO, lambda level, text: self.said.append(text))
        slips: list[str] = []
        publish = read_publish({name: given}, lambda where, text: slips.append(f"{where} {text}"))
        assert slips == []
        self.sink: BatchSink = registry.table(name).open_sink(publish[name], self.loop)
        self.loop.turn_ends.append(self.sink.flush)

    def take(self, *values: Any, time_ms: int = NOON_MS, signal: Signal = E, **more: Any) -> None:
        for value in values:
            self.sink.accept(Reading(signal, value, "kWh", time_ms, **more))
        self.sink.flush()

    def until(self, condition: Callable[[], Any], seconds: float = 30.0) -> None:
        turn_until(self.loop, condition, seconds)

    def until_delivered(self) -> None:
        self.until(lambda: not len(self.sink.outbox))

    def until_trouble(self, words: str) -> None:
        self.until(lambda: words in self.sink.condition()[1])

    def heard(self, words: str) -> bool:
        return any(words in line for line in self.said)

    def close(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            self.sink.close()
            self.loop.close()
            log.configure()
