"""What Prometheus is told: promtool and Prometheus' own parser read it; hostile requests leave the loop alone."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from meterd._number import Number
from meterd.config.publishing import read_publish
from meterd.errors import ConfigError
from meterd.model import Reading, Signal, failed
from meterd.ports import http_server
from meterd.ports._loop import Loop
from meterd.sinks.hub import Hub
from meterd.sinks.metrics import Exposition, open_sink
from meterd.sinks.status import DeviceStatus
from tests.broker import free_port
from tests.needs import needs
from tests.unit.mqtt_case import device, turn_until


class Site:
    """A sink on a loop that the test turns."""

    def __init__(self, **given: Any) -> None:
        self.loop = Loop()
        slips: list[str] = []
        given = given or {"port": free_port()}
        found = read_publish({"metrics": given}, lambda name, text: slips.append(f"{name} {text}"))
        assert slips == []
        self.port = given.get("port", 0)
        self.sink = open_sink(found["metrics"], self.loop)
        self.hub = Hub([self.sink], lambda: 1_700_000_000_000)
        self.hub.configured([device("M1", "E", "F", "T"), device("M2", "E")])

    def put(self, alias: str, value: Any, unit: str | None = "kWh", of: str = "M1") -> None:
        signal = Signal(of, alias, {})
        self.hub.publish(failed(signal, "timeout") if value is None else Reading(signal, value, unit))

    def connect(self) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self.port), 10)
        client.setblocking(False)
        return client

    def answer(self, *pieces: bytes) -> bytes:
        """What comes until the end, of a request sent piece by piece."""
        with self.connect() as client:
            for piece in pieces:
                client.send(piece)
                self.turn()
            return self.rest(client)

    def rest(self, client: socket.socket) -> bytes:
        got = bytearray()

        def is_over() -> bool:
            try:
                data = client.recv(1 << 16)
            except BlockingIOError:
                return False
            except ConnectionResetError:
                return True
            got.extend(data)
            return not data

        turn_until(self.loop, is_over, 20)
        return bytes(got)

    def turn(self) -> None:
        for _ in range(3):
            self.loop.turn(False)

    def close(self) -> None:
        self.sink.close()
        self.loop.close()


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.close()


GET = b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def samples(text: str) -> dict[tuple[str, ...], float]:
    """By name and the values of its labels."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def fill(site: Site) -> None:
    site.put("E", Number.parse("147238.40"))
    site.put("F", 7, "Hz")
    site.put("F", None)
    site.put("T", 'a "quoted"\\ text\n', None)
    site.put("E", 1.5e-7, None, "M2")
    status = DeviceStatus("M1")
    status.signals = 3
    status.failed("timeout", words="no answer", now_s=0.0, signals_ok=1)
    site.hub.publish_status(status, 1.0, whole=True)


def test_what_is_told_is_true(site: Site) -> None:
    fill(site)
    found = samples(site.sink.shown.text())
    assert found["meterd_reading", "M1", "E", "kWh"] == 147238.40
    assert found["meterd_reading", "M2", "E", ""] == 1.5e-7
    # A value that is not good leaves a gap; its age goes on.
    assert [key for key in found if key[:3] == ("meterd_reading", "M1", "F")] == []
    assert found["meterd_reading_good", "M1", "F"] == 0
    assert found["meterd_reading_age_seconds", "M1", "F"] >= 0
    assert ("meterd_reading", "M1", "T", "") not in found and found["meterd_reading_good", "M1", "T"] == 1
    assert found["meterd_device_connected", "M1"] == 1
    assert found["meterd_device_state", "M1", "timeout"] == 1
    assert (found["meterd_device_signals", "M1"], found["meterd_device_signals_ok", "M1"]) == (3, 1)
    assert found["meterd_sink_lost_total", site.sink.name] == 0


