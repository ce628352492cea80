"""IEC 62056-21: modes, parameters, selection, programming mode; all against the simulated meter, in virtual time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from meterd._readout_dialogue import ProgrammingDecoder
from meterd.conversation import LineSettings, Pause, Receive, Report, Send
from meterd.errors import Aborted, Garbled, PortGone, ProtocolError, Refused, Silence
from meterd.model import OVERFLOW, Memory
from meterd.parameters import Parameter
from meterd.protocols.iec62056_21 import driver, messages, parameters
from meterd.protocols.iec62056_21.listening import AtHand
from meterd.simulate.iec62056_21 import HostDecoder, meter
from tests.pair import Outcome, converse
from tests.unit.iec62056_21_case import device, printed, scan, signal

ENERGY = ("147238.47", "kWh", None)
BLOCK = b"1.8.0(0147238.4*kWh)\r\n1.8.0*24(0140000.0*kWh)\r\n!\r\n"


def row(table: tuple[Parameter, ...], name: str) -> Parameter:
    return next(parameter for parameter in table if parameter.name == name)


# ---------------------------------------------------------------- tables


@pytest.mark.parametrize(
    ("name", "default"),
    [
        ("enable", True), ("poll_delay_ms", 200), ("scan_rate_ms", 10000), ("baudrate", 9600), ("databits", 8),
        ("stopbits", 1), ("parity", "none"), ("serial_close_delay", 400), ("timeout_ms", 2500), ("type", "C"),
        ("t2", 300), ("protocol_control_char", 0), ("mode_control_char", 0), ("serialnumber", None), ("ip", None),
        ("port", None), ("device", None), ("meter_model", 1), ("early_stop", False), ("wakeup_nuls", 0),
    ],
)  # fmt: skip
def test_device_defaults_are_those_of_the_manual(name: str, default: object) -> None:
    assert row(parameters.DEVICE, name).default == default


@pytest.mark.parametrize(
    ("name", "found", "value"),
    [
        ("serialnumber", 12345, "12345"), ("serialnumber", "00 aZ9", "00 aZ9"), ("serialnumber", 0, "0"),
        ("serialnumber", "7" * 32, "7" * 32), ("t2", 200, 200), ("t2", "1500", 1500), ("type", "b", "B"),
        ("protocol_control_char", 9, 9), ("mode_control_char", "1", 1), ("parity", "EVEN", "even"),
    ],
)  # fmt: skip
def test_device_parameters_take(name: str, found: object, value: object) -> None:
    assert row(parameters.DEVICE, name).read(found) == value


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("serialnumber", "7" * 33), ("serialnumber", "1/2"), ("serialnumber", "ä"), ("serialnumber", ""), ("t2", 199),
        ("t2", 1501), ("type", "E"), ("protocol_control_char", 10), ("mode_control_char", -1), ("databits", 9),
        ("baudrate", 1000), ("port", 65536), ("password", "a(b"), ("retry_counter", 11), ("flowcontrol", "rts"),
    ],
)  # fmt: skip
def test_device_parameters_refuse(name: str, found: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        row(parameters.DEVICE, name).read(found)


def test_every_row_of_the_manual_is_there() -> None:
    manual = (
        "name description device_alias enable protocol poll_delay_ms scan_rate_ms device baudrate databits stopbits "
        "parity flowcontrol serialnumber serial_close_delay timeout_ms type t2 ip port protocol_control_char "
        "mode_control_char meter_model"
    )
    assert {r.name for r in parameters.DEVICE if r.origin == "seed"} == set(manual.split())
    signals = "signal_name device_alias signal_alias enable log number_type job_todo tag_job_todo"
    assert [r.name for r in parameters.SIGNAL if r.origin == "seed"] == signals.split()


# ---------------------------------------------------------------- messages


@pytest.mark.parametrize("serial", ["0", "000", "00000000"])
def test_zero_asks_whoever_is_there(serial: str) -> None:
    assert messages.request_message(serial) == b"/?!\r\n"


def test_messages_are_those_of_the_standard() -> None:
    assert messages.request_message("010203") == b"/?010203!\r\n"
    assert messages.acknowledgement(0, 5, 1) == bytes.fromhex("063035310D0A")
    assert messages.command_message(b"R5", b"1.8.1()") == bytes.fromhex("01523502312E382E312829035F")
    assert messages.command_message(b"P1", b"()") == bytes.fromhex("01503102 28290361".replace(" ", ""))
    assert bytes.fromhex("0142300371") == messages.BREAK


def test_leading_zeros_do_not_count() -> None:
    assert messages.same_serial("10203", "000010203")
    assert not messages.same_serial("10203", "102030")
    assert not messages.same_serial("AB", "ab")


# ---------------------------------------------------------------- modes


def test_mode_c_acknowledges_at_the_old_speed_and_switches() -> None:
    outcome = scan([signal("1.8.0")], meter()(), chunk=1)
    assert printed(outcome) == {"1.8.0": ENERGY}
    assert outcome.sent() == [b"/?!\r\n", b"\x06050\r\n"]
    assert outcome.settings == [LineSettings(300, 7, "even", 1), LineSettings(9600, 7, "even", 1)]


def steps_of(meter_says: list[Any], **parameter: Any) -> list[Any]:
    """The steps of one scan in order, each Receive answered by the next frame."""
    conversation = driver.conversation(driver.plan(device(**parameter), [signal("1.8.0")]), Memory())
    steps: list[Any] = []
    answer: Any = None
    try:
        while True:
            step = conversation.send(answer)
            steps.append(step)
            answer = None
            if hasattr(step, "decoder"):
                answer = step.decoder.feed(b"" if isinstance(step.decoder, AtHand) else meter_says.pop(0))
    except StopIteration:
        return steps


def shown(step: Any) -> str:
    if isinstance(step, Send):
        return f"Send({step.data.hex(' ')})"
    return f"Report({step.reading})" if isinstance(step, Report) else repr(step)


def test_mode_c_step_by_step() -> None:
    block = messages.with_block_check(b"\x02" + BLOCK + b"\x03")
    steps = steps_of([b"/MTD4X\r\n", block], t2=700, protocol_control_char=1, mode_control_char=6,
                     baud_change_delay_ms=250)  # fmt: skip
    assert [shown(step) for step in steps if not hasattr(step, "decoder")][:7] == [
        "300 7E1", "Send(2f 3f 21 0d 0a)", "Pause(0.7)", "Send(06 31 34 36 0d 0a)", "Pause(0.25)", "4800 7E1",
        "Report(Reading(meter/1.8.0 147238.4 kWh good None))",
    ]  # fmt: skip


@pytest.mark.parametrize("character", range(10))
def test_every_digit_has_its_speed(character: int) -> None:
    outcome = scan([signal("1.8.0")], meter(ident=f"/XYZ{character}M")())
    assert printed(outcome) == {"1.8.0": ENERGY}
    speed = (300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)[character]
    assert outcome.settings[-1].baudrate == speed


@pytest.mark.parametrize(("letter", "speed"), list(zip("ABCDEF", (600, 1200, 2400, 4800, 9600, 19200), strict=True)))
def test_mode_b_switches_without_acknowledgement(letter: str, speed: int) -> None:
    outcome = scan([signal("1.8.0")], meter(mode="B", ident=f"/LUG{letter}UH50")(), type="B")
    assert printed(outcome) == {"1.8.0": ENERGY}
    assert outcome.sent() == [b"/?!\r\n"]
    assert [settings.baudrate for settings in outcome.settings] == [300, speed]


@pytest.mark.parametrize("ident", ["/KAM 685-382-QR-10", "/MTD M", "/MTD?X"])
def test_mode_a_neither_acknowledges_nor_switches(ident: str) -> None:
    outcome = scan([signal("1.8.0")], meter(mode="A", ident=ident, reaction_ms="0", bcc="none")(), type="C", chunk=7)
    assert printed(outcome) == {"1.8.0": ENERGY}
    assert outcome.sent() == [b"/?!\r\n"]
    assert len(outcome.settings) == 1


def test_identification_and_list_in_one_breath() -> None:
    def push() -> Any:
        yield from listen()
        yield say(b"/KAM 382\r\n" + BLOCK)

    outcome = scan([signal("1.8.0*24")], push())
    assert printed(outcome) == {"1.8.0*24": ("140000.0", "kWh", None)}


def test_type_a_waits_for_a_meter_that_starts_by_itself() -> None:
    outcome = scan([signal("1.8.0")], meter(self_start="1")(), type="A")
    assert printed(outcome) == {"1.8.0": ENERGY}
    assert outcome.sent() == [b"/?!\r\n"]
    assert len(outcome.settings) == 1


def test_over_tcp_the_acknowledgement_is_sent_and_nothing_switched() -> None:
    outcome = scan([signal("1.8.0")], meter()(), ip="10.0.0.1", port=8000)
    assert printed(outcome) == {"1.8.0": ENERGY}
    assert outcome.sent() == [b"/?!\r\n", b"\x06050\r\n"]
    assert outcome.settings == []


def listen() -> Any:
    """A meter's wait for a request, of whatever kind."""
    return (yield Receive(HostDecoder(), None, 1000))


