"""Data sets that are told in those of an earlier list: never otherwise than made anew, and nobody sees it happen."""

from __future__ import annotations

import random
import sys

import pytest

from meterd._crc import bcc
from meterd._readout_block import parse_readout
from meterd._readout_list import ReadoutDecoder

ROUNDS, CHANGES = 4_000, 3
LISTS = [
    b"F.F(00000000)\r\n1.8.0(000123.45*kWh)\r\n1.8.1(000023.45*kWh)\r\n1.6.1(0.55*kW)(2101010000)\r\nC.1(A12)\r\n!\r\n",
    b"1-0:1.8.0*255(0471.1*kWh)\r\n1-0:1.8.0*255(0471.2*kWh)\r\n1-0:31.7(5*A)\r\n(77)\r\n1-0:32.7(231*V)\r\n!\r\n",
    b"F.F(00)\r\n1.8.0(99*Wh)\r\n1.8.1()\r\n1.8.0(98)\r\n1.6.1(10*kW)2.6.1(20*kW)\r\n0.9.1("
    + b"7" * 70
    + b")\r\n!\r\n",
]
TELLING = b"()*!/\r\n 0123456789.kWhV\x80\xff\x00"


def framed(text: bytes) -> bytes:
    body = text + b"\x03"
    return b"\x02" + body + bytes([bcc(body)])


def read(text: bytes, step: int = 0) -> list[tuple[object, ...]]:
    """The data sets of a list that comes framed, in pieces of `step`."""
    data = framed(text)
    decoder = ReadoutDecoder()
    for at in range(0, len(data), step or len(data)):
        message = decoder.feed(data[at : at + (step or len(data))])
        if message is not None:
            assert message.bcc
            sets: list[tuple[object, ...]] = message.data_sets
            return sets
    raise AssertionError("no message came")


def changed(text: bytes, chance: random.Random) -> bytes:
    octets = bytearray(text)
    for _ in range(chance.randint(0, CHANGES)):
        at = chance.randrange(len(octets))
        octets[at] = chance.choice(TELLING)
        if chance.random() < 0.1:
            del octets[at]
    return bytes(octets)


def test_the_list_before_changes_nothing() -> None:
    """What may be told in sets of before, and what cannot be, for those are held, is the same."""
    chance = random.Random(21)
    for _ in range(ROUNDS):
        text = changed(chance.choice(LISTS), chance)
        step = chance.choice((0, 0, 1, 7, 40))
        told = read(text, step)
        shown = repr(told)
        assert repr(read(text)) == shown == repr(parse_readout(text)), text


def test_whoever_holds_a_part_never_sees_it_change() -> None:
    chance = random.Random(22)
    held: list[tuple[object, str]] = []
    for _ in range(ROUNDS):
        sets = read(changed(chance.choice(LISTS), chance))
        if sets and chance.random() < 0.3:
            one = chance.choice(sets)
            part = chance.choice((sets, one, one[3], one[3:]))
            held.append((part, repr(part)))
        if len(held) > 12:
            part, before = held.pop(chance.randrange(len(held)))
            assert repr(part) == before
    assert len(held) == 12 and all(repr(part) == before for part, before in held)


def test_what_nobody_holds_is_told_in_the_same_sets() -> None:
    first = [id(each) for each in read(b"6.1(0471*Wh)\r\n6.2(815*Wh)(0102)\r\n6.3(A1)\r\n6.4(7*W)\r\n!\r\n")]
    others = [tuple([number] * 5) for number in range(5_000)]  # all memory for such that has become free
    sets = read(b"6.1(0472*Wh)\r\n6.2(816*Wh)(0103)\r\n6.3(B2)\r\n6.4(88*W)\r\n!\r\n")
    assert sets == [
        ("6.1", "6.1", 0, "0472", "Wh"),
        ("6.2", "6.2", 0, "816", "Wh"),
        (None, "6.2", 1, "0103", None),
        ("6.3", "6.3", 0, "B2", None),
        ("6.4", "6.4", 0, "88", "W"),
    ]
    same = [one == id(each) for one, each in zip(first, sets, strict=True)]
    assert same == [True, True, False, True, False] and len(others) == 5_000


@pytest.mark.parametrize("use", [hash, sys.intern, lambda value: {value: 1}, lambda value: value.encode()])
def test_a_value_that_was_asked_for_its_hash_is_left_alone(use: object) -> None:
    for number in (12, 34, 56):
        (found,) = read(b"9.9.9(%d%d*l)\r\n!\r\n" % (number, number))
        value = found[3]
        assert isinstance(value, str) and value == f"{number}{number}" and callable(use)
        use(value)
        assert {f"{number}{number}": True}[value] and sys.intern(f"{number}{number}") == value
        hash(found)
        del value, found
    (found,) = read(b"9.9.9(7777*l)\r\n!\r\n")
    assert found in {("9.9.9", "9.9.9", 0, "7777", "l")}


def test_a_list_longer_than_all_places_and_values_of_any_length() -> None:
    for length in (0, 1, 2, 63, 64, 65, 300):
        text = b"".join(b"%d.8(%s*V)\r\n" % (number, b"5" * length) for number in range(700)) + b"!\r\n"
        for _ in range(2):
            assert read(text) == [(f"{number}.8", f"{number}.8", 0, "5" * length, "V") for number in range(700)]
