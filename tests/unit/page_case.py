"""The page over a daemon in the test's own process; requests are written by hand, as whoever attacks it would."""

from __future__ import annotations

import json
import socket
from types import SimpleNamespace
from typing import Any

from meterd.config.publishing import read_publish
from meterd.model import Device
from meterd.page.site import Site
from meterd.sinks.events import EventLog
from meterd.sinks.hub import Hub
from meterd.sinks.page import open_sink
from tests.broker import free_port
from tests.unit.runtime_rig import Rig, counting_meter, tcp_device

PASSWORD, KEY, METER_SECRET = "correct horse 77", "k3y-of-the-scada-9", b"hunter2-of-the-meter"


class PageRig(Rig):
    """A meter `good` that counts, one `silent` that is dead, and the page."""

    def __init__(self, monkeypatch: Any, **given: Any) -> None:
        super().__init__(monkeypatch)
        slips: list[str] = []
        given = {"port": free_port(), **given}
        found = read_publish({"page": given}, lambda name, text: slips.append(f"{name} {text}"))
        assert slips == []
        self.page = open_sink(found["page"], self.loop)
        self.events = EventLog()
        self.hub = Hub([self.readings, self.events, self.page], lambda: self.now_ms())
        self.daemon.hub = self.hub
        self.loop.turn_ends.append(self.hub.flush)
        self._ms = 1_700_000_000_000
        self.reloads: list[object] = []
        self.site = Site(self.daemon, self.page, lambda then: (self.reloads.append(then), then())[1], "1.2.3")
        self.port = given["port"]
        self.cookie = self.token = ""

    def now_ms(self) -> int:
        self._ms += 1000
        return self._ms

    def begin(self, *more: Device) -> None:
        good = self.host.on_tcp(0, counting_meter())
        dead = self.host.on_tcp(0, counting_meter(silent=("silent",)))
        devices = [
            tcp_device("good", good, name="The good one", password=METER_SECRET),
            tcp_device("silent", dead, name="The silent one", password=METER_SECRET),
        ]
        self.configure(*devices, *more)
        status = {alias: job.status for alias, job in self.daemon.jobs.items()}
        self.run(60.0, lambda: status["good"].reads_ok > 1 and status["silent"].reason == "no_bytes")

    # ---- a client

    def raw(self, *pieces: bytes, limit_s: float = 30.0) -> bytes:
        """What comes until the end."""
        with socket.create_connection(("127.0.0.1", self.port), 20) as client:
            client.setblocking(False)
            for piece in pieces:
                client.sendall(piece)
                for _ in range(3):
                    self.loop.turn(False)
            got = bytearray()

            def is_over() -> bool:
                try:
                    data = client.recv(1 << 16)
                except BlockingIOError:
                    return False
                except ConnectionResetError:
                    return True
                got.extend(data)
                return not data

            self.run(limit_s, is_over)
            return bytes(got)

    def ask(self, path: str, body: Any = None, method: str = "", **headers: str) -> SimpleNamespace:
        """The answer as `status`, `headers` (text), `body` (bytes), `json`."""
        said = {"Host": f"127.0.0.1:{self.port}", **{name.replace("_", "-"): text for name, text in headers.items()}}
        content = b""
        if body is not None:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            said = {"Content-Type": "application/json", "Content-Length": str(len(content)), **said}
        if self.cookie:
            said.setdefault("Cookie", f"meterd-session={self.cookie}")
        lines = [f"{method or ('GET' if body is None else 'POST')} {path} HTTP/1.1"]
        lines += [f"{name}: {text}" for name, text in said.items()]
        whole = self.raw("\r\n".join([*lines, "", ""]).encode() + content)
        head, _, answer = whole.partition(b"\r\n\r\n")
        status = int(head.split(b" ")[1]) if head else 0
        is_json = b"application/json" in head and answer
        return SimpleNamespace(
            status=status, headers=head.decode(), body=answer, json=json.loads(answer) if is_json else None
        )

    def log_in(self) -> None:
        answer = self.ask("/data/login", {"password": PASSWORD})
        assert answer.status == 200
        self.cookie = answer.headers.partition("meterd-session=")[2].partition(";")[0]
        self.token = answer.json["token"]

    def change(self, path: str, body: Any) -> SimpleNamespace:
        return self.ask(path, body, X_Meterd_Token=self.token)

    def follow(self, path: str = "/live", buffer: int = 0) -> socket.socket:
        client = socket.socket()
        if buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        client.settimeout(20)
        client.connect(("127.0.0.1", self.port))
        client.setblocking(False)
        cookie = f"Cookie: meterd-session={self.cookie}\r\n" if self.cookie else ""
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{cookie}\r\n".encode())
        return client

    def close(self) -> None:
        self.page.close()
        super().close()
