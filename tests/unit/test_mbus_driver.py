"""One scan of a simulated M-Bus meter, by primary and secondary address, with and without faults."""

from __future__ import annotations

from typing import Any

import pytest

from meterd._mbus import MbusFrame
from meterd._number import Number
from meterd.conversation import LineSettings, Send
from meterd.errors import Aborted, Garbled, LineError, MeterdError, SecurityError, Silence, WrongMeter
from meterd.model import REASONS, Device, Memory, Reading, Signal
from meterd.protocols.mbus import driver
from meterd.protocols.mbus import link as wire
from meterd.protocols.mbus.conversation import MeterState, send_data, switch_baudrate
from meterd.simulate.mbus import bus, meter
from meterd.simulate.mbus_meters import Meter, built_in
from tests.pair import Fault, Outcome, converse

KEY = "000102030405060708090A0B0C0D0E0F"
HEAT = {
    "energy": ("energy", 12341000, "Wh"),
    "flow": ("flow_temperature", Number(641, -1), "°C"),
    "due": ("0", 12341000, "Wh"),
    "peak": ("power; function=max", 81200, "W"),
    "stored": ("energy;storage=1", 12000000, "Wh"),
    "octets": ("0B 3B", Number(327, -3), "m³/h"),
}


def device(address: str = "1", **parameters: Any) -> Device:
    values = {
        "address": wire.parse_address(address), "timeout_ms": 100, "retry_counter": 2, "key": None, "baudrate": 2400,
        "databits": 8, "stopbits": 1, "parity": "even", "ip": None, "expect_serial": None, "check_identity": True,
        "address_0": False, "wake_up_ms": 0,
    }  # fmt: skip
    return Device("m1", "mbus serial", {**values, **parameters})


def signal(alias: str, tag: str, job: str = "", number_type: str = "DOUBLE") -> Signal:
    return Signal("m1", alias, {"tag_job_todo": tag, "job_todo": job, "number_type": number_type})


def signals(table: dict[str, tuple[str, Any, str]]) -> list[Signal]:
    return [signal(alias, tag) for alias, (tag, _, _) in table.items()]


def scan(on: Device, wanted: list[Signal], meters: list[Meter], memory: Memory | None = None, **how: Any) -> Outcome:
    return converse(driver.conversation(driver.plan(on, wanted), memory or Memory()), bus(meters)(), **how)


def heat(primary: int = 1, identification: str = "12345678") -> Meter:
    return built_in("heat", primary, identification)


def test_all_slips_of_a_signal_are_told_at_once() -> None:
    slipped = signal("v", "volumne; storage=x; nearly", "baud=600; UD3; reset=zz")
    [(bad, message)] = driver.plan(device(ip="192.0.2.1"), [slipped]).refused
    assert bad is slipped
    told = ["tag_job_todo: 'volumne' is no quantity; did you mean 'volume'?", "'x' is not a whole number",
            "'nearly' is none of function=", "job_todo: 'ud3' is neither UD1, UD2", "'zz' is neither"]  # fmt: skip
    assert [words for words in told if words.lower() not in message.lower()] == []
    assert [message.lower().index(words.lower()) for words in told] == sorted(
        message.lower().index(words.lower()) for words in told
    )


@pytest.mark.parametrize("address", ["1", "12345678", "12345678A7320104", "1234FFFFFFFFFFFF"])
@pytest.mark.parametrize("chunk", [0, 1, 7])
def test_all_signals_come_from_one_readout(address: str, chunk: int) -> None:
    others = [built_in("water", 2, "12355678"), built_in("heat", 3, "99999999")]
    outcome = scan(device(address), signals(HEAT), [heat(), *others], chunk=chunk)
    assert outcome.error is None
    got = {reading.signal.alias: (reading.value, reading.unit) for reading in outcome.readings}
    assert got == {alias: (value, unit) for alias, (_, value, unit) in HEAT.items()}
    assert sum(sent[:1] == b"\x10" and sent[1] & 0x0F == 0x0B for sent in outcome.sent()) == 1
    assert outcome.settings == [LineSettings(2400, 8, "even", 1)]


