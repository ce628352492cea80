"""The host of simulated meters, and what must not end it: plugs pulled at any moment, clients that read nothing.

Time is virtual, so that what happens between two turns of a loaded machine happens here every time.
"""

from __future__ import annotations

import os
import termios
import tty
from typing import Any

import pytest

from meterd.conversation import LineSettings, Pause, Send
from meterd.errors import PortGone
from meterd.ports._loop import Loop
from meterd.ports.rfc2217 import Rfc2217Carrier
from meterd.ports.serial_port import SPEEDS
from meterd.simulate import carriers, meter_host
from meterd.simulate.carriers import WRONG_SPEED
from meterd.simulate.faults import Fault
from meterd.simulate.meter_host import MeterHost
from tests.virtual_clock import VirtualClock

LINE = LineSettings(9600)
LONG = bytes(range(256)) * 400  # more than a pty holds


@pytest.fixture
def loop():
    one = Loop(VirtualClock())
    yield one
    one.close()


@pytest.fixture
def link(tmp_path):
    return str(tmp_path / "tty")


def settle(loop: Loop) -> None:
    """Until nothing is due and nothing is ready any more."""
    for _ in range(10_000):
        due = loop.next_deadline() is not None
        loop.turn(due)
        if not due:
            loop.turn(False)
            if loop.next_deadline() is None:
                return
    raise AssertionError("it never rests")


def client_of(link: str, baudrate: int = 9600) -> int:
    fd = os.open(link, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    tty.setraw(fd)
    attributes = termios.tcgetattr(fd)
    attributes[4] = attributes[5] = SPEEDS[baudrate]
    termios.tcsetattr(fd, termios.TCSANOW, attributes)
    return fd


def read_all(loop: Loop, fd: int) -> bytes:
    data = b""
    while True:
        loop.turn(loop.next_deadline() is not None)
        try:
            data += os.read(fd, 1 << 16)
        except BlockingIOError:
            if loop.next_deadline() is None:
                return data


class Talker:
    """A meter that says what it is told to, with a pause before each; `said` counts what has left."""

    def __init__(self, *words: bytes, pause_s: float = 0.5) -> None:
        self.words = words
        self.pause_s = pause_s
        self.said = 0
        self.errors: list[Exception] = []

    def __call__(self) -> Any:
        try:
            for word in self.words:
                yield Pause(self.pause_s)
                yield Send(word)
                self.said += 1
            yield Pause(1e6)
        except PortGone as error:
            self.errors.append(error)
            raise


FAULTS = [None, "duplicate", "delay:1:300", "slow:1:20", "echo", "noise"]


@pytest.mark.parametrize("paced", [False, True])
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("turns", range(1, 5))
def test_a_plug_pulled_at_any_turn(loop, link, fault, paced, turns):
    meter = Talker(b"<one>", b"<two>", b"<three>")
    host = MeterHost(loop)
    port = host.on_pty(link, meter, LINE, Fault.parse(fault) if fault else None, paced)
    for _ in range(turns):
        loop.turn()
    port.close()
    while loop.next_deadline() is not None and loop.next_deadline() < 1e5:
        loop.turn()
    assert not os.path.islink(link)
    host.close()
    assert len(meter.errors) == 1, "it heard of it"


@pytest.mark.parametrize("fault", [*FAULTS, "close:2:100"])
def test_a_host_that_is_closed_says_nothing_more(loop, link, fault):
    meter = Talker(*[b"<word>"] * 50)
    host = MeterHost(loop)
    host.on_pty(link, meter, LINE, Fault.parse(fault) if fault else None)
    for _ in range(9):
        loop.turn()
    said = meter.said
    host.close()
    settle(loop)
    assert meter.said == said
    assert not os.path.islink(link), "what comes back after a fault does so while there is a host"


def test_a_link_that_is_gone_already(loop, link):
    host = MeterHost(loop)
    host.on_pty(link, Talker(), LINE)
    os.unlink(link)
    host.close()
    assert not os.path.islink(link)


def test_a_pty_that_cannot_come_back_yet_is_tried_again(loop, link):
    host = MeterHost(loop)
    port = host.on_pty(link, Talker(b"<word>"), LINE, Fault.parse("close:1:100"))
    while port.is_open():
        loop.turn()
    os.mkdir(link)
    until = loop.time + 3 * meter_host.RETRY_S
    while loop.time < until:
        loop.turn()
    assert not port.is_open()
    os.rmdir(link)
    while not port.is_open():
        loop.turn()
    assert os.path.islink(link)
    host.close()


def test_a_speed_that_cannot_be_asked_for_is_a_port_that_is_gone(loop, link, monkeypatch):
    def failing(fd):
        raise termios.error(5, "Input/output error")

    meter = Talker(b"<word>")
    host = MeterHost(loop)
    port = host.on_pty(link, meter, LINE, Fault.parse("duplicate"))
    monkeypatch.setattr(carriers.termios, "tcgetattr", failing)
    while port.is_open():
        loop.turn()
    monkeypatch.undo()
    assert "Input/output error" in str(meter.errors[0])
    host.close()


@pytest.mark.parametrize("fault", [None, "duplicate"])
def test_a_client_that_reads_nothing_holds_the_next_sentence_back(loop, link, fault):
    meter = Talker(LONG, b"<next>")
    host = MeterHost(loop)
    host.on_pty(link, meter, LINE, Fault.parse(fault) if fault else None)
    fd = client_of(link)
    try:
        while loop.next_deadline() is not None:
            loop.turn()
        assert meter.said == 0, "it has not left"
        data = b""
        while meter.said < 2:
            loop.turn(loop.next_deadline() is not None)
            try:
                data += os.read(fd, 1000)
            except BlockingIOError:
                continue
        while len(data) < (1 + bool(fault)) * len(LONG + b"<next>"):
            data += os.read(fd, 1 << 16)
    finally:
        os.close(fd)
    assert data == (LONG * 2 + b"<next>" * 2 if fault else LONG + b"<next>")
    host.close()


def test_at_a_wrong_speed_all_of_a_long_sentence_is_garbage(loop, link):
    host = MeterHost(loop)
    host.on_pty(link, Talker(LONG), LINE)
    fd = client_of(link, 300)
    data = b""
    try:
        while len(data) < len(LONG):
            loop.turn(loop.next_deadline() is not None and loop.time < 1e5)
            try:
                data += os.read(fd, 1000)
            except BlockingIOError:
                continue
    finally:
        os.close(fd)
    assert data == LONG.translate(WRONG_SPEED)
    host.close()


def test_a_serial_server_that_takes_bytes_late_does_not_shorten_the_transmission(loop):
    """The socket's room comes before the line behind the server has sent what it got."""
    import socket

    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    ours.setblocking(False)
    carrier = Rfc2217Carrier(loop, "127.0.0.1:1")
    port = carrier.port
    port.attach(ours.fileno())
    carrier.settings = LINE
    told = []
    port.on_sent = lambda: told.append(loop.time)
    begun = loop.time
    size = 1 << 20
    assert port.send(b"\x55" * size) is False
    assert port.is_sending()
    taken = 0
    while taken < size:
        loop.turn(False)
        try:
            taken += len(theirs.recv(1 << 16))
        except BlockingIOError:
            continue
    assert not told
    while not told:
        loop.turn()
    assert told[0] >= begun + size * 10 / 9600
    for _ in range(3):
        loop.turn(False)
    assert len(told) == 1
    loop.unregister(ours.fileno())
    ours.close()
    theirs.close()
