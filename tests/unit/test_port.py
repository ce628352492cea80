"""A port and its carrier: what each does for the other, and that it may end at any moment."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from meterd.conversation import LineSettings
from meterd.errors import PortGone
from meterd.ports._loop import Loop
from meterd.ports._port import Port
from tests.virtual_clock import VirtualClock

LIMIT_S = 3


class Pair:
    """A carrier on one end of a pair of sockets; the test has the other."""

    def __init__(self, loop: Loop) -> None:
        self.here, self.there = socket.socketpair()
        self.here.setblocking(False)
        self.there.settimeout(10)
        self.released = 0
        self.settings: list[LineSettings | None] = []
        self.port = Port(loop, "pair", self, LIMIT_S)

    def open(self, timeout_s: float, opened: Callable[[PortGone | None], None]) -> None:
        self.port.attach(self.here.fileno())
        opened(None)

    def apply(self, settings: LineSettings | None) -> None:
        self.settings.append(settings)

    def release(self) -> None:
        self.released += 1
        self.here.close()


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop(VirtualClock())
    yield made
    made.close()


@pytest.fixture
def pair(loop: Loop) -> Iterator[Pair]:
    made = Pair(loop)
    made.port.open(1.0, lambda error: None)
    yield made
    made.port.close()
    made.there.close()


def fill(pair: Pair) -> int:
    """Send until the descriptor takes no more; returns how many octets that were."""
    sent = 0
    while pair.port.send(b"\x55" * 65536):
        sent += 65536
    return sent + 65536


def test_octets_pass_as_they_are(loop: Loop, pair: Pair) -> None:
    told: list[Any] = []
    pair.port.on_data = told.append
    pair.there.send(b"in")
    loop.turn()
    assert told == [b"in"]
    assert pair.port.send(b"out")
    assert pair.there.recv(9) == b"out"
    fd = pair.port.fd
    pair.port.close()
    assert not pair.port.is_open()
    assert pair.released == 1
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(fd)
    with pytest.raises(PortGone):
        pair.port.send(b"late")


def test_a_carrier_stands_in_for_reading_and_writing(loop: Loop, pair: Pair) -> None:
    told: list[bytes] = []
    port = pair.port
    port.on_data = told.append
    port.receive = lambda: port.read().upper()
    port.transmit = lambda data: port.write(data[::-1])
    pair.there.send(b"meter")
    loop.turn()
    assert told == [b"METER"]
    assert port.send(b"abc")
    assert pair.there.recv(9) == b"cba"
    pair.there.send(b"stale")
    assert port.drain_input() == b"STALE"
    port.receive = lambda: b""
    pair.there.send(b"not yet")
    loop.turn()
    assert told == [b"METER"]


def test_what_was_sent_has_left_once_all_of_it_is_taken(loop: Loop, pair: Pair) -> None:
    left: list[bool] = []
    pair.port.on_sent = lambda: left.append(True)
    size = fill(pair)
    assert pair.port.is_sending() and pair.port.waiting and not left
    taken = 0
    while taken < size:
        taken += len(pair.there.recv(1 << 20))
        loop.turn(False)
    assert left == [True]
    assert not pair.port.is_sending()


def test_while_it_is_underway_the_carrier_says_when_it_has_left(loop: Loop, pair: Pair) -> None:
    left: list[bool] = []
    pair.port.on_sent = lambda: left.append(True)
    size = fill(pair)
    pair.port.underway = True
    taken = 0
    while taken < size:
        taken += len(pair.there.recv(1 << 20))
        loop.turn(False)
    assert not left and not pair.port.waiting
    assert pair.port.is_sending()
    pair.port.close()
    assert not pair.port.is_sending(), "nothing is, once it is closed"


def test_a_peer_that_takes_nothing_is_lost_in_time(loop: Loop, pair: Pair) -> None:
    gone: list[Any] = []
    pair.port.on_gone = gone.append
    fill(pair)
    begun = loop.time
    while not gone:
        loop.turn()
    assert loop.time - begun == pytest.approx(LIMIT_S, abs=0.1)
    assert str(gone[0]) == "pair: the other side takes no more bytes"
    assert pair.released == 1


def test_who_is_told_of_a_loss_is_who_had_it_when_it_was_lost(loop: Loop) -> None:
    told: list[str] = []

    class Swapping(Pair):
        def release(self) -> None:
            super().release()
            self.port.on_gone = lambda error: told.append("later")

    pair = Swapping(loop)
    pair.port.open(1.0, lambda error: None)
    pair.port.on_gone = lambda error: told.append("then")
    pair.there.close()
    loop.turn()
    assert told == ["then"]
    assert not pair.port.is_open()


def test_what_is_half_open_is_released_too(loop: Loop) -> None:
    pair = Pair(loop)
    pair.port.close()
    assert pair.released == 1
    pair.port.apply(LineSettings(2400))
    assert pair.settings == [LineSettings(2400)]
    pair.there.close()


def test_a_port_without_a_descriptor(loop: Loop) -> None:
    pair = Pair(loop)
    pair.port.transmit = lambda data: True
    pair.port.receive = lambda: b""
    pair.port.stand()
    assert pair.port.is_open() and pair.port.send(b"x") and pair.port.drain_input() == b""
    pair.port.close()
    assert not pair.port.is_open()
    pair.there.close()
