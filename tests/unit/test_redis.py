"""The Redis sink against servers that a test makes up: replies cut anywhere, servers that load or are none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from meterd import log
from meterd.config.publishing import read_publish
from meterd.errors import Garbled
from meterd.model import Reading, Signal
from meterd.ports._loop import Loop
from meterd.ports.listener import Listener, tcp_socket
from meterd.ports.stream import Stream
from meterd.sinks.redis import open_sink
from meterd.sinks.resp import MAX_LINE, Replies, request
from tests.unit.mqtt_case import device, turn_until


def test_a_request_is_an_array_of_bulk_strings() -> None:
    assert request("SET", "tag/a/b/rin", "1,2,") == b"*3\r\n$3\r\nSET\r\n$11\r\ntag/a/b/rin\r\n$4\r\n1,2,\r\n"
    assert request("SET", "ä") == b"*2\r\n$3\r\nSET\r\n$2\r\n\xc3\xa4\r\n"


def test_replies_cut_anywhere_are_the_same() -> None:
    data = b"+OK\r\n:0\r\n-OOM command not allowed\r\n:-1\r\n"
    whole = Replies().take(data)
    assert whole == ["", "", "OOM command not allowed", ""]
    for cut in range(len(data) + 1):
        replies = Replies()
        assert replies.take(data[:cut]) + replies.take(data[cut:]) == whole


@pytest.mark.parametrize("data", [b"HTTP/1.1 400 Bad Request\r\n", b"$3\r\nabc\r\n", b"*1\r\n", b"\r\n", b"-\r\n",
                                  b":x\r\n", b"+" * (MAX_LINE + 1), b"\x00\xff\r\n"])  # fmt: skip
def test_what_is_no_reply_is_refused(data: bytes) -> None:
    with pytest.raises(Garbled):
        Replies().take(data)


class Rig:
    """A sink and a server of ours, which answers what `answer(requests heard so far)` says."""

    def __init__(self, answer: Any) -> None:
        self.loop = Loop()
        self.said: list[str] = []
        log.configure(log.INFO, lambda level, text: self.said.append(text))
        self.heard = b""
        self.answer = answer
        self.streams: list[Stream] = []
        self.listener = Listener(self.loop, tcp_socket("127.0.0.1", 0), self._serve)
        found = read_publish({"redis": {"host": "127.0.0.1", "port": self.listener.port, "publish": 0}}, print)
        self.sink = open_sink(found["redis"], self.loop)
        self.loop.turn_ends.append(self.sink.flush)
        self.sink.configured([device("M1", "E")])

    def _serve(self, fd: int) -> None:
        stream = Stream(self.loop, fd, 1 << 20)
        stream.on_data = lambda data: self._take(stream, data)
        self.streams.append(stream)

    def _take(self, stream: Stream, data: bytes) -> None:
        self.heard += data
        for part in data.split(b"*")[1:]:
            stream.send(self.answer(part))

    def put(self, value: Any) -> None:
        self.sink.accept(Reading(Signal("M1", "E", {}), value, None, 1_700_000_000_000))

    def until(self, condition: Any) -> None:
        turn_until(self.loop, condition, 20)

    def close(self) -> None:
        self.sink.close()
        self.listener.close()
        for stream in self.streams:
            stream.close()
        self.loop.close()
        log.configure()


@pytest.fixture
def rig() -> Iterator[Any]:
    made: list[Rig] = []

    def make(answer: Any) -> Rig:
        made.append(Rig(answer))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_a_server_that_is_loading_gets_the_values_again(rig: Any) -> None:
    refused = []

    def answer(part: bytes) -> bytes:
        if b"SELECT" in part or len(refused) == 2:
            return b"+OK\r\n"
        refused.append(part)
        return b"-LOADING Redis is loading the dataset in memory\r\n"

    made = rig(answer)
    made.put(42)
    made.until(lambda: "is still loading" in made.sink.condition()[1])
    made.until(lambda: made.sink.condition()[1] == "")
    assert made.heard.count(b"42,1700000000000,") == 3
    assert made.sink.condition()[2:] == (0, 0)  # none of them is lost


@pytest.mark.parametrize("reply", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"+OK\r\n+OK\r\n"])
def test_what_is_no_redis_server_is_told(rig: Any, reply: bytes) -> None:
    made = rig(lambda part: reply)
    made.until(lambda: "is no Redis server" in made.sink.condition()[1])
    assert any("is no Redis server" in line for line in made.said)


def test_a_server_that_refuses_to_be_signed_on_to_is_not_quoted(rig: Any) -> None:
    """What it says may hold the password that it was sent."""
    made = rig(lambda part: b"-ERR unknown command 'SELECT', with args beginning with: 'planted'\r\n")
    made.until(lambda: made.sink.condition()[1] == "refuses the password or the database number")
    assert not [line for line in made.said if "planted" in line]


def test_no_more_is_under_way_than_the_bound(rig: Any) -> None:
    held: list[bytes] = []

    def answer(part: bytes) -> bytes:
        if b"SELECT" in part:
            return b"+OK\r\n"
        held.append(part)
        return b""

    made = rig(answer)
    made.sink.configured([device("M1", *(f"s{number}" for number in range(3000)))])
    made.until(lambda: made.sink.condition()[1] == "")
    for number in range(3000):
        made.sink.accept(Reading(Signal("M1", f"s{number}", {}), number, None, 1_700_000_000_000))
    made.until(lambda: len(held) == 1024)
    assert made.sink.condition()[2] == 3000 - 1024
    made.answer = lambda part: b"+OK\r\n"
    made.streams[0].send(b"+OK\r\n" * 1024)
    made.until(lambda: made.sink.condition()[2] == 0)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"host": "redis://10.0.0.1"}, "host found"),
        ({"host": "10.0.0.1:6379"}, "host found"),
        ({"host": "/" + "x" * 120}, "host is too long"),
        ({"host": "r", "user": "u"}, "user needs a password"),
        ({"host": "r", "direction": "in"}, "allowed: one of rin, out, both"),
        ({}, "host is missing"),
    ],
)
def test_slips_are_told(given: dict[str, str], said: str) -> None:
    slips: list[str] = []
    read_publish({"redis": given}, lambda name, text: slips.append(f"{name} {text}".removeprefix("redis.")))
    assert len(slips) == 1 and said in slips[0]
