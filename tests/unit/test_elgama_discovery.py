"""`meterd scan` of Elgama meters: what is found as signals, and as a profile to lay over the device's own."""

from __future__ import annotations

from typing import Any

import pytest

from meterd.errors import MeterdError, WrongMeter
from meterd.model import Memory
from meterd.protocols.elgama.discovery import discover
from meterd.simulate import elgama as simulated
from tests.pair import Outcome, converse

from .elgama_case import device, scan, signal
from .test_elgama_mode_c import EPQS, METER


def found(of: Any, meter: dict[str, str]) -> Outcome:
    said: list[str] = []
    outcome = converse(discover(of, Memory(), {}, said.append), simulated.meter(**meter)())
    assert said or outcome.error is not None
    return outcome


def test_a_gama_tells_its_objects() -> None:
    bare = device({"registers": {"1.8.1": None, "15.7.0": {"read": "sn:0x3A08"}, "16.7.0": None}})
    value = found(bare, {}).value
    registers = value["profile"]["registers"]
    assert registers["1.8.1"] == {"read": "sn:0x0120", "class": 3, "source": "found by meterd scan"}
    assert registers["15.7.0"] is None, "the meter has that place under another code"
    assert registers["16.7.0"]["read"] == "sn:0x3A08"
    assert registers["0.0.96.10.1.255"]["class"] == 1
    assert not {"99.1.0", "load_profile"} & registers.keys(), "what has a name of its own keeps it"
    rows = {row["signal_alias"]: row for row in value["signals"]}
    assert (rows["1_8_0"]["job_todo"], rows["1_8_0"]["number_type"]) == ("1.8.0", "DOUBLE")
    assert rows["1_8_1"]["job_todo"] == "sn:0x0120", "works before the profile is in place"
    assert rows["1_8_0"]["signal_name"] == "Active energy import, total"


def test_what_was_found_is_a_profile_that_works() -> None:
    value = found(device(), {}).value
    laid_over = device(value["profile"])
    outcome = scan(laid_over, [signal("1.8.1"), signal("0.0.96.10.1.255"), signal("36.7.0")], {})
    assert {alias: str(each) for alias, each in outcome.values().items()} == {
        "1.8.1": "10000000.1", "0.0.96.10.1.255": "0", "36.7.0": "-411.5",
    }  # fmt: skip
    read = [signal(row["job_todo"], row["tag_job_todo"], number_type=row["number_type"]) for row in value["signals"]
            if row.get("enable", 1)]  # fmt: skip
    outcome = scan(device(), read, {})
    assert outcome.error is None
    assert not [reading for reading in outcome.readings if reading.quality != "good"]


def test_a_programming_meter_tells_its_list() -> None:
    value = found(device(**EPQS), METER).value
    registers = value["profile"]["registers"]
    assert registers["1.8.0"] == {"read": "readout:1.8.0", "source": "found by meterd scan"}
    laid_over = device(value["profile"], **EPQS)
    outcome = scan(laid_over, [signal("32.7.0"), signal("1.6.1", "1.6.1#2")], METER)
    assert {alias: str(each) for alias, each in outcome.values().items()} == {
        "32.7.0": "230.1",
        "1.6.1#2": "2611021715",
    }
    tags = {row["tag_job_todo"] for row in value["signals"]}
    assert {"readout:1.6.1", "readout:1.6.1#2", "readout:1.8.0*24"} <= tags


def test_the_opening_speed_is_looked_for() -> None:
    asked = 0

    def deaf(sender: str, index: int, data: bytes) -> list[tuple[float, bytes]]:
        nonlocal asked
        asked += data.startswith(b"/?")
        return [] if asked <= 3 else [(0.0, data)]

    outcome = converse(
        discover(device(**EPQS), Memory(), {}, lambda text: None), simulated.meter(**METER)(), fault=deaf
    )
    assert outcome.error is None
    assert {line.baudrate for line in outcome.settings} == {300, 9600}


@pytest.mark.parametrize("options", [{"shown": "99991421"}])
def test_another_meter_tells_nothing(options: dict[str, str]) -> None:
    assert isinstance(found(device(), options).error, WrongMeter)


def test_a_meter_without_a_profile_is_not_scanned() -> None:
    outcome = found(device(meter_model=4), {})
    assert isinstance(outcome.error, MeterdError)
    assert "no profile is public" in str(outcome.error)
    assert outcome.wire == []
