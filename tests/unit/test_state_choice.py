"""Every command finds the folder that the service uses, and leaves nothing where it has nothing to keep."""

from __future__ import annotations

import json

import pytest

from meterd.cli import beginning as state_choice
from meterd.cli.main import main
from meterd.cli.options import STATE, parse
from meterd.protocols.dlms.security.counting import counter_name
from tests.strangers.dlms_meter import Meter
from tests.strangers.serve import Served
from tests.strangers.test_dlms_sockets import HDLC, JOBS, device, signals

KEYS = {"system_title": "4D54524400000077", "encryption_key": "0F" * 16, "authentication_key": "A5" * 16}


@pytest.fixture(autouse=True)
def nowhere(monkeypatch, tmp_path):
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    for name in ("GATEWAY_CONFIGURATION", "GATEWAY_DIRECTORY", "DEFAULT_DIRECTORY"):
        monkeypatch.setattr(state_choice, name, str(tmp_path / name.lower()))
    monkeypatch.setattr("meterd.daemon.state.DEFAULT_DIRECTORY", str(tmp_path / "default_directory"))
    monkeypatch.setattr(state_choice, "environment", lambda name: None)


def chosen(*words: str) -> str:
    folder = state_choice.state_directory(parse(words, (STATE,))).folder
    assert folder is not None
    return folder.path


@pytest.mark.parametrize(
    ("text", "folder"),
    [("", "GATEWAY_DIRECTORY"), ("config meterd 'main'\n\toption enabled '1'\n", "GATEWAY_DIRECTORY"),
     ("config meterd 'main'\n\t#option state '/x'\n", "GATEWAY_DIRECTORY"),
     ("config meterd 'main'\n\toption state '/mnt/card/kept'\n", "/mnt/card/kept"),
     ('config port \'PORT1\'\n\toption state \'/no\'\n\nconfig  meterd\n option  state "/a b"\n', "/a b")],
)  # fmt: skip
def test_on_a_gateway_it_is_the_services(tmp_path, text, folder):
    (tmp_path / "gateway_configuration").write_text(text)
    assert chosen() == getattr(state_choice, folder, folder)
    assert chosen("--state", "/elsewhere") == "/elsewhere"


def test_elsewhere_it_is_what_the_service_manager_gives_or_the_default(tmp_path, monkeypatch):
    assert chosen() == str(tmp_path / "default_directory")
    monkeypatch.setattr(state_choice, "environment", {"STATE_DIRECTORY": "/var/lib/given"}.get)
    assert chosen() == "/var/lib/given"


def test_a_plain_read_leaves_nothing(tmp_path, capfd):
    server = Served(Meter)
    path = tmp_path / "site" / "c.json"
    path.parent.mkdir()
    rows = signals("meter", {"import": JOBS["import"]})
    path.write_text(json.dumps({"devices": [device("meter", server.port, **HDLC)], "signals": rows}))
    (tmp_path / "given").mkdir()
    assert main(["read", "-c", str(path)]) == 0
    assert main(["read", "-c", str(path), "--state", str(tmp_path / "given")]) == 0
    server.close()
    assert sorted(each.relative_to(tmp_path).as_posix() for each in tmp_path.rglob("*")) == [
        "given", "site", "site/c.json",
    ]  # fmt: skip


def test_a_counter_is_shown_and_stated(tmp_path, capfd):
    path, state = tmp_path / "c.json", str(tmp_path / "state")
    given = {**HDLC, "security": "both", **KEYS}
    rows = signals("meter", {"import": JOBS["import"]})
    path.write_text(json.dumps({"devices": [device("meter", 1, **given)], "signals": rows}))
    command = ["counter", "-c", str(path), "--state", state]
    name = counter_name(bytes.fromhex(KEYS["system_title"]), bytes.fromhex(KEYS["encryption_key"]))
    assert main(command) == 0
    assert "nothing is on record" in capfd.readouterr().out and not (tmp_path / "state").exists()
    assert main([*command, "--set", "4294967296"]) == 2
    assert main([*command, "--set", "90000000"]) == 0
    out = capfd.readouterr().out
    assert f"{state}/{name}.counter: all invocation counters below 90000000" in out
    assert main([*command, "--set", "5"]) == 15
    assert "never goes down" in capfd.readouterr().err
    for secret in (KEYS["encryption_key"], KEYS["authentication_key"]):
        assert all(secret.lower() not in text.lower() for text in (out, *map(str, (tmp_path / "state").iterdir())))


def test_a_device_without_keys_has_no_counter(tmp_path, capfd):
    path = tmp_path / "c.json"
    rows = signals("meter", {"import": JOBS["import"]})
    path.write_text(json.dumps({"devices": [device("meter", 1, **HDLC)], "signals": rows}))
    assert main(["counter", "-c", str(path)]) == 3
    assert "without keys" in capfd.readouterr().err
