"""Readings from an MQTT broker into PostgreSQL, each once, whoever is killed on the way.

At least once becomes exactly once by three things: the broker keeps this session (`clean_session` false), a message is
acknowledged only after the commit that holds it, and what comes twice has the key of its first (gateway, epoch, seq).
With `acknowledgement` `application` the gateways forget a reading only when they hear from here that it is stored.
As many messages as are there make one transaction, so the rate follows the load. A failing database ends the process;
whoever supervises it starts it anew.
"""

import argparse
import json
import os
import random
import time
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import paho.mqtt.client as mqtt
import psycopg

BATCH = 2000  # messages of one transaction
KINDS = ["text", "text", "bigint", "text", "text", "bigint", "numeric", *["text"] * 5]  # of what `Batch.row` returns
INSERT = f"""insert into readings select gateway, epoch, seq, device, signal,
'epoch'::timestamptz + ms * interval '1 millisecond', value, words, unit, quality, reason, meter_time
from unnest({", ".join(f"%s::{kind}[]" for kind in KINDS)})
as row(gateway, epoch, seq, device, signal, ms, value, words, unit, quality, reason, meter_time)
on conflict do nothing"""
SPANS = """insert into {} as t values (%s, %s, %s::int8multirange, now())
on conflict (gateway, epoch) do update set numbers = t.numbers + excluded.numbers, at = now()"""
REFUSED = "insert into refused (topic, payload, why) values (%s, %s, %s)"


class Batch:
    """What is in some messages; those that are none of meterd's are `refused`."""

    def __init__(self, messages=()):
        self.rows, self.refused = [], []
        self.have, self.lost = defaultdict(list), defaultdict(list)  # by gateway and epoch
        for message in messages:
            try:
                self.add(json.loads(message.payload, parse_float=Decimal))
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                self.refused.append((message.topic, message.payload, repr(error)[:200]))

    def add(self, content):
        source = text(content["gateway"]), text(content["epoch"])
        if "lost" in content:
            self.lost[source] += [(int(first), int(last)) for first, last in content["lost"]]
            return
        signals = content["signals"] if "signals" in content else {content["signal"]: content}
        rows = [self.row(*source, text(content["device"]), text(name), reading) for name, reading in signals.items()]
        self.rows += rows
        self.have[source] += [(row[2], row[2]) for row in rows]

    @staticmethod
    def row(gateway, epoch, device, signal, reading):
        value = reading["value"]
        number = Decimal(value) if isinstance(value, (int, Decimal)) and not isinstance(value, bool) else None
        words = str(value) if number is None and value is not None else None
        rest = (text(reading["quality"]), *(reading[name] and text(reading[name]) for name in ("reason", "meter_time")))
        where = (gateway, epoch, int(reading["seq"]), device, signal, int(reading["time_ms"]))
        return (*where, number, words, reading["unit"] and text(reading["unit"]), *rest)

    def write(self, database):
        with database.transaction(), database.cursor() as cursor:
            if self.rows:
                cursor.execute(INSERT, [list(column) for column in zip(*self.rows, strict=True)])
            for table, spans in (("received", self.have), ("lost", self.lost)):
                for source in sorted(spans):  # in one order, or two consumers could wait for each other
                    ranges = ",".join(f"[{first},{last}]" for first, last in joined(spans[source]))
                    cursor.execute(SPANS.format(table), (*source, f"{{{ranges}}}"))
            cursor.executemany(REFUSED, self.refused)


def text(value):
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def joined(spans):
    found = []
    for first, last in sorted(spans):
        if found and first <= found[-1][1] + 1:
            found[-1][1] = max(found[-1][1], last)
        else:
            found.append([first, last])
    return found


class Consumer:
    def __init__(self, options):
        self.options, self.waiting = options, []
        self.database = psycopg.connect(options.database, autocommit=True)
        self.database.execute((Path(__file__).parent / "schema.sql").read_text())
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, options.name, clean_session=False, manual_ack=True)
        topics = [(f"{options.root}/+/{rest}", 1) for rest in ("+/+", "+/+/history", "lost")]
        self.client.on_connect = lambda client, *_: client.subscribe(topics)
        self.client.on_message = lambda client, data, message: self.waiting.append(message)
        if "MQTT_USER" in os.environ:
            self.client.username_pw_set(os.environ["MQTT_USER"], os.environ.get("MQTT_PASSWORD"))
        if options.ca:
            self.client.tls_set(options.ca, options.certificate, options.key)

    def run(self):
        host, _, port = self.options.broker.partition(":")
        while True:
            self.waiting = []  # of a connection that is gone: it comes again
            try:
                self.client.connect(host, int(port or (8883 if self.options.ca else 1883)), keepalive=20)
                count = 0
                while self.client.loop(0.0 if count else 1.0) == mqtt.MQTT_ERR_SUCCESS:
                    if self.waiting and not count < len(self.waiting) < BATCH:  # no more is there at the moment
                        self.commit(self.waiting)
                        self.waiting = []
                    count = len(self.waiting)
            except OSError:
                pass  # the broker is away
            time.sleep(random.uniform(0.1, 2.0))

    def commit(self, taken):
        batch = Batch(taken)
        try:
            batch.write(self.database)
        except (psycopg.DataError, UnicodeError) as error:
            if len(taken) > 1:  # one of them is the culprit
                for half in (taken[: len(taken) // 2], taken[len(taken) // 2 :]):
                    self.commit(half)
                return
            batch = Batch()
            batch.refused = [(taken[0].topic, taken[0].payload, repr(error)[:200])]
            batch.write(self.database)
        for message in taken:
            self.client.ack(message.mid, message.qos)
        for (gateway, epoch), spans in batch.have.items():
            answer = {"epoch": epoch, "have": joined(spans)}
            self.client.publish(f"{self.options.root}/{gateway}/ack", json.dumps(answer), 1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--broker", required=True, metavar="HOST[:PORT]")
    parser.add_argument("--database", required=True, help="postgresql://…")
    parser.add_argument("--root", default="meterd", help="what gateways' topics begin with")
    parser.add_argument("--name", default="meterd-consumer", help="the broker keeps its session under this name")
    for name in ("--ca", "--certificate", "--key"):
        parser.add_argument(name, help="file in PEM; with --ca it speaks TLS")
    Consumer(parser.parse_args()).run()
