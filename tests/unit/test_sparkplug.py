"""Sparkplug B against a connection that the test plays: births before values, numbers without gaps, history, hosts."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from meterd import log
from meterd._number import Number
from meterd.config.publishing import read_publish
from meterd.model import INVALID, OVERFLOW, STALE, Device, Reading, Signal
from meterd.ports._loop import Loop
from meterd.recalculation import Recalculation
from meterd.sinks.sparkplug import metric_of
from meterd.sinks.sparkplug_payload import payload, sequenced, wants_rebirth
from meterd.sinks.sparkplug_sink import SparkplugSink
from tests.foreign import ask
from tests.unit import sparkplug_host
from tests.unit.mqtt_case import read_settings, turn_until

NOW_MS = 1_795_867_200_000
REBIRTH = bytes.fromhex("0880a4eb9cad33 121a 0a144e6f646520436f6e74726f6c2f52656269727468 200b7001".replace(" ", ""))
NODE, DEVICE = "spBv1.0/site/{}/gw", "spBv1.0/site/{}/gw/M1"
STATE = "spBv1.0/STATE/scada"
# What pysparkplug makes of payloads, with the properties as its protobuf has them.
FOREIGN = """
import json, sys
import pysparkplug as p
from pysparkplug._protobuf import Payload
found = []
for kind, text in json.load(sys.stdin):
    raw = bytes.fromhex(text)
    known = getattr(p, kind).decode(raw)
    metrics = []
    for metric, plain in zip(known.metrics, Payload.FromString(raw).metrics):
        properties = {}
        for key, value in zip(plain.properties.keys, plain.properties.values):
            properties[key] = value.string_value if value.type == p.DataType.STRING else value.int_value
        metrics.append([metric.name, metric.datatype.name, metric.value, metric.timestamp, metric.is_historical,
                        metric.is_null, properties])
    found.append([known.timestamp, getattr(known, "seq", None), metrics])
