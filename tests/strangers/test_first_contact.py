"""`meterd scan PORT|HOST:PORT`: each simulated meter and each hand-made one is found by itself, alone and among noise,
on ptys and TCP; the file that is written passes `check` and reads; how long it took is printed (`pytest -s`).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from meterd.cli import serial_ports
from meterd.cli.first_contact import ORDER, list_ports, place_named, say_nobody
from meterd.cli.ladder import Ladder, attempts_of, place_of
from meterd.cli.options import UsageError
from meterd.cli.strangers import who_talks
from meterd.cli.terminal import Status
from meterd.daemon.one_scan import Single
from meterd.model import Device
from meterd.ports._loop import Loop
from meterd.protocols.mbus import sightings
from meterd.sighting import FIRST, Attempt, Place
from tests.pair import converse

from .dlms_meter import Meter
from .first_meters import Amid, Babbler, Lister, Mirror, Page, Tolerant, on_a_pty, over_tcp, pushing, simulated
from .mbus_bus import Bus, Slave
from .serve import OnPty, Served, in_virtual_time

METERD = [sys.executable, "-m", "meterd"]
LIMIT_S = 240


def scan(place: str, found: Path) -> subprocess.CompletedProcess[str]:
    begun = time.monotonic()
    done = subprocess.run(
        [*METERD, "scan", place, "-o", str(found)], capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    print(f"{time.monotonic() - begun:6.1f} s  {done.stderr.splitlines()[-2:]}")
    return done


def reads(found: Path, state: Path) -> list[dict[str, Any]]:
    """What the file that was found reads; it passes `check`."""
    checked = subprocess.run(
        [*METERD, "check", "-q", str(found)], capture_output=True, text=True, timeout=60, check=False
    )
    assert checked.returncode == 0, checked.stderr
    done = subprocess.run(
        [*METERD, "read", "-c", str(found), "--state", str(state)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def slaves() -> Bus:
    return Tolerant(Slave("11112222", 3), Slave("11112223", 9), Slave("87654321", None))


def lister() -> Lister:
    return Lister()


def lister_in_seven_bits() -> Lister:
    return Lister(seven=True)


# Where; which protocol; how many meters; a value that must be read.
FOUND: dict[str, tuple[Callable[[], Any], str, int, Any]] = {
    "dlms hdlc tcp": (lambda: over_tcp(Meter), "DLMS", 1, 123456000),
    "dlms hdlc pty": (lambda: on_a_pty(Meter), "DLMS", 1, 123456000),
    "dlms another address": (lambda: over_tcp(lambda: Meter(server=b"\x02\x23")), "DLMS", 1, 123456000),
    "dlms wrapper": (lambda: over_tcp(lambda: Meter(wrapped=True)), "DLMS", 1, 123456000),
    "iec tcp": (lambda: over_tcp(lister), "IEC 62056-21", 1, 4711.25),
    "iec pty": (lambda: on_a_pty(lister_in_seven_bits), "IEC 62056-21", 1, 4711.25),
    "iec within 8 bits": (lambda: over_tcp(lister_in_seven_bits), "IEC 62056-21", 1, 4711.25),
    "iec pushing": (pushing, "IEC 62056-21", 1, 671.578),
    "mbus tcp": (lambda: over_tcp(lambda: Tolerant(Slave())), "mbus tcp", 1, 2850.427),
    "mbus pty": (lambda: on_a_pty(lambda: Tolerant(Slave())), "mbus serial", 1, 2850.427),
    "mbus secondary only": (lambda: on_a_pty(lambda: Tolerant(Slave(primary=None))), "mbus serial", 1, 2850.427),
    "dlms amid noise": (lambda: on_a_pty(lambda: Amid(Meter(), 1)), "DLMS", 1, 123456000),
    "iec amid noise": (lambda: over_tcp(lambda: Amid(Lister(), 2)), "IEC 62056-21", 1, 4711.25),
    "mbus amid noise": (lambda: on_a_pty(lambda: Amid(Tolerant(Slave()), 3)), "mbus serial", 1, 2850.427),
}
SIMULATED = {
    ("dlms",): "DLMS", ("dlms", "mode=wrapper", "tcp"): "DLMS", ("dlms", "mode=iec"): "DLMS",
    ("dlms", "type=SN", "physical=16"): "DLMS", ("iec62056-21",): "IEC 62056-21",
    ("iec62056-21", "mode=A"): "IEC 62056-21", ("iec62056-21", "baudrate=9600", "format=8N1"): "IEC 62056-21",
    ("iec62056-21", "mode=D"): "IEC 62056-21", ("mbus",): "mbus serial", ("mbus", "tcp"): "mbus tcp",
    ("elgama",): "Elgama", ("elgama", "tcp"): "Elgama", ("elgama", "model=epqs"): "Elgama",
}  # fmt: skip


@pytest.mark.timeout(400)
@pytest.mark.parametrize("case", FOUND)
def test_a_strangers_meter_is_found(case: str, tmp_path: Path) -> None:
    serve, protocol, meters, value = FOUND[case]
    found = tmp_path / "found.json"
    with serve() as place:
        done = scan(place, found)
        assert done.returncode == 0, done.stderr
        rows = json.loads(found.read_text())["devices"]
        assert [row["protocol"] for row in rows] == [protocol] * meters
        assert len({row["device_alias"].lower() for row in rows}) == meters
        values = [one["value"] for one in reads(found, tmp_path) if one["quality"] == "good"]
    assert values.count(value) >= meters, values


@pytest.mark.timeout(400)
@pytest.mark.parametrize("words", SIMULATED, ids=" ".join)
def test_a_simulated_meter_is_found(words: tuple[str, ...], tmp_path: Path) -> None:
    found = tmp_path / "found.json"
    with simulated(words, tmp_path) as place:
        done = scan(place, found)
        assert done.returncode == 0, done.stderr
        [row] = json.loads(found.read_text())["devices"]
        assert row["protocol"] == SIMULATED[words]
        readings = reads(found, tmp_path)
    assert sum(one["quality"] == "good" for one in readings) >= 8, readings


def climbed(make: Callable[[], Any], wanted: Callable[[Attempt], bool]) -> Ladder:
    """Only these attempts, over TCP."""
    server = Served(make)
    place = {"ip": "127.0.0.1", "port": server.port}
    device = Device("scan", "", place, f"127.0.0.1:{server.port}")
    single = Single(Loop(), device, "", lambda reading: None)
    ladder = Ladder(single, Status())
    ladder.climb([one for one in attempts_of(ORDER, place_of(device)) if wanted(one)])
    ladder.ask_stranger()
    single.close()
    server.close()
    return ladder


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (Babbler, "Bytes came that are no meter's"),
        (Mirror, "Only our own bytes come back"),
        (Page, "a web server (HTTP)"),
    ],
)
def test_noise_is_no_meter(make: Callable[[], Any], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    ladder = climbed(make, lambda one: one.rank == FIRST)
    capsys.readouterr()
    assert not ladder.found
    say_nobody(ladder, "there")
    said = capsys.readouterr().err
    assert "No meter answers at there" in said and told in said
    assert "meterd scan" not in said and "meterd doctor" not in said  # nobody is sent in a circle


def test_a_meter_of_another_client_is_found() -> None:
    ladder = climbed(lambda: Meter(client=b"\x03"), lambda one: "over HDLC: clients" in one.words)
    [found] = ladder.found
    assert (found.parameters["client_address"], found.parameters["physical_address"]) == (1, 1)


def test_meters_that_answer_all_at_once_are_told_apart() -> None:
    place = Place(False, lambda package, parameters: Device("x", package, parameters))
    probe = next(one for one in sightings.attempts(place) if "2400" in one.words)
    outcome = converse(probe.talk(lambda text: None), in_virtual_time(slaves()), limit_s=3600.0)
    assert outcome.error is None
    found = {one.plate.serial: one.parameters["address"] for one in outcome.value}
    assert found == {"11112222": "3", "11112223": "9", "87654321": Slave("87654321").address()}


@pytest.mark.timeout(200)
def test_an_interrupt_keeps_what_was_found(tmp_path: Path) -> None:
    """At 2400 baud the meters are found; the search at 300, which takes seconds, is interrupted."""
    found = tmp_path / "found.json"
    served = OnPty(Tolerant(Slave()))
    command = [*METERD, "scan", served.node, "-o", str(found)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    seen = ""
    while "signals" not in seen:
        line = process.stderr.readline()
        assert line, seen
        seen += line
    os.kill(process.pid, signal.SIGINT)
    rest = process.communicate(timeout=60)[1]
    served.close()
    assert process.returncode == 130, seen + rest
    content = json.loads(found.read_text())
    assert [row["address"] for row in content["devices"]] == ["5"] and content["signals"]


@pytest.mark.parametrize(
    ("word", "place"),
    [
        ("10.1.2.3:4059", {"ip": "10.1.2.3", "port": 4059}),
        ("[fe80::1]:4059", {"ip": "fe80::1", "port": 4059}),
        ("rfc2217://gw.example:2217", {"ip": "gw.example", "port": 2217, "serial_server": "rfc2217"}),
        ("udp://10.1.2.3:4059", {"ip": "10.1.2.3", "port": 4059, "transport": "udp"}),
        ("/dev/ttyUSB7", {"device": "/dev/ttyUSB7"}),
    ],
)
def test_places(word: str, place: dict[str, Any]) -> None:
    assert place_named(word) == place


@pytest.mark.parametrize("word", ["10.1.2.3:", ":4059", "10.1.2.3:99999", "10.1.2.3:http"])
def test_what_is_no_place(word: str) -> None:
    with pytest.raises(UsageError, match="no HOST:PORT"):
        place_named(word)


def test_a_word_that_is_nothing_is_told_so() -> None:
    done = subprocess.run([*METERD, "scan", "dmls"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2 and "is no port, no HOST:PORT and no protocol" in done.stderr


def test_a_port_that_is_not_there_is_told_so(tmp_path: Path) -> None:
    done = subprocess.run(
        [*METERD, "scan", str(tmp_path / "ttyUSB9")], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 19 and "ttyUSB9" in done.stderr, done.stderr


def test_serial_ports_are_listed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    class Seen:
        def __init__(self, device: str, description: str, vid: int | None, manufacturer: str | None) -> None:
            self.device, self.description, self.vid, self.manufacturer = device, description, vid, manufacturer
            self.serial_number = "A50285BI" if vid else None

    seen = [Seen("/dev/ttyS0", "n/a", None, None), Seen("/dev/ttyUSB0", "USB-RS485 Cable", 0x403, "FTDI")]
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: seen)
    monkeypatch.setattr(serial_ports, "_lasting_names", lambda: {"/dev/ttyUSB0": "/dev/serial/by-id/usb-FTDI_A50285BI"})
    assert list_ports() == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == "/dev/ttyUSB0  USB: USB-RS485 Cable, FTDI, A50285BI" and "by-id/usb-FTDI" in lines[1]
    assert lines[2].split() == ["/dev/ttyS0", "built", "in"]
    assert "meterd scan /dev/serial/by-id/usb-FTDI_A50285BI" in err


@pytest.mark.parametrize(
    ("heard", "who"),
    [
        (b"HTTP/1.0 200 OK\r\n", "web server"), (b"\r\n<html><body>", "web server"), (b"SSH-2.0-x\r\n", "SSH"),
        (b"\xff\xfd\x18\xff\xfb\x01", "Telnet"), (b"\x15\x03\x03\x00\x02\x02\x46", "TLS"),
        (bytes.fromhex("0001000000050103020011"), "Modbus"), (b"-ERR unknown command\r\n", "Redis"),
    ],
)  # fmt: skip
def test_who_talks(heard: bytes, who: str) -> None:
    assert who in who_talks(heard)


@pytest.mark.parametrize(
    "heard",
    [b"", b"/STR5Lister\r\n", bytes.fromhex("7ea01e21036373"), bytes.fromhex("681f1f680801"), b"\xe5", b"\xff\xff"],
)
def test_no_meter_is_taken_for_a_stranger(heard: bytes) -> None:
    assert who_talks(heard) == ""
