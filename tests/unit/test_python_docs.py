"""Every example of docs/python.md runs as it stands, in a process of its own, against simulated meters."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meterd.ports._loop import Loop
from meterd.simulate import dlms, iec62056_21
from meterd.simulate.meter_host import MeterHost
from meterd.sinks.local_socket import LocalSocket

ROOT = Path(__file__).parents[2]
EXAMPLES = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "python.md").read_text(encoding="utf-8"), re.DOTALL)
SAYS = (
    r"1\.8\.0 \d+\.\d\d kWh good\n1\.6\.1 3\.42 kW good\n",
    r"\d+(\.\d+)? \d+ \d+\.\d+ 20\d\d-.*\+00:00\n",
    r"no way to the meter: 127\.0\.0\.1:1: Connection refused\n",
    r"\d+ signals, the first: F\.F\n",
    r"house energy \d+\.\d\d\n",
    r"house \d+\.\d\d\n",
    r"house \d+\.\d\d\n",
    r"house energy \d+\.\d\d\n",
    r"",
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Meters and a socket that sends readings, in a thread."""
    folder = tmp_path_factory.mktemp("site")
    loop = Loop()
    host = MeterHost(loop)
    ports = {
        "4001": host.on_tcp(0, iec62056_21.meter(reaction_ms="1")),
        "4002": host.on_tcp(0, dlms.meter(mode="wrapper", physical="1", logical="0")),
    }
    socket = LocalSocket(str(folder / "readings.sock"), loop)
    thread = threading.Thread(target=loop.run)
    thread.start()
    yield {"folder": folder, "ports": ports, "socket": socket, "loop": loop}
    loop.call_soon_from_thread(loop.stop)
    thread.join(10)
    socket.close()
    host.close()
    loop.close()


def with_ports(text: str, ports: dict[str, int]) -> str:
    for number, port in ports.items():
        text = text.replace(f'"port": {number}', f'"port": {port}')
    return text


@pytest.mark.parametrize(("number", "says"), list(enumerate(SAYS)))
def test_an_example_says_what_it_should(served: dict[str, Any], number: int, says: str) -> None:
    ports: dict[str, int] = served["ports"]
    folder: Path = served["folder"]
    site = re.search(r"site = (\{.*?\n\})\n", "".join(EXAMPLES), re.DOTALL)
    assert site is not None
    (folder / "site.json").write_text(json.dumps(eval(with_ports(site[1], ports))))  # our own text
    program = with_ports(EXAMPLES[number], ports)
    command = [sys.executable, "-c", program]
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={"PYTHONPATH": str(ROOT)}
    )
    if "readings.sock" in program:
        _publish_until_it_ends(served, process)
    said, trouble = process.communicate(timeout=60)
    assert (process.returncode, trouble) == (0, "")
    assert re.fullmatch(says, said), said


def _publish_until_it_ends(served: dict[str, Any], process: subprocess.Popen[str]) -> None:
    from meterd._number import Number
    from meterd.model import Reading, Signal

    def publish() -> None:
        served["socket"].accept(Reading(Signal("house", "energy", {}), Number(123456, -2), "kWh", 1_700_000_000_000))
        served["socket"].flush()

    while process.poll() is None:
        served["loop"].call_soon_from_thread(publish)
        try:
            process.wait(0.2)
        except subprocess.TimeoutExpired:
            continue


def test_there_is_an_expectation_for_every_example() -> None:
    assert len(EXAMPLES) == len(SAYS)
    assert len(EXAMPLES[0].strip().splitlines()) <= 10
