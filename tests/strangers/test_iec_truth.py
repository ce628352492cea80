"""IEC 62056-21: no false number. Whose value, which line, which row; checks that are looked at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from meterd._crc import crc16
from meterd.errors import Garbled, PortGone, WrongMeter
from meterd.model import Memory
from meterd.protocols.iec62056_21 import identity
from tests.strangers.iec_meter import (
    ACKNOWLEDGEMENT,
    COMMAND,
    P0,
    REQUEST,
    framed,
    hear,
    lister,
    programmable,
    read,
    say,
    signal,
    told,
)

IDENT = b"/QRS5MODEL-7\r\n"
ENERGY = signal("1.8.0")


# ---------------------------------------------------------------- whose value it is


@pytest.mark.parametrize(
    ("called", "told_numbers", "wrong"),
    [
        ("4711", ["00004711"], False),
        ("4711", ["00004712"], True),
        ("98", ["102"], True),
        (" 5 5", ["0055"], False),
        ("20071234", ["1QRS0020071234"], False),
        ("20071234", ["1QRS0020079999"], False),  # a maker's number and an address are two things
        ("3", ["20071234"], False),
        ("AB12", ["ab12"], False),
        ("AB12", ["AB13"], True),
        ("4711", ["00004712", "4711"], False),
        ("4711", [], False),
        ("0", ["4712"], False),
    ],
)
def test_only_a_positive_mismatch_counts(called: str, told_numbers: list[str], wrong: bool) -> None:
    if wrong:
        with pytest.raises(WrongMeter, match=r"identity_check 0"):
            identity.check(called, told_numbers)
    else:
        identity.check(called, told_numbers)


@pytest.mark.parametrize("place", ["0.0.0", "C.1.0", "1-0:0.0.0*255", "0.0.9", "0-0:96.1.0*255", "C.90.1"])
def test_a_list_of_another_meter_is_not_published(place: str) -> None:
    block = framed(f"{place}(00081523)\r\n1.8.0(17.5*kWh)\r\n!\r\n".encode())
    outcome = read(lister(IDENT, block), [ENERGY], serialnumber="81524")
    assert isinstance(outcome.error, WrongMeter) and outcome.readings == []
    assert "00081523" in str(outcome.error) and "81524" in str(outcome.error)
    assert told(read(lister(IDENT, block), [ENERGY], serialnumber="081523")) == {"1.8.0": ("17.5", "kWh", None)}
    off = read(lister(IDENT, block), [ENERGY], serialnumber="81524", identity_check=False)
    assert told(off) == {"1.8.0": ("17.5", "kWh", None)}


def test_an_identification_that_is_the_number() -> None:
    block = framed(b"1.8.0(17.5*kWh)\r\n!\r\n")
    assert isinstance(read(lister(b"/QRS581523001\r\n", block), [ENERGY], serialnumber="81523002").error, WrongMeter)
    assert read(lister(b"/QRS581523001\r\n", block), [ENERGY], serialnumber="81523001").error is None


def test_the_late_answer_of_another_meter_is_met_once_and_the_right_one_is_read() -> None:
    def two() -> Iterator[Any]:
        try:
            for number in (b"77", b"88"):
                yield from hear(REQUEST)
                yield from say(IDENT)
                yield from hear(ACKNOWLEDGEMENT)
                yield from say(framed(b"0.0.0(" + number + b")\r\n1.8.0(" + number + b"*kWh)\r\n!\r\n"))
        except PortGone:
            return

    assert told(read(two(), [ENERGY], serialnumber="88")) == {"1.8.0": ("88", "kWh", None)}


def registers(number: bytes) -> Any:
    def answer(command: bytes, data: bytes) -> bytes | None:
        return {
            b"0.0.0()": framed(b"0.0.0(" + number + b")") if number else None,
            b"1.8.0()": framed(b"1.8.0(12*kWh)"),
        }.get(data, framed(b"(ER07)"))

    return answer


def test_registers_of_another_meter_are_not_published() -> None:
    wanted = [signal("R5:1.8.0")]
    outcome = read(programmable(IDENT, registers(b"00000501")), wanted, serialnumber="502")
    assert isinstance(outcome.error, WrongMeter) and outcome.readings == []
    assert told(read(programmable(IDENT, registers(b"00000502")), wanted, serialnumber="502")) == {
        "R5:1.8.0": ("12", "kWh", None)
    }


def test_a_meter_that_meets_the_question_for_its_number_with_silence_is_asked_once() -> None:
    memory, wanted = Memory(), [signal("R5:1.8.0")]
    first = read(programmable(IDENT, registers(b"")), wanted, memory, serialnumber="502")
    assert told(first) == {"R5:1.8.0": ("12", "kWh", None)}
    second = read(programmable(IDENT, registers(b"")), wanted, memory, serialnumber="502")
    assert told(second) == {"R5:1.8.0": ("12", "kWh", None)} and second.seconds < 5
    assert not any(b"0.0.0" in data for data in second.sent())


def test_what_was_learnt_goes_with_the_identification() -> None:
    memory = Memory()
    checked, bare = framed(b"1.8.0(1*kWh)\r\n!\r\n"), b"1.8.0(2*kWh)\r\n!\r\n"
    assert told(read(lister(IDENT, checked), [ENERGY], memory)) == {"1.8.0": ("1", "kWh", None)}
    assert isinstance(read(lister(IDENT, bare), [ENERGY], memory).error, Garbled)
    assert told(read(lister(b"/TUV5OTHER\r\n", bare), [ENERGY], memory)) == {"1.8.0": ("2", "kWh", None)}


def test_what_was_learnt_is_forgotten_where_nothing_works_any_more() -> None:
    memory, bare = Memory(), b"1.8.0(2*kWh)\r\n!\r\n"
    read(lister(IDENT, framed(b"1.8.0(1*kWh)\r\n!\r\n")), [ENERGY], memory)
    outcomes = [read(lister(IDENT, bare), [ENERGY], memory, retry_counter=0) for _ in range(4)]
    assert [outcome.error is None for outcome in outcomes] == [False, False, False, True]


# ---------------------------------------------------------------- beginnings and ends


def push(lead: bytes, ident: bytes, text: bytes, period_s: float) -> Iterator[Any]:
    """A meter that sends its list to nobody, over and over; the first one is joined in its middle."""
    try:
        yield from say(lead, wait=0.05)
        while True:
            yield from say(ident + b"\r\n" + text, wait=period_s)
    except PortGone:
        return


PUSHED = b"1-0:1.8.0*255(00031.25*kWh)\r\n1-0:21.7.0*255(77*W)\r\n1-0:1.7.0*255(305*W)\r\n!\r\n"


@pytest.mark.parametrize("kind", ["C", "A"])
@pytest.mark.parametrize("period_s", [0.8, 1.9])
@pytest.mark.parametrize("cut", range(0, len(PUSHED), 3))
def test_a_pushing_meter_is_read_from_its_identification_on(kind: str, period_s: float, cut: int) -> None:
    wanted = [signal("1-0:1.8.0*255"), signal("1-0:1.7.0*255"), signal("1.7.0")]
    outcome = read(push(PUSHED[cut:], b"/LMN5PUSH\r\n", PUSHED, period_s), wanted, type=kind)
    assert outcome.error is None
    assert told(outcome) == {
        "1-0:1.8.0*255": ("31.25", "kWh", None), "1-0:1.7.0*255": ("305", "W", None),
        "1.7.0": (None, None, "not_found"),
    }  # fmt: skip


P1_IDENT = b"/WXY5\\2P1-TEST"
P1_LINES = b"0-0:1.0.0(261128120000W)\r\n1-0:1.8.1(004711.815*kWh)\r\n1-0:1.7.0(00.447*kW)\r\n!"


def arc(data: bytes) -> int:
    """CRC-16/ARC bit by bit, apart from the table."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0xA001 if crc & 1 else 0)
    return crc


