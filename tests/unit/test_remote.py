"""What a gateway does from afar, and above all what it does not: no clock, no broker, no daemon here."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from pathlib import Path
from typing import Any

import pytest

from meterd.fleet import pushed, trial, whole_files
from meterd.fleet.remote import BURST, EVERY_S, Remote
from meterd.fleet.signed import MAX_REQUEST, Numbers, Refused, read_key
from meterd.fleet.trial import Trial

KEY = bytes(range(7, 39))
GATEWAY = "north-17"


def envelope(body: str, key: bytes = KEY, gateway: str = GATEWAY, purpose: str = "meterd request") -> bytes:
    """As somebody else writes it."""
    shown = hmac.new(key, purpose.encode() + b"\0" + gateway.encode() + b"\0" + body.encode(), hashlib.sha256)
    return json.dumps({"body": body, "mac": shown.hexdigest()}).encode()


class Daemon:
    """What a running daemon would say."""

    def __init__(self) -> None:
        self.reloads = 0
        self.silent = False

    def status(self) -> dict[str, Any]:
        if self.silent:
            raise Refused("no daemon answers")
        rows = [("good", 2, 2), ("good", 1, 2), ("timeout", 0, 2)]
        return {"ok": True, "sinks": [], "devices": [{"reason": a, "signals_ok": b, "signals": c} for a, b, c in rows]}

    def reload(self) -> str:
        self.reloads += 1
        return ""

    def read(self, device: str) -> list[Any]:
        return [{"device": device, "value": 1}]


def house(*names: str, **more: Any) -> str:
    """A configuration of meters."""
    devices = [{"name": name, "device_alias": name, "protocol": "DLMS", "type": "LN", "client_address": 16,
                "physical_address": 1, "mode": "DLMS-WRAPPER", "ip": "192.0.2.7", "port": 4059, **more}
               for name in names]  # fmt: skip
    signals = [{"signal_name": "e", "device_alias": name, "signal_alias": "e", "obis_job": "1.0.1.8.0.255",
                "class_id": 3} for name in names]  # fmt: skip
    return json.dumps({"devices": devices, "signals": signals})


class Gateway:
    """One, in a folder, whose time is what the test says."""

    def __init__(self, folder: Path, *allow: str) -> None:
        self.folder = folder
        self.target = folder / "remote.json"
        self.site = folder / "site.json"
        self.site.write_text(house("cellar"))
        self.now = 1000.0
        self.number = 0
        self.daemon = Daemon()
        self.allow = allow or ("status", "read", "doctor", "configure")
        self.begin()

    def begin(self) -> None:
        """The process is started."""
        there = [str(path) for path in (self.site, self.target) if path.exists()]
        files = [*there, *([str(self.target)] if str(self.target) not in there else [])]
        numbers = Numbers(str(self.target) + ".last", whole_files.put)
        self.remote = Remote(
            GATEWAY, KEY, self.allow, files, Trial(str(self.target)), numbers, self.daemon, lambda: self.now, "0.1"
        )  # type: ignore[arg-type]
        self.remote.begin()

    def raw(self, payload: bytes) -> dict[str, Any] | None:
        self.now += EVERY_S
        answer = self.remote.take(payload)
        if answer is None:
            return None
        content = json.loads(answer)
        shown = hmac.new(KEY, f"meterd answer\0{GATEWAY}\0{content['body']}".encode(), hashlib.sha256).hexdigest()
        assert shown == content["mac"]
        found: dict[str, Any] = json.loads(content["body"])
        return found

    def ask(self, do: Any, **more: Any) -> dict[str, Any]:
        self.number += 1
        answer = self.raw(envelope(json.dumps({"n": self.number, "do": do, **more})))
        assert answer is not None and answer["n"] == self.number
        return answer

    def configure(self, text: str, confirm_s: Any = 60) -> dict[str, Any]:
        return self.ask("configure", text=text, hash=hashlib.sha256(text.encode()).hexdigest(), confirm_s=confirm_s)

    def in_force(self) -> str | None:
        return self.target.read_text() if self.target.exists() else None


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    return Gateway(tmp_path)


# ---- who may ask


def test_what_is_not_signed_by_the_key_for_this_gateway_gets_no_answer(gateway: Gateway) -> None:
    body = json.dumps({"n": 5, "do": "status"})
    sound = envelope(body)
    other = [
        envelope(body, key=bytes(32)), envelope(body, gateway="north-18"), envelope(body, purpose="meterd answer"),
        sound.replace(b'\\"n\\": 5', b'\\"n\\": 6'), b"", b"{}", b"[]", b"null", b"\xff", b"[" * 100_000,
        json.dumps({"body": body}).encode(), json.dumps({"body": body, "mac": None}).encode(),
        json.dumps({"body": {"do": "status"}, "mac": "0" * 64}).encode(),
        json.dumps({"body": "\ud800", "mac": "\ud800"}).encode(), b"x" * (MAX_REQUEST + 1), envelope("[]"),
    ]  # fmt: skip
    for payload in other:
        assert gateway.raw(payload) is None
    answer = gateway.raw(sound)
    assert answer is not None and answer["ok"]


@pytest.mark.parametrize("number", [0, -1, 1.5, "7", None, True, 1 << 60])
def test_a_number_that_is_none_is_refused(gateway: Gateway, number: Any) -> None:
    answer = gateway.raw(envelope(json.dumps({"n": number, "do": "status"})))
    assert answer is not None and not answer["ok"] and answer["error"].startswith("n: allowed")


def test_a_request_is_done_once_also_after_a_restart(gateway: Gateway) -> None:
    text = envelope(json.dumps({"n": 9, "do": "read", "device": "cellar"}))
    first = gateway.raw(text)
    assert first is not None and first["readings"] == [{"device": "cellar", "value": 1}]
    for _ in range(2):
        again = gateway.raw(text)
        assert again is not None and "9 was done already" in again["error"]
        gateway.begin()
    Path(str(gateway.target) + ".last").write_text("damaged")
    answer = gateway.raw(envelope(json.dumps({"n": 99, "do": "status"})))
    assert answer is not None and "is damaged; without it nothing is done" in answer["error"]


def test_what_cannot_be_put_on_record_is_not_done(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole_files, "create", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    answer = gateway.configure(house("kitchen"))
    assert "No space left on device; nothing is done that is not on record" in answer["error"]
    assert gateway.in_force() is None and gateway.daemon.reloads == 0


def test_more_requests_than_there_may_be_are_refused_and_unsigned_ones_take_no_room(gateway: Gateway) -> None:
    for _ in range(100):
        assert gateway.remote.take(b"{}") is None
    answers = [gateway.remote.take(envelope(json.dumps({"n": n, "do": "status"}))) for n in range(1, 40)]
    done = [json.loads(json.loads(answer or b"")["body"])["ok"] for answer in answers]
    assert done == [True] * int(BURST) + [False] * (39 - int(BURST))
    gateway.number = 50
    assert gateway.ask("status")["ok"], "later"


def test_what_is_not_allowed_is_refused(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, "status")
    for do in ("read", "doctor", "configure", "confirm", "revert"):
        assert gateway.ask(do, device="cellar")["error"] == f"do: {do} is not allowed on this gateway (--allow)"
    for do in ("run", "", None, 7, ["status"], {"status": 1}, "__init__"):
        assert "do: allowed: status, read, doctor" in gateway.ask(do)["error"]
    assert gateway.ask("status")["ok"]


@pytest.mark.parametrize(
    "device", ["", "-c", "--record=/x", "a b", "../x", "a;b", "_x", "ä", None, 7, ["a"], "a" * 201]
)
def test_a_device_is_a_name_and_nothing_else(gateway: Gateway, device: Any) -> None:
    for do in ("read", "doctor"):
        assert gateway.ask(do, device=device)["error"] == "device: allowed: the alias of a device"


def test_status_says_how_it_is(gateway: Gateway) -> None:
    answer = gateway.ask("status")
    assert (answer["version"], answer["devices"], answer["good"], answer["daemon"]) == ("0.1", 3, 1, "runs")
    assert (answer["hash"], answer["on_trial"], answer["confirm_within_s"]) == ("", "", None)
    gateway.daemon.silent = True
    assert gateway.ask("status")["daemon"] == "no daemon answers"


def test_doctor_is_meterds_own(gateway: Gateway) -> None:
    answer = gateway.ask("doctor", device="nobody")
    assert answer["ok"] and answer["code"] not in (0, None) and "nobody" in answer["text"]


# ---- a configuration on trial


def test_a_configuration_is_in_force_at_once_and_stays_when_it_is_confirmed(gateway: Gateway) -> None:
    text = house("kitchen")
    answer = gateway.configure(text)
    assert answer["ok"] and answer["reload"] == "done" and gateway.in_force() == text
    assert gateway.ask("status")["on_trial"] == answer["hash"]
    assert gateway.ask("confirm", hash="0" * 64)["error"].startswith(f"hash: {answer['hash']} is on trial")
    assert gateway.ask("confirm", hash=answer["hash"])["ok"]
    gateway.now += 1e6
    gateway.remote.tick()
    gateway.begin()
    assert gateway.in_force() == text and gateway.daemon.reloads == 1
    assert sorted(path.name for path in gateway.folder.iterdir()) == ["remote.json", "remote.json.last", "site.json"]
    assert gateway.ask("confirm", hash=answer["hash"])["error"].startswith("nothing is on trial")


def test_what_is_not_confirmed_in_time_is_taken_back(gateway: Gateway, said: list[str]) -> None:
    first = house("kitchen")
    gateway.ask("confirm", hash=gateway.configure(first)["hash"])
    second = house("kitchen", "attic")
    assert gateway.configure(second, 60)["ok"]
    patience = gateway.remote.patience_s()
    assert patience is not None and 50 < patience <= 60
    gateway.now += patience - 0.5
    gateway.remote.tick()
    assert gateway.in_force() == second
    gateway.now += 1
    gateway.remote.tick()
    assert gateway.in_force() == first and gateway.daemon.reloads == 3 and gateway.remote.patience_s() is None
    assert any("is taken back, for it was not confirmed in time" in line for line in said)
    assert gateway.ask("confirm", hash=hashlib.sha256(second.encode()).hexdigest())["error"].startswith("nothing is on")


def test_a_restart_takes_back_what_was_on_trial_and_where_there_was_nothing_there_is_nothing(gateway: Gateway) -> None:
    assert gateway.configure(house("kitchen"))["ok"]
    gateway.begin()
    assert gateway.in_force() is None and gateway.daemon.reloads == 2
    assert gateway.configure(house("attic"))["ok"], "the way is free for the next one"
    assert gateway.ask("revert")["ok"] and gateway.in_force() is None
    assert gateway.ask("revert")["error"] == "nothing is on trial"


def test_only_one_is_on_trial_at_a_time(gateway: Gateway) -> None:
    gateway.configure(house("kitchen"))
    assert gateway.configure(house("attic"))["error"].startswith("another configuration is on trial")
    assert gateway.in_force() == house("kitchen")


class Cut(Exception):
    """The plug is pulled."""


def cut_at(monkeypatch: pytest.MonkeyPatch, step: int) -> list[str]:
    """Have the world end before the step'th change of a file system; returns what was done before."""
    done: list[str] = []

    def counted(name: str, original: Any) -> Any:
        def call(*arguments: Any) -> Any:
            if len(done) == step:
                raise Cut
            done.append(name)
            return original(*arguments)

        return call

    for module, names in ((whole_files, ("create", "replace", "unlink")), (trial, ("replace",))):
        for name in names:
            monkeypatch.setattr(module, name, counted(name, getattr(module, name)))
    return done


