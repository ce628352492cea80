"""A consumer that writes readings to a database, and says that it has them when it has committed: a process of its own.

    python -m tests.soak.storing_consumer PORT postgresql://… [MARKS [HOST [CA]]]      or a file: SQLite

Written as docs/mqtt.md tells anybody to: a session that the broker keeps, manual acknowledgement, one transaction for
what has come, then the broker's acknowledgement and `have` on the gateway's topic. It shares no code with meterd. A
repeat with the same key is kept with whether its values were the same, too.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from typing import Any

import paho.mqtt.client as mqtt

from .marks import Marks

TABLES = (
    "create table if not exists readings(gateway text, epoch text, seq bigint, device text, signal text, value text, "
    "time_ms bigint, primary key(gateway, epoch, seq))",
    "create table if not exists repeats(epoch text, seq bigint, equal int)",
    "create table if not exists lost(epoch text, first bigint, last bigint)",
)
WAIT_S = 0.02
BATCH_S = 0.05  # longest that a message waits for others before the commit
BATCH = 1000  # readings of one commit
ROWS = 200  # of one statement

Key = tuple[str, str, int]
Values = tuple[Any, ...]


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

    def close(self) -> None:
        self.db.close()

    def do(self, words: str, *values: Any) -> Any:
        cursor = self.db.cursor()
        cursor.execute(words.replace("?", self.mark), values)
        return cursor

    def keep(self, taken: list[tuple[Key, Values]]) -> None:
        """Each key once, the first time that it comes; any other time is a repeat."""
        again: list[tuple[Key, Values]] = []
        fresh: dict[Key, Values] = {}
        for key, values in taken:
            if key in fresh:
                again.append((key, values))
            else:
                fresh[key] = values
        rows = list(fresh.items())
        for begin in range(0, len(rows), ROWS):
            some = rows[begin : begin + ROWS]
            kept = self.do(
                f"insert into readings values {','.join(['(?, ?, ?, ?, ?, ?, ?)'] * len(some))} on conflict do nothing "
                "returning gateway, epoch, seq", *(one for key, values in some for one in (*key, *values))
            ).fetchall()  # fmt: skip
            if len(kept) < len(some):
                there = {tuple(row) for row in kept}
                again += [one for one in some if one[0] not in there]
        for key, values in again:
            known = self.do(
                "select device, signal, value, time_ms from readings where gateway = ? and epoch = ? and seq = ?", *key
            ).fetchone()
            self.do("insert into repeats values(?, ?, ?)", key[1], key[2], int(tuple(known) == values))


class Consumer:
    def __init__(self, port: int, where: str, marks: Marks | None, host: str, authority: str | None = None) -> None:
        self.database = Database(where)
        self.marks = marks
        self.waiting: list[Any] = []
        self.client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, "storing-consumer", clean_session=False, manual_ack=True
        )
        if authority is not None:
            self.client.tls_set(authority)
        self.client.on_connect = lambda client, *_: client.subscribe("meterd/#", 1)
        self.client.on_message = lambda client, data, message: self.waiting.append(message)
        self.host, self.port = host, port

    def run(self) -> None:
        while True:
            try:
                self.client.connect(self.host, self.port, 10)
                self.waiting.clear()
                while self.gather():
                    if self.waiting:
                        self.commit()
            except OSError:
                pass
            time.sleep(0.05)

    def gather(self) -> bool:
        """What comes within BATCH_S of the first message, for a commit costs as much for one as for many."""
        if self.client.loop(WAIT_S) != mqtt.MQTT_ERR_SUCCESS:
            return False
        limit, before = time.monotonic() + BATCH_S, 0
        while before < len(self.waiting) < BATCH and time.monotonic() < limit:
            before = len(self.waiting)
            if self.client.loop(0.002) != mqtt.MQTT_ERR_SUCCESS:
                return False
        return True

    def commit(self) -> None:
        taken, self.waiting = self.waiting, []
        rows: list[tuple[Key, Values]] = []
        have: dict[tuple[str, str], list[int]] = {}
        self.note("unanswered", len(taken))
        for message in taken:
            if message.topic.endswith("/state") or message.topic.endswith("/history"):
                content = json.loads(message.payload, parse_float=str)
                for signal, row in content["signals"].items():
                    key = (content["gateway"], content["epoch"], row["seq"])
                    values = (content["device"], signal, json.dumps([row["value"], row["quality"]]), row["time_ms"])
                    rows.append((key, values))
                    have.setdefault(key[:2], []).append(row["seq"])
            elif message.topic.endswith("/lost"):
                content = json.loads(message.payload)
                for first, last in content["lost"]:
                    self.database.do("insert into lost values(?, ?, ?)", content["epoch"], first, last)
        self.note("committing", 1)
        self.database.keep(rows)
        self.database.db.commit()
        self.note("committing", 0)
        for message in taken:
            self.client.ack(message.mid, message.qos)
        for (gateway, epoch), numbers in have.items():
            answer = {"epoch": epoch, "have": ranges_of(numbers)}
            self.client.publish(f"meterd/{gateway}/ack", json.dumps(answer), 1)
        self.note("unanswered", 0)

    def note(self, name: str, number: int) -> None:
        if self.marks is not None:
            self.marks.set(name, number)


def ranges_of(numbers: list[int]) -> list[list[int]]:
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and number <= found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return found


if __name__ == "__main__":
    port, where, *more = sys.argv[1:]
    marks, host, authority = [*more, None, None, None][:3]
    Consumer(int(port), where, Marks(marks) if marks else None, host or "127.0.0.1", authority).run()
