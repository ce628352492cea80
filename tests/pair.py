"""A conversation and a simulated meter played by two real players on one real loop, in time that costs nothing.

`converse(client, meter)` joins both by ports that exist in memory alone: what one sends reaches the other at the pace
of a line, by timers of the loop. A time-out of a minute passes in microseconds, and a hang is an assertion.
`fault(sender, index, data)` may change what goes over the wire: it gets 'client' or 'meter', the running number of that
side's Send, and the bytes, and returns the chunks that arrive instead as a list of (delay in seconds, bytes).
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from typing import Any

from meterd.conversation import LineSettings, MeterTime, Tell
from meterd.errors import MeterdError, PortGone
from meterd.model import Reading
from meterd.ports._loop import Loop
from meterd.ports._port import Port
from meterd.ports._timers import Timer
from meterd.ports.player import Player
from tests.virtual_clock import VirtualClock

Fault = Callable[[str, int, bytes], list[tuple[float, bytes]]]
MAX_TURNS = 1_000_000
MAX_AT_ONCE = 200_000  # readings and settings, which pass no time


class Outcome:
    """`readings` in order; `value` the client's return value; `error` the MeterdError that ended it, or None;
    `told` what it had to say, `times` what it was told of the meter's clock;
    `wire` [(time, 'client'|'meter', bytes)] as sent; `settings` the client's LineSettings; `seconds` it took."""

    def __init__(self) -> None:
        self.readings: list[Reading] = []
        self.value: Any = None
        self.error: MeterdError | None = None
        self.wire: list[tuple[float, str, bytes]] = []
        self.settings: list[LineSettings] = []
        self.seconds = 0.0
        self.told: list[str] = []
        self.times: list[MeterTime] = []

    def sent(self, side: str = "client") -> list[bytes]:
        return [data for _, sender, data in self.wire if sender == side]

    def values(self) -> dict[str, Any]:
        return {reading.signal.alias: reading.value for reading in self.readings}

    def report(self, reading: Reading) -> None:
        self.readings.append(reading)
        assert len(self.readings) < MAX_AT_ONCE, "hang: endless readings"

    def apply(self, settings: LineSettings) -> None:
        self.settings.append(settings)
        assert len(self.settings) < MAX_AT_ONCE, "hang: endless settings"


class Wire:
    """What both ports know: the time since the beginning, the pace, what goes wrong, and all that was sent."""

    def __init__(self, loop: Loop, byte_s: float, fault: Fault | None, chunk: int, outcome: Outcome) -> None:
        self.loop = loop
        self.byte_s = byte_s
        self.fault = fault
        self.chunk = chunk
        self.outcome = outcome
        self.start = loop.time

    def seconds(self) -> float:
        return self.loop.time - self.start


class WireEnd:
    """One end of the wire. It takes what is sent at once, and has sent it when the line's pace has let it out."""

    peer: WireEnd

    def __init__(self, wire: Wire, name: str, on_settings: Callable[[LineSettings], None]) -> None:
        self.port = Port(wire.loop, name, self)
        self.port.receive = self.receive
        self.port.transmit = self.transmit
        self.port.stand()
        self.name = name
        self.wire = wire
        self.sends = 0
        self.on_settings = on_settings
        self.on_left: Callable[[int], None] | None = None
        self._busy_until = 0.0
        self._left = Timer(self._has_left)

    def transmit(self, data: bytes) -> bool:
        if not self.port.is_open():
            raise PortGone(f"{self.name}: the port is closed")
        assert data, f"{self.name}: nothing is sent"
        wire, loop = self.wire, self.wire.loop
        wire.outcome.wire.append((wire.seconds(), self.name, data))
        begin = max(loop.time, self._busy_until)
        chunks = [(0.0, data)] if wire.fault is None else wire.fault(self.name, self.sends, data)
        self.sends += 1
        passed, size = begin, 0
        for delay, octets in chunks:
            passed += delay
            for at in range(0, len(octets), wire.chunk or len(octets) or 1):
                piece = octets[at : at + (wire.chunk or len(octets))]
                size += len(piece)
                loop.arm(Timer(partial(self.peer.arrive, piece)), passed + size * wire.byte_s)
        self._busy_until = begin + len(data) * wire.byte_s
        loop.arm(self._left, self._busy_until)
        return False

    def _has_left(self) -> None:
        self.port.on_sent()
        if self.on_left is not None:
            self.on_left(self.sends)

    def arrive(self, octets: bytes) -> None:
        if self.port.is_open():
            self.port.on_data(octets)

    def receive(self) -> bytes:
        """Nothing: what has come in was given to the player in that moment."""
        return b""

    def apply(self, settings: LineSettings | None) -> None:
        if settings is not None:
            self.on_settings(settings)

    def open(self, timeout_s: float, opened: Callable[[PortGone | None], None]) -> None:
        opened(PortGone(f"{self.name}: there is no other wire"))

    def release(self) -> None:
        self._left.deadline = None

    def lose(self) -> None:
        self.port.lose(PortGone("peer closed"))