def say(data: bytes) -> Any:
    return Send(data)


def test_a_meter_that_missed_the_acknowledgement_is_heard_at_the_opening_speed() -> None:
    def drop_acknowledgement(side: str, number: int, data: bytes) -> list[tuple[float, bytes]]:
        return [] if side == "client" and number == 1 else [(0.0, data)]

    # The meter's own time-out ends before ours here, and its list reaches the second, slower wait.
    outcome = scan([signal("1.8.0")], meter(self_start="1")(), fault=drop_acknowledgement, timeout_ms=1000)
    assert printed(outcome) == {"1.8.0": ENERGY}
    assert [settings.baudrate for settings in outcome.settings] == [300, 9600, 300]


def garble_above(limit: int, seen: list[LineSettings]) -> Any:
    """A converter that cannot do more than `limit` bauds."""

    def fault(side: str, number: int, data: bytes) -> list[tuple[float, bytes]]:
        if side == "meter" and seen and seen[-1].baudrate > limit:
            return [(0.0, bytes(byte ^ 0xA5 for byte in data))]
        return [(0.0, data)]

    return fault


def watched(conversation: Any, seen: list[LineSettings]) -> Any:
    """The conversation as it is, its line settings noted."""
    answer: Any = None
    error: Exception | None = None
    while True:
        try:
            step = conversation.throw(error) if error else conversation.send(answer)
        except StopIteration:
            return
        error = None
        if isinstance(step, LineSettings):
            seen.append(step)
        try:
            answer = yield step
        except Exception as caught:
            error = caught