def test_nke_goes_to_the_meter_itself_before_its_first_request_and_the_fcb_toggles_over_scans() -> None:
    meters, memory = [heat()], Memory()
    wanted = [signal("e", "energy")]
    sent = [scan(device(), wanted, meters, memory).sent() for _ in range(3)]
    assert sent[0] == [wire.short_frame(0x40, 1), wire.short_frame(0x7B, 1)]
    assert sent[1] == [wire.short_frame(0x5B, 1)] and sent[2] == [wire.short_frame(0x7B, 1)]


def test_a_chain_is_read_to_its_end_and_begins_anew_with_each_scan() -> None:
    meters, memory = [built_in("electricity", 1, "11223344")], Memory()
    wanted = [signal("t1", "energy;tariff=1"), signal("u", "voltage"), signal("index", "4"), signal("number", "8")]
    for _ in range(2):
        outcome = scan(device(), wanted, meters, memory)
        assert outcome.values() == {
            "t1": 3261749050,
            "u": Number(2297, -1),
            "index": Number(2297, -1),
            "number": 8114711,
        }
        assert outcome.sent()[0] == wire.short_frame(0x40, 1)
        assert [frame[1] for frame in outcome.sent()[1:]] == [0x7B, 0x5B, 0x7B]


def test_a_lost_answer_is_asked_for_again_with_the_same_fcb_and_nothing_is_skipped() -> None:
    def lose(sender: str, index: int, data: bytes) -> list[tuple[float, bytes]]:
        return [] if sender == "meter" and index == 2 else [(0.0, data)]

    outcome = scan(
        device(),
        [signal("u", "voltage"), signal("n", "firmware version")],
        [built_in("electricity", 1, "1" * 8)],
        fault=lose,
    )
    assert outcome.error is None and outcome.values() == {"u": Number(2297, -1), "n": 3}
    assert [frame[1] for frame in outcome.sent()] == [0x40, 0x7B, 0x5B, 0x5B, 0x7B]


def test_a_meter_that_ignores_the_fcb_is_not_read_for_ever() -> None:
    stuck = Meter(1, bytes(8), (bytes.fromhex("01FD17001F"),))
    outcome = scan(device(), [signal("x", "error flags"), signal("y", "voltage")], [stuck])
    assert outcome.values() == {"x": 0, "y": None} and len(outcome.sent()) == 4


def test_a_late_answer_within_a_chain_is_not_taken_for_the_next_telegram() -> None:
    def late(sender: str, index: int, data: bytes) -> list[tuple[float, bytes]]:
        # The first telegram comes twice, the second time just after the request for the next one.
        return [(0.0, data), (0.02, data)] if sender == "meter" and index == 1 else [(0.0, data)]

    wanted = [signal("t1", "energy;tariff=1"), signal("u", "voltage"), signal("n", "firmware version")]
    outcome = scan(device(), wanted, [built_in("electricity", 1, "11223344")], fault=late)
    assert outcome.values() == {"t1": 3261749050, "u": Number(2297, -1), "n": 3}


@pytest.mark.parametrize("address", ["1", "12345678"])
def test_a_late_acknowledgement_is_not_taken_for_no_data(address: str) -> None:
    def late(sender: str, index: int, data: bytes) -> list[tuple[float, bytes]]:
        return [(0.7, data)] if sender == "meter" and index == 0 else [(0.0, data)]

    for how in (late, lambda sender, index, data: [(0.0, data * 2 if sender == "meter" else data)]):
        outcome = scan(device(address, timeout_ms=300), signals(HEAT), [heat()], fault=how)
        assert outcome.error is None and [reading.reason for reading in outcome.readings] == [None] * len(HEAT)


def test_a_meter_that_promises_more_and_has_none_keeps_what_it_gave() -> None:
    def refuse(sender: str, index: int, data: bytes) -> list[tuple[float, bytes]]:
        return [(0.0, b"\xe5")] if sender == "meter" and index == 2 else [(0.0, data)]

    wanted = [signal("t1", "energy;tariff=1"), signal("u", "voltage")]
    outcome = scan(device(), wanted, [built_in("electricity", 1, "11223344")], fault=refuse)
    assert outcome.values() == {"t1": 3261749050, "u": None}


