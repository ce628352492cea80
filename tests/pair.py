"""A conversation and a simulated meter wired together with no I/O and a clock that costs nothing.

`converse(client, meter)` runs both generators against each other in virtual time: a time-out of a minute passes in
microseconds, and a hang is an assertion. `fault(sender, index, data)` may change what goes over the wire: it gets
'client' or 'meter', the running number of that side's Send, and the bytes, and returns the chunks that arrive instead
as a list of (delay in seconds, bytes).
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Generator
from typing import Any

from meterd.conversation import LineSettings, Pause, Receive, Report, Send
from meterd.errors import MeterdError, PortGone
from meterd.model import Reading
from meterd.ports.reception import Reception
from tests.unrolled import unrolled

Fault = Callable[[str, int, bytes], list[tuple[float, bytes]]]
MAX_STEPS = 200_000
WAIT = object()


class Outcome:
    """`readings` in order; `value` the client's return value; `error` the MeterdError that ended it, or None;
    `wire` [(time, 'client'|'meter', bytes)] as sent; `settings` the client's LineSettings; `seconds` it took."""

    def __init__(self) -> None:
        self.readings: list[Reading] = []
        self.value: Any = None
        self.error: MeterdError | None = None
        self.wire: list[tuple[float, str, bytes]] = []
        self.settings: list[LineSettings] = []
        self.seconds = 0.0

    def sent(self, side: str = "client") -> list[bytes]:
        return [data for _, sender, data in self.wire if sender == side]

    def values(self) -> dict[str, Any]:
        return {reading.signal.alias: reading.value for reading in self.readings}


class Side:
    def __init__(self, name: str, generator: Generator[Any, Any, Any]) -> None:
        self.name = name
        self.generator = generator
        self.peer: Side
        self.inbox = bytearray()
        self.reception: Reception | None = None
        self.sends = itertools.count()
        self.epoch = 0  # events scheduled for an earlier step are void
        self.done = False


class Pair:
    def __init__(self, client: Side, meter: Side, byte_s: float, fault: Fault | None, chunk: int) -> None:
        client.peer, meter.peer = meter, client
        self.sides = (client, meter)
        self.byte_s = byte_s
        self.fault = fault
        self.chunk = chunk
        self.now = 0.0
        self.events: list[tuple[float, int, Side, int, str, Any]] = []
        self.numbers = itertools.count()
        self.outcome = Outcome()
        self.steps = 0

    def at(self, time: float, side: Side, kind: str, payload: Any = None) -> None:
        heapq.heappush(self.events, (time, next(self.numbers), side, side.epoch, kind, payload))

    def run(self, limit_s: float) -> Outcome:
        client, meter = self.sides
        self.advance(meter, None)
        self.advance(client, None)
        while self.events and not client.done:
            self.now, _, side, epoch, kind, payload = heapq.heappop(self.events)
            assert self.now <= limit_s, f"hang: still talking after {limit_s} s"
            if kind == "bytes":
                self.arrive(side, payload)
            elif epoch == side.epoch and not side.done:
                if kind == "deadline":
                    reception = side.reception
                    assert reception is not None
                    if reception.deadline is None:
                        continue  # who waits for ever had the beginning of a frame, which was none
                    if self.now + 1e-9 < reception.deadline:
                        self.at(reception.deadline, side, "deadline")
                    else:
                        self.advance(side, None, reception.expired())
                else:
                    self.advance(side, None)
        assert client.done, "hang: the client waits for something that never comes"
        if not meter.done:
            self.advance(meter, None, PortGone("peer closed"))
        self.outcome.seconds = self.now
        return self.outcome

    def arrive(self, side: Side, data: bytes) -> None:
        if side.done:
            return
        if side.reception is None:
            side.inbox += data
            return
        self.give(side, data)

    def give(self, side: Side, data: bytes) -> None:
        assert side.reception is not None
        endless = side.reception.deadline is None
        try:
            frame = side.reception.feed(data, self.now)
        except MeterdError as error:
            self.advance(side, None, error)
            return
        if frame is not None:
            self.advance(side, frame)
        elif endless and side.reception.deadline is not None:
            self.at(side.reception.deadline, side, "deadline")

    def advance(self, side: Side, value: Any, error: Exception | None = None) -> None:
        side.epoch += 1
        side.reception = None
        while True:
            self.steps += 1
            assert self.steps < MAX_STEPS, "hang: endless steps"
            try:
                step = side.generator.throw(error) if error is not None else side.generator.send(value)
            except (StopIteration, MeterdError) as end:
                self.ended(side, end)
                return
            value, error = None, None
            try:
                value = self.answer(side, step)
            except MeterdError as caught:
                error = caught
            if value is WAIT:
                return

    def ended(self, side: Side, end: Exception) -> None:
        side.done = True
        if side.name != "client":
            return
        if isinstance(end, StopIteration):
            self.outcome.value = end.value
        else:
            assert isinstance(end, MeterdError)
            self.outcome.error = end

    def answer(self, side: Side, step: Any) -> Any:
        """The answer to a step, or WAIT."""
        if isinstance(step, Send):
            self.send(side, step)
            return WAIT
        if isinstance(step, Receive):
            return self.receive(side, step)
        if isinstance(step, Pause):
            self.at(self.now + step.seconds, side, "resume")
            return WAIT
        if isinstance(step, LineSettings):
            if side.name == "client":
                self.outcome.settings.append(step)
        else:
            assert isinstance(step, Report), step
            self.outcome.readings.append(step.reading)
        return None

    def receive(self, side: Side, step: Receive) -> Any:
        waiting, side.inbox = bytes(side.inbox), bytearray()
        reception = Reception(step, self.now)
        frame = reception.feed(waiting, self.now)
        if frame is not None:
            return frame
        side.reception = reception
        if reception.deadline is not None:
            self.at(reception.deadline, side, "deadline")
        return WAIT

    def send(self, side: Side, step: Send) -> None:
        assert isinstance(step.data, bytes) and step.data
        if not step.keep_input:
            side.inbox.clear()
        self.outcome.wire.append((self.now, side.name, step.data))
        chunks = [(0.0, step.data)] if self.fault is None else self.fault(side.name, next(side.sends), step.data)
        time = self.now
        for delay, data in chunks:
            time += delay
            for start in range(0, len(data), self.chunk or len(data) or 1):
                piece = data[start : start + (self.chunk or len(data))]
                time += len(piece) * self.byte_s
                self.at(time, side.peer, "bytes", piece)
        self.at(self.now + len(step.data) * self.byte_s, side, "resume")


def converse(
    client: Generator[Any, Any, Any],
    meter: Generator[Any, Any, Any],
    *,
    byte_s: float = 0.001,
    fault: Fault | None = None,
    chunk: int = 0,
    limit_s: float = 3600.0,
) -> Outcome:
    """Run `client` against `meter` to the client's end. `chunk` > 0 delivers that many bytes at a time."""
    return Pair(Side("client", unrolled(client)), Side("meter", meter), byte_s, fault, chunk).run(limit_s)
