"""IEC 62056-21: no meter is given up. Speeds, parity, checks, requests, values that stand in odd places."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from meterd.conversation import LineSettings, Pause
from meterd.errors import Garbled, PortGone
from meterd.model import Memory
from meterd.parameters import Parameter
from meterd.protocols.iec62056_21 import discovery, driver, parameters
from tests.pair import Outcome, converse
from tests.strangers.iec_meter import (
    ACKNOWLEDGEMENT,
    REQUEST,
    device,
    exclusive_or,
    framed,
    hear,
    lister,
    read,
    say,
    signal,
    told,
    total,
)

IDENT = b"/QRS5MODEL-7\r\n"
TEXT = b"1.8.0(00412.75*kWh)\r\n!\r\n"
ENERGY = signal("1.8.0")
RIGHT = {"1.8.0": ("412.75", "kWh", None)}


def parameter(name: str) -> Parameter:
    return next(row for row in parameters.DEVICE if row.name == name)


# ---------------------------------------------------------------- speeds


class Speeds:
    """Notes the reader's speed as it goes by, so that a meter may know what it would hear."""

    def __init__(self) -> None:
        self.now = 0
        self.seen: list[int] = []
        self.acknowledged: list[bytes] = []

    def watch(self, conversation: Any) -> Iterator[Any]:
        answer: Any = None
        error: Exception | None = None
        while True:
            try:
                step = conversation.throw(error) if error else conversation.send(answer)
            except StopIteration:
                return
            error = None
            if isinstance(step, LineSettings):
                self.now = step.baudrate
                self.seen.append(step.baudrate)
            try:
                answer = yield step
            except Exception as caught:
                error = caught

    def meter(self, ident: bytes, works_at: int, otherwise: bytes | None, opens_at: int) -> Iterator[Any]:
        """Sends its block where the reader is at `works_at`; else garbage, or nothing."""
        try:
            while True:
                yield from hear(REQUEST)
                if self.now != opens_at:
                    continue
                yield from say(ident)
                chosen = yield from hear(ACKNOWLEDGEMENT, 2000)
                if not chosen:
                    continue
                self.acknowledged.append(chosen[2])
                for _ in range(3):
                    yield Pause(0.3)
                    block = framed(TEXT) if self.now == works_at else otherwise
                    if block:
                        yield from say(block)
                    if not (yield from hear(rb"\x15", 1200)):
                        break
        except PortGone:
            return

    def read(self, meter: Iterator[Any], memory: Memory | None = None, **given: Any) -> Outcome:
        plan = driver.plan(device(**given), [ENERGY])
        return converse(self.watch(driver.conversation(plan, memory or Memory())), meter, limit_s=300.0)


GARBAGE = bytes(range(0x40, 0x7F)) * 3


@pytest.mark.parametrize(("opens_at", "digit"), [(9600, b"3"), (4800, b"2"), (19200, b"5")])
def test_a_port_fixed_above_the_announced_speed(opens_at: int, digit: bytes) -> None:
    speeds, memory = Speeds(), Memory()
    meter = speeds.meter(b"/FIX" + digit + b"PORT\r\n", opens_at, GARBAGE, opens_at)
    assert told(speeds.read(meter, memory, baudrate=opens_at)) == RIGHT
    assert set(speeds.seen) == {opens_at} and speeds.acknowledged == [digit]


@pytest.mark.parametrize("otherwise", [GARBAGE, None], ids=["garbage", "silence"])
@pytest.mark.parametrize("works_at", [4800, 300])
def test_a_head_that_cannot_do_the_proposed_speed(otherwise: bytes | None, works_at: int) -> None:
    speeds, memory = Speeds(), Memory()
    first = speeds.read(speeds.meter(IDENT, works_at, otherwise, 300), memory, retry_counter=4)
    assert told(first) == RIGHT
    again = Speeds()
    assert told(again.read(again.meter(IDENT, works_at, otherwise, 300), memory)) == RIGHT
    assert len(again.acknowledged) == 1, "what worked is kept"


