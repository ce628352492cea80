"""Every recorded read-out through the real daemon: on ptys at 300 7E1 in mode C with a speed switch, and over TCP.

One daemon reads all of them, each on a line of its own. On the ptys, which carry eight bits, the daemon does the parity
of 7E1 itself, and a character has seven bits.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from decimal import Decimal
from typing import Any

import pytest

from meterd.conversation import LineSettings
from meterd.protocols.iec62056_21.messages import MODE_B_BAUDRATES, MODE_C_BAUDRATES
from meterd.simulate.iec62056_21 import LINE
from tests.conformance.recordings import ALL, GOOD, WRONG, Recording, alias
from tests.system.rig import Running, Site, iec_device, iec_signal

SERIAL = {"baudrate": 300, "databits": 7, "parity": "EVEN"}
ONCE = {"scan_rate_ms": 600000, "timeout_ms": 8000}
# The meter's clock and the daemon's both reckon when the acknowledgement has left, and the machine may be busy.
REACTION_S = 0.8

WAYS = ("pty", "tcp")


def device_of(way: str, recording: Recording) -> str:
    return f"{way}-{recording.alias}"


class Digits(str):
    """A number of a JSON line, digit by digit."""


@pytest.fixture(scope="module")
def readings(tmp_path_factory):
    """All readings of one scan of everything: {device: {signal: reading}}."""
    directory = tmp_path_factory.mktemp("replay")
    site, devices, signals, ports = Site(), [], [], {}
    for number, recording in enumerate(ALL):
        link = directory / f"tty{number}"

        def meter(recording: Recording = recording) -> Generator[Any, Any, None]:
            return recording.meter(REACTION_S)

        site.pty(link, meter, LINE)
        ports[f"PORT{number}"] = str(link)
        common = {**ONCE, "retry_counter": 2 if recording.is_good else 0}
        devices.append(iec_device(device_of("pty", recording), device=f"PORT{number}", **SERIAL, **common))
        devices.append(
            iec_device(
                device_of("tcp", recording),
                ip="127.0.0.1",
                port=site.tcp(meter),
                **common,
            )
        )
        for way in WAYS:
            signals += [iec_signal(device_of(way, recording), *tag) for tag in recording.tags()]
    path = directory / "readings"
    configuration = {"ports": ports, "devices": devices, "signals": signals, "publish": {"file": {"path": str(path)}}}
    running = Running(directory, configuration, "--record", str(directory / "wire.log"))
    found: dict[str, dict[str, Any]] = {}

    def all_are_in(_: Running) -> bool:
        found.clear()
        whole = path.read_text("utf-8").rpartition("\n")[0] if path.exists() else ""
        for line in whole.splitlines():
            reading = json.loads(line, parse_float=Digits, parse_int=Digits)
            found.setdefault(reading["device"], {})[reading["signal"]] = reading
        return sum(len(of_device) for of_device in found.values()) >= len(signals) + 2 * len(devices)

    try:
        running.wait_for(all_are_in, 90.0, "a reading of every data set")
    finally:
        running.process.kill()
        running.stop()
        site.close()
    found["log"] = {"lines": running.log, "wire": (directory / "wire.log").read_text("ascii")}
    return found


def seven_bits(text: str | None) -> str | None:
    return text and "".join(chr(ord(character) & 0x7F) for character in text)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("recording", GOOD, ids=alias)
def test_each_data_set_is_a_reading(readings, recording, way):
    found = readings[device_of(way, recording)]
    as_carried = seven_bits if way == "pty" else str
    for number, row in enumerate(recording.rows):
        text = found[f"t{number}"]
        assert (text["value"], text["unit"]) == (as_carried(row["value"]), as_carried(row["unit"] or "") or None), row
        assert (text["quality"], text["reason"]) == ("good", None)
        if row.get("number") is not None:
            figure = found[f"n{number}"]
            assert isinstance(figure["value"], Digits), row
            assert Decimal(figure["value"]) == Decimal(row["number"]), row
            assert (figure["unit"], figure["quality"]) == (row["unit"], "good"), row
    assert found["_connected"]["value"] == "1"
    assert found["_reason"]["value"] == "good"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("recording", WRONG, ids=alias)
def test_a_wrong_block_check_gives_no_value(readings, recording, way):
    found = readings[device_of(way, recording)]
    assert len(found) >= len(recording.rows)
    for name, reading in found.items():
        if not name.startswith("_"):
            assert (reading["value"], reading["quality"], reading["reason"]) == (None, "invalid", "bad_frame")
    assert found["_reason"]["value"] == "bad_frame"


def test_the_ptys_were_switched_and_tcp_was_not(readings):
    """What the daemon set on each line: 300 7E1 first, then the speed that the meter proposed."""
    settings: dict[str, list[str]] = {}
    line = ""
    for row in readings["log"]["wire"].splitlines():
        sign, _, rest = row.partition(" ")
        if sign == "@":
            line = rest
        elif sign == "~":
            settings.setdefault(line, []).append(rest.partition(" ")[2])
    assert all(key.startswith("PORT") for key in settings)
    assert len(settings) == len(ALL)
    for number, recording in enumerate(ALL):
        character = recording.ident[4]
        speed = MODE_B_BAUDRATES.get(character) or MODE_C_BAUDRATES[character - ord("0")]
        wanted = [str(LINE)] if speed == 300 else [str(LINE), str(LineSettings(speed, 7, "even", 1))]
        assert settings[f"PORT{number}"][: len(wanted)] == wanted, recording.alias


def test_no_complaint_but_about_the_wrong_block_checks(readings):
    wrong = [device_of(way, one) for one in WRONG for way in WAYS]
    complaints = [
        line for line in readings["log"]["lines"] if "warning" in line or "error" in line or "critical" in line
    ]
    assert all(any(f"{name}: " in line for name in wrong) for line in complaints), complaints
