"""What a reader of one meter does who puts paho and a table into its loop, as examples show it: for comparison.

python -m benchmarks._naive_publisher METER_PORT HOST PORT TLS FILE
"""

from __future__ import annotations

import contextlib
import socket
import sqlite3
import ssl
import sys
import time

import paho.mqtt.client as mqtt

ASK = bytes.fromhex("105b015c16")
KEEPALIVE_S = 10


def main(meter_port: int, host: str, port: int, with_tls: bool, path: str) -> None:
    table = sqlite3.connect(path)
    table.execute("create table if not exists readings(time real, telegram blob)")
    meter = socket.create_connection(("127.0.0.1", meter_port))
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    if with_tls:
        client.tls_set(cert_reqs=ssl.CERT_NONE)
    while True:
        meter.sendall(ASK)
        telegram = meter.recv(4096)
        table.execute("insert into readings values(?, ?)", (time.time(), telegram))
        table.commit()
        if not client.is_connected():
            with contextlib.suppress(OSError):
                client.connect(host, port, KEEPALIVE_S)
        client.publish("meter", telegram, 1)
        client.loop(0.001)
        time.sleep(0.004)


if __name__ == "__main__":
    meter_port, host, port, tls, path = sys.argv[1:]
    main(int(meter_port), host, int(port), tls == "1", path)
