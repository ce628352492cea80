"""The InfluxDB sink against a real InfluxDB 1: what is there, what it refuses, and servers that go away."""

from __future__ import annotations

import signal as signals
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from meterd._number import Number
from meterd.model import INVALID, STALE, Reading, Signal
from meterd.sinks.batch_thread import Batch
from tests.influx_server import ADMIN, SECRET, InfluxServer
from tests.unit.batch_case import NOON_MS, E, Site

ALL = "SELECT * FROM meterd"
HOSTILE = 'a,b=c d"e\\,f\ng\\'
NO_RIGHTS = "planted-Reader1"


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Callable[..., InfluxServer]]:
    made: list[InfluxServer] = []

    def make(*http: str) -> InfluxServer:
        made.append(InfluxServer(tmp_path, *http))
        return made[-1]

    yield make
    for one in made:
        one.kill()


@pytest.fixture
def sites() -> Iterator[Callable[..., Site]]:
    made: list[Site] = []

    def make(server: InfluxServer, **given: Any) -> Site:
        made.append(
            Site("influx", **{"url": server.url, "database": "meters", "gather_ms": 0, "retry_max_s": 1, **given})
        )
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_points_have_the_meters_digits_tags_and_times(servers: Any, sites: Any) -> None:
    server = servers()
    server.begin()
    site = sites(server, gateway="roof", compress=1)
    site.take(Number(14723840, -2))
    site.take("on", signal=Signal("M1", "relay", {"number_type": "STRING"}), meter_time="2026-11-28T13:00:00")
    site.take(Number(12345678901234567891, -3), 9007199254740993, time_ms=NOON_MS + 1)
    site.until_delivered()
    first, text, long, large = sorted(server.ask(ALL), key=lambda row: row["time"] % 1_000_000)
    assert {name: found for name, found in first.items() if found is not None} == {
        "time": NOON_MS * 1_000_000 + 1, "device": "M1", "signal": "E", "unit": "kWh", "gateway": "roof",
        "value": 147238.4, "quality": "good",
    }  # fmt: skip
    assert [text[name] for name in ("signal", "text", "value", "meter_time")] == [
        "relay",
        "on",
        None,
        "2026-11-28T13:00:00",
    ]
    assert (long["value"], long["digits"]) == (12345678901234567.891, "12345678901234567.891")
    assert (large["value"], large["digits"]) == (9007199254740992, "9007199254740993")


def test_two_readings_of_one_millisecond_are_two_and_one_that_comes_twice_is_one(servers: Any, sites: Any) -> None:
    server = servers()
    server.begin()
    site = sites(server)
    site.take(*range(700))
    site.until_delivered()
    assert [row["value"] for row in server.ask(ALL)] == list(range(700))
    again = site.sink._far  # the same lines once more, as after an answer that never came
    batch_row = ("epoch", 700, Reading(E, 699, "kWh", NOON_MS))
    assert again.deliver(Batch([batch_row])).refused == 0
    assert len(server.ask(ALL)) == 700


def test_a_failed_read_is_no_number(servers: Any, sites: Any) -> None:
    server = servers()
    server.begin()
    site = sites(server)
    site.take(5, quality=STALE, reason="timeout")
    site.take(None, quality=INVALID, reason="timeout")
    site.take(float("nan"))
    site.until_delivered()
    found = server.ask(ALL)
    assert [row["quality"] for row in found] == ["stale", "invalid", "invalid"]
    assert "value" not in found[0]


def test_hostile_names_and_texts_arrive_and_forge_nothing(servers: Any, sites: Any) -> None:
    server = servers()
    server.begin()
    site = sites(server, gateway=HOSTILE.replace("\n", ""), measurement="a b,c=d")
    for text in (HOSTILE, 'x" 1\nforged value=1 1', "\x00\x1b\u2028", "half \ud83d", "#no", "m³ Ž", "\\", 'q"'):
        site.take(text, signal=Signal("M1", "text", {"number_type": "STRING"}))
        site.sink.accept(Reading(E, 1, text, NOON_MS))
    site.until_delivered()
    assert site.sink.condition()[1:] == ("", 0, 0), site.said
    assert [row["name"] for row in server.ask("SHOW MEASUREMENTS")] == ["a b,c=d"]
    found = server.ask('SELECT * FROM "a b,c=d"')
    assert len(found) == 16
    assert {row["gateway"] for row in found} == {'a,b=c d"e/,fg/'}
    units = {row["unit"] for row in found if row["value"] is not None}
    assert {'a,b=c d"e/,f/ng/', "m³ Ž", "#no", "/"} <= units
    texts = [row["text"] for row in found if row["text"] is not None]
    assert texts[0] == 'a,b=c d"e\\,f\\ng\\'
    assert texts[3] == "half \\ud83d"


def test_whole_numbers_as_integers_in_measurements_of_their_own(servers: Any, sites: Any) -> None:
    server = servers()
    server.begin()
    site = sites(server, integers="integer", measurement="{device}.{signal}")
    site.take(-(1 << 63), (1 << 63) - 1, signal=Signal("M1", "S", {"number_type": "SIGNED64"}))
    site.take((1 << 64) - 1, 7, signal=Signal("M1", "U", {"number_type": "UNSIGNED64"}))
    site.take(Number(15, -1), 2)
    site.until_delivered()
    assert [row["value"] for row in server.ask('SELECT value FROM "M1.S"')] == [-(1 << 63), (1 << 63) - 1]
    found = server.ask('SELECT value, digits FROM "M1.U"')
    assert [(row["value"], row["digits"]) for row in found] == [(None, str((1 << 64) - 1)), (7, None)]
    kinds = {row["fieldKey"]: row["fieldType"] for row in server.ask('SHOW FIELD KEYS FROM "M1.U", "M1.S"')}
    assert kinds["value"] == "integer"
    assert [row["value"] for row in server.ask('SELECT value FROM "M1.E"')] == [1.5, 2]


