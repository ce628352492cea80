"""The decoder in C that benchmarks hold against ours does the same work: the same fields of the same frames.

It is written apart from ours, so where the two disagree one of them is wrong.
"""

from __future__ import annotations

import random

import pytest

from benchmarks._mbus_fields import Fields
from benchmarks.mbus import VECTORS, built_in_frames
from meterd._mbus import MbusDecoder
from meterd._mbus_values import Record
from meterd.errors import MeterdError
from meterd.protocols.mbus.link import long_frame
from meterd.protocols.mbus.telegram import decode
from tests.fuzz.targets.mbus_records import LAYOUTS, SEEDS
from tools.gateway.build.cache import ToolMissing

DAMAGED, DAMAGES = 800, 5
TELLING = b"\x0d\x7c\xfc\xfd\xfb\x84\x6d\x6c\x8d\xc0\xe9\x78\x7b\xef\x2f\x0f\x1f\xff\x13"


def shown(record: Record) -> str:
    value = record.value
    if value is None:
        text = "-"
    elif isinstance(value, float):
        text = f"real {value:.17g}"
    else:
        text = f"text {value}" if isinstance(value, str) else str(value)
    place = (record.function, record.storage, record.tariff, record.subunit, record.quantity, record.unit or "")
    return "\t".join(map(str, (*place, text, record.quality, record.reason or "-")))


def ours(octets: bytes) -> list[str]:
    frame = MbusDecoder().feed(octets)
    try:
        telegram = None if frame is None else decode(frame)
    except MeterdError:
        telegram = None
    if telegram is None:
        return ["refused"]
    told = [-1 if number is None else number for number in (telegram.access_number, telegram.status)]
    header = "\t".join(map(str, ("telegram", (telegram.identity or b"").hex(), *told, telegram.configuration)))
    return [header, *map(shown, telegram.records)]


def expect_the_same(frames: list[bytes]) -> None:
    try:
        fields = Fields(frames)
    except ToolMissing as missing:
        pytest.skip(str(missing))
    with fields:
        theirs = fields.dump()
    for frame, wanted in zip(frames, theirs, strict=True):
        assert ours(frame) == wanted, frame.hex()


def whole() -> list[bytes]:
    written = [long_frame(8, 1, LAYOUTS[seed[0] % len(LAYOUTS)], seed[1:]) for seed in SEEDS]
    return built_in_frames() + written


def recorded() -> list[bytes]:
    paths = sorted(VECTORS.parent.rglob("*.hex"))
    return [bytes(int(token, 16) for token in path.read_text(encoding="ascii").split()) for path in paths]


def damaged(frames: list[bytes], chance: random.Random) -> bytes:
    """A whole frame around user data that have been changed here and there."""
    frame = chance.choice([frame for frame in frames if len(frame) > 12])
    data = bytearray(frame[7:-2])
    for _ in range(chance.randint(1, DAMAGES)):
        at = chance.randrange(len(data))
        data[at : at + chance.randrange(3)] = bytes(chance.choice((*TELLING, *chance.randbytes(9))) for _ in range(2))
    return long_frame(8, 1, frame[6], bytes(data[:252]))


def has_plain_text(octets: bytes) -> bool:
    """Whether a text of the meter's own may stand in it, where C has no NUL and lines of a dump no line ends."""
    return any(ord(letter) < 0x20 and letter != "\t" for line in ours(octets) for letter in line)


def test_whole_telegrams() -> None:
    expect_the_same(whole())


def test_recorded_telegrams() -> None:
    expect_the_same(recorded())


def test_damaged_telegrams() -> None:
    chance = random.Random(20)
    frames = [damaged(whole() + recorded(), chance) for _ in range(DAMAGED)]
    sound = [frame for frame in frames if not has_plain_text(frame)]
    assert len(sound) > 0.9 * DAMAGED
    expect_the_same(sound)