json.dump(found, sys.stdout)
"""


def signal(alias: str, number_type: str = "DOUBLE", device: str = "M1") -> Signal:
    return Signal(device, alias, {"number_type": number_type})


E, P = signal("E"), signal("P", "SIGNED32")
CONNECTED = Signal("M1", "_connected", {})


class Played:
    """In place of the thread: what was sent, and what the test lets happen."""

    def __init__(self, tell: Any, will: Any) -> None:
        self.tell = tell
        self.sent: list[Any] = []
        self.left: list[str] = []
        self.session = 0

    def start(self, listen: tuple[str, ...]) -> None:
        self.listen = listen

    def send(self, session: int, tag: Any, topic: str, payload: bytes, retain: bool) -> None:
        assert session == self.session
        assert not retain
        self.sent.append(tag)

    def wake(self) -> None:
        pass

    def hurry(self) -> None:
        pass

    def leave(self, why: str) -> None:
        self.left.append(why)

    def stop(self, seconds: float) -> None:
        pass


class Rig:
    def __init__(self, **given: Any) -> None:
        self.loop = Loop()
        self.said: list[str] = []
        log.configure(log.NOTICE, lambda level, text: self.said.append(text))
        own = {"gather_ms": 0, "payload": "sparkplug", "sparkplug_group": "site", **given}
        self.sink = SparkplugSink(read_settings(**own), self.loop, self._connect)  # type: ignore[arg-type]
        self.configure(E, P)
        self.loop.turn_ends.append(self.sink.flush)
        self.told = 0

    def configure(self, *signals: Signal) -> None:
        self.sink.configured([(Device("M1", "mbus", {"name": "M1"}), list(signals))] if signals else [])

    def _connect(self, tell: Any, will: Any) -> Played:
        self.link = Played(tell, will)
        return self.link

    def turn(self) -> None:
        done: list[int] = []
        self.loop.call_soon_from_thread(lambda: done.append(1))
        turn_until(self.loop, lambda: done)

    def up(self) -> None:
        self.link.session += 1
        self.link.tell(("up", self.link.session))
        self.turn()

    def hear(self, topic: str, payload: bytes) -> None:
        self.link.tell(("heard", topic, payload, False))
        self.turn()

    def take(self, *values: Any, signal: Signal = E, **more: Any) -> None:
        for value in values:
            self.sink.accept(Reading(signal, value, "kWh", NOW_MS, **more))
        self.turn()

    def sent(self, count: int = 0) -> list[tuple[str, dict[str, Any]]]:
        """Kind and content of what was sent since this was last asked, acknowledged with it; so many are waited for."""
        found: list[tuple[str, dict[str, Any]]] = []

        def look() -> bool:
            for message in self.link.sent:
                found.append((message.topic.split("/")[2], sparkplug_host.message(message.payload)))
                assert message.topic in (NODE.format(found[-1][0]), DEVICE.format(found[-1][0]))
                self.link.tell(("ack", message))
            self.link.sent.clear()
            return len(found) >= count

        look()
        self.turn()
        turn_until(self.loop, look)
        self.turn()
        return found

    def kinds(self, count: int = 0) -> list[str]:
        return [kind for kind, _ in self.sent(count)]


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    yield
    log.configure()


def test_births_come_first_and_have_every_metric() -> None:
    rig = Rig()
    rig.up()
    (kind, node), (device_kind, born) = rig.sent()
    assert (kind, node["seq"], device_kind, born["seq"]) == ("NBIRTH", 0, "DBIRTH", 1)
    assert node["metrics"]["bdSeq"]["value"] == 0
    assert (node["metrics"]["Node Control/Rebirth"]["value"], node["metrics"]["bdSeq"]["datatype"]) == (False, 4)
    assert {name: (one["datatype"], one["is_null"]) for name, one in born["metrics"].items()} == {
        "E": (10, 1),
        "P": (3, 1),
    }
    assert born["metrics"]["E"]["properties"] == {"quality": 500}
    assert rig.link.listen == ("spBv1.0/site/NCMD/gw",)


def test_values_follow_with_numbers_without_gaps_and_are_forgotten_when_they_arrived() -> None:
    rig = Rig()
    rig.up()
    rig.sent()
    for number in range(600):
        rig.take(number)
        (found,) = rig.sent()
        assert found[0] == "DDATA"
        assert found[1]["seq"] == (number + 2) % 256
        metric = found[1]["metrics"]["E"]
        assert (metric["value"], metric["timestamp"], metric.get("is_historical")) == (number, NOW_MS, None)
    assert len(rig.sink.outbox) == 0


def test_a_host_that_asks_gets_all_births_with_the_last_values() -> None:
    rig = Rig()
    rig.up()
    rig.take(Number(14723840, -2))
    rig.take(-5, signal=P)
    rig.sent()
    rig.hear("spBv1.0/site/NCMD/gw", REBIRTH)
    rig.take(7)
    (first, node), (second, born), (third, data) = rig.sent()
    assert (first, second, third) == ("NBIRTH", "DBIRTH", "DDATA")
    assert [one["seq"] for one in (node, born, data)] == [0, 1, 2]
    assert node["metrics"]["bdSeq"]["value"] == 0
    assert born["metrics"]["E"]["value"] in (147238.4, 7)
    assert born["metrics"]["P"]["value"] == -5
    assert born["metrics"]["P"]["properties"] == {"quality": 192, "engUnit": "kWh"}


@pytest.mark.parametrize(
    "command", [b"", b"\x00", b"\xff" * 40, REBIRTH[:-1], REBIRTH.replace(b"\x70\x01", b"\x70\x00")]
)
def test_what_is_no_such_command_changes_nothing(command: bytes) -> None:
    rig = Rig()
    rig.up()
    rig.sent()
    rig.hear("spBv1.0/site/NCMD/gw", command)
    assert rig.kinds() == []


def test_any_bytes_are_a_command_or_none() -> None:
    assert wants_rebirth(REBIRTH)
    chance = random.Random(3)
    for _ in range(20_000):
        data = bytearray(REBIRTH)
        for _ in range(chance.randrange(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        assert wants_rebirth(bytes(data[: chance.randrange(len(data) + 1)])) in (True, False)
    assert not wants_rebirth(REBIRTH * 5000)


def test_each_session_has_its_own_number_and_what_waited_is_history() -> None:
    rig = Rig()
    rig.up()
    rig.sent()
    rig.link.tell(("down", "gone"))
    rig.take(1, 2, 3)
    rig.up()
    (_, node), (_, born), *others = rig.sent(5)
    assert node["metrics"]["bdSeq"]["value"] == 1
    assert born["metrics"]["E"]["value"] == 3
    assert [kind for kind, _ in others] == ["DDATA"] * 3
    assert [(one["metrics"]["E"]["value"], one["metrics"]["E"]["is_historical"]) for _, one in others] == [
        (1, 1), (2, 1), (3, 1)
    ]  # fmt: skip
    assert [one["seq"] for _, one in others] == [2, 3, 4]
    rig.take(4)
    ((_, live),) = rig.sent()
    assert "is_historical" not in live["metrics"]["E"]
    for _ in range(255):
        rig.link.tell(("down", "gone"))
        rig.up()
    rig.link.sent.clear()
    rig.link.tell(("down", "gone"))
    rig.up()
    assert rig.sent(2)[0][1]["metrics"]["bdSeq"]["value"] == 1  # of 258 sessions the last


def test_what_was_sent_and_has_not_arrived_is_sent_again() -> None:
    rig = Rig()
    rig.up()
    rig.sent()
    rig.take(1)
    assert len(rig.link.sent) == 1
    rig.link.tell(("down", "gone"))
    rig.link.sent.clear()
    rig.up()
    assert [one["metrics"]["E"]["value"] for kind, one in rig.sent(3) if kind == "DDATA"] == [1]
    assert len(rig.sink.outbox) == 0


def test_a_meter_that_does_not_answer_dies_and_is_born_again() -> None:
    rig = Rig()
    rig.up()
    rig.take(1, signal=CONNECTED)
    rig.take(5)
    rig.sent()
    rig.take(0, signal=CONNECTED)
    rig.take(5, quality=STALE, reason="timeout")
    rig.take(None, signal=P, quality=INVALID, reason="timeout")
    found = rig.sent()
    assert ("DDEATH", {}) in [(kind, one["metrics"]) for kind, one in found]
    assert found[-1][0] == "DDEATH"
    assert len(rig.sink.outbox) == 0  # a dead device has no values
    rig.take(5, quality=STALE, reason="timeout")
    assert rig.kinds() == []
    rig.take(1, signal=CONNECTED)
    rig.take(6)
    (born_kind, born), (_, data) = rig.sent()
    assert born_kind == "DBIRTH"
    assert born["metrics"]["E"]["properties"]["quality"] in (500, 192)
    assert data["metrics"]["E"]["value"] == 6


def test_history_of_a_meter_that_is_dead_still_arrives() -> None:
    rig = Rig()
    rig.take(1)
    rig.take(0, signal=CONNECTED)
    rig.up()
    found = rig.sent(4)
    assert [kind for kind, _ in found] == ["NBIRTH", "DBIRTH", "DDATA", "DDEATH"]
    assert found[2][1]["metrics"]["E"]["is_historical"] == 1
    assert [one["seq"] for _, one in found] == [0, 1, 2, 3]


def test_values_of_signals_that_no_birth_had_make_one() -> None:
    rig = Rig()
    rig.take(9, signal=signal("old", "UNSIGNED16"))
    rig.up()
    assert rig.kinds(4) == ["NBIRTH", "DBIRTH", "DBIRTH", "DDATA"]
    rig.configure(E)
    ((kind, born),) = rig.sent()
    assert (kind, set(born["metrics"])) == ("DBIRTH", {"E"})
    rig.configure()
    assert rig.kinds() == ["DDEATH"]


def test_a_failed_read_is_no_number_and_tells_why() -> None:
    rig = Rig()
    rig.up()
    rig.take(None, quality=INVALID, reason="refused")
    rig.take(None, signal=P, quality=OVERFLOW)
    rig.take(8, quality=STALE, reason="timeout")
    found = [one["metrics"] for kind, one in rig.sent() if kind == "DDATA"]
    assert (found[0]["E"]["value"], found[0]["E"]["is_null"]) == (None, 1)
    assert found[0]["E"]["properties"] == {"quality": 0, "engUnit": "kWh", "reason": "refused"}
    assert found[1]["P"]["properties"]["quality"] == 0
    assert (found[2]["E"]["value"], found[2]["E"]["properties"]["quality"]) == (8, 500)


def test_what_is_lost_is_told_by_number() -> None:
    rig = Rig(keep_readings=10)
    rig.take(*range(25))
    rig.up()
    lost = next(one for kind, one in rig.sent(12) if kind == "NDATA")["metrics"]["Readings Lost"]
    assert (lost["value"], lost["properties"]["ranges"]) == (15, "1-15")
    assert rig.sink.outbox.losses() == []


# ---- the host


def state(online: bool, since: int) -> bytes:
    return json.dumps({"online": online, "timestamp": since}).encode()


def test_nothing_leaves_before_the_host_is_there() -> None:
    rig = Rig(sparkplug_host="scada")
    rig.up()
    rig.take(1)
    assert rig.link.sent == []
    assert rig.sink.condition()[1] == f"the host scada is not there ({STATE}); readings wait"
    for nonsense in (b"", b"ONLINE", b"[]", b'{"online": 1, "timestamp": 5}', b'{"online": true}', b"x" * 5000):
        rig.hear(STATE, nonsense)
    assert rig.link.sent == []
    rig.hear(STATE, state(True, 1000))
    assert rig.kinds(3) == ["NBIRTH", "DBIRTH", "DDATA"]
    assert rig.sink.condition()[1] == ""
    assert rig.link.listen[1] == STATE


def test_the_session_ends_when_the_host_goes_and_not_for_a_word_of_its_earlier_life() -> None:
    rig = Rig(sparkplug_host="scada")
    rig.up()
    rig.hear(STATE, state(True, 2000))
    rig.hear(STATE, state(False, 1000))
    assert rig.link.left == []
    rig.sent()
    rig.hear(STATE, state(False, 3000))
    assert len(rig.link.left) == 1
    rig.take(1)
    assert rig.link.sent == []
    rig.link.tell(("down", rig.link.left[0]))
    rig.up()
    assert rig.link.sent == []
    rig.hear(STATE, state(True, 4000))
    assert rig.kinds(3) == ["NBIRTH", "DBIRTH", "DDATA"]


# ---- what a foreign host makes of it


@pytest.mark.parametrize(
    ("number_type", "value", "datatype", "found"),
    [
        ("DOUBLE", Number(14723840, -2), "DOUBLE", 147238.4),
        ("FLOAT", 12, "DOUBLE", 12.0),
        ("FLOAT", 0.1, "DOUBLE", 0.1),
        ("DIGITAL", 1, "BOOLEAN", True),
        ("DIGITAL", 0, "BOOLEAN", False),
        ("STRING", "m³ \x00 \ud83d", "STRING", "m³ \x00 \\ud83d"),
        ("STRING", "", "STRING", ""),
        ("SIGNED8", -128, "INT32", -128),
        ("SIGNED32", -(1 << 31), "INT32", -(1 << 31)),
        ("SIGNED64", -(1 << 63), "INT64", -(1 << 63)),
        ("SIGNED64", (1 << 63) - 1, "INT64", (1 << 63) - 1),
        ("UNSIGNED8", 255, "UINT8", 255),
        ("UNSIGNED16", 65535, "UINT16", 65535),
        ("UNSIGNED32", (1 << 32) - 1, "UINT32", (1 << 32) - 1),
        ("UNSIGNED64", (1 << 64) - 1, "UINT64", (1 << 64) - 1),
        ("UNSIGNED8", 256, "UINT8", None),
        ("UNSIGNED8", "text", "UINT8", None),
        ("STRING", 5, "STRING", None),
        ("DOUBLE", 10**400, "DOUBLE", None),
    ],
)  # fmt: skip
def test_each_type_arrives_at_a_foreign_host(number_type: str, value: Any, datatype: str, found: Any) -> None:
    reading = Reading(signal("x", number_type), value, "kWh", NOW_MS)
    message = sparkplug_message(metric_of(reading.signal, reading, True))
    ((_, sequence, ((name, kind, got, time_ms, is_historical, is_null, properties),)),) = ask(
        "sparkplug", FOREIGN, [["DData", message.hex()]]
    )
    assert (sequence, name, kind, got, time_ms) == (9, "x", datatype, found, NOW_MS)
    assert (is_historical, is_null) == (True, found is None)
    assert properties == {"quality": 192, "engUnit": "kWh"}


def sparkplug_message(metric: bytes) -> bytes:
    return sequenced(payload(NOW_MS, (metric,)), 9)


def test_births_and_a_command_of_a_foreign_host() -> None:
    rig = Rig()
    rig.up()
    payloads = [["NBirth" if "NBIRTH" in one.topic else "DBirth", one.payload.hex()] for one in rig.link.sent]
    node, born = ask("sparkplug", FOREIGN, payloads)
    assert node[1] == 0
    assert [metric[:3] for metric in node[2]] == [
        ["bdSeq", "INT64", 0], ["Node Control/Rebirth", "BOOLEAN", False], ["Readings Lost", "UINT64", 0],
        ["Properties/Software", "STRING", "meterd"],
    ]  # fmt: skip
    assert [metric[:3] + metric[5:6] for metric in born[2]] == [["E", "DOUBLE", None, True], ["P", "INT32", None, True]]
    command = ask("sparkplug", COMMAND, {})
    assert wants_rebirth(bytes.fromhex(command))


COMMAND = """
import json, sys
import pysparkplug as p
metric = p.Metric(timestamp=1, name="Node Control/Rebirth", datatype=p.DataType.BOOLEAN, value=True)
json.dump(p.NCmd(timestamp=1, metrics=(metric,)).encode(include_dtypes=True).hex(), sys.stdout)
"""


def test_what_is_recalculated_is_a_double() -> None:
    one = signal("E", "UNSIGNED32")
    one.recalculation = Recalculation({"multiply": "0.001", "units": "MWh"})
    reading = one.recalculation.apply(Reading(one, 5500, "kWh", NOW_MS))
    found = sparkplug_host.metric(metric_of(one, reading, False))
    assert (found["datatype"], found["value"], found["properties"]["engUnit"]) == (10, 5.5, "MWh")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"topic": "x/{device}"}, "mqtt.topic: does not go with payload sparkplug"),
        ({"retain": 1}, "mqtt.retain: does not go with payload sparkplug"),
        ({"home_assistant": 1}, "mqtt.home_assistant: does not go with payload sparkplug"),
        ({"acknowledgement": "application"}, "mqtt.acknowledgement: needs payload scan or signal"),
        ({"sparkplug_group": "a/b"}, 'mqtt.sparkplug_group: found "a/b", allowed: one level of a topic'),
    ],
)
def test_slips(given: dict[str, Any], said: str) -> None:
    found: list[str] = []
    publish = {"mqtt": {"host": "h", "payload": "sparkplug", **given}}
    read_publish(publish, lambda name, text: found.append(f"{name}: {text}"))
    assert len(found) == 1, found
    assert found[0].startswith(said)
