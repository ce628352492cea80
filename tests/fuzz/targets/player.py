"""The compiled player between a port and a conversation that both do anything: every conversation ends, exactly once.

A plan of bytes drives both: what the port delivers and when, what the conversation yields and how it takes errors.
Nothing waits in earnest: a Receive lasts no time or for ever, and what is left in the end is aborted.
"""

from __future__ import annotations

import select
from collections.abc import Iterator
from typing import Any

from meterd import log
from meterd._wrapper import WrapperDecoder, WrapperFrame, encode_wrapper
from meterd.conversation import Burst, LineSettings, Pause, Receive, Report, ReportAll, Send
from meterd.errors import Aborted, DecodeError, Garbled, MeterdError, PortGone, Silence
from meterd.model import Reading, Signal
from meterd.ports import _player, player
from meterd.ports._loop import Loop
from meterd.ports._port import Port
from meterd.ports.player import Player

FRAME = encode_wrapper(1, 16, b"value")
ECHOED = b"question"
SEEDS = [
    bytes((0, 0, 1, 1, 0, 2, 1, 3, 0, 5, 0, 0)),
    bytes((6, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 3, 4, 1, 1, 1)),
    bytes((6, 9, 1, 0x41, 0, 7, 6, 9, 2, 0x81, 4, 5, 8, 9)),
    bytes(range(0, 120, 3)) + bytes(range(0, 256, 7)),
    bytes((0x46, 2, 1, 0, 3, 1, 0, 7, 1, 0, 6, 1, 1, 1, 1, 0)) * 4,
]
FOREVER_MS = 1e9
MOST_TURNS = 40
NONSENSE: list[Any] = [None, 5, b"bytes", Send, Burst, object(), _player.WAIT, []]


class Boom(Exception):
    pass


class Plan:
    """The bytes of the input, one after the other; 0 without end behind them."""

    def __init__(self, data: bytes) -> None:
        self.bytes: Iterator[int] = iter(data)
        self.ended = False

    def next(self) -> int:
        byte = next(self.bytes, None)
        self.ended = byte is None
        return byte or 0


class FakeCarrier:
    """What is sent has left at once, later, or never; or the port is gone."""

    def __init__(self, loop: Loop, plan: Plan) -> None:
        self.port = Port(loop, "fake", self)
        self.port.receive = self.receive
        self.port.transmit = self.transmit
        self.port.stand()
        self.plan = plan
        self.waits = 0

    def transmit(self, data: bytes) -> bool:
        assert type(data) is bytes
        kind = self.plan.next() % 8
        if kind == 7 or not self.port.is_open():
            raise PortGone("fake: gone in sending")
        self.waits += kind > 4
        return kind <= 4

    def receive(self) -> bytes:
        kind = self.plan.next() % 16
        if kind == 15:
            raise PortGone("fake: gone in reading")
        return FRAME[:kind] if kind > 12 else b""

    def open(self, timeout_s: float, opened: Any) -> None:
        opened(PortGone("fake: there is no other"))

    def apply(self, settings: LineSettings | None) -> None:
        """It has none."""

    def release(self) -> None:
        """It holds nothing."""


class OddDecoder:
    """Each feed does as the plan says."""

    missing = 1
    reason = ""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.pending = self.discarded = 0

    def feed(self, data: bytes) -> Any:
        kind = self.plan.next() % 8
        if kind > 5:
            raise (Boom, DecodeError, Garbled)[kind % 3]("odd")
        self.pending = kind % 2 * len(data)
        self.discarded += kind == 2
        return data if kind == 5 else None


class OddBurst(Burst):
    def __init__(self, receive: Receive, talk: Talk) -> None:
        super().__init__(receive)
        self.talk = talk

    def request(self) -> bytes | None:
        kind = self.talk.plan.next() % 8
        if kind == 7:
            raise Boom("request")
        return None if kind > 4 else ECHOED[:kind] * 3

    def take(self, frame: Any) -> Any:
        assert frame is not None and frame is not _player.WAIT
        kind = self.talk.plan.next() % 8
        if kind > 5:
            raise (Boom, Silence)[kind % 2]("take")
        made: Any = [None, self.talk.reading(), [self.talk.reading()], [], [None], 5][kind]
        return made


