"""Searching a simulated bus: everybody is found, few selections are made, and a stopped search goes on."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

import pytest

from meterd._mbus import MbusFrame
from meterd.conversation import LineSettings
from meterd.errors import Aborted, Garbled
from meterd.protocols.mbus import search
from meterd.protocols.mbus.link import SELECT, matches
from meterd.simulate.mbus import bus
from meterd.simulate.mbus_meters import Meter, built_in, identity_of
from tests.pair import converse

RECORDS = (bytes.fromhex("0C1378563412"),)
MAKERS = ("KAM", "LUG", "ABB", "SON", "ITR", "ZRI", "EFE", "HYD")


def fleet(count: int, clashes: int, seed: int = 4) -> list[Meter]:
    """`count` meters; `clashes` of them share the identification of another, with another maker, version or medium."""
    chance = random.Random(seed)
    numbers = chance.sample(range(10_000_000, 99_999_999), count - clashes)
    identities = [identity_of(f"{n:08d}", chance.choice(MAKERS), chance.randrange(1, 15), 7) for n in numbers]
    while len(identities) < count:
        twin = chance.choice(identities[: count - clashes])
        other = identity_of(
            twin[3::-1].hex(), chance.choice(MAKERS), chance.randrange(255), chance.choice((3, 4, 6, 7))
        )
        if other not in identities:
            identities.append(other)
    return [Meter(0, identity, RECORDS) for identity in identities]


def secondary_address(meter: Meter) -> str:
    return meter.identity[3::-1].hex().upper() + meter.identity[4:].hex().upper()


def run(meters: list[Meter], state: dict[str, Any], **how: Any) -> Any:
    return converse(search.scan(state), bus(meters)(), limit_s=1e6, **how)


def addresses(state: dict[str, Any]) -> list[str]:
    return sorted(meter["secondary_address"] for meter in state["found"])


def fewest_selections(meters: Iterable[Meter]) -> int:
    """Of a wildcard tree: each mask that several meters fit costs one selection per digit, but for a last one that the
    silence of all the others proves."""
    identities = [meter.identity for meter in meters]

    def below(mask: str, step: int, among: list[bytes]) -> int:
        place = search.ORDER[step]
        digits = search.HEX_DIGITS if step >= search.IDENTIFICATION else search.DIGITS
        children = [mask[:place] + digit + mask[place + 1 :] for digit in digits]
        parts = [[identity for identity in among if matches(child, identity)] for child in children]
        proved = len(digits) == 10 and len(parts[-1]) == len(among)
        deeper = [(child, part) for child, part in zip(children, parts, strict=True) if len(part) > 1]
        return len(digits) - proved + sum(below(child, step + 1, part) for child, part in deeper)

    return 1 + below("F" * 16, 0, identities) if len(identities) > 1 else 1


def test_250_meters_with_clashing_identifications_are_all_found_with_few_selections() -> None:
    meters = fleet(250, 60)
    state = search.new_state(primary=False)
    outcome = run(meters, state)
    assert outcome.error is None and state["done"]
    assert addresses(state) == sorted(map(secondary_address, meters))
    assert not state["clashes"]
    assert state["selections"] <= 1.1 * fewest_selections(meters)


def test_meters_in_a_row_are_found_too() -> None:
    meters = [Meter(0, identity_of(f"{12340000 + n:08d}", "KAM", 1, 7), RECORDS) for n in range(40)]
    state = search.new_state(primary=False)
    assert run(meters, state).error is None
    assert addresses(state) == sorted(map(secondary_address, meters))
    assert state["selections"] <= 1.1 * fewest_selections(meters)


@pytest.mark.parametrize("seed", range(6))
def test_any_bytes_in_manufacturer_version_and_medium(seed: int) -> None:
    chance = random.Random(seed)
    numbers = ("12345678", "12345679", "99999999", "00000000")
    meters = {
        bytes.fromhex(chance.choice(numbers))[::-1] + bytes(chance.choice(range(256)) for _ in range(4))
        for _ in range(12)
    }
    state = search.new_state(primary=False)
    assert run([Meter(0, identity, RECORDS) for identity in sorted(meters)], state).error is None
    found = set(addresses(state))
    assert len(found) + len(state["clashes"]) >= len(meters)


@pytest.mark.parametrize("other", ["1F345678A7320107", "AB345678A7320107", "12345678A732F107", "12345678A732010F"])
def test_digits_above_nine_and_f(other: str) -> None:
    identities = [bytes.fromhex(text[:8])[::-1] + bytes.fromhex(text[8:]) for text in ("12345678A7320107", other)]
    state = search.new_state(primary=False)
    outcome = run([Meter(0, identity, RECORDS) for identity in identities], state)
    assert outcome.error is None
    assert len(state["found"]) + len(state["clashes"]) >= 2


def test_meters_that_nothing_tells_apart_are_named_as_a_clash() -> None:
    twin = identity_of("12345678", "KAM", 1, 7)
    meters = [
        Meter(0, twin, RECORDS),
        Meter(0, twin, (bytes.fromhex("0C1399999999"),)),
        built_in("heat", 0, "20000000"),
    ]
    state = search.new_state(primary=False)
    assert run(meters, state).error is None
    assert state["clashes"] == ["123456782D2C0107"] and len(state["found"]) == 1


@pytest.mark.parametrize("meters", [[], [built_in("water", 5, "12345678")]])
def test_an_empty_bus_and_a_single_meter(meters: list[Meter]) -> None:
    state = search.new_state()
    assert run(meters, state).error is None
    assert len(state["found"]) == 2 * len(meters) and state["selections"] == 1


def test_primary_sweep_finds_each_address_and_names_those_that_are_shared() -> None:
    meters = [built_in("heat", 1, "10000001"), built_in("water", 77, "10000002"), built_in("heat", 250, "10000003")]
    meters += [built_in("heat", 9, "10000004"), built_in("water", 9, "10000005")]
    state = search.new_state(secondary=False)
    assert run(meters, state).error is None
    assert [meter["address"] for meter in state["found"]] == ["1", "77", "250"]
    assert state["clashes"] == ["9"]


def test_several_speeds() -> None:
    seen: list[int] = []
    state = search.new_state(baudrates=(300, 2400, 9600), primary=False)
    talk = search.scan(state, progress=lambda now: seen.append(now["baudrate"]))
    outcome = converse(talk, bus([built_in("heat", 1, "10000001")])())
    assert [settings.baudrate for settings in outcome.settings] == [300, 2400, 9600]
    assert outcome.settings[0] == LineSettings(300, 8, "even", 1)
    assert sorted(set(seen)) == [300, 2400, 9600] and len(state["found"]) == 3


def test_a_stopped_search_goes_on_where_it_was() -> None:
    meters = fleet(30, 6)
    whole = search.new_state(primary=False)
    run(meters, whole)
    state = search.new_state(primary=False)
    for stop in (1, 2, 40, 90, 10_000):
        left = [stop]

        def tell(now: dict[str, Any], left: list[int] = left) -> None:
            left[0] -= 1
            if not left[0]:
                raise Aborted("stop")

        converse(search.scan(state, progress=tell), bus(meters)(), limit_s=1e6)
    assert state["done"] and addresses(state) == addresses(whole)
    assert state["selections"] <= whole["selections"] + 4


@pytest.mark.parametrize("kind", ["noise", "lost", "babble"])
def test_a_bad_line_costs_time_and_no_meter_but_never_the_search(kind: str) -> None:
    meters, chance = fleet(20, 4), random.Random(7)

    def fault(sender: str, index: int, data: bytes) -> list[tuple[float, bytes]]:
        if sender == "meter" and kind == "noise" and chance.random() < 0.1:
            return [(0.0, b"\x00\x68" + data)]
        if sender == "meter" and kind == "lost" and len(data) > 1 and chance.random() < 0.2:
            return []
        return [(0.0, b"\xaa" * 30)] if kind == "babble" and sender == "meter" else [(0.0, data)]

    state = search.new_state(primary=False)
    outcome = run(meters, state, fault=fault)
    if kind == "babble":
        assert (isinstance(outcome.error, Garbled) or state["clashes"]) and state["selections"] < 5000
    else:
        assert outcome.error is None and addresses(state) == sorted(map(secondary_address, meters))


def test_a_line_that_loses_answers_is_searched_with_more_attempts() -> None:
    meters, chance = fleet(20, 4), random.Random(5)

    def fault(sender: str, index: int, data: bytes) -> list[tuple[float, bytes]]:
        return [] if sender == "meter" and chance.random() < 0.1 else [(0.0, data)]

    state = search.new_state(primary=False)
    outcome = converse(search.scan(state, attempts=4), bus(meters)(), fault=fault, limit_s=1e6)
    assert outcome.error is None and addresses(state) == sorted(map(secondary_address, meters))


def test_meters_that_do_not_say_who_they_are_are_found_by_their_digits() -> None:

    class Silent(Meter):
        def hears(self, frame: MbusFrame) -> bool:
            return frame.ci == SELECT

    silent = Silent(0, identity_of("12345678", "LUG", 1, 4), RECORDS)
    fixed = bytes.fromhex("73 93929190 10 00 05 69 31650000 69000000")
    old = Meter(0, bytes.fromhex("9392919000000004"), (fixed,), ci=0)
    for meter, address in ((silent, "12345678A7320104"), (old, "90919293FFFFFFFF")):
        state = search.new_state(primary=False)
        assert run([meter], state).error is None
        assert [found["address"] for found in state["found"]] == [address]


def test_rows_of_the_devices_table_are_ready_to_use() -> None:
    meters = [built_in("heat", 1, "10000001"), built_in("water", 2, "10000002"), built_in("heat", 1, "10000003")]
    state = search.new_state()
    run(meters, state)
    rows = search.device_rows(state["found"], 1000, {"device": "PORT1"})
    assert [row["address"] for row in rows] == ["2", "10000001A7320104", "10000003A7320104"]
    assert (
        rows[0]["name"] == "Kamstrup water meter 10000002"
        and rows[0]["parity"] == "even"
        and rows[0]["baudrate"] == 2400
    )
    assert search.device_rows(state["found"], 1000, {"ip": "192.0.2.1", "port": 10001})[0]["protocol"] == "mbus tcp"


def test_a_meter_found_by_both_of_its_addresses_is_counted_once() -> None:
    found = [
        {"address": "7", "secondary_address": "1122334443040107"},
        {"address": "1122334443040107", "secondary_address": "1122334443040107"},
        {"address": "9", "secondary_address": ""},
    ]
    assert search.count_of(found) == 2