def test_garbage_after_a_switch_falls_back_and_is_remembered() -> None:
    memory, meter_side = Memory(), meter()
    plan = driver.plan(device(), [signal("1.8.0")])
    for speeds in ([300, 9600, 300, 4800, 300], [300]):
        seen: list[LineSettings] = []
        conversation = watched(driver.conversation(plan, memory), seen)
        outcome = converse(conversation, meter_side(), fault=garble_above(2400, seen))
        assert outcome.error is None
        assert printed(outcome)["1.8.0"][2] is None
        assert [settings.baudrate for settings in seen] == speeds


def test_noise_at_a_proven_speed_does_not_slow_the_meter_down() -> None:
    memory, meter_side = Memory(), meter()
    assert scan([signal("1.8.0")], meter_side(), memory).error is None

    def once(side: str, number: int, data: bytes) -> list[tuple[float, bytes]]:
        return [(0.0, b"\x85" * 40 if side == "meter" and number == 1 else data)]

    outcome = scan([signal("1.8.0")], meter_side(), memory, once)
    assert outcome.error is None
    assert {settings.baudrate for settings in outcome.settings} == {300, 9600}


# ---------------------------------------------------------------- address


@pytest.mark.parametrize("serial", ["12345678", "00012345678", "0"])
def test_the_addressed_meter_answers(serial: str) -> None:
    outcome = scan([signal("0.0.0", "STRING")], meter(serial="0012345678")(), serialnumber=serial)
    assert printed(outcome) == {"0.0.0": ("0012345678", None, None)}