def telegram(lines: bytes = P1_LINES, blank: bytes = b"\r\n") -> bytes:
    return blank + lines + b"%04X\r\n" % arc(P1_IDENT + b"\r\n" + blank + lines)


def p1(text: bytes) -> Iterator[Any]:
    try:
        while True:
            yield from say(P1_IDENT + b"\r\n" + text, wait=1.0)
    except PortGone:
        return


def test_crc16_is_that_of_the_catalogue() -> None:
    assert crc16(b"123456789") == arc(b"123456789") == 0xBB3D


@pytest.mark.parametrize("blank", [b"\r\n", b""])
def test_a_p1_telegram_whose_crc16_is_right(blank: bytes) -> None:
    outcome = read(p1(telegram(blank=blank)), [signal("1-0:1.8.1")], type="A", baudrate=115200)
    assert told(outcome) == {"1-0:1.8.1": ("4711.815", "kWh", None)}


def test_no_flipped_bit_of_a_p1_telegram_is_published() -> None:
    whole = telegram()
    for place in range(2, len(whole) - 2):
        for bit in (1, 4, 16):
            damaged = whole[:place] + bytes((whole[place] ^ bit,)) + whole[place + 1 :]
            outcome = read(p1(damaged), [signal("1-0:1.8.1")], type="A", retry_counter=0)
            assert all(reading.value is None or str(reading.value) == "4711.815" for reading in outcome.readings), (
                damaged
            )