def test_promtool_finds_nothing_to_mend(site: Site) -> None:
    promtool = needs("promtool", "prometheus")
    fill(site)
    done = subprocess.run(
        [promtool, "check", "metrics"], input=site.sink.shown.text().encode(), capture_output=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_what_is_no_longer_configured_is_gone(site: Site) -> None:
    fill(site)
    site.hub.configured([device("M1", "E")])
    told = {key[1:3] for key in samples(site.sink.shown.text()) if key[0].startswith("meterd_reading")}
    assert told == {("M1", "E")}


def test_it_is_fetched_and_cut_anywhere(site: Site) -> None:
    fill(site)
    whole = site.answer(GET)
    head, _, body = whole.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n") and b"text/plain; version=0.0.4" in head
    assert samples(body.decode())["meterd_reading", "M1", "E", "kWh"] == 147238.40
    assert b"\r\nContent-Length: %d\r\n" % len(body) in head
    for cut in range(1, len(GET)):
        assert site.answer(GET[:cut], GET[cut:]).startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_unix_socket_serves_too(tmp_path: Any) -> None:
    site = Site(path=str(tmp_path / "metrics.sock"))
    site.put("E", 5)
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(tmp_path / "metrics.sock"))
    client.setblocking(False)
    client.send(GET)
    assert b'meterd_reading{device="M1",signal="E",unit="kWh"} 5\n' in site.rest(client)
    client.close()
    site.close()


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        (b"GET /metrics?x=1 HTTP/1.1\r\nHost: localhost:9584\r\n\r\n", 200),
        (b"GET /metrics HTTP/1.1\r\nHost: [::1]:9584\r\n\r\n", 200),
        (b"GET /metrics HTTP/1.0\r\n\r\n", 200),
        (b"HEAD /metrics HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n", 200),
        (b"POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nabcd", 405),
        (b"GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403),  # DNS rebinding
        (b"GET /metrics HTTP/1.1\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),  # TLS
        (b"GET /metrics HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET /" + b"x" * 20000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 431),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", 400),
    ],
)
def test_every_request_gets_an_answer(site: Site, request_: bytes, status: int) -> None:
    answer = site.answer(request_)
    assert answer.split(b" ")[1] == str(status).encode()
    if request_.startswith(b"HEAD"):
        assert answer.endswith(b"\r\n\r\n")


def test_one_that_never_ends_is_sent_away(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "REQUEST_S", 0.2)
    assert site.answer(b"GET /met") == b""
    assert site.sink._server.clients == set()


def test_a_crowd_is_turned_away_and_the_rest_is_served(site: Site) -> None:
    crowd = [site.connect() for _ in range(http_server.MOST_CLIENTS)]
    for client in crowd:
        client.send(b"GET ")
    turn_until(site.loop, lambda: len(site.sink._server.clients) == http_server.MOST_CLIENTS)
    assert site.answer() == b""
    assert "turned away" in site.sink.condition()[1]
    for client in crowd:
        client.close()
    turn_until(site.loop, lambda: not site.sink._server.clients)
    assert site.answer(GET).startswith(b"HTTP/1.1 200 OK")


def test_one_who_never_reads_is_left(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "ANSWER_S", 0.2)
    for number in range(4000):
        site.put("E", number, of=f"device{number}")
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", site.port))
        client.send(GET)
        turn_until(site.loop, lambda: site.sink._server.clients)
        turn_until(site.loop, lambda: not site.sink._server.clients)


def test_a_place_that_is_taken_is_told(site: Site) -> None:
    with pytest.raises(ConfigError, match="metrics cannot be served there: Address already in use"):
        Site(port=site.port)


@pytest.mark.parametrize("address", ["::1", "localhost", "1.2.3"])
def test_slips_are_told(address: str) -> None:
    slips: list[str] = []
    read_publish({"metrics": {"address": address}}, lambda name, text: slips.append(text))
    assert len(slips) == 1 and "an IPv4 address of this machine" in slips[0]


def test_a_fault_of_ours_is_an_answer(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Exposition, "telling", lambda self: 1 / 0)
    assert site.answer(GET).startswith(b"HTTP/1.1 500 ")