def test_another_meter_stays_silent() -> None:
    outcome = scan([signal("1.8.0")], meter(serial="1")(), serialnumber="2")
    assert isinstance(outcome.error, Silence)
    assert outcome.readings == []


def test_a_dead_meter_costs_one_time_out_where_the_line_has_others_to_serve() -> None:
    memory = Memory()
    first = scan([signal("1.8.0")], meter(serial="1")(), memory, serialnumber="2")
    memory.brief = True
    second = scan([signal("1.8.0")], meter(serial="1")(), memory, serialnumber="2")
    assert (len(first.sent()), len(second.sent())) == (3, 1)
    assert second.seconds == pytest.approx(2.5, abs=0.1)
    assert printed(scan([signal("1.8.0")], meter()(), memory)) == {"1.8.0": ENERGY}


def test_wake_up_nuls_precede_each_request() -> None:
    outcome = scan([signal("1.8.0")], meter()(), wakeup_nuls=40, wakeup_pause_ms=1500)
    assert outcome.sent()[:2] == [bytes(40), b"/?!\r\n"]
    assert outcome.wire[1][0] >= 1.5
    assert printed(outcome) == {"1.8.0": ENERGY}


# ---------------------------------------------------------------- block check


def test_a_wrong_block_check_is_asked_for_again() -> None:
    outcome = scan([signal("1.8.0")], meter(bad_blocks="2")())
    assert printed(outcome) == {"1.8.0": ENERGY}
    assert outcome.sent().count(messages.NAK) == 2


def test_a_block_check_that_stays_wrong_yields_nothing_and_the_next_scan_is_good() -> None:
    memory, meter_side = Memory(), meter(bad_blocks="9")
    outcome = scan([signal("1.8.0")], meter_side(), memory)
    assert isinstance(outcome.error, Garbled)
    assert outcome.error.reason == "bad_frame"
    assert outcome.readings == []
    assert outcome.sent().count(messages.NAK) == 6
    assert printed(scan([signal("1.8.0")], meter_side(), memory))["1.8.0"][2] is None


def test_lists_without_block_check_pass_where_the_meter_never_had_one() -> None:
    assert printed(scan([signal("1.8.0")], meter(bcc="none")())) == {"1.8.0": ENERGY}
    memory, meter_side = Memory(), meter(bcc="missing")
    first = scan([signal("1.8.0")], meter_side(), memory)
    assert printed(first)["1.8.0"][2] is None


@pytest.mark.parametrize("bcc", ["none", "missing"])
def test_a_meter_that_had_a_block_check_must_keep_it(bcc: str) -> None:
    memory = Memory()
    assert scan([signal("1.8.0")], meter()(), memory).error is None
    outcome = scan([signal("1.8.0")], meter(bcc=bcc)(), memory)
    assert isinstance(outcome.error, Garbled)
    assert outcome.readings == []


def test_a_lost_stx_is_seen_by_the_etx_behind_the_list() -> None:
    def lose(side: str, number: int, data: bytes) -> list[tuple[float, bytes]]:
        return [(0.0, data.replace(b"\x02", b""))]

    outcome = scan([signal("1.8.0")], meter()(), fault=lose)
    assert isinstance(outcome.error, Garbled)
    assert outcome.readings == []


@pytest.mark.parametrize("chunk", [0, 1, 13])
def test_partial_blocks_are_acknowledged_and_joined(chunk: int) -> None:
    wanted = [signal("F.F", "STRING"), signal("1.6.1[3]", "STRING"), signal("0.2.0")]
    outcome = scan(wanted, meter(partial="4")(), chunk=chunk)
    assert [str(value) for value in outcome.values().values()] == ["00000000", "2610151830", "1.04"]
    assert outcome.sent().count(messages.ACK) == 4


def test_a_doubled_partial_block_is_not_taken_for_the_next() -> None:
    def double(side: str, number: int, data: bytes) -> list[tuple[float, bytes]]:
        return [(0.0, data), (0.0, data)] if side == "meter" and number == 2 else [(0.0, data)]

    outcome = scan([signal("1.6.1[3]", "STRING")], meter(partial="2")(), fault=double)
    assert printed(outcome)["1.6.1[3]"][0] == "2610151830"


