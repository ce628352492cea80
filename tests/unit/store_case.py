"""A store on a loop that the test turns by itself, with sinks that take from it as real ones do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from meterd import log
from meterd.model import Reading, Signal
from meterd.ports._loop import Loop
from meterd.sinks.outbox import Outbox
from meterd.sinks.store_disk import Disk
from meterd.sinks.store_keeper import Store
from meterd.sinks.stored_outbox import StoredOutbox
from tests.unit.mqtt_case import turn_until

SIGNALS = [Signal("M7", f"s{number}", {}) for number in range(4)]
NOW_MS = 1_795_000_000_000


class Taker:
    """A sink: what it was handed out, by outward key."""

    def __init__(self, room: int) -> None:
        self.outbox: Any = Outbox(room)
        self.got: list[tuple[tuple[str, int], Reading]] = []

    def flush(self) -> None:
        pass

    def take(self, count: int) -> list[int]:
        """Internal numbers of what is handed out now."""
        taken = self.outbox.peek(count)
        self.got += [(self.outbox.key(number), reading) for number, reading in taken]
        return [number for number, _ in taken]


class Rig:
    """One run of a daemon, as far as the store is concerned: `kill` ends it as kill -9 does, `close` politely."""

    def __init__(
        self, path: Path, *names: str, wait: bool = True, disk: Any = Disk, room: int = 10_000, **given: Any
    ) -> None:
        self.said: list[str] = []
        log.configure(log.NOTICE, lambda level, text: self.said.append(text))
        self.loop = Loop()
        settings = {
            "path": str(path),
            "durable_ms": 20,
            "size_mb": 16,
            "keep_hours": 0,
            "memory_readings": 5000,
            **given,
        }
        size = settings.get("size", settings["size_mb"] << 20)
        self.store = Store(settings, self.loop, lambda tell: disk(str(path), size, tell))
        self.takers = {name: Taker(room) for name in names or ("far",)}
        for name, taker in self.takers.items():
            self.store.stand_behind(name, taker)
        self.far = next(iter(self.takers.values()))
        if wait:
            self.until(lambda: self.store.is_ready)

    @property
    def outbox(self) -> StoredOutbox:
        return self.far.outbox

    def put(self, *values: Any, **more: Any) -> None:
        for value in values:
            reading = Reading(SIGNALS[self.store.last % 4], value, **{"unit": "kWh", "time_ms": NOW_MS, **more})
            self.store.accept(reading)
            self.store.flush()
            for taker in self.takers.values():
                taker.outbox.put([reading])

    def until(self, condition: Any, seconds: float = 20.0) -> None:
        turn_until(self.loop, condition, seconds)

    def written(self) -> None:
        self.until(lambda: self.store.written == self.store.last and self.store._writing is None)

    def all_of(self, taker: Taker | None = None, step: int = 100, acknowledge: bool = True) -> list[Any]:
        """Values of all that waits, taken as it comes from memory or disk."""
        taker = taker or self.far
        begun = len(taker.got)

        def more() -> bool:
            numbers = taker.take(step)
            if acknowledge and numbers:
                taker.outbox.drop(numbers[-1])
            return len(taker.outbox) == taker.outbox.under_way()

        self.until(more)
        return [reading.value for _, reading in taker.got[begun:]]

    def says(self, words: str) -> bool:
        return any(words in line for line in self.said)

    def kill(self) -> None:
        """Nothing is said and nothing is written any more."""
        self.store._is_closing = True
        disk = self.store._disk
        disk._jobs.clear()
        disk._close = lambda: _drop(disk)  # type: ignore[method-assign]
        assert disk.stop(20)
        self.loop.close()

    def close(self) -> None:
        self.store.close()
        self.loop.close()


def _drop(disk: Disk) -> None:
    """SQLite would tidy up on closing; a process that is killed does not."""
    file = disk._file
    if file is None:
        return
    kept = [
        (Path(file.path + end), Path(file.path + end).read_bytes())
        for end in ("", "-wal")
        if Path(file.path + end).exists()
    ]
    file.close()
    for path, data in kept:
        path.write_bytes(data)