class Side:
    """A player and its end of the wire, until its conversation is over."""

    def __init__(self, end: WireEnd, on_report: Callable[[Reading], None], told_to: Outcome | None = None) -> None:
        self.end = end
        self.done = False
        self.error: Exception | None = None
        self._told_to = told_to
        self.player = Player(
            end.wire.loop, end.port, on_report, self._ended, on_tell=self._told, strips_echo=told_to is not None
        )

    def _told(self, step: Tell | MeterTime) -> None:
        assert self._told_to is not None, f"a meter tells nobody: {step}"
        if isinstance(step, Tell):
            self._told_to.told.append(step.text)
        else:
            self._told_to.times.append(step)

    def _ended(self, error: Exception | None) -> None:
        self.done = True
        self.error = error

    def failed(self) -> Exception | None:
        """What no meter and no line can be blamed for."""
        return None if isinstance(self.error, MeterdError) else self.error


def no_reading(reading: Reading) -> None:
    raise AssertionError(f"a meter reports nothing: {reading}")


def kept(client: Generator[Any, Any, Any], outcome: Outcome) -> Generator[Any, Any, None]:
    outcome.value = yield from client


def play(client: Side, meter: Side, limit_s: float) -> None:
    """To the client's end, or a defect on either side."""
    wire = client.end.wire
    loop = wire.loop
    turns = 0
    while not client.done and meter.failed() is None:
        assert loop.next_deadline() is not None, "hang: the client waits for something that never comes"
        loop.turn()
        turns += 1
        assert turns < MAX_TURNS, "hang: endless turns"
        assert client.done or wire.seconds() <= limit_s, f"hang: still talking after {limit_s} s"
    wire.outcome.seconds = wire.seconds()
    if meter.player.is_playing():
        meter.end.lose()
    for side in (client, meter):
        defect = side.failed()
        if defect is not None:
            raise defect


def converse(
    client: Generator[Any, Any, Any],
    meter: Generator[Any, Any, Any],
    *,
    byte_s: float = 0.001,
    fault: Fault | None = None,
    chunk: int = 0,
    limit_s: float = 3600.0,
    abort_after: int = 0,
) -> Outcome:
    """Run `client` against `meter` to the client's end. `chunk` > 0 delivers that many bytes at a time; with
    `abort_after` > 0 the client is told to end once so many of its Sends have left."""
    outcome = Outcome()
    loop = Loop(VirtualClock())
    try:
        wire = Wire(loop, byte_s, fault, chunk, outcome)
        asking = Side(WireEnd(wire, "client", outcome.apply), outcome.report, outcome)
        # Without echo, as the host does it.
        answering = Side(WireEnd(wire, "meter", lambda settings: None), no_reading)
        asking.end.peer, answering.end.peer = answering.end, asking.end
        if abort_after:
            asking.end.on_left = lambda sends: asking.player.abort("told to") if sends == abort_after else None
        answering.player.start(meter)
        asking.player.start(kept(client, outcome))
        play(asking, answering, limit_s)
        error = asking.error
        outcome.error = error if isinstance(error, MeterdError) else None
        return outcome
    finally:
        loop.close()
