"""`meterd read PROTOCOL parameter=value… -- ADDRESS…` in front of hand-made meters, piped and on a terminal."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from typing import Any

import pytest

from meterd.cli.terminal import Column, age, table_lines

from .dlms_meter import Meter
from .mbus_bus import Bus, Slave
from .serve import Served

METERD = [sys.executable, "-m", "meterd"]


class Lister:
    """An IEC 62056-21 meter that lists at once; its number is a text with letters."""

    BLOCK = b"\x021.8.0(004711.25*kWh)\r\n0.0.0(K7-2209)\r\n!\r\n\x03"

    def hear(self, octets: bytes) -> list[tuple[float, bytes]]:
        if octets.endswith(b"/?!\r\n"):
            return [(0.0, b"/STR5Lister\r\n")]
        if octets[:1] == b"\x06":
            check = 0
            for byte in self.BLOCK[1:]:
                check ^= byte
            return [(0.0, self.BLOCK + bytes([check]))]
        return []


def read(server: Served, *words: str, state: Any) -> subprocess.CompletedProcess[str]:
    program, *rest = words
    place = ("ip=127.0.0.1", f"port={server.port}")
    command = [
        *METERD,
        "read",
        program,
        *place,
        *rest[: rest.index("--")],
        "--state",
        str(state),
        *rest[rest.index("--") :],
    ]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    finally:
        server.close()


@pytest.mark.parametrize(
    ("make", "words", "values"),
    [
        (Meter, ("dlms", "--", "1.0.1.8.0.255", "0.0.96.1.0.255"), [123456000, "SN12345678"]),
        (Lister, ("iec62056-21", "--", "1.8.0", "0.0.0"), [4711.25, "K7-2209"]),
        (lambda: Bus(Slave()), ("mbus", "--", "0", "volume"), [2850.427, 2850.427]),
    ],
    ids=["dlms", "iec", "mbus"],
)
def test_values_come_without_a_file(make: Any, words: tuple[str, ...], values: list[Any], tmp_path: Any) -> None:
    done = read(Served(make), *words, state=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["value"] for line in done.stdout.splitlines()] == values
    assert done.stderr == ""


def test_a_meter_that_is_silent_points_to_doctor(tmp_path: Any) -> None:
    done = read(Served(Meter), "dlms", "client_address=77", "timeout_ms=200", "--", "1.0.1.8.0.255", state=tmp_path)
    assert done.returncode == 10
    assert "meterd doctor dlms ip=127.0.0.1" in done.stderr and "client_address=77" in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("dlms", "ip=127.0.0.1", "port=1"), "`meterd scan dlms ip=127.0.0.1 port=1` shows"),
        (("dlms", "ipp=127.0.0.1", "--", "1.0.1.8.0.255"), "did you mean ip?"),
        (("dlms", "1.0.1.8.0.255", "--", "x"), "addresses stand behind --"),
        (("somewhere",), "say what to read"),
    ],
)
def test_slips_are_named(words: tuple[str, ...], told: str) -> None:
    done = subprocess.run([*METERD, "read", *words], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (2, 3) and told in done.stderr and not done.stdout


def on_terminal(words: list[str], **environment: str) -> str:
    """What a command prints on a terminal."""
    pid, master = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm", COLUMNS="80", **environment)
        os.execv(sys.executable, [*METERD, *words])
    shown = b""
    while True:
        try:
            block = os.read(master, 65536)
        except OSError:
            break
        if not block:
            break
        shown += block
    os.close(master)
    os.waitpid(pid, 0)
    return shown.decode()


@pytest.mark.parametrize("environment", [{}, {"NO_COLOR": "1"}], ids=["colours", "plain"])
def test_a_terminal_gets_a_table(environment: dict[str, str], tmp_path: Any) -> None:
    server = Served(Lister)
    place = ["ip=127.0.0.1", f"port={server.port}", "--state", str(tmp_path)]
    shown = on_terminal(["read", "iec62056-21", *place, "--", "1.8.0", "0.0.0", "7.7.7"], **environment)
    server.close()
    assert "4711.25" in shown and "kWh" in shown and "Active energy import, total" in shown and "K7-2209" in shown
    assert "not_found" in shown and '"quality"' not in shown
    if environment:
        assert "\x1b[1m" not in shown and "\x1b[3" not in shown


def test_a_table_fits_its_terminal() -> None:
    columns = [Column("value", right=True), Column("name", gives=True), Column("quality")]
    lines = table_lines(columns, [("123456.789", "a very long name " * 6, "good")], 60)
    assert max(map(len, lines)) == 60 and "123456.789" in lines[1] and lines[1].endswith("good") and "…" in lines[1]


@pytest.mark.parametrize(("ms", "text"), [(-5, "0 s"), (119_999, "119 s"), (120_000, "2 min"), (7_200_000, "2 h")])
def test_ages(ms: int, text: str) -> None:
    assert age(ms) == text


def test_what_is_secret_is_not_said_again(tmp_path: Any) -> None:
    class Deaf:
        def hear(self, octets: bytes) -> list[tuple[float, bytes]]:
            return []

    secrets = {"encryption_key": "0A1B" * 8, "authentication_key": "2C3D" * 8, "password": "Passw0rd"}
    words = ["dlms", "mode=DLMS-WRAPPER", "timeout_ms=200", "retry_counter=1", "security=both", "auth=Low"]
    given = [f"{name}={value}" for name, value in secrets.items()]
    done = read(Served(Deaf), *words, "system_title=4D54524400000001", *given, "--", "1.0.1.8.0.255", state=tmp_path)
    assert "`meterd doctor dlms ip=127.0.0.1" in done.stderr and "encryption_key=… " in done.stderr
    assert not [value for value in secrets.values() if value in done.stderr + done.stdout]


def test_nor_where_an_address_is_missing() -> None:
    words = [*METERD, "read", "dlms", "ip=127.0.0.1", "port=1", "password=Passw0rd"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert "`meterd scan dlms ip=127.0.0.1 port=1 password=…` shows" in done.stderr and "Passw0rd" not in done.stderr
