"""`python -m tests.fleet.killed`: the fleet's consumer killed at random, and how fast it is.

    python -m tests.fleet.killed [--kills 200] [--seed 22] [kills] [rate]

`kills`: real processes (meters that note what they served, the daemon, mosquitto, PostgreSQL, the consumer of
examples/fleet), and the consumer killed with -9 again and again at moments of chance. In the end the rows in the
database are the values that were served, each once: the judge is the meters' note. `rate`: readings in messages of
forty, as many as the broker takes, and what the consumer commits of them in a second.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import psycopg

from tests.broker import Broker
from tests.postgres import postgres

from .site import Site, until

METERS = 40
MOST_LIFE_S = 1.0
PATIENCE_S = 180.0


def counted(database: str, words: str) -> Any:
    with psycopg.connect(database) as connection:
        row = connection.execute(words).fetchone()
    assert row is not None
    return row[0]


def kills(folder: Path, database: str, count: int, seed: int) -> str:
    """What was seen, in words. Raises: AssertionError."""
    chance = random.Random(seed)
    site = Site(folder, database)
    site.scan_ms = 200
    try:
        site.addresses = {f"m{number}": f"127.0.3.{1 + number}" for number in range(METERS)}
        site.configure()
        (folder / "state").mkdir()
        site.broker.start()
        site.start_consumer()
        site.start_shard(1, 1)
        until(lambda: len(site.served()) == METERS, PATIENCE_S, lambda: site.processes.log("shard-1")[-2000:])
        for _ in range(count):
            time.sleep(chance.uniform(0, MOST_LIFE_S))
            site.processes.end("consumer", signal.SIGKILL)
            site.start_consumer()
        site.meters.send_signal(signal.SIGUSR1)
        time.sleep(1.0)  # whoever was about to note a value has done so
        served = sum(map(len, site.served().values()))
        until(lambda: len(stored(database)) == served, PATIENCE_S, lambda: f"{len(stored(database))} of {served}")
        assert site.processes.end("shard-1") == 0
        return _judge(site, count)
    finally:
        site.close()


def stored(database: str) -> list[int]:
    """The good values of all rows."""
    with psycopg.connect(database) as connection:
        rows = connection.execute("select value from readings where signal = 'e' and quality = 'good'").fetchall()
    return [int(value) for (value,) in rows]


def _judge(site: Site, count: int) -> str:
    served = [value for values in site.served().values() for value in values]
    rows = stored(site.database)
    words = (
        f"{count} × kill -9 of the consumer: served {len(served)}, rows {len(rows)}, distinct {len({*rows})}, "
        f"equal: {sorted(rows) == sorted(served)}, gaps {counted(site.database, 'select count(*) from gaps')}, refused "
        f"{counted(site.database, 'select count(*) from refused')}"
    )
    assert sorted(rows) == sorted(served) and len(rows) > METERS, words
    assert words.endswith("gaps 0, refused 0"), words
    return words


def rate(folder: Path, database: str, count: int, seed: int) -> str:
    """`count` × 1,000 readings: how many a second are committed."""
    site = Site(folder, database)
    messages = count * 1000 // 40
    # One that does not write its whole memory down after each message: docs/fleet.md says what that costs.
    site.broker = Broker(folder, "allow_anonymous true", "autosave_on_changes false", "autosave_interval 60")
    try:
        site.broker.start()
        site.start_consumer()
        until(lambda: "readings" in tables(database), PATIENCE_S, lambda: site.processes.log("consumer"))
        time.sleep(2.0)  # it subscribes
        sender = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "sender")
        sender.max_inflight_messages_set(1000)
        sender.connect("127.0.0.1", site.broker.port)
        sender.loop_start()
        begun = time.monotonic()
        for number in range(messages):
            sender.publish(f"meterd/g/d{number % 20}/state", json.dumps(message(number)), 1)
        until(lambda: counted(database, "select count(*) from readings") == messages * 40, PATIENCE_S, "not all arrive")
        lasted = time.monotonic() - begun
        sender.disconnect()
        sender.loop_stop()
    finally:
        site.close()
    size = counted(database, "select pg_total_relation_size('readings')") / (messages * 40)
    return f"{messages * 40} readings in messages of 40: {messages * 40 / lasted:.0f}/s, {size:.0f} bytes each on disk"


def tables(database: str) -> set[str]:
    with psycopg.connect(database) as connection:
        return {name for (name,) in connection.execute("select tablename from pg_tables where schemaname = 'public'")}


def message(number: int) -> dict[str, Any]:
    def row(index: int) -> dict[str, Any]:
        return {"seq": number * 40 + index + 1, "value": 1234.5 + index, "unit": "kWh",
                "time_ms": 1795864500000 + number, "meter_time": None, "quality": "good", "reason": None}  # fmt: skip

    return {"gateway": "g", "epoch": "00c0ffee", "device": f"d{number % 20}",
            "signals": {f"s{index}": row(index) for index in range(40)}}  # fmt: skip


PARTS = {"kills": kills, "rate": rate}


def run(name: str, count: int, seed: int = 22) -> str:
    with tempfile.TemporaryDirectory(prefix="meterd-fleet-") as folder, postgres() as database:
        return PARTS[name](Path(folder), database, count, seed)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fleet.killed")
    parser.add_argument("--kills", type=int, default=200, help="kills; for `rate` thousands of readings")
    parser.add_argument("--seed", type=int, default=22)
    parser.add_argument("parts", nargs="*", metavar="PART")
    arguments = parser.parse_args()
    for name in arguments.parts or PARTS:
        print(f"{name}: {run(name, arguments.kills, arguments.seed)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