def test_a_meter_that_had_a_crc16_must_keep_it() -> None:
    memory = Memory()
    assert read(p1(telegram()), [signal("1-0:1.8.1")], memory, type="A").error is None
    bare = read(p1(b"\r\n" + P1_LINES + b"\r\n"), [signal("1-0:1.8.1")], memory, type="A")
    assert isinstance(bare.error, Garbled) and "CRC16" in str(bare.error)


# ---------------------------------------------------------------- which group


def test_an_index_does_not_reach_into_the_second_header_of_a_profile() -> None:
    one = b"P.01(1260301114500)(00)(30)(1)(1.5.0)(kW)\r\n(3.25)\r\n"
    two = one + b"P.01(1260301121500)(10)(30)(1)(1.5.0)(kW)\r\n(4.5)\r\n(5.75)\r\n"

    def answer(text: bytes) -> Any:
        return lambda command, data: framed(text)

    job = "R5:P.01(1260301114500;1260301130000)"
    wanted = [signal("P.01[6]", job=job), signal("P.01[9]", job=job)]
    assert told(read(programmable(IDENT, answer(two)), wanted)) == {
        "P.01[6]": ("3.25", None, None), "P.01[9]": (None, None, "not_found"),
    }  # fmt: skip


def test_a_question_that_is_only_acknowledged_is_refused() -> None:
    wanted = [signal("R1:7.7.7"), signal("R1:1.8.0")]
    outcome = read(
        programmable(IDENT, lambda command, data: b"\x06" if b"7.7.7" in data else framed(b"1.8.0(3*kWh)")), wanted
    )
    assert told(outcome) == {"R1:7.7.7": (None, None, "refused"), "R1:1.8.0": ("3", "kWh", None)}


def test_silence_behind_an_identification_is_no_lack_of_bytes() -> None:
    def mute() -> Iterator[Any]:
        try:
            while True:
                yield from hear(REQUEST)
                yield from say(IDENT)
        except PortGone:
            return

    outcome = read(mute(), [ENERGY], retry_counter=0)
    assert outcome.error is not None and outcome.error.reason == "timeout"
    assert "/QRS5MODEL-7" in str(outcome.error)


def test_a_register_answered_by_its_full_code_costs_no_time_out() -> None:
    def answer(command: bytes, data: bytes) -> bytes:
        code = data.partition(b"(")[0]
        return framed((b"1-0:" + code + b"*255" if code != b"OLD" else b"new.code") + b"(8*kWh)")

    memory, wanted = Memory(), [signal("R5:1.8.0"), signal("R5:2.8.0"), signal("new.code", job="R5:OLD")]
    outcome = read(programmable(IDENT, answer), wanted, memory)
    assert {value for value, _, _ in told(outcome).values()} == {"8"} and outcome.seconds < 5
    memory, lost = Memory(), [signal("R5:OLD")]
    assert read(programmable(IDENT, answer), lost, memory).seconds > 2.5
    assert read(programmable(IDENT, answer), lost, memory).seconds < 2.5, "how it is spelled is remembered"


def test_a_password_may_go_with_p2() -> None:
    heard: list[bytes] = []

    def meter() -> Iterator[Any]:
        try:
            yield from hear(REQUEST)
            yield from say(IDENT)
            yield from hear(ACKNOWLEDGEMENT)
            yield from say(P0)
            for reply in (b"\x06", framed(b"1.8.0(4*kWh)")):
                asked = yield from hear(COMMAND)
                heard.append(asked[1] + b" " + (asked[2] or b""))
                yield from say(reply)
            yield from hear(COMMAND)
        except PortGone:
            return

    assert read(meter(), [signal("R5:1.8.0")], password="Open7", password_command="P2").error is None
    assert heard == [b"P2 (Open7)", b"R5 1.8.0()"]
