"""A gateway from its one file to a configuration that is taken back: real processes, TLS, the example's broker.

The broker's configuration and access list are those of examples/fleet, with this test's places; who asks is
examples/fleet/ask.py, which shares no code with meterd.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from meterd.cli.remote import OPTIONS
from tests.broker import Authority, Broker
from tests.needs import needs

from .site import ROOT, Processes, until

mqtt = pytest.importorskip("paho.mqtt.client", reason="paho-mqtt is missing: make build")
pytest.importorskip("cryptography", reason="cryptography is missing: make build")

FLEET = ROOT / "examples" / "fleet"
specification = importlib.util.spec_from_file_location("ask", FLEET / "ask.py")
assert specification is not None and specification.loader is not None
ask = importlib.util.module_from_spec(specification)
specification.loader.exec_module(ask)

PATIENCE_S = 90.0
GATEWAY = "north-17"
REMOTE_KEY = "c3" * 32


def example_lines(folder: Path, authority: Authority) -> list[str]:
    """The example's broker, but for its port and places."""
    certificate, key = authority.sign("broker", "IP:127.0.0.1")
    os.chmod(key, 0o644)
    (folder / "acl").write_text((FLEET / "mosquitto.acl").read_text())
    os.chmod(folder / "acl", 0o600)
    text = (FLEET / "mosquitto.conf").read_text()
    for there, here in {"ca.pem": authority.certificate, "broker.pem": certificate, "broker.key": key,
                        "acl": folder / "acl"}.items():  # fmt: skip
        assert f"/etc/mosquitto/{there}\n" in text
        text = text.replace(f"/etc/mosquitto/{there}\n", f"{here}\n")
    left_out = ("listener", "per_listener_settings", "persistence", "autosave", "#")
    return [line for line in text.splitlines() if line and not line.startswith(left_out)]


class Gateway:
    """One that was given its one file, and whom the operator asks."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.etc = folder, folder / "etc"
        self.etc.mkdir()
        (folder / "state").mkdir()
        self.authority = Authority(folder)
        self.broker = Broker(folder, *example_lines(folder, self.authority))
        self.processes = Processes(folder)
        self.meters = subprocess.Popen(
            [sys.executable, "-m", "tests.fleet.many_meters", folder / "served"], stdout=subprocess.PIPE, text=True,
            cwd=ROOT,
        )  # fmt: skip
        assert self.meters.stdout is not None
        self.port = int(self.meters.stdout.readline())
        self.control = str(folder / "control.sock")
        self.askers: list[Any] = []

    def provide(self) -> None:
        certificate, key = self.authority.sign(GATEWAY)
        broker = {"host": "127.0.0.1", "port": self.broker.port, "reconnect_max_s": 1}
        given = {"gateway": GATEWAY, "broker": broker, "ca": self.authority.certificate.read_text(),
                 "certificate": certificate.read_text(), "key": key.read_text(), "remote_key": REMOTE_KEY}  # fmt: skip
        path = self.folder / "gateway.json"
        path.write_text(json.dumps(given))
        path.chmod(0o600)
        words = ["-m", "meterd", "provision", str(path), "--into", str(self.etc)]
        subprocess.run([sys.executable, *words], check=True, cwd=ROOT)
        (self.etc / "site.json").write_text(self.house("cellar"))

    def house(self, *names: str) -> str:
        rows = {name: f"127.0.4.{1 + sum(name.encode()) % 200}" for name in names}
        assert len({*rows.values()}) == len(rows)
        devices = [{"name": name, "device_alias": name, "protocol": "DLMS", "type": "LN", "client_address": 16,
                    "physical_address": 1, "mode": "DLMS-WRAPPER", "ip": where, "port": self.port,
                    "scan_rate_ms": 1000, "reconnect_time": 100, "timeout_ms": 20000}
                   for name, where in rows.items()]  # fmt: skip
        signals = [{"signal_name": "e", "device_alias": name, "signal_alias": "e", "obis_job": "1.0.1.8.0.255",
                    "class_id": 3} for name in names]  # fmt: skip
        return json.dumps({"devices": devices, "signals": signals})

    def files(self) -> list[str]:
        return [str(self.etc / name) for name in ("fleet.json", "site.json", "remote.json")]

    def start(self) -> None:
        words = ["-m", "meterd", "run", "-c", *self.files(), "--state", str(self.folder / "state")]
        self.processes.start("daemon", *words, "--control", self.control)
        until(lambda: os.path.exists(self.control), PATIENCE_S, lambda: self.processes.log("daemon"))
        words = ["-m", "meterd", "remote", "-c", *self.files(), "--control", self.control]
        words += ["--key", str(self.etc / "fleet" / "remote.key"), "--target", self.files()[2]]
        self.processes.start("remote", *words, "--allow", "status", "read", "doctor", "configure")

    def asker(self, key: str = REMOTE_KEY, wait_s: float = PATIENCE_S) -> Any:
        certificate, own = self.authority.sign("operator")
        (self.folder / "key").write_text(key)
        made = ask.Asker(SimpleNamespace(
            gateway=GATEWAY, key_file=self.folder / "key", broker=f"127.0.0.1:{self.broker.port}", wait_s=wait_s,
            ca=str(self.authority.certificate), certificate=str(certificate), key=str(own),
        ))  # fmt: skip
        self.askers.append(made)
        return made

    def close(self) -> None:
        for each in self.askers:
            each.close()
        self.processes.close()
        self.broker.kill()
        self.meters.kill()
        self.meters.wait(60)
        assert self.meters.stdout is not None
        self.meters.stdout.close()


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    needs("mosquitto")
    needs("openssl")
    made = Gateway(tmp_path)
    try:
        made.provide()
        made.broker.start()
        made.start()
        yield made
    finally:
        made.close()


def configured(asker: Any, text: str, confirm_s: int) -> dict[str, Any]:
    hashed = hashlib.sha256(text.encode()).hexdigest()
    answer: dict[str, Any] = asker.ask(do="configure", text=text, hash=hashed, confirm_s=confirm_s)
    assert answer["ok"], answer
    return answer


def patient(ask_once: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Asks again where it was too often."""
    while "later" in (answer := ask_once()).get("error", ""):
        time.sleep(1.0)
    return answer


