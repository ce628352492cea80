"""TCP converters that close after each answer, and the wait before a first request: real sockets, real player."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from meterd._number import Number
from meterd._steps import Send
from meterd.daemon.one_scan import Evidence, Single
from meterd.errors import PortGone
from meterd.model import Memory, Reading
from meterd.ports._loop import Loop
from meterd.protocols.mbus import driver
from meterd.protocols.mbus.link import Link
from tests.strangers.mbus_bus import VOLUME, Bus, Slave
from tests.unit.test_mbus_driver import device, signal

MORE = bytes([0x1F])
POWER = bytes.fromhex("02 2B 39 05")


@contextmanager
def converter(bus: Bus, answers: int) -> Iterator[tuple[int, list[int]]]:
    """A converter that closes each connection behind `answers` answers. Yields: its port, answers per connection."""
    listener = socket.create_server(("127.0.0.1", 0))
    counts: list[int] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            counts.append(0)
            with connection:
                while counts[-1] < answers and (octets := connection.recv(4096)):
                    for _, data in bus.hear(octets):
                        connection.sendall(data)
                        counts[-1] += 1

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], counts
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def read(port: int, address: str, *tags: str) -> list[Reading]:
    readings: list[Reading] = []
    single = Single(
        Loop(),
        device(address, ip="127.0.0.1", port=port, timeout_ms=500, retry_counter=0, poll_delay_ms=0),
        "",
        readings.append,
    )
    try:
        plan = driver.plan(single.device, [signal(tag, tag) for tag in tags])
        single.run(driver.conversation(plan, Memory()))
    finally:
        single.close()
    return readings


@pytest.mark.parametrize("address", ["5", "12345678"])
def test_a_converter_that_closes_after_each_answer_is_connected_anew(address: str) -> None:
    bus = Bus(Slave(telegrams=[VOLUME + MORE, POWER]))
    with converter(bus, 1) as (port, counts):
        readings = read(port, address, "volume", "power")
    assert [one.value for one in readings] == [Number(2850427, -3), 1337]
    assert len(counts) >= 3 and set(counts) <= {0, 1}


def test_one_that_closes_without_an_answer_is_not_asked_for_ever() -> None:
    with converter(Bus(), 0) as (port, counts), pytest.raises(PortGone):
        read(port, "5", "volume")
    assert len(counts) <= 2


def test_the_poll_delay_is_waited_for_once_in_a_conversation() -> None:
    link = Link(2400, 100, 1)
    steps: list[Any] = [link.sending(b"\x10\x40\x05\x45\x16") for _ in range(3)]
    assert [step.at_once for step in steps] == [False, True, True]
    assert not Send(b"x").at_once


def test_a_player_waits_for_the_poll_delay_before_the_first_request_alone() -> None:
    times: list[float] = []
    with converter(Bus(Slave()), 100) as (port, _):
        on = device("5", ip="127.0.0.1", port=port, timeout_ms=500, poll_delay_ms=300)
        single = Single(Loop(), on, "", lambda reading: None)

        class Watch(Evidence):
            def sent(self, data: bytes) -> None:
                times.append(single.loop.time)

        single.player.observers.append(Watch())
        for _ in range(2):
            single.run(driver.conversation(driver.plan(on, [signal("v", "volume")]), Memory()))
        single.close()
    nke, request, later, _ = times
    assert later - request >= 0.3 > request - nke