def test_a_meter_that_does_not_confirm_nke_is_read_all_the_same() -> None:
    def deaf(sender: str, index: int, data: bytes) -> list[tuple[float, bytes]]:
        return [] if sender == "client" and data[1] == 0x40 else [(0.0, data)]

    outcome = scan(device(), signals(HEAT), [heat()], fault=deaf)
    assert outcome.error is None and len(outcome.readings) == len(HEAT)


def test_silence_is_bounded_by_the_answer_time_and_the_retries() -> None:
    outcome = scan(device("9"), signals(HEAT), [heat()])
    assert isinstance(outcome.error, Silence)
    assert outcome.seconds <= 5 * (330 / 2400 + 0.05 + 0.1 + 0.01)
    assert len(outcome.sent()) == 5


def test_a_secondary_address_that_several_meters_fit_is_no_meter() -> None:
    outcome = scan(device("1234FFFF"), signals(HEAT), [heat(), built_in("water", 2, "12349999")])
    assert isinstance(outcome.error, Garbled) and "several meters" in str(outcome.error) and not outcome.readings
    assert outcome.sent()[-1] == wire.short_frame(0x40, 253)  # let go all the same


def test_another_meter_that_answers_is_not_believed() -> None:
    plan = driver.plan(device("12345678"), signals(HEAT))

    def swap(sender: str, index: int, data: bytes) -> list[tuple[float, bytes]]:
        if sender == "meter" and len(data) > 1:
            data = wire.long_frame(8, 1, 0x72, bytes.fromhex("79563412") + data[11:-2])
        return [(0.0, data)]

    outcome = converse(driver.conversation(plan, Memory()), bus([heat()])(), fault=swap)
    assert isinstance(outcome.error, WrongMeter) and not outcome.readings

    class Stray(Meter):
        def hears(self, frame: MbusFrame) -> bool:
            return True

    stray = Stray(7, bytes(8), (bytes.fromhex("78 0C0611111111"),), ci=0)
    primary = scan(device("8"), signals(HEAT), [stray])
    assert isinstance(primary.error, WrongMeter) and not primary.readings


def test_bad_signals_fail_alone() -> None:
    wanted = [
        signal("good", "energy"),
        signal("bad", "enregy"),
        signal("none", "99"),
        signal("text", "fabrication number"),
    ]
    outcome = scan(device("2"), [*wanted, signal("job", "energy", "fly")], [built_in("water", 2, "12345678")])
    reasons = {reading.signal.alias: reading.reason for reading in outcome.readings}
    assert reasons == {"good": "not_found", "bad": "type", "none": "not_found", "text": "type", "job": "type"}
    plan = driver.plan(device(), wanted)
    assert [(bad.alias, message) for bad, message in plan.refused] == [
        ("bad", "tag_job_todo: 'enregy' is no quantity; did you mean 'energy'?")
    ]


def test_text_and_meter_time_are_readings_too() -> None:
    wanted = [
        signal("number", "fabrication number", number_type="STRING"),
        signal("clock", "time point", number_type="STRING"),
        signal("volume", "volume"),
        signal("due", "volume;storage=1"),
        signal("flow", "volume flow"),
        signal("small", "volume", number_type="UNSIGNED8"),
    ]
    outcome = scan(device("2"), wanted, [built_in("water", 2, "12345678")])
    assert outcome.values() == {
        "number": "KA012357",
        "clock": "2026-11-22T11:42",
        "volume": Number(216005, -3),
        "due": Number(200000, -3),
        "flow": Number(-12, -3),
        "small": None,
    }
    times = {reading.signal.alias: reading.meter_time for reading in outcome.readings}
    assert times["volume"] == "2026-11-22T11:42" and times["due"] == "2025-12-31"


