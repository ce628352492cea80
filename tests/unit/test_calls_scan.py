"""`meterd scan` of meters that call, and simulated meters that do: what it writes passes the check, and runs."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from meterd.cli.options import UsageError
from meterd.cli.simulate import main as simulate
from tests.strangers.calling_meter import push

METERD = (sys.executable, "-m", "meterd")


@pytest.fixture
def place() -> Iterator[str]:
    """An address at which nobody listens."""
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", 0))
        yield "{}:{}".format(*free.getsockname())


def simulated(place: str, *options: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*METERD, "simulate", *options, "--call", place], stderr=subprocess.DEVNULL)


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("protocol", "framing", "signals"),
    [("dlms-push", "framing=wrapper", "1.0.1.8.0.255"), ("dlms", "mode=DLMS-WRAPPER", "1.0.1.8.0.255:2")],
)
def test_who_calls_is_taken_in_and_runs(tmp_path: Path, place: str, protocol: str, framing: str, signals: str) -> None:
    ip, _, port = place.partition(":")
    answers = "1" if protocol == "dlms" else "0"
    meters = [
        simulated(place, "dlms-push", "frame=wrapper", f"serial={serial}", "interval_ms=300", f"answers={answers}")
        for serial in ("70010001", "70010002")
    ]
    try:
        found = tmp_path / "found.json"
        scan = subprocess.Popen(
            [*METERD, "scan", protocol, "listen=1", framing, f"ip={ip}", f"port={port}", "--state", str(tmp_path),
             "-o", str(found)],
            stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        assert scan.stderr is not None
        told = ""
        while told.count("signals: ") < 2:
            line = scan.stderr.readline()
            assert line, told
            told += line
        scan.send_signal(signal.SIGINT)
        assert scan.wait(60) == 0, scan.stderr.read()
        scan.stderr.close()
        content = json.loads(found.read_text())
        names = {row.get("serialnumber") or row.get("caller") for row in content["devices"]}
        assert names == {"70010001", "70010002"}
        jobs = [row["obis_job"] for row in content["signals"]]
        assert jobs.count(signals) == 2
        assert subprocess.run([*METERD, "check", "-q", str(found)], check=False).returncode == 0
        content["signals"] = [row for row in content["signals"] if row["obis_job"] == signals]
        found.write_text(json.dumps(content))
        read = subprocess.run(
            [*METERD, "read", "--json", "--state", str(tmp_path), "-c", str(found)],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        values = [json.loads(line) for line in read.stdout.splitlines()]
        assert {row["device"] for row in values if row["quality"] == "good"} == {"meter-70010001", "meter-70010002"}
        assert read.returncode == 0, read.stderr
    finally:
        for meter in meters:
            meter.kill()
            meter.wait()


def test_an_address_in_use_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        outcome = subprocess.run(
            [*METERD, "scan", "dlms-push", "listen=1", "framing=wrapper", "ip=127.0.0.1",
             f"port={taken.getsockname()[1]}", "--state", str(tmp_path)],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert outcome.returncode != 0 and "another program listens there already" in outcome.stderr


@pytest.mark.parametrize("word", ["nowhere", "host:", ":4059", "host:0", "host:70000"])
def test_simulate_wants_an_address_to_call(word: str) -> None:
    with pytest.raises(UsageError, match="HOST:PORT"):
        simulate(["simulate", "dlms-push", "frame=wrapper", "--call", word])


def test_a_telegram_of_our_own_making_is_what_it_seems() -> None:
    """Held against the octets of the standards, so that the tests that use it prove something."""
    assert push("A", 1) == bytes.fromhex(
        "0001 0001 0066 002A 0F 00000001 00 0102 0202 0906 00002A0000FF 0901 41"
        "0203 0906 0100010800FF 06 00000001 0202 0F00 161E".replace(" ", "")
    )