# ---------------------------------------------------------------- selection


def test_groups_are_picked_by_number() -> None:
    tags = ["1.6.1", "1.6.1[0]", "1.6.1[1]", "1.6.1[2]", "1.6.1[3]"]
    outcome = scan([signal(tag, "STRING") for tag in tags], meter()())
    assert list(outcome.values().values()) == ["0003.42", "0003.42", "2611021715", "0003.17", "2610151830"]


def list_meter(lines: bytes) -> Any:
    """A mode A meter with exactly these data lines."""

    def meter_side() -> Any:
        while True:
            yield from listen()
            yield say(b"/MTD X\r\n" + messages.with_block_check(b"\x02" + lines + b"!\r\n\x03"))

    return meter_side()


def test_an_address_that_ends_in_brackets_is_found_as_it_stands() -> None:
    lines = b"1.8.0[1](11*kWh)\r\n1.8.0(22*kWh)(33*kWh)\r\n(44*kWh)\r\n1.8.0(55*kWh)\r\n"
    tags = ["1.8.0[1]", "1.8.0", "1.8.0[2]", "1.8.0[3]", "1.8.0[4]", "1.8"]
    values = list(scan([signal(tag) for tag in tags], list_meter(lines)).values().values())
    assert values == [11, 22, 44, 55, None, None]


def test_types_and_units() -> None:
    lines = (
        b"1(000007,4*kW)\r\n2(0054321 kWh)\r\n3(300)\r\n4(12:30:05)\r\n5(1)\r\n6(-5*imp/kWh)\r\n7()\r\n(8)\r\n9(2)\r\n"
        b"/line\r\n10(1*)\r\n"
    )
    wanted = [
        signal("1"), signal("2", "DOUBLE"), signal("3", "UNSIGNED8"), signal("4", "STRING"), signal("5", "DIGITAL"),
        signal("6", "SIGNED8"), signal("7", "STRING"), signal("7[1]", "UNSIGNED64"), signal("4", "FLOAT", alias="4f"),
        signal("2", "STRING", alias="2s"), signal("9", "DIGITAL"), signal("10", "FLOAT"), signal("11", "FLOAT"),
    ]  # fmt: skip
    outcome = scan(wanted, list_meter(lines))
    assert printed(outcome) == {
        "1": ("7.4", "kW", None), "2": ("54321", "kWh", None), "3": (None, None, "type"), "4": ("12:30:05", None, None),
        "5": ("1", None, None), "6": ("-5", "imp/kWh", None), "7": ("", None, None), "7[1]": ("8", None, None),
        "4f": (None, None, "type"), "2s": ("0054321 kWh", None, None), "9": (None, None, "type"),
        "10": ("1", None, None), "11": (None, None, "not_found"),
    }  # fmt: skip
    assert outcome.readings[2].quality == OVERFLOW


# ---------------------------------------------------------------- early stop


def test_early_stop_hushes_the_meter_and_leaves_the_line_quiet() -> None:
    wanted = [signal("F.F", "STRING"), signal("0.0.0", "STRING")]
    slow = meter(line_ms="2000")
    whole = scan(wanted, slow(), early_stop=False, timeout_ms=3000)
    early = scan(wanted, slow(), early_stop=True, timeout_ms=3000)
    assert early.values() == whole.values()
    assert early.seconds < whole.seconds / 4
    assert early.sent()[-1] == messages.BREAK


def test_early_stop_waits_for_the_last_group_wanted() -> None:
    outcome = scan([signal("1.6.1[3]", "STRING"), signal("F.F", "STRING")], meter()(), early_stop=True, chunk=5)
    assert list(outcome.values().values()) == ["2610151830", "00000000"]


def test_a_meter_without_block_check_is_stopped_early_once_that_is_known() -> None:
    memory, meter_side = Memory(), meter(bcc="none", mode="B", line_ms="300")
    first = scan([signal("F.F", "STRING")], meter_side(), memory)
    second = scan([signal("F.F", "STRING")], meter_side(), memory)
    assert first.values() == second.values() == {"F.F": "00000000"}
    assert first.sent() == second.sent() == [b"/?!\r\n"]


