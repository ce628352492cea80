"""Three shards of one configuration: the judge is the meters' own note of who read what.

300 meters at 300 addresses, mosquitto, PostgreSQL, the consumer of examples/fleet. One shard is killed and started
anew; then meters move to other addresses, swap theirs, go and come, by a reload of all three.
"""

from __future__ import annotations

import signal
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.needs import needs
from tests.postgres import postgres

from .site import Connection, Site, until

pytest.importorskip("psycopg", reason="psycopg is missing: make build")
pytest.importorskip("paho.mqtt.client", reason="paho-mqtt is missing: make build")

METERS, SHARDS = 300, 3
NUMBERS = range(1, SHARDS + 1)
PATIENCE_S = 120.0


def address(number: int) -> str:
    return f"127.0.{1 + number // 200}.{1 + number % 200}"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    needs("mosquitto")
    with postgres() as database:
        made = Site(tmp_path, database)
        try:
            yield made
        finally:
            made.close()


def everyone_is_read(site: Site, times: int = 1) -> None:
    """Every meter of the configuration once more, or so many times, from now on."""
    before = {name: len(values) for name, values in site.served().items()}
    wanted = set(site.addresses.values())

    def behind() -> set[str]:
        served = site.served()
        return {name for name in wanted if len(served.get(name, ())) < before.get(name, 0) + times}

    until(lambda: not behind(), PATIENCE_S, lambda: f"not read: {sorted(behind())[:5]}")


def reload_all(site: Site) -> None:
    site.configure()
    for number in NUMBERS:
        assert site.ask("reload", number)["ok"]


def overlapping(connections: list[Connection]) -> list[str]:
    """Addresses at which somebody was let in while somebody else was there."""
    found = []
    last: dict[str, Connection] = {}
    for each in connections:
        before = last.get(each.address)
        if before is not None and (before.ended is None or before.ended > each.begun):
            found.append(each.address)
        last[each.address] = each
    return found


def stored(site: Site) -> dict[int, list[tuple[str, str]]]:
    """Good values → (gateway, device) of each row that has it."""
    import psycopg

    rows: dict[int, list[tuple[str, str]]] = defaultdict(list)
    with psycopg.connect(site.database) as database:
        for value, gateway, device in database.execute(
            "select value, gateway, device from readings where quality = 'good' and signal = 'e'"
        ):
            rows[int(value)].append((gateway, device))
    return rows


def test_overlapping_connections_are_seen() -> None:
    one, two = Connection("a", 1, 5), Connection("a", 3)
    assert overlapping([one, two]) == ["a"]
    assert overlapping([one, Connection("b", 3), Connection("a", 6)]) == []


@pytest.mark.timeout(600)
def test_three_shards_read_every_meter_once_whatever_happens_to_them(site: Site) -> None:
    site.addresses = {f"m{number}": address(number) for number in range(METERS)}
    site.configure()
    (site.folder / "state").mkdir()
    site.broker.start()
    site.start_consumer()
    for number in NUMBERS:
        site.start_shard(number, SHARDS)
    everyone_is_read(site, 2)

    killed_at = time.monotonic_ns() // 1000
    site.processes.end("shard-2", signal.SIGKILL)
    site.start_shard(2, SHARDS)
    everyone_is_read(site, 2)
    of_killed = {row["line"].partition(":")[0] for row in site.ask("status", 2)["devices"]}
    assert 0.2 * METERS < len(of_killed) < 0.5 * METERS

    before = {connection.address: connection for connection in site.seen()}
    calm = dict(list(site.addresses.items())[100:])
    moved = {f"m{number}": address(METERS + number) for number in range(30)}  # to addresses of their own
    swapped = {"m30": address(31), "m31": address(30), "m32": address(33), "m33": address(32)}
    gone = {f"m{number}" for number in range(40, 60)}
    come = {f"n{number}": address(METERS + 40 + number) for number in range(20)}
    site.addresses = {name: where for name, where in site.addresses.items() if name not in gone}
    site.addresses |= moved | swapped | come
    reload_all(site)
    everyone_is_read(site, 2)
    left = {address(number) for number in [*range(30), *range(40, 60)]}
    until(lambda: {one.address for one in site.seen() if one.ended is None}.isdisjoint(left), PATIENCE_S,
          "meters that went are let go")  # fmt: skip
    after = {connection.address: connection for connection in site.seen()}
    assert all(after[where].begun == before[where].begun for where in calm.values()), "whom a reload does not concern"

    site.addresses = {}
    reload_all(site)
    until(lambda: all(site.waiting(number) == 0 for number in NUMBERS), PATIENCE_S,
          lambda: f"waits still: {[site.waiting(number) for number in NUMBERS]}")  # fmt: skip
    assert [site.processes.end(f"shard-{number}") for number in NUMBERS] == [0, 0, 0]
    judge(site, killed_at, of_killed, {**{f"m{number}": address(number) for number in range(METERS)}, **moved, **come})


def judge(site: Site, killed_at: int, of_killed: set[str], whole: dict[str, str]) -> None:
    connections = site.seen()
    assert overlapping(connections) == [], "two shards read one meter at once"
    rows = stored(site)
    served = {value for each in connections for value in each.values}
    assert rows.keys() <= served, "what no meter served"
    assert [value for value, found in rows.items() if len(found) > 1] == [], "stored twice"
    # What a meter was asked for last when its line ended may never have arrived; all else did, but for what was taken
    # in the last moments (durable_ms, and a commit on a loaded machine) before the kill.
    last = {each.values[-1] for each in connections if each.values and each.ended is not None}
    missing = served - rows.keys()
    at_kill = {
        value
        for each in connections
        for value in each.values
        if each.address in of_killed and killed_at - 2_000_000 < value < killed_at + 1_000_000
    }
    assert missing <= last | at_kill, "dropped"
    assert len(missing) < len(served) / 20
    gateways: dict[str, set[str]] = defaultdict(set)
    by_value = {value: each.address for each in connections for value in each.values}
    for value, [(gateway, _)] in rows.items():
        gateways[by_value[value]].add(gateway)
    assert set(gateways) >= set(whole.values())
    assert all(len(found) == 1 for found in gateways.values()), "a meter's address is one shard's for ever"
    assert {gateway for found in gateways.values() for gateway in found} == {f"site-{number}" for number in NUMBERS}