def test_a_kept_speed_and_a_forced_one() -> None:
    kept = Speeds()
    assert told(kept.read(kept.meter(IDENT, 300, GARBAGE, 300), read_baudrate=300, retry_counter=0)) == RIGHT
    assert set(kept.seen) == {300} and kept.acknowledged == [b"0"]
    forced = Speeds()
    meter = forced.meter(b"/FRC2X\r\n", 9600, GARBAGE, 300)
    assert told(forced.read(meter, read_baudrate=9600, retry_counter=0)) == RIGHT
    assert forced.seen == [300, 9600] and forced.acknowledged == [b"2"]


@pytest.mark.parametrize(("most", "digit", "speed"), [(2400, b"3", 2400), (19200, b"5", 9600), (1000, b"1", 600)])
def test_an_upper_limit(most: int, digit: bytes, speed: int) -> None:
    speeds = Speeds()
    assert told(speeds.read(speeds.meter(IDENT, speed, GARBAGE, 300), max_baudrate=most, retry_counter=0)) == RIGHT
    assert speeds.acknowledged == [digit]


def test_over_tcp_the_limit_is_acknowledged_though_nothing_is_switched() -> None:
    outcome = read(lister(IDENT, framed(TEXT)), [ENERGY], ip="192.0.2.7", port=7000, max_baudrate=300)
    assert told(outcome) == RIGHT and b"\x06000\r\n" in outcome.sent() and outcome.settings == []


# ---------------------------------------------------------------- 7E1 within 8N1


def with_parity(data: bytes) -> bytes:
    return bytes(byte | (0x80 if bin(byte & 0x7F).count("1") % 2 else 0) for byte in data)


def converter(strict: bool) -> Any:
    """What passes a converter in 8N1 before a meter in 7E1; a strict meter hears nothing that lacks its parity."""

    def fault(side: str, number: int, data: bytes) -> list[tuple[float, bytes]]:
        if side == "meter":
            return [(0.0, with_parity(data))]
        if strict and data != with_parity(data):
            return []
        return [(0.0, bytes(byte & 0x7F for byte in data))]

    return fault


class WithinEight:
    """What a TCP port does with `within_eight`: parity on the way out, stripped and checked on the way in."""

    def __init__(self) -> None:
        self.parity = False

    def watch(self, conversation: Any) -> Iterator[Any]:
        from meterd._crc import add_parity, strip_parity
        from meterd.conversation import Receive, Send

        port = self

        class Stripped:
            def __init__(self, inner: Any) -> None:
                self.inner = inner

            def feed(self, data: bytes) -> Any:
                return self.inner.feed(strip_parity(data, False) if port.parity else data)

            def __getattr__(self, name: str) -> Any:
                return getattr(self.inner, name)

        answer: Any = None
        error: Exception | None = None
        while True:
            try:
                step = conversation.throw(error) if error else conversation.send(answer)
            except StopIteration:
                return
            error = None
            if isinstance(step, LineSettings):
                self.parity = step.within_eight and step.data_bits == 7
            if isinstance(step, Send) and self.parity:
                step = Send(add_parity(step.data, False), step.keep_input)
            if isinstance(step, Receive):
                step = Receive(Stripped(step.decoder), step.timeout_ms, step.gap_ms)
            try:
                answer = yield step
            except Exception as caught:
                error = caught


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("given", [{"databits": 7, "parity": "even"}, {"databits": 8, "tcp_parity": "even"}])
def test_seven_bits_through_a_converter_in_eight(strict: bool, given: dict[str, Any]) -> None:
    memory = Memory()
    for attempts in (None, 1):
        plan = driver.plan(device(ip="192.0.2.7", port=7000, **given), [ENERGY])
        conversation = WithinEight().watch(driver.conversation(plan, memory))
        outcome = converse(conversation, lister(IDENT, framed(TEXT)), fault=converter(strict), limit_s=200.0)
        assert outcome.error is None and told(outcome) == RIGHT
        if attempts == 1 or "tcp_parity" in given:
            assert len([data for data in outcome.sent() if len(data) == 5]) == 1, "the way that works is kept"


