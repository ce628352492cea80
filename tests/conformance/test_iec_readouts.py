"""Every recorded IEC 62056-21 read-out against its expectation, at the level of the parser."""

from __future__ import annotations

import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from meterd._core import IdentificationDecoder, Message, ReadoutDecoder

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("METERD_VECTORS") or ROOT.parent / "shared" / "vectors") / "iec62056_21"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))


def test_the_recorded_read_outs_are_there() -> None:
    if not NAMES:
        pytest.skip(f"no read-outs in {FOLDER}; METERD_VECTORS names another place")
    assert len(NAMES) >= 33


def load(name: str) -> tuple[bytes, dict[str, Any]]:
    return (FOLDER / f"{name}.bin").read_bytes(), json.loads((FOLDER / f"{name}.json").read_text())


def read(data: bytes, step: int) -> list[Message]:
    """All messages, the last one also if the recording stops before its end."""
    decoder = ReadoutDecoder()
    messages = []
    for at in range(0, len(data), step):
        message = decoder.feed(data[at : at + step])
        while message is not None:
            messages.append(message)
            message = decoder.feed(b"")
    message = decoder.finish()
    return [*messages, message] if message is not None else messages


def runs(data_sets: list[Any]) -> list[int]:
    """The index within one printed address, which is how the expectations count; ours goes on when it is repeated."""
    counted: list[int] = []
    for address, *_ in data_sets:
        counted.append(counted[-1] + 1 if address is None and counted else 0)
    return counted


@pytest.mark.parametrize("step", [1, 7, 1 << 20])
@pytest.mark.parametrize("name", NAMES)
def test_every_data_set(name: str, step: int) -> None:
    data, expected = load(name)
    messages = read(data, step)
    assert len(messages) == max(row["telegram"] for row in expected["data_sets"])
    for telegram, message in enumerate(messages, 1):
        rows = [row for row in expected["data_sets"] if row["telegram"] == telegram]
        found = message.data_sets
        assert len(found) == len(rows)
        for (address, effective, _, value, unit), row in zip(found, rows, strict=True):
            assert (address, effective, value, unit) == (
                row["address"],
                row["effective_address"],
                row["value"],
                row["unit"],
            )
            if "number" in row:
                assert Decimal(value.strip().lstrip("+").replace(",", ".")) == Decimal(row["number"])
        assert runs(found) == [row["index"] for row in rows]


@pytest.mark.parametrize("name", NAMES)
def test_index_counts_all_groups_of_an_address(name: str) -> None:
    data, _ = load(name)
    for message in read(data, len(data)):
        seen: dict[str | None, int] = {}
        for _, effective, index, _, _ in message.data_sets:
            assert index == seen.get(effective, 0)
            seen[effective] = index + 1


@pytest.mark.parametrize("name", NAMES)
def test_block_check(name: str) -> None:
    data, expected = load(name)
    verdicts = [message.bcc for message in read(data, 1)]
    assert verdicts == [None if expected["bcc"] is None else expected["bcc"]["ok"]] * len(verdicts)


@pytest.mark.parametrize("name", NAMES)
def test_identification(name: str) -> None:
    data, expected = load(name)
    line = IdentificationDecoder().feed(data)
    assert (None if line is None else line.decode("latin-1")) == expected["identification"]
