"""Habits of M-Bus meters and converters, each played by a slave written apart from our codecs (`tests.strangers`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from meterd._number import Number
from meterd.conversation import LineSettings, Pause, Receive, Send
from meterd.errors import MeterdError, PortGone, Silence, WrongMeter
from meterd.model import Memory
from meterd.protocols.mbus import driver
from meterd.protocols.mbus.link import Link
from tests.pair import Outcome, converse
from tests.strangers.mbus_bus import PLAIN, VOLUME, Bus, Chunks, Slave, header, long, secondary
from tests.unit.test_mbus_driver import device, signal

MORE = bytes([0x1F])
POWER = bytes.fromhex("02 2B 39 05")  # 1337 W
FLOW = bytes.fromhex("0B 3B 27 01 00")  # 0.127 m³/h
VOLUME_M3, POWER_W, FLOW_M3H = Number(2850427, -3), Number(1337, 0), Number(127, -3)


class Raw:
    """A decoder that makes a frame of whatever comes."""

    pending, missing, discarded, reason = 0, 1, 0, ""

    def feed(self, data: bytes) -> bytes | None:
        return data or None

    def reset(self) -> None:
        pass


def served(hear: Callable[[bytes], Chunks]) -> Any:
    while True:
        try:
            octets = yield Receive(Raw(), None, 500)
        except PortGone:
            return
        for delay, data in hear(octets):
            if delay:
                yield Pause(delay)
            yield Send(data, keep_input=True)


def read(
    hear: Callable[[bytes], Chunks], *wanted: Any, memory: Memory | None = None, address: str = "5", **parameters: Any
) -> Outcome:
    plan = driver.plan(device(address, **parameters), list(wanted))
    return converse(driver.conversation(plan, memory or Memory()), served(hear))


def said(outcome: Outcome) -> dict[str, tuple[Any, str, str | None]]:
    return {one.signal.alias: (one.value, one.quality, one.reason) for one in outcome.readings}


V, P, F = signal("v", "volume"), signal("p", "power"), signal("f", "volume flow")


# ---- what came whole is kept


@pytest.mark.parametrize("rest", ["silent", "cut", "noise", "unknown", "first again"])
def test_a_chain_that_breaks_keeps_what_came(rest: str) -> None:
    bus = Bus(Slave(telegrams=[VOLUME + MORE, POWER + MORE, FLOW]))
    count = 0

    def hear(octets: bytes) -> Chunks:
        nonlocal count
        chunks = bus.hear(octets)
        if octets[1] & 0x4F != 0x4B:
            return chunks
        count += 1
        if count < 3:
            return chunks
        ((_, answer),) = chunks
        return {
            "silent": [],
            "cut": [(0.0, answer[:-4])],
            "noise": [(0.0, b"\x00\xff\x55")],
            "unknown": [(0.0, long(8, 5, 0x8E, b"\x01"))],
            "first again": [(0.0, long(8, 5, 0x70, b"\x08"))],
        }[rest]

    outcome = read(hear, V, P, F, memory=(memory := Memory()), retry_counter=1)
    assert outcome.error is None
    got = said(outcome)
    assert got["v"] == (VOLUME_M3, "good", None) and got["p"] == (1337, "good", None)
    assert got["f"][0] is None and got["f"][1] == "invalid"
    count = 0
    bus.slaves[0].at = 2  # what the slave says first is not what the chain begins with, unless it is normalised
    bus.slaves[0].last_fcb = None
    again = said(read(lambda octets: bus.hear(octets), V, P, F, memory=memory))
    assert [again[name][0] for name in "vpf"] == [VOLUME_M3, 1337, FLOW_M3H]


def test_a_port_that_goes_within_a_chain_keeps_what_came_and_says_so() -> None:
    plan = driver.plan(device("5"), [V, F])
    talk = driver.conversation(plan, Memory())
    slave = Slave(telegrams=[VOLUME + MORE, FLOW])
    bus, reported = Bus(slave), []
    step = next(talk)
    with pytest.raises(PortGone):
        while True:
            if isinstance(step, Send):
                answer = b"".join(data for _, data in bus.hear(step.data))
                step = talk.send(None)
            elif isinstance(step, Receive) and slave.at == 1:
                step = talk.throw(PortGone("pulled"))
            elif isinstance(step, Receive):
                step = talk.send(step.decoder.feed(answer))
            elif isinstance(step, LineSettings):
                step = talk.send(None)
            else:
                reported.append(step.reading)
                step = talk.send(None)
    assert [(one.value, one.reason) for one in reported] == [(VOLUME_M3, None), (None, "disconnected")]


def test_damage_behind_whole_records_fails_only_what_is_behind_it() -> None:
    bus = Bus(Slave(telegrams=[VOLUME + POWER + b"\x0b\x3b\x27"]))
    got = said(read(bus.hear, V, P, F, signal("i", "1"), signal("far", "7")))
    assert got["v"] == (VOLUME_M3, "good", None) and got["p"][0] == got["i"][0] == 1337
    assert got["f"] == got["far"] == (None, "invalid", "bad_frame")


# ---- confirmations and answers that come twice, late, or together


@pytest.mark.parametrize("late_s", [0.0, 0.006, 0.03])
@pytest.mark.parametrize("job", ["", "51 0F 00", "reset; B1"])
@pytest.mark.parametrize("address", ["5", "12345678"])
def test_a_meter_that_confirms_twice(late_s: float, job: str, address: str) -> None:
    bus = Bus(
        Slave(), pieces=lambda octets: [(0.0, octets), (late_s, octets)] if octets == b"\xe5" else [(0.0, octets)]
    )
    for _ in range(2):
        outcome = read(bus.hear, signal("v", "volume", job), address=address)
        assert outcome.error is None and said(outcome) == {"v": (VOLUME_M3, "good", None)}


@pytest.mark.parametrize("cut", [None, 1, 5])
def test_a_confirmation_and_the_answer_in_one_segment_are_no_collision(cut: int | None) -> None:
    def pieces(octets: bytes) -> Chunks:
        if len(octets) < 6:
            return [(0.0, octets)]
        octets = b"\xe5" + octets
        return [(0.0, octets)] if cut is None else [(0.0, octets[:cut]), (0.04, octets[cut:])]

    outcome = read(Bus(Slave(), pieces=pieces).hear, V)
    assert outcome.error is None and said(outcome) == {"v": (VOLUME_M3, "good", None)}


@pytest.mark.parametrize("late_s", [0.0, 0.02, 0.1])
def test_a_chain_whose_answers_come_twice_loses_nothing(late_s: float) -> None:
    slave = Slave(telegrams=[VOLUME + MORE, POWER + MORE, FLOW + MORE, bytes.fromhex("01 FD 0E 07")])
    bus = Bus(slave, pieces=lambda octets: [(0.0, octets), (late_s, octets)] if len(octets) > 1 else [(0.0, octets)])
    memory = Memory()
    for _ in range(2):
        outcome = read(bus.hear, V, P, F, signal("n", "firmware version"), memory=memory)
        assert outcome.error is None and list(outcome.values().values()) == [VOLUME_M3, 1337, FLOW_M3H, 7]


# ---- whose answer it is


def test_the_late_answer_of_another_meter_is_passed_over() -> None:
    bus = Bus(Slave(primary=5))
    stray = long(0x08, 9, 0x72, header("87654321") + bytes.fromhex("0C 13 99 99 99 00"))

    def hear(octets: bytes) -> Chunks:
        chunks = bus.hear(octets)
        return [(0.0, stray), *((0.05, answer) for _, answer in chunks)] if octets[1] & 0x4F == 0x4B else chunks

    assert said(read(hear, V)) == {"v": (VOLUME_M3, "good", None)}
    alone = read(lambda octets: [(0.0, stray)] if octets[1] & 0x4F == 0x4B else bus.hear(octets), V)
    assert isinstance(alone.error, WrongMeter) and alone.error.reason == "wrong_meter" and not alone.readings


@pytest.mark.parametrize("later", ["long", "short"])
def test_a_later_telegram_of_another_meter_is_refused(later: str) -> None:
    first = long(0x08, 7, 0x72, header("12345678") + VOLUME + MORE)
    second = (
        long(0x08, 7, 0x72, header("12345679") + POWER)
        if later == "long"
        else long(0x08, 8, 0x7A, bytes(4) + POWER)  # says nothing of itself, but its address field does
    )

    def hear(octets: bytes) -> Chunks:
        if octets[0] == 0x68 or octets[1] == 0x40:
            return [(0.0, b"\xe5")]
        return [(0.0, first if octets[1] & 0x20 else second)]

    outcome = read(hear, V, P, address=secondary("12345678"))
    assert isinstance(outcome.error, WrongMeter) and not outcome.readings
    if later == "long":
        believed = read(hear, V, P, address="12345678FFFFFFFF", check_identity=False)
        assert believed.values() == {"v": VOLUME_M3, "p": 1337}


def test_a_primary_meter_may_be_told_by_its_number() -> None:
    bus = Bus(Slave("20241128"))
    for expected in ("20241128", "2024FFFF", None):
        assert said(read(bus.hear, V, expect_serial=expected))["v"][0] == VOLUME_M3
    other = read(bus.hear, V, expect_serial="20241129")
    assert isinstance(other.error, WrongMeter) and "20241128" in str(other.error) and not other.readings
    assert said(read(bus.hear, V, expect_serial="20241129", check_identity=False))["v"][0] == VOLUME_M3
    quiet = Bus(Slave("20241128", ci=0x78, header_less=True))
    assert said(read(quiet.hear, V, expect_serial="20241129"))["v"][0] == VOLUME_M3  # it does not say who it is


def test_an_exchanged_meter_is_told_and_met_anew() -> None:
    memory = Memory()
    assert read(Bus(Slave("11111111")).hear, V, memory=memory).told == []
    assert memory.own.in_step
    (sentence,) = read(Bus(Slave("22222222")).hear, V, memory=memory).told
    assert sentence.index("22222222") < sentence.index("in place of 11111111")
    assert not memory.own.in_step and memory.own.identity[3::-1].hex() == "22222222"


def test_a_meter_that_answers_with_address_0() -> None:
    class Nameless(Slave):
        def request(self, fcb: int) -> bytes:
            answer = super().request(fcb)
            return long(8, 0, answer[6], answer[7:-2])

    bus = Bus(Nameless())
    refused = read(bus.hear, V)
    assert isinstance(refused.error, WrongMeter) and "address_0" in str(refused.error) and not refused.readings
    assert said(read(bus.hear, V, address_0=True)) == {"v": (VOLUME_M3, "good", None)}


@pytest.mark.parametrize("address", ["253", "254"])
def test_addresses_of_whoever_is_there(address: str) -> None:
    slave = Slave(primary=77)
    slave.selected = True
    for _ in range(2):
        assert said(read(Bus(slave).hear, V, address=address)) == {"v": (VOLUME_M3, "good", None)}
    two = read(
        Bus(Slave("11111111", primary=1), Slave("22222222", primary=2, telegrams=[POWER])).hear, V, address="254"
    )
    assert isinstance(two.error, MeterdError) and not two.readings


# ---- alarms, error states, jobs, wake-up


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        (long(8, 5, 0x71, b"\x24"), 0x24),
        (long(8, 5, 0x74, bytes([9, 0, 0, 0, 0x81])), 0x81),
        (long(8, 5, 0x75, header("12345678") + b"\x02\x01"), 0x0102),
        (b"\xe5", 0),
    ],
)
@pytest.mark.parametrize("tag", ["0", "alarm"])
def test_alarms(answer: bytes, value: int, tag: str) -> None:
    def hear(octets: bytes) -> Chunks:
        return [(0.0, answer if octets[1] & 0x4F == 0x4A else b"\xe5")]

    assert said(read(hear, signal("a", tag, "UD1"))) == {"a": (value, "good", None)}


def test_a_late_confirmation_is_not_taken_for_no_alarm() -> None:
    def hear(octets: bytes) -> Chunks:
        return [(0.0, b"\xe5"), (0.01, b"\xe5")] if octets[1] & 0x4F != 0x4A else []

    outcome = read(hear, signal("a", "alarm", "UD1"))
    assert isinstance(outcome.error, Silence) and not outcome.readings


def test_the_value_of_an_error_state_is_not_the_value() -> None:
    bus = Bus(Slave(telegrams=[bytes.fromhex("3C 13 11 11 11 01") + POWER]))
    wanted = [signal("i", "0"), signal("v", "volume"), signal("e", "volume; function=error"), signal("o", "3C13")]
    got = said(read(bus.hear, *wanted))
    assert got["i"] == (None, "invalid", "type") and got["v"] == (None, "invalid", "not_found")
    assert got["e"] == got["o"] == (Number(1111111, -3), "good", None)


@pytest.mark.parametrize(
    ("address", "job", "change"),
    [
        ("5", "51 01 7A 2C", {"primary": 44}),
        ("12345678", "51 0C 79 21 43 65 87", {"serial": "87654321"}),
    ],
)
def test_a_job_that_renames_the_meter_reads_it_where_it_then_is(address: str, job: str, change: dict[str, Any]) -> None:
    class Renamed(Slave):
        def hear(self, control: int, address: int, ci: int | None, data: bytes) -> bytes:
            answer = super().hear(control, address, ci, data)
            if ci == 0x51 and answer:
                for name, value in change.items():
                    setattr(self, name, value)
            return answer

    slave, memory = Renamed(), Memory()
    for _ in range(3):
        outcome = read(Bus(slave).hear, signal("v", "volume", job), address=address, memory=memory)
        assert outcome.error is None and said(outcome) == {"v": (VOLUME_M3, "good", None)}


def test_a_sleeping_meter_is_woken_first() -> None:
    outcome = read(Bus(Slave()).hear, V, wake_up_ms=1000)
    assert said(outcome)["v"][0] == VOLUME_M3
    assert outcome.sent()[0] == b"\x55" * 240 and [(one.baudrate, one.parity) for one in outcome.settings[1:]] == [
        (2400, "none"),
        (2400, "even"),
    ]


def test_a_gap_over_tcp_may_be_as_long_as_the_time_out() -> None:
    bus = Bus(
        Slave(), pieces=lambda octets: [(0.0, octets[:9]), (1.1, octets[9:])] if len(octets) > 9 else [(0, octets)]
    )
    assert said(read(bus.hear, V, ip="192.0.2.7", timeout_ms=2000))["v"][0] == VOLUME_M3
    serial, tcp = Link(2400, 2000, 1), Link(2400, 2000, 1, over_tcp=True)
    assert serial.gap_ms < 500 and tcp.gap_ms == tcp.timeout_ms == serial.timeout_ms and tcp.rest_ms == serial.gap_ms


# ---- history


def test_an_inverse_profile_of_month_ends() -> None:
    telegram = bytes.fromhex(
        "82 08 6C 3D 32"  # storage 16: 2025-02-29 never was, so 29 is not: see below
        "8C 08 13 00 50 01 00"
        "8D 08 93 13 08  7A FE  10 00  25 01  FF FF"
        "01 FD 17 00"
    ).replace(bytes.fromhex("3D 32"), bytes.fromhex("3C 32"))  # 2025-02-28
    bus = Bus(Slave(telegrams=[telegram]))
    wanted = [signal(f"h{number}", f"volume;storage={number}") for number in (16, 17, 18, 19)]
    outcome = read(
        bus.hear, *wanted, signal("d", "date;storage=18"), signal("flags", "3"), signal("raw", "2", "", "STRING")
    )
    got = {one.signal.alias: (one.value, one.meter_time) for one in outcome.readings}
    assert got["h16"] == (Number(15000, -3), "2025-02-28")
    assert got["h17"] == (Number(14990, -3), "2025-01-31")
    assert got["h18"] == (Number(14865, -3), "2024-12-31")
    assert got["h19"] == (None, None) and got["flags"][0] == 0
    assert got["raw"][0] == "7A FE 10 00 25 01 FF FF"
    assert said(outcome)["d"][1] == "invalid"  # a date is no DOUBLE


def test_a_profile_of_absolute_hours_goes_forward() -> None:
    telegram = bytes.fromhex(
        "84 06 6D 1E 16 5F 3B"  # storage 12: 2026-11-31 never was: the date below
        "8D 06 DA 1F 08  22 02  D2 00  DC 00  00 80"
    ).replace(bytes.fromhex("5F 3B"), bytes.fromhex("5E 3B"))
    bus = Bus(Slave(telegrams=[telegram]))
    wanted = [signal(f"t{number}", f"flow temperature;storage={number}") for number in (13, 14, 15)]
    got = [(one.value, one.meter_time, one.reason) for one in read(bus.hear, *wanted).readings]
    assert got == [
        (Number(210, -1), "2026-12-01T00:30:00", None),
        (Number(220, -1), "2026-12-01T02:30:00", None),
        (None, None, "type"),
    ]


@pytest.mark.parametrize("profile", ["8D0893130 1", "8D08931303 75FE00", "8D0893130 37AFE10", "8D08931E047AFE1000"])
def test_profiles_that_cannot_be_unpacked_stay_bytes(profile: str) -> None:
    telegram = bytes.fromhex(
        ("8C0813 00500100" + profile.replace(" ", "") + "00" * (profile.endswith(" 1"))).replace(" ", "")
    )
    bus = Bus(Slave(telegrams=[telegram]))
    got = said(read(bus.hear, signal("raw", "1", "", "STRING"), signal("h", "volume;storage=17")))
    assert got["raw"][1] == "good" and got["h"] == (None, "invalid", "not_found")


def test_a_profile_of_the_other_byte_order_stays_bytes() -> None:
    telegram = bytes.fromhex("8C 08 13 00 01 50 00  8D 08 93 13 04 7A FE 00 10")
    bus = Bus(Slave(telegrams=[telegram], ci=0x76))
    got = said(read(bus.hear, signal("raw", "1", "", "STRING"), signal("h", "volume;storage=17")))
    assert got == {"raw": ("7A FE 00 10", "good", None), "h": (None, "invalid", "not_found")}


def test_an_event_is_stamped_by_its_end_in_bcd() -> None:
    telegram = bytes.fromhex("8E 02 ED 6B 05 59 23 31 12 24  8E 02 04 11 22 33 00 00 00") + PLAIN
    outcome = read(Bus(Slave(telegrams=[telegram])).hear, signal("e", "1"), signal("v", "volume"))
    assert [(one.value, one.meter_time) for one in outcome.readings] == [
        (Number(332211, 1), "2024-12-31T23:59:05"),
        (VOLUME_M3, None),
    ]
