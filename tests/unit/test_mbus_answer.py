"""M-Bus: which record a signal means and which time belongs to it, however many of both there are."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterd._mbus_records import decode_records
from meterd._mbus_values import Record
from meterd.protocols.mbus import vif
from meterd.protocols.mbus.answer import Answer
from meterd.protocols.mbus.history import TIMES, Stamps
from meterd.protocols.mbus.jobs import parse_selector

PIECES = [
    "046D1E0B3A35", "426C3E35", "446D2A093D31", "42EC7E3E34", "42EC6E3D33", "02EC7B3C32", "126C3B31",  # times
    "046DFFFFFFFF", "0C1378563412", "4C1311223344", "0C0644332211", "8C100655443322", "1C1399887766", "0FAABB",
]  # fmt: skip
WANTED = ["volume", "volume;storage=1", "energy", "0C13", "4C 13", "8C1006", "time point", "date;storage=1", "3", "99",
          "volume;function=max", "volume;nth=2", "date;nth=3", "02EC7B", "manufacturer specific"]  # fmt: skip
FEW = st.lists(st.sampled_from(PIECES), max_size=14)


def records(pieces: list[str]) -> list[Record]:
    return decode_records(bytes.fromhex("".join(pieces)), 0, vif.MEANINGS)


def said_of(record: Record, among: list[Record]) -> str | None:
    """The first plain date or time of that storage number but itself; without one the last that stamps an event."""
    others = [
        one for one in among
        if one is not record and one.quantity in TIMES and one.storage == record.storage
        and one.function == "instantaneous" and one.quality == "good"
    ]  # fmt: skip
    plain = [one.value for one in others if not one.meaning.qualifiers]
    events = [one.value for one in others if one.meaning.qualifiers]
    return str(plain[0]) if plain else str(events[-1]) if events else None


@given(FEW)
def test_a_time_belongs_to_the_records_of_its_storage_number(pieces: list[str]) -> None:
    found = records(pieces)
    stamps = Stamps(found)
    assert [stamps.of(one) for one in found] == [said_of(one, found) for one in found]


@given(FEW)
def test_what_was_looked_at_once_finds_what_a_walk_finds(pieces: list[str]) -> None:
    found = records(pieces)
    answer = Answer(found)
    for text in WANTED:
        assert answer.find(parse_selector(text)) is parse_selector(text).find(found)


def test_an_answer_with_profiles_goes_on_behind_the_telegram() -> None:
    found = records(["82086C3D39", "8C081300500100", "8D0893130A7AFE100025011000FFFF"])
    answer = Answer(found)
    assert answer.find(parse_selector("volume;storage=17")) is None
    longer = answer.longer()
    assert longer is answer.longer()
    element = longer.find(parse_selector("volume;storage=17"))
    assert element is not None and str(element.value) == "14.990" and longer.time_of(element) == "2025-08-29"
    assert Answer(found[:2]).longer().records == found[:2]


class Counted:
    """A record that counts how often it is asked for anything."""

    asked: Counter[str] = Counter()

    def __init__(self, record: Record) -> None:
        self._record = record

    def __getattr__(self, name: str) -> Any:
        self.asked[name] += 1
        return getattr(self._record, name)


@pytest.mark.parametrize("many", [50, 100, 200])
def test_records_are_not_walked_for_each_signal(many: int) -> None:
    lines = [f"{0x84 | number % 2 << 6:02X}{number >> 1 & 15:02X}6D1E0B3A35" for number in range(many)]
    counted: Any = [Counted(one) for one in records([*lines, *["0C1378563412"] * many])]
    assert len(counted) == 2 * many
    Counted.asked.clear()
    answer = Answer(counted)
    for number in range(many):
        for text in (f"84{number:02X}6D", f"time point;storage={number};nth=1", "volume"):
            answer.find(parse_selector(text))
        answer.time_of(counted[number])
        answer.time_of(counted[many + number])
    assert all(asked < 20 * many for asked in Counted.asked.values()), Counted.asked