def test_quiet_is_bounded() -> None:
    def babbling() -> Any:
        yield from listen()
        yield say(b"/MTD X\r\nF.F(0)\r\n")
        while True:
            yield say(b"1.8.0(1)\r\n" * 10)
            yield Pause(0.2)

    outcome = scan([signal("F.F", "STRING")], babbling(), early_stop=True)
    assert outcome.values() == {"F.F": "0"}
    assert outcome.seconds < 70


# ---------------------------------------------------------------- programming mode

REGISTERS = "P.01=(2611221200)(08)(15)(6)|(1.25*kW)|(1.50*kW);C.9=(text);E=(ERIKA)(2)"


def programming(signals: list[Any], memory: Memory | None = None, fault: Any = None, **parameter: Any) -> Outcome:
    meter_side = meter(password="12345678", registers=REGISTERS)
    return scan(signals, meter_side(), memory, fault, password=parameter.pop("password", "12345678"), **parameter)


def test_registers_and_list_in_one_scan() -> None:
    wanted = [
        signal("1.8.0"), signal("1.8.0", job="R5:1.8.0", alias="r5"), signal("R1:C.9", "STRING"),
        signal("P.01[4]", job="R6:P.01"), signal("P.01[5]", job="R6:P.01"), signal("E[1]", "STRING", "R2:E(10)"),
        signal("7.7.7", job="R5:7.7.7"),
    ]  # fmt: skip
    outcome = programming(wanted)
    assert outcome.error is None
    assert printed(outcome) == {
        "1.8.0": ENERGY, "r5": ENERGY, "R1:C.9": ("text", None, None), "P.01[4]": ("1.25", "kW", None),
        "P.01[5]": ("1.50", "kW", None), "E[1]": ("2", None, None), "7.7.7": (None, None, "refused"),
    }  # fmt: skip
    sent = outcome.sent()
    assert sent[1] == b"\x06050\r\n"
    assert sent[3] == b"\x06051\r\n"
    assert sent[-1] == messages.BREAK
    assert sent.count(messages.command_message(b"R6", b"P.01()")) == 1


def test_a_wrong_password_is_refused_and_never_shown() -> None:
    outcome = programming([signal("R5:1.8.0")], password="topsecret")
    assert isinstance(outcome.error, Refused)
    assert outcome.error.reason == "auth"
    assert "topsecret" not in f"{outcome.error} {outcome.error.code} {outcome.error!r}"
    assert outcome.sent()[-1] == messages.BREAK
    assert sum(b"topsecret" in data for data in outcome.sent()) == 1


def test_the_plan_names_its_secrets() -> None:
    plan = driver.plan(device(password="topsecret"), [signal("1.8.0")])
    assert plan.secrets == (b"topsecret",)
    assert "topsecret" not in repr(plan.requests.registers)


def test_registers_are_read_without_a_password_where_none_is_configured() -> None:
    outcome = scan([signal("R5:1.8.0")], meter()())
    assert outcome.values()["R5:1.8.0"] is not None
    assert not any(data.startswith(b"\x01P1") for data in outcome.sent())


def test_mode_control_character_1_reads_plain_signals_with_r5() -> None:
    outcome = scan([signal("1.6.1[1]", "STRING")], meter()(), mode_control_char=1)
    assert outcome.values() == {"1.6.1[1]": "2611021715"}
    assert messages.command_message(b"R5", b"1.6.1()") in outcome.sent()


def test_registers_need_mode_c() -> None:
    plan = driver.plan(device(type="A"), [signal("R5:1.8.0"), signal("1.8.0")])
    assert [refused.alias for refused, _ in plan.refused] == ["R5:1.8.0"]
    assert [good.alias for good in plan.signals] == ["1.8.0"]
    outcome = scan([signal("1.8.0"), signal("R5:1.8.0")], meter(mode="B")())
    assert isinstance(outcome.error, Refused)
    assert printed(outcome) == {"1.8.0": ENERGY}


@pytest.mark.parametrize("job", ["R5:1.8.0(", "R5:é", "R5:" + "1" * 200])
def test_a_bad_register_fails_alone(job: str) -> None:
    plan = driver.plan(device(), [signal("x", job=job), signal("1.8.0")])
    assert len(plan.refused) == 1
    assert len(plan.signals) == 1