# ---------------------------------------------------------------- checks


def test_a_meter_that_shows_sums_is_believed_and_remembered() -> None:
    memory = Memory()
    first = read(lister(IDENT, framed(TEXT, total)), [ENERGY], memory)
    assert told(first) == RIGHT and first.sent().count(b"\x15") == 1
    assert read(lister(IDENT, framed(TEXT, total)), [ENERGY], memory).sent().count(b"\x15") == 0


def test_sums_by_parameter_and_not_against_it() -> None:
    assert read(lister(IDENT, framed(TEXT, total)), [ENERGY], block_check="sum").sent().count(b"\x15") == 0
    assert isinstance(read(lister(IDENT, framed(TEXT, total)), [ENERGY], block_check="xor").error, Garbled)
    assert isinstance(read(lister(IDENT, framed(TEXT)), [ENERGY], block_check="sum").error, Garbled)


LATIN = TEXT.replace(b"!", b"C.2(gr\xfcn)\r\n!")
SUMS = [
    (TEXT, 0xFF, 8, True), (TEXT, 0x7F, 8, True), (TEXT, 0x7F, 7, True), (LATIN, 0xFF, 8, True),
    (LATIN, 0x7F, 8, False),
]  # fmt: skip


@pytest.mark.parametrize("filler", [b"", b"96.5(1)\r\n", b"96.6(7~7~)\r\n"])
@pytest.mark.parametrize(("text", "width", "bits", "fits"), SUMS)
def test_sums_of_seven_bits_come_through_a_converter_in_eight(
    filler: bytes, text: bytes, width: int, bits: int, fits: bool
) -> None:
    whole = filler + text
    check = sum(whole + b"\x03") & width
    fits = fits or check == sum(whole + b"\x03") & 0xFF
    block = b"\x02" + whole + b"\x03" + bytes((check,))
    outcome = read(lister(IDENT, block), [ENERGY], databits=bits, parity="none" if bits == 8 else "even")
    assert told(outcome) == (RIGHT if fits else {})
    spoilt = block[:9] + bytes((block[9] ^ 0x80,)) + block[10:]
    values = told(read(lister(IDENT, spoilt), [ENERGY], databits=bits)).values()
    assert all(value is None for value, _, _ in values), "an eighth bit makes no other number"


def test_a_sum_does_not_help_a_damaged_block() -> None:
    for place in range(1, len(TEXT)):
        memory, whole = Memory(), framed(TEXT, total)
        assert told(read(lister(IDENT, whole), [ENERGY], memory)) == RIGHT
        damaged = whole[:place] + bytes((whole[place] ^ 2,)) + whole[place + 1 :]
        outcome = read(lister(IDENT, damaged), [ENERGY], memory, retry_counter=0)
        assert isinstance(outcome.error, Garbled) and outcome.readings == []


def test_a_block_of_300_kb_is_read_and_a_longer_one_is_told_with_its_bound() -> None:
    line = b"P.200(0123456789)(ABCDEF)\r\n"
    text = line * 11000 + TEXT
    block = b"\x02" + text + b"\x03" + exclusive_or(text + b"\x03")
    assert told(read(lister(IDENT, block), [ENERGY], byte_s=1e-6)) == RIGHT
    endless = read(lister(IDENT, b"\x02" + line * 25000), [ENERGY], retry_counter=0, byte_s=1e-6)
    assert isinstance(endless.error, Garbled) and "524288" in str(endless.error)


# ---------------------------------------------------------------- requests