@pytest.mark.timeout(600)
def test_a_gateway_is_asked_and_configured_from_afar_and_takes_back_what_nobody_confirms(gateway: Gateway) -> None:
    log = gateway.processes
    until(lambda: "listens at" in log.log("remote"), PATIENCE_S,
          lambda: log.log("remote"))  # fmt: skip
    asker = gateway.asker()

    def devices() -> int:
        return int(patient(lambda: asker.ask(do="status"))["devices"])

    assert devices() == 1
    answer = asker.ask(do="read", device="cellar")
    assert answer["ok"] and [row["quality"] for row in answer["readings"] if row["signal"] == "e"] == ["good"]
    assert "nobody" in asker.ask(do="read", device="nobody")["error"]
    told = asker.ask(do="doctor", device="cellar")
    assert told["code"] == 0 and "cellar" in told["text"]

    kitchen, attic = gateway.house("kitchen"), gateway.house("kitchen", "attic")
    answer = configured(asker, kitchen, 3600)
    assert devices() == 2
    assert asker.ask(do="confirm", hash=answer["hash"])["ok"]
    configured(asker, attic, 10)
    until(lambda: "was not confirmed in time" in log.log("remote"), PATIENCE_S, lambda: log.log("remote"))
    assert devices() == 2 and (gateway.etc / "remote.json").read_text() == kitchen

    patient(lambda: {"error": ""} if configured(asker, attic, 3600) else {})
    for name in ("daemon", "remote"):  # the plug is pulled
        log.end(name, signal.SIGKILL)
    words = ["-m", "meterd", "remote", "--revert", "--target", gateway.files()[2]]
    assert subprocess.run([sys.executable, *words], cwd=ROOT).returncode == 0
    assert (gateway.etc / "remote.json").read_text() == kitchen
    os.unlink(gateway.control)
    gateway.start()
    until(lambda: log.log("remote").count("listens at") == 2, PATIENCE_S, lambda: log.log("remote"))
    assert devices() == 2

    stranger = gateway.asker("c4" * 32, wait_s=5.0)
    with pytest.raises(TimeoutError):
        stranger.ask(do="status")
    until(lambda: "the mac does not fit" in log.log("remote"), PATIENCE_S, lambda: log.log("remote"))
    assert log.end("remote") == 0 and log.end("daemon") == 0
    assert REMOTE_KEY not in log.log("remote") + log.log("daemon")


@pytest.mark.timeout(300)
def test_the_brokers_access_list_holds_a_gateway_to_its_name(gateway: Gateway) -> None:
    """With the example's access list, who has the certificate of one gateway is heard under that name alone."""
    heard: list[str] = []
    clients = []
    for name in ("consumer", "north-18"):
        certificate, key = gateway.authority.sign(name)
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, name)
        client.tls_set(str(gateway.authority.certificate), str(certificate), str(key))
        subscribed: list[bool] = []
        client.on_message = lambda client, data, message: heard.append(message.topic)
        client.on_subscribe = lambda *_, done=subscribed: done.append(True)
        client.connect("127.0.0.1", gateway.broker.port)
        client.loop_start()
        client.subscribe("meterd/#", 1)
        until(lambda done=subscribed: done, PATIENCE_S, "the broker does not answer")
        clients.append(client)
    thief = clients[1]
    for topic in (f"meterd/{GATEWAY}/lost", f"meterd-remote/{GATEWAY}/request", "meterd/north-18/lost"):
        thief.publish(topic, b"{}", 1).wait_for_publish(PATIENCE_S)
    until(lambda: "meterd/north-18/lost" in heard, PATIENCE_S, lambda: str(heard))
    assert f"meterd/{GATEWAY}/lost" not in heard
    assert "thrown away" not in gateway.processes.log("remote"), "a request of another gateway reaches nobody"
    for client in clients:
        client.disconnect()
        client.loop_stop()


def test_what_starts_it_is_taken_by_systemd_and_a_shell() -> None:
    """And names options that there are."""
    unit, script = FLEET / "meterd-remote.service", FLEET / "meterd-remote.init"
    checks = [[needs("systemd-analyze", "systemd"), "verify", "--man=no", str(unit)],
              [needs("shellcheck"), "-s", "dash", str(script)]]  # fmt: skip
    for words in checks:
        done = subprocess.run(words, capture_output=True, text=True)
        assert (done.returncode, done.stdout + done.stderr) == (0, "")
    known = {name for option in OPTIONS for name in option.names}
    for path in (unit, script):
        words = [word for line in path.read_text().splitlines() if "meterd remote" in line for word in line.split()]
        assert {word.strip("'\"") for word in words if word.startswith("-")} <= known
