"""The consumer of examples/fleet: what comes is there once, whatever comes, and whoever is killed."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.needs import needs
from tests.postgres import postgres

psycopg = pytest.importorskip("psycopg", reason="psycopg is missing: make build")
pytest.importorskip("paho.mqtt.client", reason="paho-mqtt is missing: make build")

FLEET = Path(__file__).parents[2] / "examples" / "fleet"
specification = importlib.util.spec_from_file_location("consumer", FLEET / "consumer.py")
assert specification is not None and specification.loader is not None
consumer = importlib.util.module_from_spec(specification)
specification.loader.exec_module(consumer)


def test_it_is_short_enough_to_be_read() -> None:
    assert len((FLEET / "consumer.py").read_text().splitlines()) < 150


@pytest.mark.timeout(600)
def test_a_consumer_that_is_killed_again_and_again_stores_each_value_once() -> None:
    needs("mosquitto")
    from .killed import run

    assert "12 × kill -9" in run("kills", 12)


# ---- what is in messages


class Client:
    """What a consumer's client was told, in order."""

    def __init__(self) -> None:
        self.done: list[tuple[Any, ...]] = []

    def ack(self, mid: int, qos: int) -> None:
        self.done.append(("ack", mid))

    def publish(self, topic: str, payload: str, qos: int) -> None:
        self.done.append(("have", topic, json.loads(payload)))


@pytest.fixture(scope="module")
def place() -> Iterator[str]:
    with postgres() as found:
        yield found


@pytest.fixture
def taking(place: str) -> Iterator[Any]:
    """A consumer without a broker, on an empty database."""
    made = consumer.Consumer.__new__(consumer.Consumer)
    made.options = SimpleNamespace(root="meterd")
    made.client = Client()
    with psycopg.connect(place, autocommit=True) as made.database:
        made.database.execute((FLEET / "schema.sql").read_text())
        made.database.execute((FLEET / "schema.sql").read_text())  # again, as each start does
        made.database.execute("truncate readings, received, lost, refused")
        yield made


def reading(seq: int, value: Any = 1, **more: Any) -> dict[str, Any]:
    return {"seq": seq, "value": value, "unit": "kWh", "time_ms": 1795864500123, "meter_time": None, "quality": "good",
            "reason": None, **more}  # fmt: skip


def scan(signals: dict[str, Any], gateway: str = "g", epoch: str = "5f0c19ab", mid: int = 1) -> Any:
    content = {"gateway": gateway, "epoch": epoch, "device": "house", "signals": signals}
    return message(f"meterd/{gateway}/house/state", content, mid)


def message(topic: str, content: Any, mid: int = 1) -> Any:
    payload = content if isinstance(content, bytes) else json.dumps(content).encode()
    return SimpleNamespace(topic=topic, payload=payload, mid=mid, qos=1)


def rows(taking: Any, words: str) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = taking.database.execute(words).fetchall()
    return found


def test_a_reading_keeps_its_digits_its_time_and_what_is_no_number(taking: Any) -> None:
    text = b"""{"gateway":"g","epoch":"e","device":"house","signals":{
        "energy":{"seq":1,"value":147238.40,"unit":"kWh","time_ms":1795864500123,"meter_time":null,"quality":"good","reason":null},
        "number":{"seq":2,"value":"00417","unit":null,"time_ms":1,"meter_time":"2026-11-28T00:00:00","quality":"good","reason":null},
        "failed":{"seq":3,"value":null,"unit":null,"time_ms":2,"meter_time":null,"quality":"invalid","reason":"timeout"},
        "large":{"seq":4,"value":18446744073709551615,"unit":null,"time_ms":3,"meter_time":null,"quality":"good","reason":null},
        "on":{"seq":5,"value":true,"unit":null,"time_ms":4,"meter_time":null,"quality":"good","reason":null}}}"""
    taking.commit([message("meterd/g/house/state", text)])
    assert rows(taking, "select signal, value, words, quality, reason from readings order by seq") == [
        ("energy", Decimal("147238.40"), None, "good", None),
        ("number", None, "00417", "good", None),
        ("failed", None, None, "invalid", "timeout"),
        ("large", Decimal(18446744073709551615), None, "good", None),
        ("on", None, "True", "good", None),
    ]
    assert str(rows(taking, "select value from readings where seq = 1")[0][0]) == "147238.40"
    assert rows(taking, "select extract(epoch from time) * 1000 from readings where seq = 1") == [
        (Decimal("1795864500123"),)
    ]


