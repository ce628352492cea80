"""Planted secrets are in no output: log, raw telegrams, frames, wire log, errors, check, doctor, status."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .dlms_meter import Meter
from .mbus_bus import Bus, Slave
from .serve import Served
from .test_dlms_sockets import HDLC, JOBS, device, signals
from .test_mbus import CIPHERED, VOLUME_ONLY, WORD, row, rows

PASSWORD = "Pa55-planted"
KEYS = {"encryption_key": "C0FFEE00112233445566778899AABBCC", "authentication_key": "DEADBEEF00112233445566778899AABB",
        "dedicated_key": "FEEDFACE00112233445566778899AABB"}  # fmt: skip
TITLE = "4D54524400000001"
PLANTED = [PASSWORD.encode(), *(bytes.fromhex(key) for key in KEYS.values())]


def shapes(secret: bytes) -> set[str]:
    """As text, hex in several spellings, base64, Python's own spelling, and any four octets of it in hex."""
    spaced = secret.hex(" ")
    found = {secret.hex(), spaced, secret.hex(":"), base64.b64encode(secret).decode().rstrip("="), repr(secret)[2:-1]}
    return {shape.lower() for shape in found}


def meterd(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "meterd", *words], capture_output=True, text=True, timeout=60, check=False
    )
    return done.stdout + done.stderr


def assert_clean(text: str, told: str) -> None:
    for secret in PLANTED:
        for shape in shapes(secret):
            assert shape not in text.lower(), f"{told}: {shape} in …{text[max(0, text.lower().index(shape) - 300) :]}"


@pytest.fixture
def configured(tmp_path: Path) -> Any:
    bus = Bus(Slave(telegrams=[CIPHERED], signature=WORD))
    servers = {
        "low": Served(lambda: Meter(password=PASSWORD.encode())),
        "refused": Served(lambda: Meter(password=b"another-one!")),
        "wrapped": Served(lambda: Meter(wrapped=True, password=PASSWORD.encode())),
        "pieces": Served(lambda: Meter(password=PASSWORD.encode())),
        "ciphered": Served(Meter),
        "bus": Served(lambda: bus),
    }
    secrets = {"auth": "Low", "password": PASSWORD}
    small = {"max_info_field": 32}  # the AARQ goes out in segments that cut the password
    given = {
        "low": {**HDLC, **secrets}, "refused": {**HDLC, **secrets},
        "wrapped": {**secrets, "mode": "DLMS-WRAPPER", "physical_address": 1},
        "pieces": {**HDLC, **secrets, **small},
        "ciphered": {**HDLC, "security": "both", "system_title": TITLE, **KEYS},
    }  # fmt: skip
    devices = [device(alias, servers[alias].port, **parameters) for alias, parameters in given.items()]
    devices.append(row("bus", {"ip": "127.0.0.1", "port": servers["bus"].port, "address": "5",
                               "key": KEYS["encryption_key"]}))  # fmt: skip
    wanted = [one for alias in given for one in signals(alias, {"import": JOBS["import"]})] + rows("bus", VOLUME_ONLY)
    path = tmp_path / "meterd.json"
    path.write_text(json.dumps({"devices": devices, "signals": wanted}))
    yield path
    for server in servers.values():
        server.close()


class Echoing(Meter):
    """A converter that gives back what was sent, in front of the answer."""

    def hear(self, octets: bytes) -> Any:
        return [(0.0, octets), *super().hear(octets)]


