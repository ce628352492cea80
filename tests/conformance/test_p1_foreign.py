"""dsmr-parser reads what the simulated P1 port sends, and the two agree on every value."""

from __future__ import annotations

from typing import Any

import pytest

from meterd.conversation import Send
from meterd.model import Memory
from meterd.protocols.p1 import driver
from meterd.simulate import p1 as simulated
from tests.foreign import ask
from tests.pair import converse

from ..unit.test_p1 import BELGIAN, DUTCH, KEY, OLD, device, sealed, signal

ASK = """
import json, sys
from dsmr_parser import telegram_specifications
from dsmr_parser.parsers import TelegramParser
question = json.load(sys.stdin)
parser = TelegramParser(getattr(telegram_specifications, question["form"]))
keys = [question["key"], question["authentication_key"]] if question["key"] else []
telegram = parser.parse(question["telegram"], *keys, throw_ex=True)
found = {}
for name, item in telegram:
    for one in item if isinstance(item, list) else [item]:
        found.setdefault(name, []).append([str(getattr(one, "value", None)), getattr(one, "unit", None)])
for device in telegram.MBUS_DEVICES if hasattr(telegram, "MBUS_DEVICES") else []:
    for name, item in device:
        time = getattr(item, "datetime", None)
        found.setdefault(f"{name} {device.channel_id}", []).append(
            [str(getattr(item, "value", None)), getattr(item, "unit", None), time.isoformat() if time else None])
print(json.dumps(found))
"""


def theirs(telegram: bytes, form: str, key: str = "") -> dict[str, list[list[Any]]]:
    text = telegram.hex() if key else telegram.decode("ascii")
    question = {"telegram": text, "form": form, "key": key, "authentication_key": "00112233445566778899AABBCCDDEEFF"}
    found: dict[str, list[list[Any]]] = ask("dsmr", ASK, question)
    return found


def ours(telegram: bytes, tag: str, **given: Any) -> tuple[str, str | None, str | None]:
    def meter() -> Any:
        yield Send(telegram)

    plan = driver.plan(device(**given), [signal(tag)])
    [reading] = converse(driver.conversation(plan, Memory()), meter(), limit_s=60).readings
    return str(reading.value), reading.unit, reading.meter_time


SIMULATED = simulated.Port({**simulated.DEFAULTS}).telegram()
SIMULATED_OLD = simulated.Port({**simulated.DEFAULTS, "version": "2"}).telegram()
NAMES = {
    "1-0:1.8.1": "ELECTRICITY_USED_TARIFF_1",
    "1-0:1.8.2": "ELECTRICITY_USED_TARIFF_2",
    "1-0:1.7.0": "CURRENT_ELECTRICITY_USAGE",
    "1-0:1.6.0": "BELGIUM_MAXIMUM_DEMAND_MONTH",
}


@pytest.mark.parametrize(
    ("telegram", "form", "tags"),
    [
        (SIMULATED, "V5", ("1-0:1.8.1", "1-0:1.8.2", "1-0:1.7.0")),
        (SIMULATED_OLD, "V2_2", ("1-0:1.8.1",)),
        (DUTCH, "V5", ("1-0:1.8.1", "1-0:1.8.2", "1-0:1.7.0")),
        (BELGIAN, "BELGIUM_FLUVIUS", ("1-0:1.6.0",)),
        (OLD, "V2_2", ("1-0:1.8.1",)),
    ],
)
def test_values_agree(telegram: bytes, form: str, tags: tuple[str, ...]) -> None:
    found = theirs(telegram, form)
    for tag in tags:
        value, unit, _ = ours(telegram, tag)
        assert [value, unit] == found[NAMES[tag]][0][:2], tag


def test_gas_agrees_with_its_time() -> None:
    value, unit, time = ours(DUTCH, "gas")
    [found] = [
        one for name, ones in theirs(DUTCH, "V5").items() for one in ones if name.endswith(" 1") and one[1] == "m3"
    ]
    assert found[:2] == [value, unit]
    assert (time, found[2]) == ("2025-07-14T18:10:00", "2025-07-14T16:10:00+00:00")


def test_what_is_ciphered_is_deciphered_alike() -> None:
    for telegram in (
        simulated.Port({**simulated.DEFAULTS, "encryption_key": KEY}).telegram(),
        sealed(DUTCH, 77),
    ):
        value, unit, _ = ours(telegram, "1-0:1.8.1", encryption_key=KEY)
        assert theirs(telegram, "MSN", KEY)["ELECTRICITY_USED_TARIFF_1"][0][:2] == [value, unit]