def test_repeats_are_dropped_within_a_batch_and_later(taking: Any) -> None:
    taking.commit([scan({"a": reading(1), "b": reading(2)}, mid=7), scan({"a": reading(1), "b": reading(2)}, mid=8)])
    taking.commit([scan({"b": reading(2), "c": reading(3)}, mid=9)])
    taking.commit([scan({"a": reading(1)}, epoch="another"), scan({"a": reading(1)}, gateway="h")])
    assert rows(taking, "select gateway, epoch, seq from readings order by 1, 2, 3") == [
        ("g", "5f0c19ab", 1), ("g", "5f0c19ab", 2), ("g", "5f0c19ab", 3), ("g", "another", 1), ("h", "5f0c19ab", 1),
    ]  # fmt: skip
    assert taking.client.done[:3] == [
        ("ack", 7), ("ack", 8), ("have", "meterd/g/ack", {"epoch": "5f0c19ab", "have": [[1, 2]]}),
    ]  # fmt: skip


def test_one_reading_in_a_message_is_taken_too(taking: Any) -> None:
    content = {"gateway": "g", "epoch": "e", "device": "house", "signal": "energy", **reading(4, 5)}
    taking.commit([message("meterd/g/house/energy", content)])
    assert rows(taking, "select device, signal, seq, value from readings") == [("house", "energy", 4, 5)]


def test_a_gap_is_seen_and_closed_by_what_comes_late_or_is_told_as_lost(taking: Any) -> None:
    taking.commit([scan({"a": reading(seq)}) for seq in (10, 11, 14, 20)])
    assert rows(taking, "select gateway, epoch, first, last from gaps order by first") == [
        ("g", "5f0c19ab", 12, 13), ("g", "5f0c19ab", 15, 19),
    ]  # fmt: skip
    taking.commit([message("meterd/g/lost", {"gateway": "g", "epoch": "5f0c19ab", "lost": [[15, 17], [19, 19]]})])
    taking.commit([scan({"a": reading(12)}), scan({"a": reading(13)})])
    assert rows(taking, "select first, last from gaps") == [(18, 18)]


NOTHING_OF_METERDS = [
    b"", b"online", b"{", b"[]", b"null", b"\xff\xfe", b'{"gateway":"g"}', b"[" * 100_000,
    b'{"gateway":"g","epoch":"e","device":"d","signals":[]}',
    b'{"gateway":"g","epoch":"e","device":"d","signals":{"a":{"seq":1}}}',
    b'{"gateway":"g","epoch":"e","lost":[[1]]}',
    b'{"gateway":"g","epoch":"e","lost":[[9,1]]}',
    json.dumps({"gateway": "g\0", "epoch": "e", "device": "d", "signals": {"a": reading(1)}}).encode(),
    json.dumps({"gateway": "\ud800", "epoch": "e", "device": "d", "signals": {"a": reading(1)}}).encode(),
    json.dumps({"gateway": ["g"], "epoch": "e", "device": "d", "signals": {"a": reading(1)}}).encode(),
    json.dumps({"gateway": "g", "epoch": "e", "device": {"d": 1}, "signals": {"a": reading(1)}}).encode(),
    json.dumps({"gateway": "g", "epoch": "e", "device": "d", "signals": {"a": reading(1 << 70)}}).encode(),
    json.dumps({"gateway": "g", "epoch": "e", "device": "d", "signals": {"a": reading(1, quality=None)}}).encode(),
    json.dumps({"gateway": "g", "epoch": "e", "device": "d", "signals": {"a": reading(1, unit=7)}}).encode(),
    b'{"gateway":"g","epoch":"e","device":"d","signals":{"a":{"seq":1,"value":1e999999,"unit":null,"time_ms":1,'
    b'"meter_time":null,"quality":"good","reason":null}}}',
    json.dumps({"gateway": "g", "epoch": "e", "device": "d", "signals": {"a": reading(1, time_ms=1 << 62)}}).encode(),
    json.dumps({"gateway": 7, "epoch": "e", "lost": [[1, 2]]}).encode(),
]  # fmt: skip


@pytest.mark.parametrize("payload", NOTHING_OF_METERDS)
def test_what_is_none_of_meterds_stops_nothing_and_is_kept(taking: Any, payload: bytes) -> None:
    """Whatever one message is, those beside it are stored, and all are acknowledged."""
    beside = [scan({"a": reading(seq)}, gateway="sound", mid=seq) for seq in range(1, 6)]
    taking.commit([*beside[:2], message("meterd/x/y/z", payload, mid=99), *beside[2:]])
    assert rows(taking, "select seq from readings where gateway = 'sound' order by seq") == [(n,) for n in range(1, 6)]
    kept = rows(taking, "select topic, payload from refused")
    assert kept == [("meterd/x/y/z", payload)]
    assert sorted(mid for what, mid, *_ in taking.client.done if what == "ack") == [1, 2, 3, 4, 5, 99]


def test_nothing_is_acknowledged_that_is_not_committed(taking: Any) -> None:
    taking.database.execute("alter table readings add constraint no_more check (seq < 100)")
    try:
        with pytest.raises(psycopg.IntegrityError):
            taking.commit([scan({"a": reading(1)}), scan({"a": reading(100)})])
    finally:
        taking.database.execute("alter table readings drop constraint no_more")
    assert taking.client.done == [] and rows(taking, "select * from readings") == []
