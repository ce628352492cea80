"""A Sparkplug edge node, a real mosquitto and a foreign host: births, rebirths, deaths, history after outages."""

from __future__ import annotations

import json
import signal as signals
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from meterd import log
from meterd.config.publishing import read_publish
from meterd.model import Device, Reading, Signal
from meterd.ports._loop import Loop
from meterd.sinks.registry import open_sinks
from tests.broker import Broker
from tests.foreign import python_of
from tests.unit.mqtt_case import turn_until

pytest.importorskip("paho.mqtt.client", reason="paho-mqtt is missing: make build")
E = Signal("M1", "E", {"number_type": "UNSIGNED32"})
NOW_MS = 1_795_867_200_000
# pysparkplug as a host: one line of JSON for each message that it understands; `rebirth`, `online`, `offline` on stdin.
HOST = """
import json, sys, time
import pysparkplug as p
from paho.mqtt import client as paho
port, host = int(sys.argv[1]), sys.argv[2]
kinds = {"NBIRTH": p.NBirth, "NDEATH": p.NDeath, "NDATA": p.NData}
kinds |= {"DBIRTH": p.DBirth, "DDEATH": p.DDeath, "DDATA": p.DData}
def on_message(client, data, message):
    parts = message.topic.split("/")
    if parts[1] == "STATE" or parts[2] == "NCMD":
        return
    content = kinds[parts[2]].decode(message.payload)
    found = [content.bd_seq_metric] if parts[2] == "NDEATH" else getattr(content, "metrics", ())
    metrics = [[m.name, m.datatype.name, m.value, m.timestamp, m.is_historical] for m in found]
    row = [parts[2], parts[4:] and parts[4], getattr(content, "seq", None), metrics, message.qos, message.retain]
    print(json.dumps(row), flush=True)
client = paho.Client("host")
client.reconnect_delay_set(1, 1)
client.on_message = on_message
client.on_connect = lambda *_: client.subscribe("spBv1.0/#", 1)
client.on_subscribe = lambda *_: print('"ready"', flush=True)
client.connect("127.0.0.1", port)
client.loop_start()
for line in sys.stdin:
    word = line.strip()
    if word == "rebirth":
        metric = p.Metric(timestamp=1, name="Node Control/Rebirth", datatype=p.DataType.BOOLEAN, value=True)
        command = p.NCmd(timestamp=1, metrics=(metric,))
        client.publish("spBv1.0/site/NCMD/gw", command.encode(include_dtypes=True), 0)
    else:
        state = p.State(timestamp=int(time.time() * 1000), online=word == "online")
        client.publish("spBv1.0/STATE/" + host, state.encode(), 1, True)
client.loop_stop()
"""


