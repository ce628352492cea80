"""A consumer that writes readings to a database, and says that it has them when it has committed: a process of its own.

    python -m tests.soak.storing_consumer PORT postgresql://…      or a file: SQLite

Written as docs/mqtt.md tells anybody to: a session that the broker keeps, manual acknowledgement, one transaction,
then the broker's acknowledgement and `have` on the gateway's topic. It shares no code with meterd. A repeat with
the same key is kept with whether its values were the same, too.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from typing import Any

import paho.mqtt.client as mqtt

TABLES = (
    "create table if not exists readings(gateway text, epoch text, seq bigint, device text, signal text, value text, "
    "time_ms bigint, primary key(gateway, epoch, seq))",
    "create table if not exists repeats(epoch text, seq bigint, equal int)",
    "create table if not exists lost(epoch text, first bigint, last bigint)",
)
BATCH_S = 0.02


class Database:
    """SQLite or PostgreSQL, in as few words as both understand."""

    def __init__(self, where: str) -> None:
        self.mark = "?"
        if where.startswith("postgresql"):
            import psycopg

            self.db: Any = psycopg.connect(where)
            self.mark = "%s"
        else:
            self.db = sqlite3.connect(where, timeout=30)
            self.db.execute("pragma journal_mode=wal")
        for table in TABLES:
            self.do(table)
        self.db.commit()

    def do(self, words: str, *values: Any) -> Any:
        cursor = self.db.cursor()
        cursor.execute(words.replace("?", self.mark), values)
        return cursor

    def keep(self, key: tuple[str, str, int], values: tuple[Any, ...]) -> None:
        row = (*key, *values)
        done = self.do("insert into readings values(?, ?, ?, ?, ?, ?, ?) on conflict do nothing", *row)
        if done.rowcount == 1:
            return
        known = self.do(
            "select device, signal, value, time_ms from readings where gateway = ? and epoch = ? and seq = ?", *key
        ).fetchone()
        self.do("insert into repeats values(?, ?, ?)", key[1], key[2], int(tuple(known) == values))


class Consumer:
    def __init__(self, port: int, where: str) -> None:
        self.database = Database(where)
        self.waiting: list[Any] = []
        self.client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, "storing-consumer", clean_session=False, manual_ack=True
        )
        self.client.on_connect = lambda client, *_: client.subscribe("meterd/#", 1)
        self.client.on_message = lambda client, data, message: self.waiting.append(message)
        self.port = port

    def run(self) -> None:
        while True:
            try:
                self.client.connect("127.0.0.1", self.port, 10)
                self.waiting.clear()
                while self.client.loop(BATCH_S) == mqtt.MQTT_ERR_SUCCESS:
                    if self.waiting:
                        self.commit()
            except OSError:
                pass
            time.sleep(0.05)

    def commit(self) -> None:
        taken, self.waiting = self.waiting, []
        have: dict[tuple[str, str], list[int]] = {}
        for message in taken:
            if message.topic.endswith("/state") or message.topic.endswith("/history"):
                content = json.loads(message.payload, parse_float=str)
                for signal, row in content["signals"].items():
                    key = (content["gateway"], content["epoch"], row["seq"])
                    values = (content["device"], signal, json.dumps([row["value"], row["quality"]]), row["time_ms"])
                    self.database.keep(key, values)
                    have.setdefault(key[:2], []).append(row["seq"])
            elif message.topic.endswith("/lost"):
                content = json.loads(message.payload)
                for first, last in content["lost"]:
                    self.database.do("insert into lost values(?, ?, ?)", content["epoch"], first, last)
        self.database.db.commit()
        for message in taken:
            self.client.ack(message.mid, message.qos)
        for (gateway, epoch), numbers in have.items():
            answer = {"epoch": epoch, "have": ranges_of(numbers)}
            self.client.publish(f"meterd/{gateway}/ack", json.dumps(answer), 1)


def ranges_of(numbers: list[int]) -> list[list[int]]:
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and number <= found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return found


if __name__ == "__main__":
    Consumer(int(sys.argv[1]), sys.argv[2]).run()
