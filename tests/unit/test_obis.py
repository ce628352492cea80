"""OBIS codes as they are written, before and after so many were seen that numbers are looked up."""

from __future__ import annotations

import random

import pytest

from meterd import obis


@pytest.fixture(autouse=True)
def unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(obis, "_parsed", {})
    monkeypatch.setattr(obis, "_numbers", {})


def test_codes_are_the_same_octets_however_many_were_seen() -> None:
    chance = random.Random(20)
    codes = [bytes(chance.randrange(256) for _ in range(6)) for _ in range(40)]
    for code in codes:
        assert obis.parse_logical_name(obis.format_logical_name(code)) == code
    a, b, c, d, e, f = codes[-1]
    assert obis.parse_logical_name(f"{a}-{b}:{c}.{d}.{e}*{f}") == codes[-1]
    assert obis.parse_logical_name(f"{a}-{b}:{c}.{d}.{e}") == bytes([a, b, c, d, e, 255])
    assert obis.parse_logical_name(f"{a}.{b}.{c}.{d}.00{e}.{f}") == codes[-1]


@pytest.mark.parametrize("text", ["1.0.1.8.0.256", "1.0.1.8", "1.0.1.8.0.²", "1.0.1.8.0.-1", "", "1.0.1.8.0.255.1"])
@pytest.mark.parametrize("seen", [0, 2 * obis.FEW])
def test_what_is_no_code_is_named(text: str, seen: int) -> None:
    for number in range(seen):
        obis.parse_logical_name(f"1.0.{number}.7.0.255")
    with pytest.raises(ValueError, match="is not an OBIS code"):
        obis.parse_logical_name(text)