@pytest.mark.parametrize("had", [True, False])
@pytest.mark.parametrize("what", ["configure", "confirm", "revert"])
def test_whenever_the_plug_is_pulled_one_of_the_two_is_in_force_and_the_next_start_knows_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, had: bool
) -> None:
    outcomes = set()
    for step in range(30):
        folder = tmp_path / str(step)
        folder.mkdir()
        gateway = Gateway(folder)
        old, new = (house("kitchen") if had else None), house("attic")
        if old is not None:
            gateway.ask("confirm", hash=gateway.configure(old)["hash"])
        if what != "configure":
            told = gateway.configure(new)["hash"]
        with monkeypatch.context() as patch:
            done = cut_at(patch, step)
            try:
                answer = gateway.configure(new) if what == "configure" else gateway.ask(what, hash=told)
                assert answer["ok"] and len(done) <= step
                whole = True
            except Cut:
                whole = False
        gateway.begin()
        outcomes.add(gateway.in_force() == new)
        assert gateway.in_force() in ((old, new) if what == "confirm" else (old,))
        assert not any(path.name.endswith((".trial", ".before")) for path in folder.iterdir())
        assert gateway.configure(house("cellar-2"))["ok"], "and goes on"
        if whole:
            break
    else:
        raise AssertionError("the end was not reached")
    assert outcomes == ({True, False} if what == "confirm" else {False})