def waiting(conversation: Any, step: Any) -> Any:
    """The next step that waits for the meter."""
    while not hasattr(step, "decoder") or isinstance(step.decoder, AtHand):
        step = conversation.send(b"" if hasattr(step, "decoder") else None)
    return step


def test_an_abort_says_goodbye_with_a_break() -> None:
    conversation = driver.conversation(driver.plan(device(), [signal("R5:1.8.0")]), Memory())
    step = next(conversation)
    for data in (b"/MTD5X\r\n", messages.with_block_check(b"\x01P0\x02(0)\x03")):
        step = conversation.send(waiting(conversation, step).decoder.feed(data))
    assert step.data.startswith(b"\x01R5")
    assert conversation.throw(Aborted("stop")).data == messages.BREAK
    with pytest.raises(Aborted):
        conversation.send(None)


def test_a_gone_port_is_not_talked_to() -> None:
    conversation = driver.conversation(driver.plan(device(), [signal("R5:1.8.0")]), Memory())
    step = waiting(conversation, next(conversation))
    waiting(conversation, conversation.send(step.decoder.feed(b"/MTD5X\r\n")))
    with pytest.raises(PortGone):
        conversation.throw(PortGone("pulled"))


def test_an_answer_without_address_that_comes_twice_is_not_given_to_the_next_register() -> None:
    def anonymous() -> Any:
        while True:
            yield from listen()
            yield say(b"/MTD5X\r\n")
            yield from listen()
            yield say(messages.with_block_check(b"\x01P0\x02(0)\x03"))
            asked = yield from command()
            while asked.command != b"B0":
                answer = b"(1*kWh)" if asked.text == b"1.8.1()" else b"(2*kWh)"
                yield say(messages.with_block_check(b"\x02" + answer + b"\x03"))
                asked = yield from command()

    doubled = [True]

    def double(side: str, number: int, data: bytes) -> list[tuple[float, bytes]]:
        if b"(1*kWh)" in data and doubled.pop():
            doubled.append(False)
            return [(0.0, data), (0.05, data)]
        return [(0.0, data)]

    outcome = scan([signal("R5:1.8.1"), signal("R5:1.8.2")], anonymous(), fault=double, limit_s=100)
    assert outcome.values() == {"R5:1.8.1": 1, "R5:1.8.2": 2}


def command() -> Any:
    return (yield Receive(ProgrammingDecoder(), 5000, 1000))


def test_simulated_meter_refuses_unknown_options() -> None:
    with pytest.raises(ValueError, match="colour"):
        meter(colour="red")


