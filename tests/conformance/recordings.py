"""Recorded IEC 62056-21 read-outs: what was on the wire, what it must give, and a meter that plays it.

A recording without identification or frame gets what it lacks; what it has (identification, echoed acknowledgement, STX
to block check) is played as it was.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Any

from meterd.conversation import Pause, Receive, Send
from meterd.protocols.iec62056_21.messages import MODE_B_BAUDRATES, MODE_C_BAUDRATES, NAK, with_block_check
from meterd.simulate.iec62056_21 import LINE, HostDecoder
from tests.needs import recorded

FOLDER = recorded("iec62056_21")
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))


def load(name: str) -> tuple[bytes, dict[str, Any]]:
    return (FOLDER / f"{name}.bin").read_bytes(), json.loads((FOLDER / f"{name}.json").read_text("utf-8"))


class Recording:
    """One telegram of a recording: `ident` line, `answer` as the meter sends it behind that, `rows` expected."""

    def __init__(self, expected: dict[str, Any], ident: bytes, answer: bytes, telegram: int) -> None:
        self.alias = f"{expected['name']}-{telegram}"
        self.ident = ident
        self.answer = answer
        self.rows = [row for row in expected["data_sets"] if row["telegram"] == telegram]
        self.is_good = not expected["bcc"] or expected["bcc"]["ok"]

    def meter(self, reaction_s: float) -> Generator[Any, Any, None]:
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
                yield Pause(reaction_s)
                yield Send(self.answer)
                decoder.messages = True
            heard = yield Receive(decoder, None, 1000)

    def tags(self) -> list[tuple[str, str, str]]:
        """`(alias, tag, number_type)`: a text for each data set, and a number for those that have one, by address and
        place under it."""
        places: dict[str | None, int] = {}
        made = []
        for number, row in enumerate(self.rows):
            address = row["effective_address"]
            place = places[address] = places.get(address, -1) + 1
            tag = f"{address or ''}[{place}]"
            made.append((f"t{number}", tag, "STRING"))
            if row.get("number") is not None:
                made.append((f"n{number}", tag, "DOUBLE"))
        return made


def recordings(name: str) -> list[Recording]:
    """Its telegrams; recorded frames are left as they are, text gets STX, a last line, ETX and block check."""
    data, expected = load(name)
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
GOOD = [recording for recording in ALL if recording.is_good]
WRONG = [recording for recording in ALL if not recording.is_good]


def alias(recording: Recording) -> str:
    return recording.alias