class Talk:
    """One conversation."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.plan = rig.plan
        self.decoder = WrapperDecoder()
        self.made: list[Reading] = []

    def reading(self) -> Reading:
        self.made.append(Reading(self.rig.signal, len(self.made)))
        self.made[-1].words = ("", "words")[len(self.made) % 2]
        return self.made[-1]

    def receive(self, choice: int) -> Receive:
        decoder = OddDecoder(self.plan) if choice & 1 else self.decoder
        return Receive(decoder, (0, FOREVER_MS, 0, None)[choice // 2 % 4], 0 if choice & 8 else FOREVER_MS)

    def step(self, kind: int, choice: int) -> Any:
        if kind == 0:
            return Send((ECHOED, b"", b"x")[choice % 3], bool(choice & 8))
        if kind == 1 or kind == 2:
            return self.receive(choice)
        if kind == 3:
            return Report(self.reading())
        if kind == 4:
            return ReportAll([self.reading() for _ in range(choice % 3)])
        if kind == 5:
            return (Pause(0.0), Pause(1e12), LineSettings(9600))[choice % 3]
        if kind == 6:
            return OddBurst(self.receive(choice), self)
        return NONSENSE[choice % len(NONSENSE)]

    def play(self) -> Any:
        goodbyes = 0
        while not self.plan.ended and goodbyes < 9:
            kind = self.plan.next()
            step = self.step(kind & 7, kind >> 3)
            try:
                check(step, (yield step), self.rig.reports)
            except Aborted:
                goodbyes += 1
                if kind & 0x40:
                    raise
            except (MeterdError, Boom, TypeError):
                if kind & 0x80:
                    raise
            except GeneratorExit:
                if kind == 0xF3:
                    yield Pause(0.0)
                raise
        if self.plan.next() & 1:
            raise Boom("the end")


def check(step: Any, answer: Any, reports: list[Reading]) -> None:
    if type(step) is Receive:
        assert isinstance(answer, (WrapperFrame, bytes))
    elif isinstance(step, Burst):
        assert answer is None or isinstance(answer, (WrapperFrame, bytes, Silence, Garbled))
    else:
        assert answer is None and step not in NONSENSE
    if type(step) is Report:
        assert reports[-1] is step.reading
    if type(step) is ReportAll and step.readings:
        assert reports[-len(step.readings) :] == step.readings


class Rig:
    def __init__(self, data: bytes) -> None:
        self.plan = Plan(data)
        self.loop = Loop()
        self.loop.register(self.loop.wakeup_fd(), select.POLLOUT, lambda revents: None)  # so that no turn sleeps
        self.carrier = FakeCarrier(self.loop, self.plan)
        self.port = self.carrier.port
        self.signal = Signal("meter", "E", {})
        self.reports: list[Reading] = []
        self.started = 0
        self.ends: list[Exception | None] = []
        self.player = Player(self.loop, self.port, self.report, self.end, self.trouble)
        self.player.observers.append(self)

    def start(self) -> None:
        self.started += 1
        self.port.stand()
        self.player.start(Talk(self).play(), (0.0, 1e-6, 0.0, 1e12)[self.plan.next() % 4])

    def end(self, error: Exception | None) -> None:
        assert not self.player.is_playing()
        self.ends.append(error)
        if not self.plan.ended and self.plan.next() & 1:
            self.start()

    def report(self, reading: Reading) -> None:
        self.reports.append(reading)
        self.meddle()

    def trouble(self, reading: Reading) -> None:
        assert reading.quality != "good" or reading.words == "words"
        self.meddle()

    def framed(self, frame: Any) -> None:
        self.meddle()

    def meddle(self) -> None:
        kind = self.plan.next()
        if kind == 0xA0:
            self.player.abort("meddled")
        elif kind == 0xA1:
            raise Boom("meddled")

    def world(self, kind: int) -> None:
        if kind < 3:
            self.loop.turn()
        elif kind == 3:
            self.port.on_data(FRAME)
        elif kind == 4:
            self.port.on_data((FRAME * 2)[self.plan.next() % 20 :][: self.plan.next() % 20])
        elif kind == 5:
            self.port.on_data((ECHOED * 3)[: self.plan.next() % 30])
        elif kind == 6 and self.carrier.waits:
            self.carrier.waits -= 1
            self.port.on_sent()
        elif kind == 7:
            self.odd(self.plan.next() % 8)

    def odd(self, kind: int) -> None:
        if kind == 0:
            self.player.abort("in the middle")
        elif kind == 1:
            self.port.close()
            self.port.on_gone(PortGone("fake: gone"))
        elif kind == 2:
            self.port.on_sent()  # nobody asked
        elif kind == 3:
            self.port.on_data(bytes(4096) * 20)

    def finish(self) -> None:
        self.player.abort("the input is over")
        for _ in range(MOST_TURNS):
            if not self.player.is_playing():
                break
            self.loop.turn()
        assert not self.player.is_playing(), "a conversation does not end"
        assert len(self.ends) == self.started, "a conversation ends more than once"
        for error in self.ends:
            assert error is None or isinstance(error, (MeterdError, Boom, TypeError)), repr(error)


def one(data: bytes) -> None:
    log.configure(log.ERROR, lambda level, text: None)
    limit, player.GOODBYE_S = player.GOODBYE_S, 0.0
    rig = Rig(data)
    try:
        rig.start()
        while not rig.plan.ended:
            rig.world(rig.plan.next() & 7)
        rig.finish()
    finally:
        player.GOODBYE_S = limit
        rig.loop.close()
        log.configure()
