"""README's second example, as a new user tries it: a meter, a broker, ten lines, and what Home Assistant is told."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.broker import Broker, Consumer
from tests.unit.test_docs import ROOT, blocks

BROKER = '"host": "127.0.0.1"'
METER = "/tmp/tty1"
PATIENCE_S = 90.0
MOST_LINES = 10


def until(condition: object, what: str) -> None:
    limit = time.monotonic() + PATIENCE_S
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < limit, f"not seen in time: {what}"
        time.sleep(0.1)


@pytest.mark.timeout(240)
def test_the_readme_s_second_example_is_a_meter_in_home_assistant(tmp_path: Path) -> None:
    text = next(one for one in blocks((ROOT / "README.md").read_text("utf-8"), "json") if "home_assistant" in one)
    assert len(text.strip().splitlines()) <= MOST_LINES
    broker = Broker(tmp_path)
    broker.start()
    consumer = Consumer(broker.port)
    meter = tmp_path / "tty1"
    assert text.count(BROKER) == text.count(METER) == 1
    (tmp_path / "house.json").write_text(
        text.replace(BROKER, f'{BROKER}, "port": {broker.port}, "gateway": "cellar"').replace(METER, str(meter))
    )
    command = [sys.executable, "-m", "meterd"]
    started = []
    try:
        with open(tmp_path / "log", "wb") as log:
            simulated = [*command, "simulate", "iec62056-21", "--pty", str(meter)]
            started.append(subprocess.Popen(simulated, cwd=tmp_path, stdout=log, stderr=log))
            until(meter.is_symlink, "the simulated meter")
            daemon = [*command, "run", "-c", "house.json", "--state", str(tmp_path), "--control", str(tmp_path / "c")]
            started.append(subprocess.Popen(daemon, cwd=tmp_path, stdout=log, stderr=log))
            until(lambda: consumer.of("homeassistant/device/cellar/house/config"), "the announcement of the meter")
            until(lambda: consumer.of("meterd/cellar/house/state"), "its first values")
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(30)
        consumer.close()
        broker.kill()
    announced = json.loads(consumer.of("homeassistant/device/cellar/house/config")[-1])
    energy = announced["components"]["energy"]
    assert announced["device"]["name"] == "House"
    assert (energy["device_class"], energy["state_class"], energy["unit_of_measurement"]) == (
        "energy", "total_increasing", "kWh")  # fmt: skip
    state = json.loads(consumer.of(energy["state_topic"])[0])
    assert state["signals"]["energy"]["quality"] == "good"