def test_a_journal_that_says_nothing_leaves_what_is_there(gateway: Gateway) -> None:
    gateway.ask("confirm", hash=gateway.configure(house("kitchen"))["hash"])
    (gateway.folder / "remote.json.trial").write_text("{")
    gateway.begin()
    assert gateway.in_force() == house("kitchen") and not (gateway.folder / "remote.json.trial").exists()


def test_a_full_disk_leaves_all_as_it_was(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway.ask("confirm", hash=gateway.configure(house("kitchen"))["hash"])
    create = whole_files.create
    for fails_at in (".candidate.json", "remote.json.before.new", "remote.json.trial.new", "remote.json.new"):

        def full(path: str, *rest: Any, name: str = fails_at) -> None:
            if path.endswith(name):
                raise OSError(28, "No space left on device", path)
            create(path, *rest)

        with monkeypatch.context() as patch:
            for module in (whole_files, __import__("meterd.fleet.remote", fromlist=("create",))):
                patch.setattr(module, "create", full)
            answer = gateway.configure(house("attic"))
        assert not answer["ok"] and "No space left on device" in answer["error"]
        assert gateway.in_force() == house("kitchen") and gateway.ask("status")["on_trial"] == ""


# ---- what a configuration from afar may hold


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "text is no JSON"),
        ("[]", "text: allowed: an object with devices and signals"),
        ('{"publish": {"file": {"path": "/etc/passwd"}}}', "publish: is not set from afar; allowed: devices, signals"),
        ('{"ports": {"PORT1": "/dev/mem"}}', "ports: is not set from afar"),
        ('{"meterd": {}, "x": 1}', "meterd: is not set from afar"),
        (house("a", encryption_key="00" * 16), "devices[0], parameter encryption_key: no secret is sent from afar"),
        (house("a", password="x"), "devices[0], parameter password: no secret is sent from afar"),
        (
            house("a", password_file="/etc/shadow"),
            "parameter password_file: allowed: a file in the configuration's own",
        ),
        (house("a", password_file="keys/../../shadow"), "parameter password_file: allowed: a file in the"),
        (house("a", ip="http://x"), "an address or a host name alone"),
        (house("a", ipp="1"), "ipp"),
        (house("cellar"), "which another device has already"),
        (house("a") + " " * 262_144, "262144 are the most"),
    ],
)
def test_what_is_wrong_changes_nothing_and_is_told(gateway: Gateway, text: str, told: str) -> None:
    answer = gateway.configure(text)
    assert not answer["ok"] and told in answer["error"]
    assert gateway.in_force() is None and gateway.daemon.reloads == 0 and gateway.ask("status")["on_trial"] == ""
    assert [path.name for path in gateway.folder.glob(".*")] == []


