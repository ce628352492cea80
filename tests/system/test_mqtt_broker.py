"""The MQTT sink against a real mosquitto: what is taken arrives, whatever becomes of the broker; and why, where not."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from meterd import log
from meterd.model import Signal
from meterd.ports._loop import Loop
from meterd.simulate.iec62056_21 import meter
from meterd.sinks.mqtt import open_sink
from tests.broker import Authority, Broker, Consumer
from tests.needs import needs
from tests.system.rig import iec_device, iec_signal
from tests.unit.mqtt_case import device, read_settings, reading, turn_until

pytest.importorskip("paho.mqtt.client", reason="paho-mqtt is missing: make build")
# paho leaves the socket of a handshake that failed to the collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed <ssl:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:.*unclosed <ssl.*:pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore:Exception ignored in. <ssl:pytest.PytestUnraisableExceptionWarning"),
]
SECRET = "planted-Passw0rd"


class Site:
    """A sink of one device with one signal, whose value counts up, and what the log says."""

    def __init__(self, port: int, **given: Any) -> None:
        self.loop = Loop()
        self.said: list[str] = []
        log.configure(log.INFO, lambda level, text: self.said.append(text))
        given = {"host": "127.0.0.1", "port": port, "gather_ms": 200, "reconnect_max_s": 1, "keepalive_s": 5, **given}
        self.sink = open_sink(read_settings(**given), self.loop)
        self.loop.turn_ends.append(self.sink.flush)
        self.sink.configured([device("M1", "E")])
        self.taken = 0
        self.is_closed = False

    def take(self, count: int) -> None:
        for _ in range(count):
            self.taken += 1
            self.sink.accept(reading(Signal("M1", "E", {}), self.taken))
        self.sink.flush()

    def until(self, condition: Any, seconds: float = 40.0) -> None:
        turn_until(self.loop, condition, seconds)

    def says(self, words: str) -> None:
        try:
            self.until(lambda: any(words in line for line in self.said), 30)
        except AssertionError:
            pytest.fail(f"{words!r} is not said, but {self.said}")

    def empty(self) -> bool:
        return not len(self.sink.outbox)

    def close(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            self.sink.close()
            self.loop.close()


@pytest.fixture
def sites() -> Iterator[list[Site]]:
    made: list[Site] = []
    yield made
    for site in made:
        site.close()
    log.configure()


@pytest.fixture
def brokers(tmp_path: Path) -> Iterator[Callable[..., Broker]]:
    """Starts a mosquitto with lines of configuration."""
    made: list[Broker] = []

    def start(*lines: str) -> Broker:
        made.append(Broker(tmp_path, *lines))
        made[-1].start()
        return made[-1]

    yield start
    for one in made:
        one.kill()


@pytest.fixture
def broker(brokers: Callable[..., Broker]) -> Broker:
    return brokers()


@pytest.mark.parametrize(
    ("word", "end"),
    [
        # mosquitto acknowledges before its disk has it: what a kill takes, only a consumer's word brings back.
        pytest.param("application", signal.SIGKILL, id="killed, with a consumer's word"),
        pytest.param("broker", signal.SIGTERM, id="ended, which saves what it has acknowledged"),
    ],
)
def test_every_reading_arrives_though_the_broker_goes_and_stays_away(
    broker: Broker, sites: list[Site], word: str, end: int
) -> None:
    consumer = Consumer(broker.port)
    if word == "application":
        consumer.acknowledge("meterd/gw/M1/state", "meterd/gw/ack")
    site = Site(broker.port, acknowledgement=word, acknowledge_s=2)
    sites.append(site)
    site.take(200)
    site.until(lambda: len(consumer.values("meterd/gw/M1/state")) >= 20)
    in_flight = 0
    for away_s in (0.0, 1.0):
        site.take(300)
        site.until(lambda: site.sink.outbox.under_way())
        in_flight += site.sink.outbox.under_way()
        broker.kill(end)
        site.until(lambda: site.sink.trouble)
        site.take(200)
        limit = time.monotonic() + away_s
        site.until(lambda limit=limit: time.monotonic() >= limit)
        broker.start()
        site.until(site.empty, 120)
    assert in_flight > 0, "the broker went with messages under way"
    wanted = {(one, one) for one in range(1, site.taken + 1)}
    site.until(lambda: {(number, value) for _, number, value in consumer.values("meterd/gw/M1/state")} >= wanted)
    values = consumer.values("meterd/gw/M1/state")
    assert {(number, value) for _, number, value in values} == wanted
    assert len({epoch for epoch, _, _ in values}) == 1
    consumer.close()


def test_the_gateway_is_online_offline_and_offline_by_its_will(broker: Broker, sites: list[Site]) -> None:
    consumer = Consumer(broker.port)
    site = Site(broker.port)
    sites.append(site)
    site.until(lambda: consumer.of("meterd/gw/status") == [b"online"])
    site.take(3)
    site.close()
    turn_until(Loop(), lambda: consumer.of("meterd/gw/status") == [b"online", b"offline"])
    assert [value for _, _, value in consumer.values("meterd/gw/M1/state")] == [1, 2, 3]
    dropped = Site(broker.port)
    sites.append(dropped)
    dropped.until(lambda: len(consumer.of("meterd/gw/status")) == 3)
    dropped.sink._connection._ended = "the test pulls the plug"
    dropped.sink._connection.wake()
    dropped.until(lambda: consumer.of("meterd/gw/status")[3:] == [b"offline", b"online"])
    consumer.close()


def test_tls_with_a_client_certificate_and_what_is_wrong_with_others(
    tmp_path: Path, brokers: Callable[..., Broker], sites: list[Site]
) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.sign("server", "DNS:localhost")
    mine, my_key = authority.sign("gateway")
    broker = brokers(f"cafile {authority.certificate}", f"certfile {certificate}", f"keyfile {key}",
                    "require_certificate true", "use_identity_as_username true")  # fmt: skip
    whole = {"host": "localhost", "ca_file": str(authority.certificate), "certificate_file": str(mine),
             "key_file": str(my_key)}  # fmt: skip
    site = Site(broker.port, **whole)
    site.take(50)
    site.until(site.empty)
    site.close()
    other = Authority(tmp_path, "other")
    theirs, their_key = other.sign("stranger")
    for changes, words in (
        ({"ca_file": str(other.certificate)}, "is signed by nobody in"),
        ({"host": "127.0.0.1"}, "is for another address than 127.0.0.1"),
        ({"certificate_file": None, "key_file": None}, "asks for a client certificate"),
        ({"certificate_file": str(theirs), "key_file": str(their_key)}, "does not know who signed"),
        ({"key_file": str(their_key)}, "key_file does not belong to certificate_file"),
        ({"ca_file": str(tmp_path / "none")}, "none: No such file"),
    ):
        wrong = Site(broker.port, **{**whole, **changes})
        wrong.says(words)
        wrong.close()


def test_an_expired_certificate_is_said(tmp_path: Path, brokers: Callable[..., Broker], sites: list[Site]) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.sign("server", "DNS:localhost", days=-1)
    broker = brokers(f"certfile {certificate}", f"keyfile {key}", "allow_anonymous true")
    site = Site(broker.port, host="localhost", ca_file=str(authority.certificate))
    site.says("the broker's certificate has expired; this gateway's clock says")
    site.close()


def test_who_is_not_let_in_is_told_so_and_no_password_is_shown(
    brokers: Callable[..., Broker], sites: list[Site]
) -> None:
    broker = brokers("allow_anonymous false")
    site = Site(broker.port, user="u", password=SECRET)
    sites.append(site)
    site.says("not authorised")
    tls = Site(broker.port, tls=1)
    sites.append(tls)
    tls.says("speaks TLS")
    broker.kill()
    site.until(lambda: "nobody listens at 127.0.0.1" in site.sink.trouble)
    assert SECRET not in "".join(site.said) + "".join(tls.said)


def test_a_broker_that_accepts_and_never_answers_holds_up_nobody(sites: list[Site], monkeypatch: Any) -> None:
    monkeypatch.setattr("meterd.sinks.mqtt_connection.CONNECT_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        site = Site(silent.getsockname()[1])
        sites.append(site)
        longest, last = 0.0, time.monotonic()

        def beat() -> None:
            nonlocal longest, last
            longest, last = max(longest, time.monotonic() - last), time.monotonic()

        site.loop.turn_ends.append(beat)
        site.take(1000)
        site.says("takes the connection and does not answer")
        assert longest < 0.5, "the loop's thread waits for no broker"


def test_a_link_that_goes_silent_is_found(broker: Broker, sites: list[Site]) -> None:
    """Between sink and broker stands a relay that stops passing bytes on, and closes nothing."""
    relay = socket.create_server(("127.0.0.1", 0))
    passing = threading.Event()
    passing.set()

    def carry(one: socket.socket, other: socket.socket) -> None:
        with one, other:
            try:
                while data := one.recv(65536):
                    if passing.is_set():
                        other.sendall(data)
            except OSError:
                pass

    def serve() -> None:
        while True:
            try:
                near, _ = relay.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", broker.port))
            for pair in ((near, far), (far, near)):
                threading.Thread(target=carry, args=pair, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    site = Site(relay.getsockname()[1], keepalive_s=2)
    sites.append(site)
    site.until(lambda: not site.sink.trouble)
    passing.clear()
    site.take(5)
    site.until(lambda: site.sink.trouble)
    assert "no longer answers" in site.sink.trouble or "acknowledged nothing" in site.sink.trouble
    passing.set()
    site.until(site.empty)
    relay.close()


def test_home_assistant_is_told_by_a_daemon_and_signals_that_go_are_removed(
    broker: Broker, site: Any, daemon: Any
) -> None:
    """The daemon as users start it, with a simulated meter; then with one signal and one device less."""
    consumer = Consumer(broker.port)
    port = site.tcp(meter(reaction_ms="60", idle_ms="120"))
    other = site.tcp(meter(reaction_ms="60", idle_ms="120"))
    place = {"ip": "127.0.0.1", "scan_rate_ms": 500}
    configuration = {
        "devices": [iec_device("a", port=port, **place), iec_device("b", port=other, **place)],
        "signals": [iec_signal("a", "E", "1.8.0"), iec_signal("a", "V", "32.7.0"), iec_signal("b", "E", "1.8.0")],
        "publish": {
            "mqtt": {"host": "127.0.0.1", "port": broker.port, "gateway": "gw", "home_assistant": 1, "gather_ms": 300}
        },
    }
    running = daemon(configuration)
    topic = "homeassistant/device/gw/{}/config".format

    def components(alias: str) -> dict[str, Any]:
        found = consumer.of(topic(alias))
        return json.loads(found[-1])["components"] if found and found[-1] else {}

    running.wait_for(lambda _: {"E", "V"} <= components("a").keys() and "E" in components("b"))
    energy = components("a")["E"]
    assert (energy["device_class"], energy["state_class"], energy["unit_of_measurement"]) == (
        "energy", "total_increasing", "kWh",
    )  # fmt: skip
    assert energy["state_topic"] == "meterd/gw/a/state"
    running.wait_for(lambda _: consumer.of("meterd/gw/a/state") and consumer.of("meterd/gw/a/status"))
    assert json.loads(consumer.of("meterd/gw/a/state")[-1])["signals"]["E"]["value"] > 147000
    assert json.loads(consumer.of("meterd/gw/a/status")[-1])["signals"]["_connected"]["value"] == 1
    said = len(consumer.of(topic("a")))
    consumer.client.publish("homeassistant/status", "online", 1)
    running.wait_for(lambda _: len(consumer.of(topic("a"))) > said)
    assert running.stop() == 0

    configuration["devices"].pop()
    configuration["signals"] = configuration["signals"][:1]
    again = daemon(configuration)

    def of_voltage() -> list[Any]:
        return [json.loads(one)["components"].get("V") for one in consumer.of(topic("a"))]

    # A message without it may come first, of what is read before the broker has told what it kept.
    again.wait_for(lambda _: consumer.of(topic("b"))[-1] == b"" and {"platform": "sensor"} in of_voltage())
    again.wait_for(lambda _: of_voltage()[-1] is None)
    assert "E" in components("a")
    assert again.stop() == 0
    consumer.close()


def libfaketime() -> Path:
    """The library that gives a process another time of day."""
    needs("faketime")
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        pytest.skip("libfaketimeMT is missing: apt install faketime")
    return found[0]


def test_a_clock_at_1970_is_said_and_what_was_read_meanwhile_arrives_when_it_is_set(
    tmp_path: Path, brokers: Callable[..., Broker], site: Any, daemon: Any, monkeypatch: Any
) -> None:
    """The daemon as users start it, on a machine without a clock of its own, whose NTP comes late."""
    library, clock = libfaketime(), tmp_path / "clock"
    authority = Authority(tmp_path)
    certificate, key = authority.sign("server", "DNS:localhost")
    broker = brokers("allow_anonymous true")
    broker.kill()
    port = broker.listen_too(f"certfile {certificate}", f"keyfile {key}")
    broker.start()
    consumer = Consumer(broker.port)
    clock.write_text("@1970-01-01 00:05:00\n")
    for name, value in (
        ("LD_PRELOAD", str(library)), ("FAKETIME_TIMESTAMP_FILE", str(clock)), ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"), ("DONT_FAKE_MONOTONIC", "1"), ("TZ", "UTC"),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)
    meter_port = site.tcp(meter(reaction_ms="60", idle_ms="120"))
    running = daemon({
        "devices": [iec_device("a", port=meter_port, ip="127.0.0.1", scan_rate_ms=500)],
        "signals": [iec_signal("a", "E", "1.8.0")],
        "publish": {
            "stdout": "json",
            "mqtt": {"host": "localhost", "port": port, "gateway": "gw", "ca_file": str(authority.certificate),
                     "reconnect_max_s": 1, "gather_ms": 100},
        },
    })  # fmt: skip
    for name in ("LD_PRELOAD", "FAKETIME_TIMESTAMP_FILE"):
        monkeypatch.delenv(name)
    words = "the broker's certificate is not valid yet; this gateway's clock says 1970-01-01 00:"
    running.wait_for(lambda one: any(words in line and "set it" in line for line in one.log), 60)
    running.wait_for(lambda one: any(row["signal"] == "E" for row in one.readings), 60)
    assert all(words in line for line in running.log if "certificate" in line), "this sentence and no other"
    assert consumer.of("meterd/gw/a/state") == []

    clock.write_text("+0\n")
    running.wait_for(lambda _: len(consumer.of("meterd/gw/a/state")) > 2, 60)
    rows = [json.loads(one)["signals"]["E"] for one in consumer.of("meterd/gw/a/state")]
    assert rows[0]["seq"] == min(row["seq"] for row in rows)
    assert (rows[0]["clock"], rows[0]["time_ms"] < 86_400_000) == ("unset", True)
    running.wait_for(lambda _: "clock" not in json.loads(consumer.of("meterd/gw/a/state")[-1])["signals"]["E"], 60)
    assert running.stop() == 0
    consumer.close()
