"""Every discovery message is held against Home Assistant's own schema.

It is there where `python -m tools.home_assistant` has been (Debian's sid for its Python, and 160 MB from PyPI).
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meterd.model import Device, Signal
from meterd.sinks.home_assistant import Discovery
from meterd.sinks.mqtt_payload import Topics
from tests.unit.mqtt_case import read_settings, reading
from tools import home_assistant

UNITS = ["Wh", "kWh", "MWh", "kW*h", "varh", "kvarh", "Mvarh", "VAh", "kVAh", "W", "kW", "var", "kvar", "VA", "kVA",
         "V", "mV", "kV", "A", "mA", "Hz", "m3", "m³", "l", "L", "m3/h", "m³/h", "l/h", "°C", "C", "K", "J", "GJ", "MJ",
         "kg", "t", "bar", "s", "h", "days", "%", "furlong", "HCA", "dB", "°", "kcal", "", None]  # fmt: skip
WORDS = ["Energy", "Heat energy", "Cooling energy", "Heat volume", "Cold water volume", "Hot water volume",
         "Gas volume", "Volume flow", "Flow temperature", "Temperature difference", "Mass", "Power", "Operating time",
         "Pressure", "Volume, stored value 1", "Kitchen", "Zähler »Küche«", "1.8.0"]  # fmt: skip


def signals() -> Iterator[dict[str, str]]:
    """What may be configured: electrical registers of every kind, other media, and names alone."""
    for quantity in (*range(1, 100), 128):
        for kind in (2, 4, 5, 6, 7, 8, 9, 29):
            yield {"obis_job": f"1.0.{quantity}.{kind}.0.255"}
    for medium in range(16):
        for quantity in (*range(20), 96, 97, 98):
            yield {"obis_job": f"{medium}.0.{quantity}.0.0.255"}
            yield {"tag_job_todo": f"{medium}-1:{quantity}.8.1*01"}
    for words in WORDS:
        yield {"signal_name": words, "tag_job_todo": "0"}


def announcements(**given: Any) -> Iterator[tuple[str, str]]:
    """Topic and payload of devices that have all of these, each in a unit in which it may come."""
    settings = read_settings(home_assistant=1, **given)
    everything = list(signals())
    for number, unit in enumerate(UNITS):
        alias = f"M{number}"
        own = [
            Signal(alias, f"s{count}", {"signal_name": f"s{count}", **one})
            for count, one in enumerate(everything[number % 7 :: 7] + everything[-len(WORDS) :])
        ]
        meter = Device(alias, "dlms", {"name": f"Zähler {number}", "scan_rate_ms": 10000, "protocol": "DLMS"})
        discovery = Discovery(settings, Topics(settings))
        discovery.configured([(meter, own)])
        for signal in own:
            discovery.learn(reading(signal, "text" if signal.alias == "s3" else 5, unit=unit))
        while (message := discovery.next()) is not None:
            yield message[0], message[1].decode()


@pytest.fixture(scope="module")
def judge() -> Iterator[Any]:
    command = home_assistant.command()
    if command is None:
        pytest.skip("Home Assistant is not there: python -m tools.home_assistant brings it")
    script = Path(__file__).with_name("home_assistant_judge.py")
    with subprocess.Popen([*command, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None

        def ask(topic: str, payload: str) -> Any:
            process.stdin.write(json.dumps([topic, payload]) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield ask
        process.stdin.close()
        process.wait(30)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("payload", ["scan", "signal"])
def test_home_assistant_takes_every_announcement(judge: Any, payload: str) -> None:
    components = 0
    for topic, content in announcements(payload=payload):
        refused = judge(topic, content)
        assert refused is None, (topic, refused)
        components += len(json.loads(content)["components"])
    assert components > 5000


@pytest.mark.timeout(300)
def test_it_takes_what_removes_and_refuses_what_is_wrong(judge: Any) -> None:
    """A judge that takes anything would prove nothing."""
    topic, content = next(pair for pair in announcements() if '"device_class":"energy"' in pair[1])
    message = json.loads(content)
    energies = [(name, one) for name, one in message["components"].items() if one.get("device_class") == "energy"]
    name, sensor = energies[0]

    def with_change(**change: Any) -> Any:
        return judge(topic, json.dumps({**message, "components": {name: {**sensor, **change}}}))

    assert with_change() is None
    assert "unit" in with_change(unit_of_measurement="V")
    assert with_change(device_class="enregy") is not None
    assert with_change(state_class="often") is not None
    assert with_change(expire_after="soon") is not None
    assert judge(topic, json.dumps({**message, "device": {}})) is not None
    assert judge(topic, json.dumps({**message, "components": {"gone": {"platform": "sensor"}}})) is None
    assert judge("homeassistant/device/a b/config", content) is not None
