"""What each way out costs in memory on a 32-bit Python: `python -m benchmarks --only sinks_memory`.

The daemon as a gateway has it (`tools.gateway.prove.memory`: Debian's i386 Python, byte code, joined modules), every
protocol and 1,000 signals, resident once all were read, with one sink more each time: a real mosquitto, plain and over
TLS, and a Redis that is played. What is required: reading, store and MQTT over TLS in 24 MB.
"""

from __future__ import annotations

import socket
import sys
import threading
from pathlib import Path
from typing import Any

from tests.broker import Authority, Broker
from tools.gateway.build.cache import ToolMissing
from tools.gateway.prove.foreign import FOREIGN
from tools.gateway.prove.memory import JUDGED, LEAST_READ, configuration, measured, ready
from tools.gateway.prove.sites import Meters

from ._machine import Row

MOST_MB = 24.0


def sinks(folder: Path, plain: int, secure: int, authority: Authority, redis: int) -> dict[str, dict[str, Any]]:
    """What is published, by what is said of it."""
    mqtt = {"host": "127.0.0.1", "port": plain, "gateway": "gw", "in_flight": 100, "drain_per_s": 10_000}
    tls = {**mqtt, "port": secure, "ca_file": str(authority.certificate)}
    store = {"path": str(folder / "readings.store")}
    return {
        "reading only": {},
        "and the local socket": {"socket": {"path": str(folder / "socket")}},
        "and handover": {"handover": {"path": str(folder / "handover")}},
        "and metrics": {"metrics": {"path": str(folder / "metrics")}},
        "and Redis": {"redis": {"host": "127.0.0.1", "port": redis}},
        "and store, with handover": {"handover": {"path": str(folder / "handover")}, "store": store},
        "and MQTT": {"mqtt": mqtt},
        "and MQTT with Home Assistant": {"mqtt": {**mqtt, "home_assistant": 1}},
        "and MQTT over TLS": {"mqtt": tls},
        "and store and MQTT over TLS": {"mqtt": tls, "store": store},
    }


class Redis:
    """Says OK to whatever comes, a word for each word of the commands that meterd sends."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with sock:
                while data := sock.recv(65536):
                    sock.sendall(b"+OK\r\n" * data.count(b"*"))

    def close(self) -> None:
        self._listener.close()


def run() -> list[Row]:
    rows: list[Row] = []
    meters, redis, broker = Meters(), Redis(), None
    try:
        with ready(FOREIGN[JUDGED]) as (folder, words):
            authority = Authority(folder.parent)
            certificate, key = authority.sign("broker", "IP:127.0.0.1")
            broker = Broker(folder.parent, saves=False)
            secure = broker.listen_too(f"certfile {certificate}", f"keyfile {key}")
            broker.start()
            configured = configuration(meters)
            for what, publish in sinks(folder.parent, broker.port, secure, authority, redis.port).items():
                published = {"publish": {"stdout": "json", **publish}}
                figures, good = measured(folder, words, {**configured, **published})
                if good < LEAST_READ:
                    raise RuntimeError(f"{what}: only {good} signals were read")
                whole = sum(one for one, _ in figures.values()) / 1024
                required = -MOST_MB if what == "and store and MQTT over TLS" else None
                rows.append((f"resident on {JUDGED}: {what}", whole, "MB", required))
    except ToolMissing as missing:
        print(f"sinks_memory: not measured: {missing}", file=sys.stderr)
    finally:
        meters.stop()
        redis.close()
        if broker is not None:
            broker.kill()
    return rows
