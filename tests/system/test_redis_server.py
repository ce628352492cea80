"""The Redis sink against a real redis-server, read by the redis package: values, refusals, and servers that go away."""

from __future__ import annotations

import signal as signals
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from meterd import log
from meterd.config.publishing import read_publish
from meterd.model import Reading, Signal, failed
from meterd.ports._loop import Loop
from meterd.recalculation import Recalculation
from meterd.sinks.redis import open_sink
from tests.broker import free_port
from tests.needs import needs
from tests.unit.mqtt_case import device, turn_until

redis = pytest.importorskip("redis", reason="the redis package is missing: make .build-test")
SECRET = "planted-Passw0rd"


class Server:
    """A redis-server without files, on TCP and on a socket; `words` go on its command line."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.program = needs("redis-server")
        self.port = free_port()
        self.socket = str(folder / "redis.sock")
        self.words = ["--port", str(self.port), "--bind", "127.0.0.1", "--unixsocket", self.socket, "--save", "",
                      "--appendonly", "no", "--dir", str(folder), *words]  # fmt: skip
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, password: str | None = None) -> Any:
        self.process = subprocess.Popen([self.program, *self.words], stdout=subprocess.DEVNULL)
        client = redis.Redis(port=self.port, password=password, decode_responses=True)
        limit = time.monotonic() + 20
        while True:
            try:
                client.ping()
                return client
            except redis.ConnectionError:
                assert time.monotonic() < limit, "redis-server does not come up"
                time.sleep(0.05)

    def kill(self, number: int = signals.SIGKILL) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            if number == signals.SIGKILL:
                self.process.wait(10)
                self.process = None


class Site:
    """A sink and what the log says."""

    def __init__(self, **given: Any) -> None:
        self.loop = Loop()
        self.said: list[str] = []
        log.configure(log.INFO, lambda level, text: self.said.append(text))
        slips: list[str] = []
        found = read_publish({"redis": given}, lambda name, text: slips.append(f"{name} {text}"))
        assert slips == []
        self.sink = open_sink(found["redis"], self.loop)
        self.loop.turn_ends.append(self.sink.flush)
        self.sink.configured([device("M1", "E", "F")])

    def until(self, condition: Callable[[], Any], seconds: float = 20.0) -> None:
        turn_until(self.loop, condition, seconds)

    def good(self) -> bool:
        return self.sink.condition()[1:3] == ("", 0)

    def close(self) -> None:
        self.sink.close()
        self.loop.close()


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    made: list[Server] = []

    def make(*words: str) -> Server:
        made.append(Server(tmp_path, *words))
        return made[-1]

    yield make
    for one in made:
        one.kill()


@pytest.fixture
def sites() -> Iterator[Callable[..., Site]]:
    made: list[Site] = []

    def make(**given: Any) -> Site:
        made.append(Site(**given))
        return made[-1]

    yield make
    for one in made:
        one.close()
    log.configure()


def reading(alias: str, value: Any, time_ms: int = 1_700_000_000_000) -> Reading:
    return Reading(Signal("M1", alias, {}), value, "kWh", time_ms)


@pytest.mark.parametrize("way", ["tcp", "socket"])
def test_keys_and_channels_are_those_of_a_wcc_lite(servers: Any, sites: Any, way: str) -> None:
    server = servers()
    client = server.start()
    heard = client.pubsub(ignore_subscribe_messages=True)
    heard.psubscribe("tag/*")
    heard.get_message(timeout=5)
    site = sites(host="127.0.0.1", port=server.port) if way == "tcp" else sites(host=server.socket)
    site.sink.accept(reading("E", 147238))
    site.sink.accept(failed(Signal("M1", "F", {}), "timeout"))
    site.until(lambda: client.dbsize() == 2 and site.good())
    assert client.get("tag/M1/E/rin") == "147238,1700000000000,"
    assert client.get("tag/M1/F/rin") == "nan,0,IV"
    first = heard.get_message(timeout=5)
    assert (first["channel"], first["data"]) == ("tag/M1/E/rin", "147238,1700000000000,")
    heard.close()
    client.close()


def test_raw_and_recalculated_under_their_own_keys(servers: Any, sites: Any) -> None:
    server = servers()
    client = server.start()
    site = sites(host="127.0.0.1", port=server.port, direction="both", publish=0, database=3, prefix="house")
    signal = Signal("M1", "E", {})
    signal.recalculation = Recalculation({"multiply": "0.001", "units": "MWh"})
    raw = Reading(signal, 5000, "kWh", 1_700_000_000_000)
    site.sink.accept(signal.recalculation.apply(raw))
    site.until(site.good)
    client.select(3)
    assert client.get("house/M1/E/rin") == "5000,1700000000000,"
    assert client.get("house/M1/E/out") == "5.000,1700000000000,"
    client.close()


def test_after_an_outage_the_last_values_are_there_again(servers: Any, sites: Any) -> None:
    server = servers()
    client = server.start()
    site = sites(host="127.0.0.1", port=server.port)
    site.sink.accept(reading("E", 1))
    site.sink.accept(reading("F", 10))
    site.until(lambda: client.dbsize() == 2 and site.good())
    client.close()
    server.kill()
    site.until(lambda: site.sink.condition()[1])
    for value in (2, 3, 4):
        site.sink.accept(reading("E", value))
    assert site.sink.condition()[2:] == (1, 2)  # one signal's last value waits; two never left
    client = server.start()
    site.until(lambda: site.good() and client.dbsize() == 2, 40)
    assert (client.get("tag/M1/E/rin"), client.get("tag/M1/F/rin")) == ("4,1700000000000,", "10,1700000000000,")
    assert any("Connection refused" in line or "closed the connection" in line for line in site.said)
    client.close()


def test_a_full_server_is_told_and_heals(servers: Any, sites: Any) -> None:
    server = servers("--maxmemory", "1", "--maxmemory-policy", "noeviction")
    client = server.start()
    site = sites(host="127.0.0.1", port=server.port)
    site.sink.accept(reading("E", 1))
    site.until(lambda: "no memory left (maxmemory)" in site.sink.condition()[1])
    assert site.sink.condition()[3] == 1
    client.config_set("maxmemory", 0)
    site.sink.accept(reading("E", 2))
    site.until(site.good)
    assert client.get("tag/M1/E/rin") == "2,1700000000000,"
    client.close()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "wants a password: publish.redis.password"),
        ({"password": SECRET + "x"}, "refuses this user or password"),
        ({"user": "nobody", "password": SECRET}, "refuses this user or password"),
    ],
)
def test_a_password_that_is_missing_or_wrong(servers: Any, sites: Any, given: dict[str, str], said: str) -> None:
    server = servers("--requirepass", SECRET)
    server.start(SECRET).close()
    site = sites(host="127.0.0.1", port=server.port, **given)
    site.until(lambda: site.sink.condition()[1] == said)
    assert any(said in line for line in site.said)
    assert not [line for line in site.said if SECRET in line]


def test_the_right_password_is_taken(servers: Any, sites: Any) -> None:
    server = servers("--requirepass", SECRET)
    client = server.start(SECRET)
    site = sites(host="127.0.0.1", port=server.port, password=SECRET)
    site.sink.accept(reading("E", 1))
    site.until(lambda: site.good() and client.dbsize() == 1)
    client.close()


def test_a_replica_is_told(servers: Any, sites: Any) -> None:
    server = servers("--replicaof", "127.0.0.1", "1")
    server.start().close()
    site = sites(host="127.0.0.1", port=server.port)
    site.sink.accept(reading("E", 1))
    site.until(lambda: "is a replica and may not write" in site.sink.condition()[1])


def test_a_server_that_hangs_is_left_and_found_again(servers: Any, sites: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("meterd.sinks.redis_sink.ANSWER_S", 0.3)
    server = servers()
    client = server.start()
    site = sites(host="127.0.0.1", port=server.port)
    site.sink.accept(reading("E", 1))
    site.until(lambda: site.good() and client.dbsize() == 1)
    server.kill(signals.SIGSTOP)
    site.sink.accept(reading("E", 2))
    site.until(lambda: "has not answered" in site.sink.condition()[1])
    server.kill(signals.SIGCONT)
    site.until(site.good, 40)
    assert client.get("tag/M1/E/rin") == "2,1700000000000,"
    client.close()


def test_what_waits_at_the_end_still_leaves(servers: Any, sites: Any) -> None:
    server = servers()
    client = server.start()
    site = sites(host="127.0.0.1", port=server.port)
    site.until(site.good)
    site.sink.accept(reading("E", 7))
    site.sink.close()
    assert client.get("tag/M1/E/rin") == "7,1700000000000,"
    client.close()
