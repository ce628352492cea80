"""Home Assistant's own schema as a judge, in a process of its own: it needs Python 3.14 (`tools.home_assistant`).

Lines of JSON come in, `[topic, payload]`; for each a line goes out: null where Home Assistant takes it, else why not.
What its discovery does with a device's message before the schemas of its components is done by its own functions, and
templates are compiled by its own engine, which needs its event loop.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile

import voluptuous
from homeassistant.components.mqtt import binary_sensor, discovery, sensor
from homeassistant.components.mqtt.schemas import DEVICE_DISCOVERY_SCHEMA
from homeassistant.core import HomeAssistant

SCHEMAS = {"sensor": sensor.DISCOVERY_SCHEMA, "binary_sensor": binary_sensor.DISCOVERY_SCHEMA}


def judge(topic: str, payload: str) -> str | None:
    match = discovery.TOPIC_MATCHER.match(topic.removeprefix("homeassistant/"))
    if match is None or match.groups()[0] != "device":
        return "no topic of a device"
    device = json.loads(payload)
    discovery._replace_all_abbreviations(device)
    try:
        DEVICE_DISCOVERY_SCHEMA(device)
        for component in device["components"].values():
            platform = component.pop("platform")
            if not component:
                continue  # it is removed
            component["device"], component["origin"] = device["device"], device["origin"]
            discovery._merge_common_device_options(component, device)
            SCHEMAS[platform](component)
    except voluptuous.Invalid as error:
        return str(error)
    return None


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        HomeAssistant(folder)  # found by its schemas through the thread
        for line in sys.stdin:
            print(json.dumps(judge(*json.loads(line))), flush=True)


asyncio.run(main())
