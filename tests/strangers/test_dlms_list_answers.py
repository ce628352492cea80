"""The answer to a list comes damaged, cut, or with other members than were asked for.

What is taken of it at once, where it is just what is due, is what the long way makes of it octet by octet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from meterd.protocols.dlms import driver
from meterd.protocols.dlms.memory import recall
from meterd.protocols.dlms.reader import Reader
from tests.pair import Outcome, converse
from tests.unit.dlms_pair import device, memory, signal

from .dlms_meter import TIME, Meter, data, register
from .serve import in_virtual_time

OBJECTS = {
    **register("1.0.1.8.0.255", b"\x06\x00\x0a\xfc\x80", 2, 30),
    **register("1.0.72.7.0.255", b"\x17\x43\x65\x40\x00", 0, 35),
    **register("1.0.2.8.0.255", b"\x14\xff\xff\xff\xff\xff\xff\xff\x85", -3, 30),
    **register("1.0.13.7.0.255", b"\x0f\x9c", -2, 255),
    **data("0.0.96.1.5.255", b"\x0a\x05AB-17"),
    **data("0.0.96.5.0.255", b"\x02\x02\x11\x07\x03\x01"),
    **data("0.0.96.6.0.255", b"\x00"),
    **data("0.0.1.0.0.255", b"\x09\x0c" + TIME, 8),
}
JOBS = {
    "1.0.1.8.0.255": 3, "1.0.72.7.0.255": 3, "1.0.2.8.0.255": 3, "1.0.13.7.0.255": 3, "0.0.96.1.5.255": 1,
    "0.0.96.5.0.255": 1, "0.0.96.6.0.255": 1, "0.0.96.50.3.255": 1, "0.0.1.0.0.255": 8,
}  # fmt: skip
Change = Callable[[bytes], bytes]
WAYS = ["DLMS-HDLC", "DLMS-WRAPPER"]


class Changing(Meter):
    """Says something else than it should to the next list."""

    change: Change | None = None

    def dressed(self, answer: bytes) -> bytes:
        dressed = super().dressed(answer)
        if answer[:2] != b"\xc4\x03" or self.change is None:
            return dressed
        change, self.change = self.change, None
        return change(dressed)


class Site:
    """One meter whose association stays open, and what is known of it; read in bursts, or every request by itself."""

    def __init__(self, way: str, bursts: bool) -> None:
        self.meter = Changing(objects=OBJECTS, wrapped=way == "DLMS-WRAPPER")
        self.bursts = bursts
        self.kept = memory()
        given = {"ip": "127.0.0.1", "port": 4059} if way == "DLMS-WRAPPER" else {}
        of = device(mode=way, keep_open=True, timeout_ms=300, retry_counter=2, **given)
        self.plan = driver.plan(of, [signal(job, alias=job, class_id=kind) for job, kind in JOBS.items()])

    def scan(self, change: Change | None = None) -> Outcome:
        self.meter.change = change
        with pytest.MonkeyPatch.context() as patch:
            if not self.bursts:
                patch.setattr(Reader, "burst", lambda *_: None)
            return converse(driver.conversation(self.plan, self.kept), in_virtual_time(self.meter))


def seen(outcome: Outcome) -> dict[str, Any]:
    told = [(r.signal.alias, str(r.value), r.unit, r.quality, r.reason, r.words) for r in outcome.readings]
    return {"readings": told, "wire": outcome.wire, "error": repr(outcome.error), "told": outcome.told,
            "clock": [time.texts for time in outcome.times]}  # fmt: skip


def flipped(answer: bytes, at: int, mask: int) -> bytes:
    return answer[:at] + bytes(octet ^ mask for octet in answer[at : at + 1]) + answer[at + 1 :]


def changes() -> Iterator[Change]:
    """Of an answer of so many octets, which `test_the_answer_is_as_long_as_the_changes_take_it_to_be` holds."""
    for at in range(SIZE):
        yield partial(lambda at, answer: answer[:at], at)
        for mask in (0x01, 0x14, 0x80, 0xFF):
            yield partial(lambda at, mask, answer: flipped(answer, at, mask), at, mask)
    more = b"\x00\x12\x00\x01"
    yield lambda answer: answer + more
    yield lambda answer: answer[:3] + bytes((answer[3] + 1,)) + answer[4:] + more  # one too many
    yield lambda answer: answer[:3] + bytes((answer[3] - 1,)) + answer[4:-15]  # one too few
    yield lambda answer: answer[:3] + b"\x81" + answer[3:]  # the count in two octets
    yield lambda answer: answer[:3] + b"\x84\x00\x00\x00" + answer[3:]
    yield lambda answer: answer[:3] + b"\x84\xff\xff\xff\xff" + answer[4:]
    yield lambda answer: answer + bytes(5)
    yield lambda answer: answer + bytes(5) + b"\x01"
    yield lambda answer: b"\xc4\x01" + answer[2:3] + b"\x00\x06\x00\x00\x00\x01"  # one value, or one refusal
    yield lambda answer: b"\xc4\x01" + answer[2:3] + b"\x01\x02"
    block = b"\x01\x00\x00\x00\x01"  # the last, number 1
    yield lambda answer: b"\xc4\x02" + answer[2:3] + block + b"\x00" + bytes((len(answer) - 3,)) + answer[3:]
    yield lambda answer: b"\xc4\x02" + answer[2:3] + block + b"\x01\x0d"
    yield lambda answer: b"\xd8\x01\x02"
    yield lambda answer: b"\x0e\x01\x01\x02"
    yield lambda answer: b"\x0f\x00\x00\x00\x01\x00" + answer[4:]  # a push in its place
    yield lambda answer: b"\xcc\x10" + bytes(16)  # sealed, which nobody asked for


SIZE = 63


def test_the_answer_is_as_long_as_the_changes_take_it_to_be() -> None:
    said: list[bytes] = []

    def kept(answer: bytes) -> bytes:
        said.append(answer)
        return answer

    site = Site(WAYS[0], bursts=True)
    for _ in range(2):
        assert site.scan(kept).error is None
    assert len(said[-1]) == SIZE


@pytest.mark.parametrize("way", WAYS)
def test_whatever_comes_for_a_list_is_read_as_by_the_long_way(way: str) -> None:
    short, long = Site(way, bursts=True), Site(way, bursts=False)
    for site in (short, long, short, long):
        assert site.scan().error is None
    good = seen(short.scan())
    assert good == seen(long.scan())
    assert [row[1] for row in good["readings"]][:5] == ["72000000", "229.25", "-0.123", "-1.00", "AB-17"]
    for number, change in enumerate(changes()):
        for then in (change, None):
            assert seen(short.scan(then)) == seen(long.scan(then)), number
        for site in (short, long):
            recall(site.kept).lists = True  # what two damaged ones in a row have taught


@pytest.mark.parametrize("way", WAYS)
def test_an_answer_that_comes_twice_or_late_is_no_answer_to_the_next_list(way: str) -> None:
    """The meter's numbers grow, so an old answer shows."""

    class Counting(Changing):
        count = 0

        def _value(self, descriptor: bytes) -> bytes:
            value = super()._value(descriptor)
            self.count += 1
            return value[:2] + self.count.to_bytes(4, "big") if value[:2] == b"\x00\x06" else value

    short, long = Site(way, bursts=True), Site(way, bursts=False)
    for site in (short, long):
        site.meter = Counting(objects=OBJECTS, wrapped=way == "DLMS-WRAPPER", duplicate=3)
        outcomes = [seen(site.scan()) for _ in range(20)]
        numbers = [int(row[1]) for outcome in outcomes for row in outcome["readings"] if row[0] == "1.0.1.8.0.255"]
        assert numbers == sorted(set(numbers)) and len(numbers) == 20
