"""Readings that are handed over: acknowledged ones are gone, all others come again, losses are told by number."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meterd import log
from meterd.config.publishing import read_publish
from meterd.errors import ConfigError
from meterd.model import Reading, Signal
from meterd.ports._loop import Loop
from meterd.sinks import handover as module
from meterd.sinks.handover import Handover
from meterd.sinks.registry import open_sinks

SIGNAL = Signal("heat", "power", {})


class Site:
    def __init__(self, path: Path, most: int) -> None:
        self.loop = Loop()
        self.sink = Handover(str(path), most, self.loop)
        self.loop.turn_ends.append(self.sink.flush)
        self.value = 0
        self.clients: list[socket.socket] = []

    def publish(self, count: int) -> None:
        for _ in range(count):
            self.value += 1
            self.sink.accept(Reading(SIGNAL, self.value, "W", 1_700_000_000_005))
        self.sink.flush()

    def turn(self) -> None:
        self.loop.call_soon_from_thread(lambda: None)
        self.loop.turn()


class Consumer:
    def __init__(self, site: Site) -> None:
        self.site = site
        self.socket = socket.socket(socket.AF_UNIX)
        site.clients.append(self.socket)
        self.socket.connect(site.sink.path)
        self.socket.setblocking(False)
        self.held = b""

    def lines(self) -> list[dict[str, Any]]:
        """All that comes while nothing is acknowledged."""
        quiet = 0
        while quiet < 3:
            self.site.turn()
            try:
                data = self.socket.recv(1 << 20)
            except BlockingIOError:
                quiet += 1
                continue
            if not data:
                break
            self.held += data
        *lines, self.held = self.held.split(b"\n")
        return [json.loads(line) for line in lines]

    def numbers(self) -> list[int]:
        found = [line for line in self.lines() if "sequence" in line]
        assert all(line["value"] == line["sequence"] for line in found)
        return [line["sequence"] for line in found]

    def say(self, data: bytes) -> None:
        self.socket.sendall(data)
        self.site.turn()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "s", 20)
    yield made
    for client in made.clients:
        client.close()
    made.sink.close()
    made.loop.close()
    log.configure()


@pytest.fixture
def said() -> Iterator[list[str]]:
    found: list[str] = []
    log.configure(log.DEBUG, lambda level, text: found.append(text), clock=lambda: 0.0)
    yield found
    log.configure()


def test_readings_wait_for_a_consumer_and_carry_all_their_fields(site: Site) -> None:
    site.publish(2)
    begun, first, second = Consumer(site).lines()
    assert len(begun["epoch"]) == 8
    assert first == {
        "sequence": 1, "device": "heat", "signal": "power", "value": 1, "unit": "W", "time_ms": 1_700_000_000_005,
        "meter_time": None, "quality": "good", "reason": None,
    }  # fmt: skip
    assert second["sequence"] == 2


def test_what_is_acknowledged_is_gone_and_the_rest_comes_again(site: Site) -> None:
    site.publish(5)
    first = Consumer(site)
    assert first.numbers() == [1, 2, 3, 4, 5]
    first.say(b"2\n3")
    assert len(site.sink.outbox) == 3
    first.say(b"\n")
    assert len(site.sink.outbox) == 2
    first.socket.close()
    site.turn()
    site.publish(1)
    second = Consumer(site)
    assert second.numbers() == [4, 5, 6]
    second.say(b"6\n")
    site.publish(1)
    assert second.numbers() == [7]


def test_losses_are_told_by_their_numbers_to_each_consumer(site: Site, said: list[str]) -> None:
    site.publish(25)
    for _ in range(2):
        consumer = Consumer(site)
        assert consumer.lines()[1] == {"lost": [1, 5]}
        consumer.socket.close()
        site.turn()
    consumer = Consumer(site)
    assert consumer.numbers() == list(range(6, 26))
    site.publish(2)  # all are under way: these are lost
    consumer.say(b"25\n")
    site.publish(1)
    assert consumer.lines() == [{"lost": [26, 27]}, {**consumer_line(28)}]
    assert said[0].endswith("readings are lost, for nobody acknowledges them: 5 so far")


def consumer_line(number: int) -> dict[str, Any]:
    line = {
        "sequence": number,
        "device": "heat",
        "signal": "power",
        "value": number,
        "unit": "W",
        "time_ms": 1_700_000_000_005,
    }
    return {**line, "meter_time": None, "quality": "good", "reason": None}


def test_no_more_is_under_way_than_the_window(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WINDOW", 4)
    site.publish(9)
    consumer = Consumer(site)
    assert consumer.numbers() == [1, 2, 3, 4]
    consumer.say(b"3\n")
    assert consumer.numbers() == [5, 6, 7]


@pytest.mark.parametrize("answer", [b"all of them\n", b"-1\n", b"\n", b"\xff\n", b"9" * 100, b"9" * 100 + b"\n"])
def test_nonsense_acknowledges_nothing(site: Site, said: list[str], answer: bytes) -> None:
    site.publish(3)
    consumer = Consumer(site)
    assert consumer.numbers() == [1, 2, 3]
    consumer.say(answer)
    consumer.site.turn()
    assert len(site.sink.outbox) == 3
    assert consumer.socket.recv(10) == b""
    assert "is let go" in said[-1]


def test_numbers_that_were_never_handed_out_acknowledge_only_what_was(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WINDOW", 2)
    site.publish(5)
    consumer = Consumer(site)
    assert consumer.numbers() == [1, 2]
    consumer.say(b"999999\n")
    assert consumer.numbers() == [3, 4]


def test_a_second_consumer_takes_over(site: Site, said: list[str]) -> None:
    site.publish(2)
    first = Consumer(site)
    assert first.numbers() == [1, 2]
    second = Consumer(site)
    assert second.numbers() == [1, 2]
    assert first.socket.recv(10) == b""
    second.say(b"2\n")
    assert len(site.sink.outbox) == 0
    assert said == [f"{site.sink.path}: the consumer gives way to another one and is let go"]


def test_a_consumer_that_reads_nothing_holds_up_nobody(tmp_path: Path) -> None:
    site = Site(tmp_path / "s", 1000)
    stalled = socket.socket(socket.AF_UNIX)
    stalled.connect(site.sink.path)
    for _ in range(600):
        site.sink.accept(Reading(SIGNAL, "x" * 4000, time_ms=1))
    for _ in range(5):
        site.turn()
    assert site.sink.outbox.under_way() == module.WINDOW
    assert len(site.sink.outbox) == 600
    stalled.close()
    site.turn()
    site.sink.close()
    site.loop.close()


def test_it_is_configured_like_any_sink(tmp_path: Path) -> None:
    said: list[str] = []
    publish = read_publish(
        {"handover": {"path": str(tmp_path / "s"), "readings": 7}}, lambda *what: said.append(str(what))
    )
    loop = Loop()
    _, sink = open_sinks(publish, loop)
    assert isinstance(sink, Handover)
    assert (said, sink.outbox.most) == ([], 7)
    with pytest.raises(ConfigError, match="another process listens there"):
        open_sinks(publish, loop)
    sink.reopen()
    sink.close()
    loop.close()