def test_simulated_meter_sends_a_recorded_list(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(b"/ELS4\\@V9.36\r\n1-1:F.F(00000000)\r\n1-1:1.8.0(7.25*kWh)\r\n!\r\n")
    outcome = scan([signal("1-1:1.8.0")], meter(readout=str(path))())
    assert printed(outcome) == {"1-1:1.8.0": ("7.25", "kWh", None)}
    assert outcome.settings[-1].baudrate == 4800


def scripted(*answers: bytes) -> Any:
    """A mode C meter in programming mode that gives these answers, one to whatever it hears, then is silent."""
    yield from listen()
    yield say(b"/MTD5X\r\n")
    yield from listen()
    for answer in answers:
        yield say(answer)
        yield from command()


P0 = messages.with_block_check(b"\x01P0\x02(0)\x03")


def data(text: bytes) -> bytes:
    return messages.with_block_check(b"\x02" + text + b"\x03")


@pytest.mark.parametrize(
    ("answers", "kind", "reason"),
    [
        ((data(b"(ER17)"),), Refused, "refused"),
        ((data(b"1.8.0(1)\r\n!\r\n"),), ProtocolError, "bad_frame"),
        ((P0, data(b"(ER17)")), Refused, "auth"),
        ((P0, messages.NAK, messages.NAK), Refused, "auth"),
        ((P0, messages.BREAK), Refused, "auth"),
        ((P0, messages.ACK, messages.BREAK), Garbled, "bad_frame"),
        ((P0, messages.ACK), Garbled, "timeout"),
    ],
)
def test_what_ends_programming_mode(answers: tuple[bytes, ...], kind: type, reason: str) -> None:
    outcome = scan([signal("R5:1.8.0")], scripted(*answers), password="abc", retry_counter=0)
    assert isinstance(outcome.error, kind)
    assert outcome.error.reason == reason
    assert outcome.readings == []
    assert outcome.sent()[-1] == messages.BREAK


@pytest.mark.parametrize("text", [b"(ER05)", b"(ERROR)"])
def test_a_refused_register_does_not_stop_the_others(text: bytes) -> None:
    wanted = [signal("R5:1.8.1"), signal("R5:1.8.2")]
    outcome = scan(wanted, scripted(P0, messages.ACK, data(text), data(b"1.8.2(7*kWh)")), password="abc")
    assert outcome.error is None
    assert printed(outcome) == {"R5:1.8.1": (None, None, "refused"), "R5:1.8.2": ("7", "kWh", None)}


def test_a_register_that_stays_silent_is_asked_for_last() -> None:
    class Deaf:
        """Answers every register but 1.8.1."""

        def play(self) -> Any:
            while True:
                yield from listen()
                yield say(b"/MTD5X\r\n")
                yield from listen()
                yield say(P0)
                asked = yield from command()
                while asked.command != b"B0":
                    if asked.text != b"1.8.1()":
                        yield say(data(asked.text.replace(b"()", b"(5*kWh)")))
                    asked = yield from command()

    outcome = scan([signal("R5:1.8.1"), signal("R5:1.8.2"), signal("R5:1.8.3")], Deaf().play())
    assert outcome.error is not None and outcome.error.reason == "timeout"
    assert "/MTD5X" in str(outcome.error)
    assert outcome.values() == {"R5:1.8.2": 5, "R5:1.8.3": 5}


def test_an_address_written_in_another_way_is_taken_when_nothing_better_comes() -> None:
    wanted = [signal("1-0:1.8.0*255", job="R5:1.8.0"), signal("R5:1.8.0")]
    outcome = scan(wanted, scripted(P0, data(b"1-0:1.8.0*255(7*kWh)")))
    assert printed(outcome) == {"1-0:1.8.0*255": ("7", "kWh", None), "R5:1.8.0": ("7", "kWh", None)}
    stray = scan([signal("R5:1.8.0")], scripted(P0, data(b"2.8.0(7*kWh)")))
    assert printed(stray) == {"R5:1.8.0": (None, None, "not_found")}


def test_an_early_stop_within_partial_blocks_reads_on_what_has_begun() -> None:
    wanted = [signal("F.F", "STRING"), signal("1.6.1[3]", "STRING")]
    for partial in ("1", "2", "5"):
        outcome = scan(wanted, meter(partial=partial)(), early_stop=True)
        assert outcome.error is None
        assert list(outcome.values().values()) == ["00000000", "2610151830"]


def test_an_unfinished_partial_block_is_no_list() -> None:
    def cut(side: str, number: int, sent: bytes) -> list[tuple[float, bytes]]:
        return [(0.0, sent[:-1] if side == "meter" and number > 0 else sent)]

    outcome = scan([signal("F.F", "STRING"), signal("0.2.0")], meter(partial="3")(), fault=cut)
    assert isinstance(outcome.error, Garbled)
    assert outcome.readings == []


def test_a_list_without_block_check_beside_registers_with_one() -> None:
    memory = Memory()

    def framed_registers() -> Any:
        while True:
            yield from listen()
            yield say(b"/MTD5X\r\n")
            if (yield from listen())[3:4] == b"0":
                yield say(b"1.8.0(3*kWh)\r\n!\r\n")
                continue
            yield say(P0)
            asked = yield from command()
            while asked.command != b"B0":
                yield say(data(b"1.8.1(4*kWh)"))
                asked = yield from command()

    wanted = [signal("1.8.0"), signal("R5:1.8.1")]
    for _ in range(3):
        outcome = scan(wanted, framed_registers(), memory)
        assert outcome.error is None
        assert outcome.values() == {"1.8.0": 3, "R5:1.8.1": 4}
