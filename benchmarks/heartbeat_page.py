"""For how long the page holds up what is read: `python -m benchmarks --only heartbeat_page`.

The longest gap of a meter that is read every 5 ms by the real daemon, beside 1,000 others, while its page is asked by
200 at once, by 1,000 that are no requests, by those who write or read slowly or never, by one who looks at all; and
the longest gap of a process that only sleeps. After each the page must answer.
"""

from __future__ import annotations

import http.client
import json
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable

from tests.broker import free_port

from ._machine import Row
from .heartbeat import Site, device, longest_turn_ms, places

PERIOD_MS = 5
MOST_MS = 20.0
LINES = 1000
CROWD, MALFORMED, SLOTHS = 200, 1000, 60
PATHS = ("/data/meters", "/data/meter?meter=m1", "/data/frames?meter=m1", "/data/place", "/data/events", "/metrics",
         "/page.js", "/data/configuration?meter=m2")  # fmt: skip
GOOD = b"GET /data/meters HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: gzip\r\n\r\n"


def configure(site: Site, port: int) -> None:
    rows = [device("heartbeat", "127.0.0.1", site.ports[0], PERIOD_MS)]
    rows += [device(f"m{number}", place, at, 1000) for number, (place, at) in enumerate(places(site.ports[1], LINES))]
    signals = [
        {"signal_name": "E", "device_alias": row["device_alias"], "signal_alias": "E", "number_type": "DOUBLE",
         "tag_job_todo": "0", "log": 1}
        for row in rows
    ]  # fmt: skip
    site.write(json.dumps({"devices": rows, "signals": signals, "publish": {"page": {"port": port}}}))


def said(port: int, data: bytes) -> str:
    """The status of the answer, or that the connection ended without one."""
    try:
        with socket.create_connection(("127.0.0.1", port), 30) as client:
            client.sendall(data)
            whole = b"".join(iter(lambda: client.recv(1 << 16), b""))
    except OSError:
        return "away"
    return whole[9:12].decode() or "away"


def crowd(port: int, told: Counter[str]) -> None:
    def one(data: bytes) -> None:
        status = said(port, data)
        told[status] += 1

    threads = [threading.Thread(target=one, args=(GOOD,)) for _ in range(CROWD)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def malformed(port: int, told: Counter[str]) -> None:
    chance = random.Random(11)
    for number in range(MALFORMED):
        data = bytearray(GOOD)
        for _ in range(chance.randrange(1, 9)):
            data[chance.randrange(24)] = chance.randrange(256)
        told[said(port, bytes(data) if number % 3 else chance.randbytes(300) + b"\r\n\r\n")] += 1


def sloths(port: int) -> None:
    """Half a request, an octet at a time; answers and live values that nobody takes."""
    held: list[socket.socket] = []
    for number in range(SLOTHS):
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        held.append(client)
        try:
            client.connect(("127.0.0.1", port))
            follow = b"GET /live?meter=heartbeat HTTP/1.1\r\nHost: localhost\r\n\r\n"
            client.sendall((b"GET /page", GOOD, follow)[number % 3])
        except OSError:
            continue
    for _ in range(30):
        for client in held[::3]:
            try:
                client.sendall(b"a")
            except OSError:
                continue
        time.sleep(0.1)
    for client in held:
        client.close()


def everything(port: int) -> None:
    for _ in range(10):
        for path in PATHS:
            asked = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            asked.request("GET", path)
            if asked.getresponse().status != 200:
                raise RuntimeError(f"{path} is not answered")
            asked.close()


def is_answering(port: int) -> bool:
    return said(port, GOOD) == "200"


def run() -> list[Row]:
    site, port, told = Site(), free_port(), Counter[str]()
    rows: list[Row] = []

    def measure(what: str, action: Callable[[], object]) -> None:
        rows.append((what, site.longest_gap_ms(action), "ms", -MOST_MS))
        rows.append(("  meanwhile a process that only sleeps", site.machine_ms(), "ms", None))
        rows.append(("  longest turn of that daemon so far", longest_turn_ms(site), "ms", None))
        site.wait_until(lambda: is_answering(port), "the page answers again")

    try:
        configure(site, port)
        site.begin()
        time.sleep(2.0)
        measure("quiet, with the page", lambda: time.sleep(3.0))
        measure("one who looks at everything ten times", lambda: everything(port))
        measure(f"{CROWD} at once", lambda: crowd(port, told))
        rows += [(f"  of them {status}", count, "", None) for status, count in sorted(told.items())]
        told.clear()
        measure(f"{MALFORMED} that are no requests", lambda: malformed(port, told))
        rows += [(f"  of them {status}", count, "", None) for status, count in sorted(told.items())]
        measure(f"{SLOTHS} who write or read slowly", lambda: sloths(port))
        site.end()
    finally:
        site.close()
    return rows