@pytest.mark.parametrize(
    ("given", "request_line"),
    [
        ({"request": "/2!"}, rb"/2!\r\n"),
        ({"request": "/#1"}, rb"/#1\r\n"),
        ({"serialnumber": "77.0100"}, rb"/\?77\.0100!\r\n"),
        ({"serialnumber": " 42 "}, rb"/\? 42 !\r\n"),
        ({"serialnumber": "000"}, rb"/\?!\r\n"),
    ],
)
def test_requests_as_meters_want_them(given: dict[str, Any], request_line: bytes) -> None:
    given = {name: parameter(name).read(value) for name, value in given.items()}
    assert told(read(lister(IDENT, framed(TEXT), request=request_line), [ENERGY], **given)) == RIGHT


BAD = [
    ("serialnumber", "4/2"), ("serialnumber", "4!"), ("serialnumber", "\u00e4"), ("request", "?1"),
    ("read_baudrate", 1234),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), BAD)
def test_what_would_break_the_message_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        parameter(name).read(value)


def test_a_job_and_a_tag_that_differ_are_refused_in_words() -> None:
    plan = driver.plan(device(), [signal("2.8.0", job="1.8.0"), signal("1.6.1[1]", job="1.6.1"), ENERGY])
    [(bad, message)] = plan.refused
    assert bad.alias == "2.8.0" and '"1.8.0"' in message and '"2.8.0"' in message
    assert len(plan.signals) == 2


def test_nuls_over_tcp_are_waited_for_at_the_converters_speed() -> None:
    outcome = read(
        lister(IDENT, framed(TEXT)), [ENERGY], ip="192.0.2.7", port=7000, wakeup_nuls=60, wakeup_pause_ms=100
    )
    (first, _, nuls), (second, _, request) = outcome.wire[0], outcome.wire[1]
    assert (nuls, request) == (bytes(60), b"/?!\r\n")
    assert second - first >= 60 * 10 / 300 + 0.1


# ---------------------------------------------------------------- values in odd places


LIST = (
    "7.4(071.5*C&042.25*C)\r\n7.6(000&0815&17*d)\r\n7.7(12.5 * GJ )\r\n6.8(3.75*m\u00b3)\r\nC.2(caf\u00e9)\r\n"
    "1.8.1*12(5*kWh)\r\n1.8.1&12(6*kWh)\r\n!\r\n"
)


def test_parts_of_a_group_each_with_its_unit() -> None:
    wanted = [signal(tag) for tag in ("7.4", "7.4[0&0]", "7.4[&1]", "7.6[0&1]", "7.6[0&2]", "7.6[0&3]", "7.6")]
    assert told(read(lister(IDENT, framed(LIST.encode("latin-1"))), wanted, databits=8)) == {
        "7.4": ("71.5", "C", None), "7.4[0&0]": ("71.5", "C", None), "7.4[&1]": ("42.25", "C", None),
        "7.6[0&1]": ("815", None, None), "7.6[0&2]": ("17", "d", None), "7.6[0&3]": (None, None, "not_found"),
        "7.6": (None, "d", "type"),
    }  # fmt: skip


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8"])
def test_units_and_texts_are_written_as_they_are_meant(encoding: str) -> None:
    wanted = [signal("7.7"), signal("6.8"), signal("C.2", "STRING")]
    outcome = read(lister(IDENT, framed(LIST.encode(encoding))), wanted, databits=8, parity="none")
    assert told(outcome) == {
        "7.7": ("12.5", "GJ", None), "6.8": ("3.75", "m\u00b3", None), "C.2": ("caf\u00e9", None, None),
    }  # fmt: skip


def test_a_scan_names_every_value_once() -> None:
    conversation = discovery.discover(device(databits=8), Memory(), {}, lambda words: None)
    rows = converse(conversation, lister(IDENT, framed(LIST.encode("latin-1")))).value["signals"]
    aliases = [row["signal_alias"] for row in rows]
    assert len(set(aliases)) == len(rows) == 10
    assert {"1_8_1_12", "1_8_1_12_2"} <= set(aliases)
    again = [signal(row["tag_job_todo"], row["number_type"]) for row in rows]
    readings = read(lister(IDENT, framed(LIST.encode("latin-1"))), again, databits=8).readings
    assert all(reading.reason is None for reading in readings) and len(readings) == 10
