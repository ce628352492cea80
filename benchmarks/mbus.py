"""M-Bus: frame to records with units and scaled values against pyMeterBus and C; selections of a secondary search.

Against C (`reference/mbus_fields.c`, which gives the same fields) stands what `decode` leaves behind: a Python object
for each record, with its value worked out. C does it in two ways: with the fields in structs on the stack, where
nothing is allocated, and with each record allocated and its value an exact text. Nobody reads or holds either side's
records: C frees them, meterd fills them anew with the next telegram of their kind. Counted is the CPU of each process;
they share one core and come before other work, in turn, and a ratio is the median of the rounds' own: on cores of their
own each had the neighbours of its core in its figure, which was seen to make up to twice the ratio.
"""

from __future__ import annotations

import gc
import os
import random
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import meterbus

from meterd._mbus import MbusDecoder
from meterd.protocols.mbus import search
from meterd.protocols.mbus.link import long_frame, matches
from meterd.protocols.mbus.telegram import decode
from meterd.simulate.mbus import bus
from meterd.simulate.mbus_meters import KINDS, LONG_ANSWER, Meter, identity_of, long_header
from tests.pair import converse
from tools.gateway.build.cache import ToolMissing

from ._machine import one_core, ratio
from ._mbus_fields import HOWS, Fields
from .timing import ROUND_S, compare

VECTORS = Path(os.environ.get("METERD_VECTORS", Path(__file__).parents[1] / "../shared/vectors")) / "mbus/test-frames"
METERS, CLASHES = 250, 60
C_ROUNDS = 61
MAKERS = ("KAM", "LUG", "ABB", "SON", "ITR", "ZRI", "EFE", "HYD")


def run() -> list[tuple[str, float, str, float | None]]:
    kinds = {"built-in telegrams": built_in_frames()}
    recorded = recorded_frames()
    if recorded:
        kinds[f"{len(recorded)} recorded telegrams"] = recorded
    rows = [record_row(what, frames) for what, frames in kinds.items()]
    try:
        rows += [row for what, frames in kinds.items() for row in c_rows(what, frames)]
    except ToolMissing as missing:
        print(f"mbus: not compared with C: {missing}")
    return [*rows, search_row()]


def built_in_frames() -> list[bytes]:
    frames = []
    for medium, manufacturer, telegrams in KINDS.values():
        for number, records in enumerate(telegrams):
            header = long_header(identity_of("12345678", manufacturer, 1, medium), number)
            frames.append(long_frame(8, 1, LONG_ANSWER, header + bytes.fromhex("".join(records))))
    return frames


def recorded_frames() -> list[bytes]:
    """The libmbus frames, where they are at hand, but for the few that pyMeterBus cannot read."""
    frames = []
    for path in sorted(VECTORS.glob("*.hex")):
        frame = bytes(int(token, 16) for token in path.read_text(encoding="ascii").split())
        try:
            read_by_peer(frame)
        except (meterbus.exceptions.MBusFrameDecodeError, KeyError):
            continue
        frames.append(frame)
    return frames


def read_by_peer(frame: bytes) -> list[Any]:
    return [(record.parsed_value, record.unit) for record in meterbus.load(frame).records]


def read(decoder: MbusDecoder, data: bytes) -> list[Any]:
    decoder.reset()
    frame = decoder.feed(data)
    assert frame is not None
    return [(record.value, record.unit) for record in decode(frame).records]


def record_row(what: str, frames: list[bytes]) -> tuple[str, float, str, float | None]:
    decoder = MbusDecoder()
    assert all(len(read(decoder, frame)) == len(read_by_peer(frame)) for frame in frames)

    def all_of(one: Any) -> None:
        for frame in frames:
            one(frame)

    ours, peers = compare(partial(all_of, partial(read, decoder)), partial(all_of, read_by_peer), rounds=7)
    return (f"M-Bus frame to values, {what}", peers / ours, "× pyMeterBus", 60.0)


def c_rows(what: str, frames: list[bytes]) -> list[tuple[str, float, str, float | None]]:
    decoder = MbusDecoder()
    with one_core(), Fields(frames) as fields:
        tasks = [partial(fields.seconds, how) for how in HOWS]
        tasks += [partial(seconds, partial(one, decoder, frames)) for one in (decoded, decoded_and_printed)]
        structs, printed, plain, text = in_turn(tasks)
    return [
        (f"frame to values, {what}, records printed in C", ratio(plain, printed), "× the CPU", -1.2),
        (f"frame to texts, {what}, records printed in C", ratio(text, printed), "× the CPU", None),
        (f"frame to values, {what}, structs in C", ratio(plain, structs), "× the CPU", None),
    ]


def in_turn(tasks: list[Callable[[int], float]]) -> list[tuple[float, ...]]:
    """Seconds of one run of each task, which tells those of any number, in each of the rounds taken in turn."""
    counts = [max(1, int(ROUND_S / max(task(10) / 10, 1e-7))) for task in tasks]
    gc.collect()
    gc.disable()
    try:
        rounds = [[task(count) / count for task, count in zip(tasks, counts, strict=True)] for _ in range(C_ROUNDS)]
    finally:
        gc.enable()
    return list(zip(*rounds, strict=True))


def seconds(task: Callable[[], object], count: int) -> float:
    start = time.process_time()
    for _ in range(count):
        task()
    return time.process_time() - start


def decoded(decoder: MbusDecoder, frames: list[bytes]) -> None:
    for data in frames:
        frame = decoder.feed(data)
        assert frame is not None
        decode(frame)


def decoded_and_printed(decoder: MbusDecoder, frames: list[bytes]) -> None:
    for data in frames:
        frame = decoder.feed(data)
        assert frame is not None
        for record in decode(frame).records:
            str(record.value)


def fleet() -> list[Meter]:
    chance = random.Random(4)
    numbers = chance.sample(range(10_000_000, 99_999_999), METERS - CLASHES)
    identities = {identity_of(f"{n:08d}", chance.choice(MAKERS), chance.randrange(1, 15), 7) for n in numbers}
    while len(identities) < METERS:
        twin = f"{chance.choice(numbers):08d}"
        identities.add(identity_of(twin, chance.choice(MAKERS), chance.randrange(255), chance.choice((3, 4, 6, 7))))
    return [Meter(0, identity, (bytes.fromhex("0C1378563412"),)) for identity in sorted(identities)]


def fewest_selections(identities: list[bytes], mask: str = "F" * 16, step: int = 0) -> int:
    """Of a wildcard tree: one selection per digit of each mask that several meters fit; the last of ten digits is free
    where the silence of the nine before proves it."""
    place = search.ORDER[step]
    digits = search.HEX_DIGITS if step >= search.IDENTIFICATION else search.DIGITS
    count = 0
    for digit in digits:
        child = mask[:place] + digit + mask[place + 1 :]
        inside = [identity for identity in identities if matches(child, identity)]
        count += not (digit == "9" and digits == search.DIGITS and len(inside) == len(identities))
        if len(inside) > 1:
            count += fewest_selections(inside, child, step + 1)
    return count


def search_row() -> tuple[str, float, str, float | None]:
    meters = fleet()
    state = search.new_state(primary=False)
    converse(search.scan(state), bus(meters)(), limit_s=1e6)
    assert len(state["found"]) == METERS and not state["clashes"]
    least = 1 + fewest_selections([meter.identity for meter in meters])
    return (f"M-Bus search of {METERS} meters, selections", state["selections"] / least, "× the fewest", -1.1)
