"""Every recorded read-out through the real daemon: on ptys at 300 7E1 in mode C with a speed switch, and over TCP.

One daemon reads all of them, each on a line of its own. A recording without identification or frame gets what it lacks;
what it has (identification, echoed acknowledgement, STX to block check) is played as it was. On the ptys, which carry
eight bits, the daemon does the parity of 7E1 itself, and a character has seven bits.
"""

from __future__ import annotations

import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from meterd.conversation import LineSettings, Pause, Receive, Send
from meterd.protocols.iec62056_21.messages import MODE_B_BAUDRATES, MODE_C_BAUDRATES, NAK, with_block_check
from meterd.simulate.iec62056_21 import LINE, HostDecoder
from tests.system.rig import Running, Site, iec_device, iec_signal

VECTORS = Path(os.environ.get("METERD_VECTORS") or Path(__file__).parents[3] / "shared/vectors") / "iec62056_21"
NAMES = sorted(path.stem for path in VECTORS.glob("*.json"))
SERIAL = {"baudrate": 300, "databits": 7, "parity": "EVEN"}
ONCE = {"scan_rate_ms": 600000, "timeout_ms": 8000}
# The meter's clock and the daemon's both reckon when the acknowledgement has left, and the machine may be busy.
REACTION_S = 0.8

pytestmark = pytest.mark.skipif(
    not NAMES, reason=f"no recorded read-outs in {VECTORS}; METERD_VECTORS names another place"
)


class Recording:
    """One telegram of a recording: `ident` line, `answer` as the meter sends it behind that, `rows` expected."""

    def __init__(self, expected: dict[str, Any], ident: bytes, answer: bytes, telegram: int) -> None:
        self.alias = f"{expected['name']}-{telegram}"
        self.ident = ident
        self.answer = answer
        self.rows = [row for row in expected["data_sets"] if row["telegram"] == telegram]
        self.is_good = not expected["bcc"] or expected["bcc"]["ok"]

    def meter(self):
        """A meter of mode C or B, by the identification, that sends the answer, and sends it again on NAK."""
        character = self.ident[4]
        speed = MODE_B_BAUDRATES.get(character, LINE.baudrate)
        decoder = HostDecoder()
        heard = None
        while True:
            if getattr(heard, "command", b"") == NAK:
                yield Send(self.answer)
            elif isinstance(heard, bytes) and heard.startswith(b"/?"):
                yield Send(self.ident + b"\r\n")
                decoder.messages = False
                if character not in MODE_B_BAUDRATES:
                    heard = yield Receive(decoder, None, 1000)
                    assert isinstance(heard, bytes), heard
                    assert (heard[:2], heard[3:]) == (b"\x060", b"0"), heard
                    speed = MODE_C_BAUDRATES[heard[2] - ord("0")]  # after a dialogue that failed the host goes slower
                yield LINE.at(speed)
                yield Pause(REACTION_S)
                yield Send(self.answer)
                decoder.messages = True
            heard = yield Receive(decoder, None, 1000)

    def signals(self, device: str) -> list[dict[str, Any]]:
        """A text signal for each data set, and a number for those that have one, by address and place under it."""
        places: dict[str | None, int] = {}
        made = []
        for number, row in enumerate(self.rows):
            address = row["effective_address"]
            place = places[address] = places.get(address, -1) + 1
            tag = f"{address or ''}[{place}]"
            made.append(iec_signal(device, f"t{number}", tag, "STRING"))
            if row.get("number") is not None:
                made.append(iec_signal(device, f"n{number}", tag, "DOUBLE"))
        return made


def recordings(name: str) -> list[Recording]:
    """Its telegrams; recorded frames are left as they are, text gets STX, a last line, ETX and block check."""
    expected = json.loads((VECTORS / f"{name}.json").read_text("utf-8"))
    data = (VECTORS / f"{name}.bin").read_bytes()
    ident = (expected["identification"] or ("/XXX0TEST" if "ack_echo" in expected["flags"] else "/XXX5TEST")).encode(
        "latin-1"
    )
    if data.startswith(ident):
        data = data[len(ident) :].lstrip(b"\r\n")
    if expected["bcc"]:
        return [Recording(expected, ident, data, 1)]
    blocks = data.lstrip(b"\x02").split(ident) if expected["identification"] else [data.lstrip(b"\x02")]
    return [
        Recording(expected, ident, with_block_check(b"\x02" + _ended(block.lstrip(b"\r\n")) + b"\x03"), number)
        for number, block in enumerate(blocks, 1)
    ]


def _ended(block: bytes) -> bytes:
    """A recording that was cut off gets the line that ends a list."""
    return block if b"!" in block.splitlines()[-1] else block.rstrip(b"\r\n") + b"\r\n!\r\n"


ALL = [recording for name in NAMES for recording in recordings(name)]
WAYS = ("pty", "tcp")


def alias(way: str, recording: Recording) -> str:
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
        site.pty(link, recording.meter, LINE)
        ports[f"PORT{number}"] = str(link)
        common = {**ONCE, "retry_counter": 2 if recording.is_good else 0}
        devices.append(iec_device(alias("pty", recording), device=f"PORT{number}", **SERIAL, **common))
        devices.append(iec_device(alias("tcp", recording), ip="127.0.0.1", port=site.tcp(recording.meter), **common))
        for way in WAYS:
            signals += recording.signals(alias(way, recording))
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
@pytest.mark.parametrize("recording", [one for one in ALL if one.is_good], ids=lambda one: one.alias)
def test_each_data_set_is_a_reading(readings, recording, way):
    found = readings[alias(way, recording)]
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
@pytest.mark.parametrize("recording", [one for one in ALL if not one.is_good], ids=lambda one: one.alias)
def test_a_wrong_block_check_gives_no_value(readings, recording, way):
    found = readings[alias(way, recording)]
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
    wrong = [alias(way, one) for one in ALL if not one.is_good for way in WAYS]
    complaints = [
        line for line in readings["log"]["lines"] if "warning" in line or "error" in line or "critical" in line
    ]
    assert all(any(f"{name}: " in line for name in wrong) for line in complaints), complaints
