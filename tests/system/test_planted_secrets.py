"""Secrets of every way out, planted, and far ends that say them back: they stand in nothing that meterd shows.

The real daemon at its most talkative, with a ciphered meter, a broker, a Redis and an InfluxDB that repeat in their
refusals what they were given. Looked through: its log and lines, `status`, `trace`, the wire log, the page of metrics,
`check`, what the broker was sent, the store and whatever else lies in its folder.
"""

from __future__ import annotations

import base64
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.broker import Broker, Consumer, free_port
from tests.needs import needs

SECRETS = {"mqtt": "planted-Broker7", "redis": "planted-Redis7", "influx": "planted-Token7"}
KEYS = {"encryption_key": "5EC4E7A0A1A2A3A4A5A6A7A8A9AAABAC", "authentication_key": "A07E0017B1B2B3B4B5B6B7B8B9BABBBC"}
PATIENCE_S = 90.0


class Echo:
    """Answers each request of a connection with what `answer` makes of it."""

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.heard = b""
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with sock:
                try:
                    while data := sock.recv(65536):
                        self.heard += data
                        sock.sendall(self._answer(data))
                except OSError:
                    pass  # it has hung up

    def close(self) -> None:
        self._listener.close()


def redis(data: bytes) -> bytes:
    words = data.replace(b"\r\n", b" ")[:200]
    return b"-WRONGPASS " + words + b"\r\n"


def influx(data: bytes) -> bytes:
    body = data[:400]
    return b"HTTP/1.1 401 Unauthorized\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body


def spellings(secret: str) -> list[bytes]:
    plain = secret.encode()
    return [plain, plain.hex().encode(), base64.b64encode(plain).rstrip(b"=")[:-1]]


def configured(port: int, broker: int, redis_port: int, influx_port: int, metrics: Path, store: Path) -> dict[str, Any]:
    device = {"name": "M", "device_alias": "m", "protocol": "DLMS", "type": "LN", "ip": "127.0.0.1", "port": port,
              "mode": "DLMS-WRAPPER", "client_address": 1, "logical_address": 1, "scan_rate_ms": 300,
              "auth": "HighGmac", "security": "both", "system_title": "4D54440000000001", **KEYS}  # fmt: skip
    signal = {"signal_name": "E", "device_alias": "m", "signal_alias": "e", "obis_job": "1.0.1.8.1.255", "class_id": 3}
    publish = {
        "stdout": "json",
        "mqtt": {"host": "127.0.0.1", "port": broker, "gateway": "gw", "user": "gw", "password": SECRETS["mqtt"],
                 "home_assistant": 1},
        "redis": {"host": "127.0.0.1", "port": redis_port, "password": SECRETS["redis"]},
        "influx": {"url": f"http://127.0.0.1:{influx_port}", "api": "v2", "bucket": "b", "org": "o",
                   "token": SECRETS["influx"]},
        "metrics": {"path": str(metrics)},
        "store": {"path": str(store), "durable_ms": 50},
    }  # fmt: skip
    return {"devices": [device], "signals": [signal], "publish": publish}


def asked(path: Path, words: bytes, seconds: float = 1.5) -> bytes:
    """What a socket says within a while."""
    found = b""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(seconds)
        sock.connect(str(path))
        sock.sendall(words)
        limit = time.monotonic() + seconds
        try:
            while time.monotonic() < limit and (data := sock.recv(1 << 16)):
                found += data
        except TimeoutError:
            pass
    return found


@pytest.mark.timeout(300)
def test_planted_secrets_stand_in_nothing_that_is_shown(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    folder.mkdir()
    passwords = tmp_path / "passwords"
    subprocess.run([needs("mosquitto_passwd", "mosquitto"), "-b", "-c", str(passwords), "gw", SECRETS["mqtt"]],
                   check=True, capture_output=True)  # fmt: skip
    subprocess.run(["mosquitto_passwd", "-b", str(passwords), "consumer", "c"], check=True, capture_output=True)
    broker = Broker(tmp_path, "allow_anonymous false", f"password_file {passwords}")
    broker.start()
    far = Echo(redis), Echo(influx)
    port = free_port()
    command = [sys.executable, "-m", "meterd"]
    meter = [*command, "simulate", "dlms", "--tcp", str(port), "mode=wrapper", "auth=HighGmac", "security=both"]
    meter += [f"{name}={value}" for name, value in KEYS.items()]
    path = tmp_path / "meterd.json"
    path.write_text(
        json.dumps(configured(port, broker.port, far[0].port, far[1].port, folder / "metrics", folder / "s"))
    )
    daemon = [*command, "run", "-c", str(path), "-d7", "--state", str(folder), "--control", str(folder / "control")]
    shown: dict[str, bytes] = {}
    done = subprocess.run([*command, "check", str(path)], capture_output=True, timeout=60)
    shown["check"] = done.stdout + done.stderr
    assert done.returncode == 0, shown["check"]
    with open(folder / "out", "wb") as out, open(folder / "log", "wb") as log, open(tmp_path / "sim", "wb") as said:
        simulated = subprocess.Popen(meter, stdout=said, stderr=said)
        process = subprocess.Popen([*daemon, "--record", str(folder / "wire")], stdout=out, stderr=log)
    consumer = None
    try:
        consumer = Consumer(broker.port, "consumer", "c")
        limit = time.monotonic() + PATIENCE_S
        while not (consumer.of("meterd/gw/m/state") and far[0].heard and far[1].heard):
            assert time.monotonic() < limit, (folder / "log").read_text()[-3000:]
            time.sleep(0.1)
        shown["status"] = asked(folder / "control", b"status\n")
        shown["trace"] = asked(folder / "control", b"trace\n")
        shown["metrics"] = asked(folder / "metrics", b"GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n")
    finally:
        for one in (process, simulated):
            one.terminate()
            one.wait(30)
        if consumer is not None:
            consumer.close()
        broker.kill()
        for one in far:
            one.close()
    shown["topics"] = b"".join(topic.encode() + payload for topic, payload, _ in consumer.messages)
    shown |= {found.name: found.read_bytes() for found in folder.iterdir() if found.is_file()}
    assert all(shown[name] for name in ("status", "trace", "metrics", "topics", "log", "out", "wire", "s")), (
        shown.keys()
    )
    assert b'"good"' in shown["out"], "the ciphered meter is read"
    for name, secret in {**SECRETS, **KEYS}.items():
        for spelling in (*spellings(secret), secret.lower().encode()):
            assert not [where for where, text in shown.items() if spelling in text], name
    assert SECRETS["redis"].encode() in far[0].heard
    assert SECRETS["influx"].encode() in far[1].heard
