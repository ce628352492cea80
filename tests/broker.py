"""A real mosquitto for tests, with or without TLS, that can be killed and started anew; and a consumer that counts."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.needs import needs

LISTENING = "0A"  # in /proc/net/tcp
OPENSSL_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Authority:
    """A CA in a folder, and what it signs."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self.folder = folder
        self.openssl = needs("openssl")
        self.key, self.certificate = folder / f"{name}.key", folder / f"{name}.pem"
        self._run("req", "-x509", *OPENSSL_KEY, "-days", "2", "-subj", f"/CN={name}", "-keyout", self.key, "-out",
                  self.certificate)  # fmt: skip

    def sign(self, name: str, alternatives: str = "", days: int = 2) -> tuple[Path, Path]:
        """Returns: certificate and key."""
        key, request, made = (self.folder / f"{name}.{end}" for end in ("key", "csr", "pem"))
        self._run("req", *OPENSSL_KEY, "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        more: list[str | Path] = []
        if alternatives:
            extensions = self.folder / f"{name}.ext"
            extensions.write_text(f"subjectAltName={alternatives}\n")
            more = ["-extfile", extensions]
        self._run("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-set_serial", "7",
                  "-days", str(days), "-out", made, *more)  # fmt: skip
        return made, key

    def _run(self, *words: str | Path) -> None:
        subprocess.run([self.openssl, *map(str, words)], check=True, capture_output=True, timeout=30)


class Broker:
    """`lines` are added to its configuration. Sessions and queues outlive a kill. `within` begins the command, where it
    is to live in a name space of its own. Without `saves` a kill takes what it held, as mosquitto is in Debian: it puts
    what it has acknowledged on the disk every half an hour.
    """

    def __init__(self, folder: Path, *lines: str, address: str = "127.0.0.1", within: Sequence[str] = (),
                 saves: bool = True) -> None:  # fmt: skip
        self.program = needs("mosquitto")
        self.port = free_port()
        self.address, self.within = address, within
        self.file = folder / "mosquitto.conf"
        own = [f"listener {self.port} {address}", "persistence true", f"persistence_location {folder}/", "user root",
               "max_inflight_messages 0", "max_queued_messages 0", "per_listener_settings false"]  # fmt: skip
        own += ["autosave_on_changes true", "autosave_interval 1"] if saves else []
        self.file.write_text("\n".join([*own, *(lines or ("allow_anonymous true",))]) + "\n")
        self.process: subprocess.Popen[bytes] | None = None

    def listen_too(self, *lines: str) -> int:
        """One more port, which is returned, with what these lines say of it. Before it is started."""
        port = free_port()
        with open(self.file, "a") as file:
            file.write("\n".join((f"listener {port} {self.address}", *lines, "")))
        return port

    def start(self) -> None:
        with open(self.file.with_suffix(".log"), "ab") as log:
            words = [*self.within, self.program, "-c", str(self.file)]
            self.process = subprocess.Popen(words, stdout=log, stderr=log)
        limit = time.monotonic() + 30
        while time.monotonic() < limit:
            if self._listens():
                return
            time.sleep(0.02)
        pytest.fail(f"mosquitto does not start: {self.file.with_suffix('.log').read_text()}")

    def _listens(self) -> bool:
        """As the kernel has it for the name space that it lives in."""
        port = f":{self.port:04X}"
        try:
            rows = Path(f"/proc/{self.process.pid}/net/tcp").read_text().splitlines()[1:]  # type: ignore[union-attr]
        except OSError:
            return False
        return any(row.split()[1].endswith(port) and row.split()[3] == LISTENING for row in rows)

    def kill(self, number: int = signal.SIGKILL) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(30)
            self.process = None


class Consumer:
    """Keeps every message of a broker, over restarts of it."""

    def __init__(self, port: int, user: str = "", password: str = "") -> None:
        paho = pytest.importorskip("paho.mqtt.client", reason="paho-mqtt is missing: make build")
        self.messages: list[tuple[str, bytes, bool]] = []
        self.ready = threading.Event()
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2, "consumer", clean_session=False)
        self.client.reconnect_delay_set(0.1, 0.2)
        if user:
            self.client.username_pw_set(user, password)
        self.client.on_message = lambda client, data, one: self.messages.append((one.topic, one.payload, one.retain))
        self.client.on_subscribe = lambda *_: self.ready.set()
        self.client.on_connect = lambda client, *_: client.subscribe("#", 1)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        assert self.ready.wait(10)

    def acknowledge(self, topic: str, word: str) -> None:
        """From now on say on topic `word` of each message on `topic` what is in it: it is safe here."""

        def keep(client: Any, data: object, one: Any) -> None:
            self.messages.append((one.topic, one.payload, one.retain))
            if one.topic == topic:
                content = json.loads(one.payload)
                have = [[row["seq"], row["seq"]] for row in content["signals"].values()]
                client.publish(word, json.dumps({"epoch": content["epoch"], "have": have}), 1)

        self.client.on_message = keep

    def of(self, topic: str) -> list[bytes]:
        return [payload for found, payload, _ in list(self.messages) if found == topic]

    def values(self, topic: str) -> list[tuple[str, int, object]]:
        """Epoch, number and value of every reading in messages of the kind `scan` on a topic."""
        found = []
        for payload in self.of(topic):
            content = json.loads(payload)
            found += [(content["epoch"], row["seq"], row["value"]) for row in content["signals"].values()]
        return found

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()