def test_jobs_are_done_before_the_readout_and_shared_by_their_signals() -> None:
    one = heat()
    wanted = [
        signal("a", "energy", "reset=10; 51 0F 00"),
        signal("b", "volume", " RESET=10;51 0f 00"),
        signal("c", "0"),
    ]
    outcome = scan(device(), wanted, [one])
    assert outcome.error is None and len(outcome.readings) == 3
    assert one.received == [(0x50, b"\x10"), (0x51, b"\x0f\x00")]
    assert sum(sent[:1] == b"\x10" and sent[1] & 0x0F == 0x0B for sent in outcome.sent()) == 2


def test_class_1_data_and_a_meter_that_has_none() -> None:
    alarmed = heat()
    alarmed.alarms = bytes.fromhex("78 01FD1703")
    wanted = [signal("flags", "error flags", "UD1")]
    assert scan(device(), wanted, [alarmed]).values() == {"flags": 3}
    outcome = scan(device(), [*wanted, signal("energy", "energy")], [heat()])
    assert [(reading.value, reading.reason) for reading in outcome.readings] == [(None, "not_found"), (12341000, None)]


def test_an_application_error_fails_its_job_with_the_meters_words() -> None:
    busy = Meter(1, bytes(8), (b"\x70\x08",), ci=0)
    outcome = scan(device(), [signal("x", "energy")], [busy])
    assert outcome.error is None and outcome.readings[0].reason == "refused"


@pytest.mark.parametrize("address", ["1", "12345678"])
def test_encrypted_meter(address: str) -> None:
    pytest.importorskip("Cryptodome")
    meters = [built_in("heat", 1, "12345678", bytes.fromhex(KEY))]
    outcome = scan(device(address, key=KEY), signals(HEAT), meters)
    assert outcome.values() == {alias: value for alias, (_, value, _) in HEAT.items()}
    for key in (None, "FF" * 16):
        failed = scan(device(address, key=key), signals(HEAT), meters)
        assert isinstance(failed.error, SecurityError) and not failed.readings
    plain = scan(device(address, key=KEY), signals(HEAT), [heat()])
    assert isinstance(plain.error, SecurityError) and not plain.readings
    assert driver.plan(device(key=KEY), []).secrets == (bytes.fromhex(KEY),)


def test_application_reset_and_speed() -> None:
    one = heat()

    def change() -> Any:
        link, state = wire.Link(2400, 100, 3), MeterState()
        yield from send_data(link, 1, state, wire.APPLICATION_RESET, b"\x10")
        yield from switch_baudrate(link, 1, state, LineSettings(2400, 8, "even", 1), 9600)

    outcome = converse(change(), bus([one])())
    assert outcome.error is None and one.received == [(0x50, b"\x10"), (0xBD, b"")] and one.baudrate == 9600
    assert outcome.settings == [LineSettings(9600, 8, "even", 1)]


@pytest.mark.parametrize("address", ["1", "12345678"])
def test_a_readout_at_another_speed_and_back(address: str) -> None:
    one = heat()
    outcome = scan(device(address), [signal("e", "energy", "baud=9600")], [one])
    assert outcome.error is None and outcome.values() == {"e": 12341000}
    assert [settings.baudrate for settings in outcome.settings] == [2400, 9600, 2400] and one.baudrate == 2400

    def deaf(sender: str, index: int, data: bytes) -> list[tuple[float, bytes]]:
        return [] if sender == "meter" and index == 2 else [(0.0, data)]

    lost = scan(device(address, retry_counter=0), [signal("e", "energy", "baud=9600")], [heat()], fault=deaf)
    assert isinstance(lost.error, Silence) and lost.settings[-1].baudrate == 2400
    refused = driver.plan(device(ip="192.0.2.1"), [signal("e", "energy", "baud=9600")]).refused
    assert len(refused) == 1 and "serial" in refused[0][1]


def test_an_aborted_scan_lets_the_meter_go() -> None:
    talk = driver.conversation(driver.plan(device("12345678"), signals(HEAT)), Memory())
    next(talk), next(talk)
    step = talk.throw(Aborted("stop"))
    assert step.data == wire.short_frame(0x40, 253)
    talk.close()


