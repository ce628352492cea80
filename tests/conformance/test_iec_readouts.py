"""Every recorded IEC 62056-21 read-out against its expectation: parsed, and read by a conversation in virtual time."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from meterd._readout_dialogue import IdentificationDecoder
from meterd._readout_list import ReadoutDecoder
from meterd._readout_message import Message
from meterd.errors import Garbled
from tests.conformance.recordings import FOLDER, GOOD, NAMES, WRONG, Recording, alias, load
from tests.unit.iec62056_21_case import scan, signal


def test_the_recorded_read_outs_are_there() -> None:
    assert len(NAMES) >= 33, FOLDER


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


# ---- read by a conversation


def outcome_of(recording: Recording, chunk: int, over: str) -> Any:
    bits: dict[str, Any] = {} if recording.answer.isascii() else {"databits": 8, "parity": "none"}
    parameter = {"ip": "10.0.0.1", "port": 1} if over == "tcp" else bits
    wanted = [signal(tag, number_type, alias=name) for name, tag, number_type in recording.tags()]
    return scan(wanted, recording.meter(0.3), chunk=chunk, **parameter)


@pytest.mark.parametrize("over", ["serial", "tcp"])
@pytest.mark.parametrize("chunk", [1, 97, 1024])
@pytest.mark.parametrize("recording", GOOD, ids=alias)
def test_each_data_set_is_a_reading(recording: Recording, chunk: int, over: str) -> None:
    outcome = outcome_of(recording, chunk, over)
    assert outcome.error is None
    found = {reading.signal.alias: reading for reading in outcome.readings}
    assert len(found) == len(recording.tags())
    for number, row in enumerate(recording.rows):
        text = found[f"t{number}"]
        assert (text.value, text.unit, text.reason) == (row["value"], row["unit"] or None, None), row
        if row.get("number") is not None:
            figure = found[f"n{number}"]
            assert (Decimal(str(figure.value)), figure.unit) == (Decimal(row["number"]), row["unit"]), row


@pytest.mark.parametrize("recording", WRONG, ids=alias)
def test_a_wrong_block_check_gives_no_value(recording: Recording) -> None:
    outcome = outcome_of(recording, 64, "serial")
    assert isinstance(outcome.error, Garbled)
    assert outcome.readings == []
