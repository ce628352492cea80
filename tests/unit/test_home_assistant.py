"""Home Assistant discovery: what a device's message says, what is learnt, what is removed.

The rules below are Home Assistant's (its sensor component), written down apart from the catalogue in `meterd.names`.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from meterd.model import INVALID, Device, Signal
from meterd.sinks.home_assistant import Discovery
from meterd.sinks.mqtt_payload import Topics
from tests.unit.mqtt_case import device, read_settings, reading

# Class: units it takes, state classes it takes.
TOTALS, MEASURED = {"total", "total_increasing"}, {"measurement"}
RULES: dict[str, tuple[set[str], set[str]]] = {
    "energy": ({"Wh", "kWh", "MWh", "GWh", "J", "kJ", "MJ", "GJ", "cal", "kcal", "Mcal", "Gcal"}, TOTALS),
    "reactive_energy": ({"varh", "kvarh"}, TOTALS),
    "power": ({"W", "kW", "MW"}, MEASURED),
    "reactive_power": ({"var", "kvar"}, MEASURED),
    "apparent_power": ({"VA", "kVA"}, MEASURED),
    "voltage": ({"mV", "V", "kV"}, MEASURED),
    "current": ({"mA", "A"}, MEASURED),
    "water": ({"m³", "L"}, TOTALS),
    "gas": ({"m³", "L"}, TOTALS),
    "volume": ({"m³", "L"}, TOTALS),
    "volume_flow_rate": ({"m³/h", "L/h", "L/min"}, MEASURED),
    "temperature": ({"°C", "K"}, MEASURED),
    "weight": ({"g", "kg"}, MEASURED),
}
CONFIG = "homeassistant/device/gw/{}/config".format


class Heard:
    """A discovery, and all that it has to say."""

    def __init__(self, *devices: tuple[Device, list[Signal]], **given: Any) -> None:
        settings = read_settings(home_assistant=1, **given)
        self.discovery = Discovery(settings, Topics(settings))
        self.discovery.configured(list(devices))

    def says(self) -> list[tuple[str, Any]]:
        said = []
        while (message := self.discovery.next()) is not None:
            said.append((message[0], json.loads(message[1]) if message[1] else None))
        return said


def only(said: list[tuple[str, Any]], topic: str) -> Any:
    (found,) = [content for one, content in said if one == topic]
    return found


def test_a_device_is_announced_when_something_of_it_was_read() -> None:
    meter = device("M1", "E", "P")
    heard = Heard(meter)
    assert [topic for topic, _ in heard.says()] == ["homeassistant/device/gw/config"]
    heard.discovery.learn(reading(meter[1][0], None, unit=None, quality=INVALID, reason="timeout"))
    assert heard.says() == []
    heard.discovery.learn(reading(meter[1][0], 7))
    content = only(heard.says(), CONFIG("M1"))
    assert content["device"] == {
        "identifiers": ["meterd.gw.M1"], "name": "Meter M1", "model": "iec62056_21 meter", "via_device": "meterd.gw",
    }  # fmt: skip
    assert content["origin"]["name"] == "meterd"
    assert set(content["components"]) == {"E", "_connected", "_reason"}
    assert content["components"]["E"]["expire_after"] == 21
    assert content["components"]["E"]["unique_id"] == "meterd.gw.M1.E"
    assert [one["topic"] for one in content["availability"]] == ["meterd/gw/status", "meterd/gw/M1/status"]
    assert content["availability_mode"] == "all"
    heard.discovery.learn(reading(meter[1][0], 8))
    assert heard.says() == [], "nothing new"
    heard.discovery.heard("homeassistant/status", b"online", False)
    assert [topic for topic, _ in heard.says()] == ["homeassistant/device/gw/config", CONFIG("M1")]


@pytest.mark.parametrize(
    ("parameters", "unit", "classes"),
    [
        ({"obis_job": "1.0.1.8.0.255:2"}, "kWh", ("energy", "total_increasing", "kWh")),
        ({"obis_job": "1.0.1.8.0.255:5"}, "kWh", ("energy", None, "kWh")),
        ({"tag_job_todo": "2.8.0"}, "kW*h", ("energy", "total_increasing", "kWh")),
        ({"tag_job_todo": "1.8.0*03"}, "kWh", ("energy", None, "kWh")),
        ({"tag_job_todo": "5.8.0"}, "Mvarh", (None, "total_increasing", "Mvarh")),
        ({"tag_job_todo": "9.8.0"}, "kVAh", (None, "total_increasing", "kVAh")),
        ({"tag_job_todo": "32.7"}, "V", ("voltage", "measurement", "V")),
        ({"signal_name": "Heat energy", "tag_job_todo": "3"}, "MWh", ("energy", "total_increasing", "MWh")),
        ({"signal_name": "Heat volume", "tag_job_todo": "4"}, "m3", ("volume", "total_increasing", "m³")),
        ({"signal_name": "Cold water volume", "tag_job_todo": "4"}, "m3", ("water", "total_increasing", "m³")),
        ({"signal_name": "Gas volume", "tag_job_todo": "4"}, "m3", ("gas", "total_increasing", "m³")),
        ({"signal_name": "Mass", "tag_job_todo": "4"}, "kg", (None, "total_increasing", "kg")),
        ({"signal_name": "Volume, stored value 1", "tag_job_todo": "5"}, "m³", ("volume", None, "m³")),
        ({"signal_name": "Kitchen", "tag_job_todo": "0"}, "kWh", ("energy", None, "kWh")),
        ({"signal_name": "Kitchen", "tag_job_todo": "0"}, "W", ("power", "measurement", "W")),
        ({"signal_name": "Kitchen", "tag_job_todo": "0"}, "furlong", (None, None, "furlong")),
    ],
)
def test_classes_are_those_that_home_assistant_takes(parameters: Any, unit: str, classes: Any) -> None:
    meter = device("M1")
    signal = Signal("M1", "X", {"signal_name": "X", **parameters})
    meter[1].append(signal)
    heard = Heard(meter)
    heard.discovery.learn(reading(signal, 5, unit=unit))
    found = only(heard.says(), CONFIG("M1"))["components"]["X"]
    assert (found.get("device_class"), found.get("state_class"), found.get("unit_of_measurement")) == classes
    if "device_class" in found:
        units, states = RULES[found["device_class"]]
        assert found["unit_of_measurement"] in units
        assert found.get("state_class") in {None, *states}


def test_a_text_has_no_unit_and_no_state_class() -> None:
    meter = device("M1", "S")
    heard = Heard(meter)
    heard.discovery.learn(reading(meter[1][0], "closed", unit=None))
    found = only(heard.says(), CONFIG("M1"))["components"]["S"]
    assert found.keys().isdisjoint({"device_class", "state_class", "unit_of_measurement"})


def test_the_state_of_what_is_not_good_is_none() -> None:
    for payload in ("scan", "signal"):
        meter = device("M1", "E")
        heard = Heard(meter, payload=payload)
        heard.discovery.learn(reading(meter[1][0], 7))
        content = only(heard.says(), CONFIG("M1"))
        assert "== 'good' else 'None'" in content["components"]["E"]["value_template"]
        connected = "meterd/gw/M1/status" if payload == "scan" else "meterd/gw/M1/_connected"
        assert content["components"]["_connected"]["state_topic"] == connected


def test_what_goes_is_removed_once_and_a_device_wholly() -> None:
    one, other = device("M1", "E", "P"), device("M2", "E")
    heard = Heard(one, other)
    for signal in (*one[1], *other[1]):
        heard.discovery.learn(reading(signal, 1))
    heard.says()
    heard.discovery.configured([(one[0], one[1][:1])])
    said = heard.says()
    assert only(said, CONFIG("M2")) is None
    first, second = [content["components"] for topic, content in said if topic == CONFIG("M1")]
    assert first["P"] == {"platform": "sensor"}
    assert ("P" in second, "E" in second) == (False, True)


def test_what_an_earlier_run_announced_is_taken_over_or_removed() -> None:
    heard = Heard(device("M1", "E"))
    old = {
        "components": {
            "E": {"platform": "sensor", "unique_id": "x", "unit_of_measurement": "kWh", "state_class": "total"},
            "Q": {"platform": "sensor", "unique_id": "y"},
            "R": {"platform": "sensor"},
        }
    }
    heard.says()
    heard.discovery.heard(CONFIG("M1"), json.dumps(old).encode(), True)
    heard.discovery.heard(CONFIG("M9"), json.dumps(old).encode(), True)
    said = heard.says()
    assert only(said, CONFIG("M9")) is None
    first, second = [content["components"] for topic, content in said if topic == CONFIG("M1")]
    assert first["Q"] == {"platform": "sensor"}
    assert "R" not in first
    assert second.keys() == {"E", "_connected", "_reason"}
    assert second["E"]["unit_of_measurement"] == "kWh", "though it was not read yet"


@pytest.mark.parametrize("payload", [b"{", b"[]", b'{"components": 3}', b'{"components": {"E": 7}}', b"\xff\xfe"])
def test_anything_may_stand_where_it_listens(payload: bytes) -> None:
    heard = Heard(device("M1", "E"))
    heard.says()
    heard.discovery.heard(CONFIG("M1"), payload, True)
    heard.discovery.heard(CONFIG("M1"), payload, False)
    heard.discovery.heard("homeassistant/status", payload, False)
    assert heard.says() == []