def test_over_tcp_no_line_settings_are_asked_for() -> None:
    outcome = scan(device(ip="192.0.2.1"), signals(HEAT), [heat()])
    assert not outcome.settings and len(outcome.readings) == len(HEAT)


def sound(reading: Reading) -> bool:
    """A reading is the right value, or none and a reason: a fault never makes a number."""
    if reading.value is None:
        return reading.reason in REASONS and reading.quality != "good"
    return reading.value == HEAT[reading.signal.alias][1]


def flip(position: int, bit: int) -> Fault:
    def fault(sender: str, index: int, data: bytes) -> list[tuple[float, bytes]]:
        if sender == "meter" and index == 1 and position < len(data):
            changed = data[position] ^ 1 << bit
            data = data[:position] + bytes([changed]) + data[position + 1 :]
        return [(0.0, data)]

    return fault


@pytest.mark.parametrize("address", ["1", "12345678"])
def test_every_flipped_byte_is_survived(address: str) -> None:
    for position in range(90):
        outcome = scan(device(address), signals(HEAT), [heat()], fault=flip(position, position % 8))
        assert outcome.error is None and all(map(sound, outcome.readings)) and len(outcome.readings) == len(HEAT)


FAULTS: dict[str, Any] = {
    "drop": lambda data: [],
    "truncate": lambda data: [(0.0, data[: len(data) // 2])],
    "duplicate": lambda data: [(0.0, data), (0.0, data)],
    "late duplicate": lambda data: [(0.0, data), (0.05, data)],
    "delay": lambda data: [(2.0, data)],
    "noise before": lambda data: [(0.0, b"\x00\xf6\x68\x10" + data)],
    "noise after": lambda data: [(0.0, data + b"\xff\x68\x00")],
    "noise instead": lambda data: [(0.0, bytes(range(200)))],
    "pieces": lambda data: [(0.0, data[:3]), (0.1, data[3:9]), (0.1, data[9:])],
    "babble": lambda data: [(0.01, b"\x55" * 20)] * 200,
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("at", [0, 1, 2, None])
@pytest.mark.parametrize("address", ["1", "12345678"])
def test_client_with_every_fault_at_every_position(name: str, at: int | None, address: str) -> None:
    def fault(sender: str, index: int, data: bytes) -> list[tuple[float, bytes]]:
        return FAULTS[name](data) if sender == "meter" and at in (index, None) else [(0.0, data)]

    meters, memory = [heat()], Memory()
    outcome = scan(device(address), signals(HEAT), meters, memory, fault=fault, limit_s=120)
    assert outcome.error is None or isinstance(outcome.error, MeterdError)
    assert all(map(sound, outcome.readings))
    if at is not None and name != "late duplicate":
        assert outcome.error is None or isinstance(outcome.error, LineError)
    after = scan(device(address), signals(HEAT), meters, memory)
    assert after.error is None and len(after.readings) == len(HEAT) and all(map(sound, after.readings))


def test_echoes_of_our_own_frames_are_no_answers() -> None:
    def echo(sender: str, index: int, data: bytes) -> list[tuple[float, bytes]]:
        return [(0.0, data)]

    client = driver.conversation(driver.plan(device(), signals(HEAT)), Memory())
    serve = bus([heat()])()

    def echoing() -> Any:
        step = next(serve)
        while True:
            got = yield step
            step = serve.send(got)
            if getattr(step, "data", b""):
                step = Send(wire.short_frame(got.control, got.address) + step.data)

    outcome = converse(client, echoing(), fault=echo)
    assert outcome.error is None and len(outcome.readings) == len(HEAT)


def test_options_of_the_simulated_bus() -> None:
    outcome = converse(
        driver.conversation(driver.plan(device("12345679"), [signal("v", "volume")]), Memory()),
        meter(identification="12345678", meters="3", byte_delay_ms="20", answer_delay_ms="50")(),
    )
    assert outcome.values() == {"v": Number(216005, -3)}
    with pytest.raises(MeterdError, match="unknown option"):
        meter(colour="red")