class Host:
    """`rows` are what it understood: kind, device, seq, metrics, QoS, retained."""

    def __init__(self, port: int) -> None:
        self.rows: list[Any] = []
        self.process = subprocess.Popen(
            [python_of("sparkplug"), "-c", HOST, str(port), "scada"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        self._ready = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        self.wait_until_ready()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            row = json.loads(line)
            if row == "ready":
                self._ready.release()
            else:
                self.rows.append(row)

    def wait_until_ready(self) -> None:
        assert self._ready.acquire(timeout=60)

    def say(self, word: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def kinds(self) -> list[str]:
        return [row[0] for row in list(self.rows)]

    def values(self) -> list[tuple[int, bool]]:
        return [(metric[2], metric[4]) for row in list(self.rows) if row[0] == "DDATA" for metric in row[3]]

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(30)
        self._thread.join(30)
        assert self.process.stdout is not None
        self.process.stdout.close()


class Node:
    """The sink on a loop that the test turns."""

    def __init__(self, port: int, **more: Any) -> None:
        store = more.pop("store", None)
        own = {"host": "127.0.0.1", "port": port, "gateway": "gw", "payload": "sparkplug", "sparkplug_group": "site",
               "gather_ms": 0, "keepalive_s": 2, "reconnect_max_s": 1, **more}  # fmt: skip
        self.loop = Loop()
        self.said: list[str] = []
        log.configure(log.INFO, lambda level, text: self.said.append(text))
        slips: list[str] = []
        publish = read_publish({"mqtt": own, **({"store": store} if store else {})}, lambda *words: slips.append(words))
        assert slips == []
        self.sinks: list[Any] = [sink for sink in open_sinks(publish, self.loop) if type(sink).__name__ != "EventLog"]
        self.sink = next(sink for sink in self.sinks if type(sink).__name__ == "SparkplugSink")
        self.sink.configured([(Device("M1", "mbus", {"name": "M1"}), [E])])
        self.loop.turn_ends.append(self.sink.flush)

    def take(self, *values: int) -> None:
        for value in values:
            for sink in self.sinks:
                sink.accept(Reading(E, value, "kWh", NOW_MS + value))
        for sink in self.sinks:
            sink.flush()

    def until(self, condition: Callable[[], Any], seconds: float = 60.0) -> None:
        turn_until(self.loop, condition, seconds)

    def close(self) -> None:
        for sink in reversed(self.sinks):
            sink.close()
        self.loop.close()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Any]:
    """A broker with a host; `nodes(**more)` makes edge nodes."""
    broker = Broker(tmp_path)
    broker.start()
    host = Host(broker.port)
    nodes: list[Node] = []

    def make(**more: Any) -> Node:
        nodes.append(Node(broker.port, **more))
        return nodes[-1]

    yield broker, host, make, nodes
    for node in nodes:
        node.close()
    host.close()
    broker.kill()
    log.configure()


def sequences_are_whole(rows: list[Any]) -> bool:
    """From each NBIRTH on there is no gap."""
    wanted = None
    for kind, _, sequence, *_ in rows:
        if kind == "NDEATH":
            continue
        if kind == "NBIRTH":
            wanted = 0
        if wanted is not None:
            if sequence != wanted:
                return False
            wanted = (wanted + 1) % 256
    return True


def test_births_rebirths_and_a_polite_death(place: Any) -> None:
    _, host, make, nodes = place
    node = make()
    node.until(lambda: host.kinds() == ["NBIRTH", "DBIRTH"])
    assert [row[4:] for row in host.rows] == [[0, 0], [0, 0]]
    node.take(*range(300))
    node.until(lambda: len(host.values()) == 300 and not len(node.sink.outbox))
    assert [value for value, _ in host.values()] == list(range(300))
    host.say("rebirth")
    node.until(lambda: host.kinds().count("NBIRTH") == 2 and host.kinds().count("DBIRTH") == 2)
    assert host.rows[-1][3] == [["E", "UINT32", 299, NOW_MS + 299, False]]
    node.take(300)
    node.until(lambda: len(host.values()) == 301)
    assert sequences_are_whole(host.rows)
    births = [metric[2] for row in host.rows if row[0] == "NBIRTH" for metric in row[3] if metric[0] == "bdSeq"]
    assert births == [0, 0]
    nodes.remove(node)
    node.close()
    other = make()
    other.until(lambda: host.kinds().count("NBIRTH") == 3)
    assert host.kinds().count("NDEATH") == 1


@pytest.mark.parametrize("kept", [False, True])
def test_an_outage_of_the_broker_becomes_history_and_nothing_is_lost(place: Any, tmp_path: Path, kept: bool) -> None:
    broker, host, make, _ = place
    node = make(**({"store": {"path": str(tmp_path / "store")}} if kept else {}))
    node.until(lambda: host.kinds() == ["NBIRTH", "DBIRTH"])
    node.take(1)
    node.until(lambda: host.values() == [(1, False)] and not len(node.sink.outbox))
    broker.kill()
    node.until(lambda: node.sink.condition()[1])
    node.take(*range(2, 700))
    broker.start()
    host.wait_until_ready()
    host.say("rebirth")  # whatever came before it listened again
    node.until(lambda: not len(node.sink.outbox))
    assert node.sink.condition()[3] == 0
    if kept:
        return
    there = {value for value, _ in host.values()}
    assert all(is_historical for value, is_historical in host.values() if value != 1)
    assert len(there) > 1


def test_what_was_not_proven_to_have_arrived_comes_again(place: Any) -> None:
    broker, host, make, _ = place
    node = make()
    node.until(lambda: host.kinds() == ["NBIRTH", "DBIRTH"])
    assert broker.process is not None
    broker.process.send_signal(signals.SIGSTOP)
    node.take(*range(1, 15))
    node.until(lambda: node.sink.condition()[1])  # twice the keepalive without an answer
    assert len(node.sink.outbox) == 14
    broker.process.send_signal(signals.SIGCONT)
    node.until(lambda: not len(node.sink.outbox))
    node.until(lambda: {value for value, _ in host.values()} == set(range(1, 15)))


def test_a_node_that_is_cut_off_has_died(place: Any) -> None:
    _, host, make, _ = place
    node = make()
    node.until(lambda: host.kinds() == ["NBIRTH", "DBIRTH"])
    node.sink._connection._ended = "cut by the test"
    node.sink._connection.wake()
    node.until(lambda: host.kinds().count("NBIRTH") == 2)
    deaths = [row for row in host.rows if row[0] == "NDEATH"]
    assert [death[3][0][:3] for death in deaths] == [["bdSeq", "INT64", 0]]
    births = [metric[2] for row in host.rows if row[0] == "NBIRTH" for metric in row[3] if metric[0] == "bdSeq"]
    assert births == [0, 1]


def test_the_session_is_the_hosts(place: Any) -> None:
    _, host, make, _ = place
    node = make(sparkplug_host="scada")
    node.take(1)
    node.until(lambda: "is not there" in node.sink.condition()[1])
    assert host.kinds() == []
    host.say("online")
    node.until(lambda: host.values() == [(1, True)])
    host.say("offline")
    node.until(lambda: "NDEATH" in host.kinds())
    node.take(2)
    node.until(lambda: "is not there" in node.sink.condition()[1])
    host.say("online")
    node.until(lambda: host.values() == [(1, True), (2, True)])
    assert sequences_are_whole(host.rows)