def test_no_secret_stands_in_a_refusal(gateway: Gateway) -> None:
    assert "5ec4e7" not in gateway.configure(house("a", encryption_key="5ec4e7" + "00" * 13))["error"]


def test_the_hash_is_of_the_text(gateway: Gateway) -> None:
    answer = gateway.ask("configure", text=house("a"), hash="0" * 64, confirm_s=60)
    assert answer["error"].startswith("hash: is not that of the text") and gateway.in_force() is None


@pytest.mark.parametrize("seconds", [9, 86_401, "60", None, 60.0, True])
def test_the_time_to_confirm_has_bounds(gateway: Gateway, seconds: Any) -> None:
    assert gateway.configure(house("a"), seconds)["error"].startswith("confirm_s: allowed")


def test_every_secret_of_every_protocol_is_known() -> None:
    assert {"password", "encryption_key", "authentication_key", "private_key"} <= pushed.secret_names()


def test_a_file_is_never_wider_open_than_it_may_be(gateway: Gateway) -> None:
    before = os.umask(0)
    try:
        gateway.configure(house("kitchen"))
    finally:
        os.umask(before)
    for path in gateway.folder.glob("remote.json*"):
        assert path.stat().st_mode & 0o777 == 0o640, path


def test_a_key_is_64_digits(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(KEY.hex() + "\n")
    assert read_key(str(path)) == KEY
    for text in ("", "00", KEY.hex() + "00", "x" * 64):
        path.write_text(text)
        with pytest.raises(ValueError, match="64 hexadecimal digits"):
            read_key(str(path))
