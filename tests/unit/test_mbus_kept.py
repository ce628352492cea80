"""M-Bus telegrams that are cut as an earlier one of their kind was: never otherwise than octet by octet."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest

from meterd._mbus import MbusFrame
from meterd._mbus_records import decode_records
from meterd._mbus_telegram import Telegram, know
from meterd._mbus_values import Record
from meterd.errors import DecodeError
from meterd.protocols.mbus.encryption import clear_text
from meterd.protocols.mbus.telegram import decode, other_layout
from meterd.protocols.mbus.vif import MEANINGS
from tests.fuzz.targets.mbus_records import SEEDS, TELEGRAMS

LONG_HEADER = 12
ROUNDS, CHANGES = 12_000, 3
TELLING = bytes.fromhex("2F 0F 1F 0D 7C FC FD FB 84 6D 6C 8C C0 E9 FF 00 80 F0 AA 7F")
BODIES = [
    *TELEGRAMS,
    *(seed[1:] for seed in SEEDS if seed[0] == 3),
    bytes.fromhex("046D1E2A6B3B 426CFF2C 0C13F5341290 0A5AAB0F 2F2F 055BCDCC4441 04930380000080 0D78054F4C4C4548 2F"),
    bytes.fromhex("8C4013 21436587 0D13C3563412 066D1E2A6B563B00 02FD48E008 0D6DE52100000000 0F 55AA 2F"),
]


def header(body: bytes) -> bytes:
    """One sender for each body, so that all of one size are not of one kind."""
    return bytes.fromhex("21436587 B305") + bytes([sum(body) & 0xFF, 4]) + bytes.fromhex("07 00 0000")


def told(records: Iterable[Record]) -> list[tuple[object, ...]]:
    return [
        (
            *(record.function, record.storage, record.tariff, record.subunit, record.quantity, record.unit),
            *(record.meaning.qualifiers, record.raw, record.dib, record.vib, record.data, record.msb_first),
            *(type(record.value), repr(record.value), record.quality, record.reason, record.remark),
        )
        for record in records
    ]


def by_octets(data: bytes, ci: int) -> object:
    try:
        return told(decode_records(data, LONG_HEADER, MEANINGS, ci == 0x76))
    except DecodeError as error:
        return str(error)


def as_before(data: bytes, ci: int) -> object:
    try:
        return told(decode(MbusFrame(8, 1, ci, data)).records)
    except DecodeError as error:
        return str(error)


def changed(data: bytes, chance: random.Random) -> bytes:
    octets = bytearray(data)
    for _ in range(chance.randint(0, CHANGES)):
        at = chance.randrange(LONG_HEADER, len(octets))
        octets[at] = chance.choice((*TELLING, *chance.randbytes(len(TELLING))))
        if chance.random() < 0.05:
            del octets[at]
    return bytes(octets)


def test_the_telegram_before_changes_nothing() -> None:
    chance = random.Random(20)
    wholes = [header(body) + body for body in BODIES]
    for _ in range(ROUNDS):
        data = changed(chance.choice(wholes), chance)
        ci = chance.choice((0x72, 0x72, 0x72, 0x76))
        assert as_before(data, ci) == by_octets(data, ci), data.hex()


BODY = bytes.fromhex("0C9328 99999999 2F 0D78 03 434241 84106D 1E2A6B3B")


class Kinds:
    """Telegrams decoded in turn; where it is asked what a block means, none before it told how to cut this one."""

    def __init__(self) -> None:
        know(MEANINGS, clear_text, other_layout)

    def decode(self, body: bytes, ci: int = 0x72) -> tuple[Telegram, bool]:
        MEANINGS.clear()
        telegram = decode(MbusFrame(8, 1, ci, header(BODY) + body))
        return telegram, not MEANINGS


@pytest.mark.parametrize(
    ("body", "alike"),
    [
        ("0C9328 12345678 2F 0D78 03 5A5958 84106D 00000000", True),
        ("0C9328 12A45678 2F 0D78 03 000000 84106D 00800000", True),
        ("0C9428 12345678 2F 0D78 03 5A5958 84106D 00000000", False),
        ("0B9328 123456 2F2F 0D78 03 5A5958 84106D 00000000", False),
        ("0C9328 12345678 0D78 03 5A5958 84106D 00000000 2F", False),
        ("0C9328 12345678 2F 0D78 02 5A59 2F 84106D 00000000", False),
        ("0C9328 12345678 2F 0D78 03 5A5958 84206D 00000000", False),
        ("0C9328 12345678 2F 0D78 03 5A5958 84106D 00000000 2F", False),
    ],
)
def test_any_octet_ahead_of_data_tells_them_apart(body: str, alike: bool) -> None:
    kinds = Kinds()
    assert not kinds.decode(BODY)[1]
    assert kinds.decode(BODY)[1]
    assert kinds.decode(bytes.fromhex(body))[1] == alike


def test_the_order_of_bytes_tells_them_apart() -> None:
    kinds = Kinds()
    kinds.decode(BODY)
    assert not kinds.decode(BODY, 0x76)[1]


def test_what_somebody_holds_stays_as_it_is() -> None:
    kinds = Kinds()
    kinds.decode(BODY)
    first = kinds.decode(BODY)[0]
    number, text = first.records[0], first.records[1]
    before = told([number, text])
    del first
    second, alike = kinds.decode(bytes.fromhex("0C9328 10000000 2F 0D78 03 5A5958 84106D 00000000"))
    assert alike and second.records[0] is not number and second.records[1] is not text
    assert told([number, text]) == before
    assert [str(number.value), text.value] == ["99999.999", "ABC"]
    assert [str(record.value) for record in second.records] == ["0.010", "XYZ", "None"]
    third, alike = kinds.decode(BODY)
    assert alike and told(third.records) == told(decode_records(BODY, 0, MEANINGS))


def test_a_value_that_somebody_holds_stays_as_it_is() -> None:
    kinds = Kinds()
    kinds.decode(BODY)
    values = [record.value for record in kinds.decode(BODY)[0].records]
    told_before = [str(value) for value in values]
    telegram, alike = kinds.decode(bytes.fromhex("0C9328 10000000 2F 0D78 03 5A5958 84106D 1E2A6B3C"))
    assert alike and [str(value) for value in values] == told_before == ["99999.999", "ABC", "2027-11-11T10:30"]
    assert [str(record.value) for record in telegram.records] == ["0.010", "XYZ", "2027-12-11T10:30"]


def seen(held: object) -> object:
    """All that somebody who holds it can see of it."""
    if isinstance(held, Telegram):
        header = (held.identity, held.access_number, held.status, held.configuration, held.fixed, held.more_follow)
        return header, [id(record) for record in held.records], told(held.records)
    if isinstance(held, tuple):
        return told(held)
    return told([held]) if isinstance(held, Record) else (type(held), repr(held))


def some_of(telegram: Telegram, chance: random.Random) -> object:
    """The telegram or a part of it."""
    records = telegram.records
    record = chance.choice(records)
    return chance.choice((telegram, records, record, record.value))


def test_whoever_holds_a_part_never_sees_it_change() -> None:
    chance = random.Random(21)
    wholes = [header(body) + body for body in BODIES]
    held: list[tuple[object, object]] = []
    for _ in range(ROUNDS):
        data = changed(chance.choice(wholes), chance)
        ci = chance.choice((0x72, 0x72, 0x72, 0x76))
        try:
            telegram = decode(MbusFrame(8, 1, ci, data))
        except DecodeError:
            continue
        assert told(telegram.records) == by_octets(data, ci), data.hex()
        if telegram.records and chance.random() < 0.3:
            part = some_of(telegram, chance)
            held.append((part, seen(part)))
        if len(held) > 12:
            part, before = held.pop(chance.randrange(len(held)))
            assert seen(part) == before
    assert len(held) == 12 and all(seen(part) == before for part, before in held)


def test_what_nobody_holds_is_told_in_the_same_records() -> None:
    kinds = Kinds()
    kinds.decode(BODY)
    first = id(kinds.decode(BODY)[0].records)
    assert id(kinds.decode(BODY)[0].records) == first


def test_each_telegram_has_its_own_header() -> None:
    kinds = Kinds()
    kinds.decode(BODY)
    data = bytes.fromhex("78563412 B305 09 04 2A 10 0000") + BODY
    for ci, identity in ((0x72, "78563412B3050904"), (0x76, "1234567805B30904")):
        telegram = decode(MbusFrame(8, 1, ci, data))
        assert telegram.identity == bytes.fromhex(identity) and telegram.identity is telegram.identity
        assert (telegram.access_number, telegram.status, telegram.configuration) == (0x2A, 0x10, 0)
    bare = Telegram([])
    assert (bare.records, bare.identity, bare.access_number, bare.status) == ((), None, None, None)


def test_damage_is_not_kept() -> None:
    kinds = Kinds()
    damaged = bytes.fromhex("0C9328 99999999 0D78 FE")
    for _ in range(2):
        telegram, alike = kinds.decode(damaged)
        assert telegram.records[-1].function == "damaged" and not alike


def test_many_kinds_and_long_telegrams_are_decoded_all_the_same() -> None:
    for count in (1, 63, 64, 65, 110):
        body = bytes.fromhex("0013") * count
        for _ in range(2):
            assert as_before(header(body) + body, 0x72) == by_octets(header(body) + body, 0x72)
    bodies = [bytes([0x01, vif, 5, 0x01, other, 6]) for vif in range(0x10, 0x50) for other in (0x13, 0x14, 0x5A)]
    for _ in range(2):
        for body in bodies:
            assert as_before(header(b"") + body, 0x72) == by_octets(header(b"") + body, 0x72)