def test_the_echo_of_a_segmented_password_is_masked(tmp_path: Path) -> None:
    """A segment ends in the midst of the password, and comes back as it went."""
    server = Served(lambda: Echoing(password=PASSWORD.encode(), ua=bytes.fromhex("818006050128060128")))
    given = {**HDLC, "auth": "Low", "password": PASSWORD, "max_info_field": 60}
    path, record = tmp_path / "c.json", tmp_path / "wire.log"
    rows_ = signals("meter", {"import": JOBS["import"]})
    path.write_text(json.dumps({"devices": [device("meter", server.port, **given)], "signals": rows_}))
    text = meterd("read", "-c", str(path), "--state", str(tmp_path), "-d7", "-r", "-f", "--record", str(record))
    server.close()
    assert '"value":123456000' in text
    for shown in (text, record.read_text()):
        assert "** ** **" in shown
        for at in range(len(PASSWORD) - 3):
            assert PASSWORD[at : at + 4].encode().hex(" ") not in shown


def test_no_output_shows_a_secret(configured: Path, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    state, record = str(tmp_path / "state"), tmp_path / "wire.log"
    text = meterd("read", "-c", str(configured), "--state", state, "-d7", "-r", "-f", "--record", str(record))
    assert '"value":123456000' in text and "auth" in text
    assert_clean(text, "read -d7 -r -f")
    assert_clean(record.read_text(errors="replace"), "--record")
    assert_clean(meterd("check", "-c", str(configured)), "check")
    for alias in ("low", "refused", "ciphered", "bus", "pieces"):
        assert_clean(meterd("doctor", "-c", str(configured), alias, "--state", state, "-d7"), f"doctor {alias}")
    for path in (tmp_path / "state").rglob("*"):
        if path.is_file():
            assert_clean(path.read_bytes().decode("latin-1"), str(path))


@pytest.mark.parametrize(
    ("name", "value"),
    [("encryption_key", KEYS["encryption_key"][:-2]), ("encryption_key", "zz" + KEYS["encryption_key"][2:]),
     ("password", "0x" + PASSWORD), ("private_key", KEYS["dedicated_key"]),
     ("dedicated_key", KEYS["dedicated_key"] * 3),
     ("auth", PASSWORD), ("pasword", PASSWORD)],
)  # fmt: skip
def test_a_wrong_secret_is_complained_about_without_it(name: str, value: str, tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    given = {**HDLC, "security": "both", "system_title": TITLE, **KEYS, name: value}
    path.write_text(json.dumps({"devices": [device("meter", 1, **given)], "signals": signals("meter", JOBS)}))
    text = meterd("check", "-c", str(path))
    assert name in text
    if name not in ("auth", "pasword"):
        assert_clean(text, name)
        assert value.lower() not in text.lower()


@pytest.mark.parametrize(
    ("given", "words"),
    [({"system_title": TITLE, "encryption_key": KEYS["encryption_key"]}, "security is none"),
     ({"auth": "HighGmac", "system_title": TITLE, **KEYS}, "security is none"),
     ({"private_key": "11" * 32, "security_suite": 1}, "HighEcdsa alone"),
     ({"password": PASSWORD}, "this auth has none"), ({"auth": "Low"}, "without a password"),
     ({"mode": "IEC"}, "serial")],
)  # fmt: skip
def test_what_is_surely_a_slip_is_doubted(given: dict[str, Any], words: str, tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    configuration = {"devices": [device("meter", 1, **HDLC, **given)], "signals": signals("meter", JOBS)}
    path.write_text(json.dumps(configuration))
    text = meterd("check", "-c", str(path))
    assert any("warning" in line and words in line for line in text.splitlines()), text
    assert_clean(text, "check")


@pytest.mark.parametrize(
    "given",
    [{}, {"auth": "Low", "password": PASSWORD}, {"security": "both", "system_title": TITLE, **KEYS},
     {"auth": "HighGmac", "system_title": TITLE, **{n: KEYS[n] for n in ("encryption_key", "authentication_key")}}],
)  # fmt: skip
def test_what_is_used_is_not_doubted(given: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    configuration = {"devices": [device("meter", 1, **HDLC, **given)], "signals": signals("meter", JOBS)}
    path.write_text(json.dumps(configuration))
    assert "warning" not in meterd("check", "-c", str(path))