def test_lines_that_it_will_never_take_are_counted_and_the_others_are_there(servers: Any, sites: Any) -> None:
    server = servers()
    server.begin('CREATE RETENTION POLICY "short" ON "meters" DURATION 1h REPLICATION 1 SHARD DURATION 1h')
    site = sites(server, retention_policy="short")
    now_ms = int(time.time() * 1000)
    for number in range(20):
        site.take(number, time_ms=1000 + number if number % 7 == 3 else now_ms + number)
    site.until_delivered()
    there = [row["value"] for row in server.ask('SELECT value FROM "short".meterd')]
    assert there == [number for number in range(20) if number % 7 != 3]
    assert site.sink.condition()[1:] == ("", 0, 3)
    assert site.heard("partial write: points beyond retention policy")
    assert site.heard("readings that were refused and are lost: 3")


def test_a_field_that_has_another_type_there_is_told(servers: Any, sites: Any) -> None:
    server = servers()
    server.begin()
    site = sites(server, integers="integer", measurement="{device}{signal}")
    site.take(1, signal=Signal("M1", "E", {"number_type": "SIGNED32"}))
    site.until_delivered()
    site.take(2, 3, signal=Signal("M1", "E", {"number_type": "DOUBLE"}))
    site.until_delivered()
    assert site.sink.condition()[3] == 2
    assert site.heard("field type conflict")


def test_a_database_that_is_missing_is_waited_for(servers: Any, sites: Any) -> None:
    server = servers()
    server.begin()
    site = sites(server, database="heat")
    site.take(1)
    site.until_trouble("the database heat is not there: influx -execute 'CREATE DATABASE \"heat\"' makes it")
    server.ask("CREATE DATABASE heat")
    site.until_delivered()
    assert [row["value"] for row in server.ask(ALL, "heat")] == [1]
    assert site.sink.condition()[1:] == ("", 0, 0)


def test_who_may_not_write_is_told_and_no_secret_is(servers: Any, sites: Any) -> None:
    server = servers("auth-enabled = true")
    server.start()
    server.ask(f"CREATE USER {ADMIN} WITH PASSWORD '{SECRET}' WITH ALL PRIVILEGES", named=False)
    server.ask("CREATE DATABASE meters")
    server.ask(f"CREATE USER reader WITH PASSWORD '{NO_RIGHTS}'")
    for given, words in (
        ({}, "the server does not accept anybody without user and password"),
        ({"user": ADMIN, "password": SECRET + "x"}, "the server does not accept user root and password"),
        ({"user": "reader", "password": NO_RIGHTS}, "the server does not let user reader and password write into"),
    ):
        site = sites(server, **given)
        site.take(1)
        site.until_trouble(words)
        site.close()
        assert not [line for line in site.said if "planted" in line]
    site = sites(server, user=ADMIN, password=SECRET)
    site.take(1)
    site.until_delivered()
    assert len(server.ask(ALL)) == 1


def test_a_server_that_takes_little_at_once_gets_little_at_once(servers: Any, sites: Any) -> None:
    server = servers("max-body-size = 2000")
    server.begin()
    site = sites(server)
    site.take(*range(900))
    site.take("x" * 3000, signal=Signal("M1", "text", {"number_type": "STRING"}))
    site.take(900)
    site.until_delivered()
    assert [row["value"] for row in server.ask("SELECT value FROM meterd")] == list(range(901))
    assert site.sink.condition()[3] == 1
    assert site.heard("the server takes no more at once")


@pytest.mark.parametrize("deed", [signals.SIGKILL, signals.SIGSTOP])
def test_an_outage_loses_nothing(servers: Any, sites: Any, deed: signals.Signals) -> None:
    server = servers()
    server.begin()
    site = sites(server, timeout_s=1)
    site.take(1)
    site.until_delivered()
    server.kill(deed)
    site.take(2, time_ms=NOON_MS + 1)
    site.until(lambda: site.sink.condition()[1])
    site.take(*range(3, 800), time_ms=NOON_MS + 2)
    if deed == signals.SIGKILL:
        server.start()
    else:
        server.kill(signals.SIGCONT)
    site.until_delivered()
    assert [row["value"] for row in server.ask(ALL)] == list(range(1, 800))
    assert site.sink.condition()[1:] == ("", 0, 0)


def test_what_was_lost_is_there_by_number(servers: Any, sites: Any) -> None:
    server = servers()
    server.begin()
    server.kill()
    site = sites(server, keep_readings=10)
    site.take(*range(25))
    site.until(lambda: site.sink.condition()[1])
    server.start()
    site.until_delivered()
    (lost,) = server.ask("SELECT * FROM meterd WHERE signal = '_lost'")
    assert (lost["lost"], lost["count"], len(lost["epoch"])) == ("1-15", 15, 8)
    assert len(server.ask("SELECT value FROM meterd")) == 10
