"""Every recorded read-out played by a meter in virtual time: each data set comes out as the signal that names it."""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from meterd.conversation import Receive, Send
from meterd.errors import Garbled
from meterd.model import Signal
from meterd.protocols.iec62056_21.messages import NAK, with_block_check
from meterd.simulate.iec62056_21 import HostDecoder
from tests.unit.iec62056_21_case import scan, signal

VECTORS = Path(os.environ.get("METERD_VECTORS", Path(__file__).parents[2] / "../shared/vectors")) / "iec62056_21"
NAMES = sorted(path.stem for path in VECTORS.glob("*.json"))

pytestmark = pytest.mark.skipif(not NAMES, reason=f"no recorded read-outs in {VECTORS}")


class Recorded:
    """One recording: `ident` line, `blocks` as text without frame, `original` block with frame or b''."""

    def __init__(self, name: str) -> None:
        self.expected = json.loads((VECTORS / f"{name}.json").read_text("utf-8"))
        data = (VECTORS / f"{name}.bin").read_bytes()
        self.ident = (self.expected["identification"] or "/XXX5TEST").encode("latin-1")
        start = data.find(b"\x02")
        self.original = data[start:] if self.expected["bcc"] else b""
        text = data[start + 1 :].partition(b"\x03")[0] if start >= 0 else data
        self.blocks = split(text)

    def wanted(self, telegram: int) -> list[dict[str, Any]]:
        return [row for row in self.expected["data_sets"] if row["telegram"] == telegram]


def split(text: bytes) -> list[bytes]:
    """The telegrams of a recording, each from its first data line to its '!', which is added where it was cut off."""
    blocks = [b""]
    for line in text.splitlines(keepends=True):
        if line.startswith(b"/"):
            if blocks[-1].strip():
                blocks.append(b"")
            continue
        blocks[-1] += line
    return [block if b"!" in block.splitlines()[-1] else block.rstrip() + b"\r\n!\r\n" for block in blocks]


def player(ident: bytes, block: bytes) -> Generator[Any, Any, None]:
    """A mode C or B meter that always sends the same block."""
    decoder = HostDecoder()
    while True:
        heard = yield Receive(decoder, None, 1000)
        if isinstance(heard, bytes) and heard.startswith(b"/?"):
            yield Send(ident + b"\r\n")
            if ident[4:5].isdigit():
                continue
        elif not isinstance(heard, bytes) and heard.command != NAK:
            continue
        decoder.messages = True
        yield Send(block)


def signals(rows: list[dict[str, Any]]) -> list[Signal]:
    """A text signal for each data set, and one number for those that have one, by address and place under it."""
    places: dict[str | None, int] = {}
    made = []
    for row in rows:
        address = row["effective_address"]
        place = places.get(address, -1) + 1
        places[address] = place
        tag = f"{address or ''}[{place}]" if place or address is None else address
        made.append(signal(tag, "STRING", alias=str(len(made))))
        if row.get("number") is not None:
            made.append(signal(tag, "DOUBLE", alias=f"n{len(made)}"))
        else:
            made.append(signal(tag, "STRING", alias=f"again{len(made)}"))
    return made


@pytest.mark.parametrize("over", ["serial", "tcp"])
@pytest.mark.parametrize("chunk", [1, 97, 1024])
@pytest.mark.parametrize("name", NAMES)
def test_each_data_set_is_a_reading(name: str, chunk: int, over: str) -> None:
    recorded = Recorded(name)
    for number, block in enumerate(recorded.blocks, 1):
        rows = recorded.wanted(number)
        bits: dict[str, Any] = {} if block.isascii() else {"databits": 8, "parity": "none"}
        parameter = {"ip": "10.0.0.1", "port": 1} if over == "tcp" else bits
        framed = with_block_check(b"\x02" + block + b"\x03")
        outcome = scan(signals(rows), player(recorded.ident, framed), chunk=chunk, **parameter)
        assert outcome.error is None
        assert len(outcome.readings) == 2 * len(rows)
        for row, text, other in zip(rows, outcome.readings[::2], outcome.readings[1::2], strict=True):
            assert (text.value, text.unit, text.reason) == (row["value"], row["unit"] or None, None), row
            if row.get("number") is not None:
                assert Decimal(str(other.value)) == Decimal(row["number"].replace(",", ".")), row
                assert other.unit == row["unit"]


FRAMED = [name for name in NAMES if Recorded(name).expected["bcc"]]


@pytest.mark.parametrize("name", FRAMED)
def test_the_recorded_block_check_decides(name: str) -> None:
    recorded = Recorded(name)
    wanted = signals(recorded.wanted(1))
    outcome = scan(wanted, player(recorded.ident, recorded.original), chunk=64)
    if recorded.expected["bcc"]["ok"]:
        assert outcome.error is None
        assert len(outcome.readings) == len(wanted)
    else:
        assert isinstance(outcome.error, Garbled)
        assert outcome.readings == []
