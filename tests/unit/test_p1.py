"""P1 ports: telegrams of several countries and ages, damage of every kind, ciphered ones; nothing is ever sent."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterd.conversation import Pause
from meterd.errors import ConfigError, Garbled, Incomplete, SecurityError, Silence, WrongMeter
from meterd.model import Device, Memory, Reading, Signal
from meterd.protocols.dlms.security.heard import SPREAD
from meterd.protocols.p1 import discovery, driver
from meterd.protocols.p1.parameters import DEVICE, SIGNAL
from meterd.protocols.p1.telegrams import SealedDecoder
from meterd.protocols.p1.values import text_of
from meterd.simulate import p1 as simulated
from tests.pair import Outcome, converse

from .elgama_case import values_of
from .pushes import what_is_heard

KEY = "0F1E2D3C4B5A69788796A5B4C3D2E1F0"


def device(**given: Any) -> Device:
    return Device("house", "p1", values_of(DEVICE, {"device": "PORT1", "timeout_ms": 500, **given}), "PORT1")


def signal(tag: str, number_type: str = "DOUBLE") -> Signal:
    return Signal("house", tag, values_of(SIGNAL, {"tag_job_todo": tag, "number_type": number_type}))


def crc16_of(data: bytes) -> str:
    """CRC-16/ARC, reckoned bit by bit as the companion standard words it."""
    register = 0
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = (register >> 1) ^ 0xA001 if register & 1 else register >> 1
    return f"{register:04X}"


def telegram(*lines: str, crc: bool = True, head: str = "/KFM5KAIFA-METER") -> bytes:
    text = "\r\n".join([head, "", *lines, "!"]).encode("latin-1")
    return text + (crc16_of(text) if crc else "").encode() + b"\r\n"


def heard(
    *sent: bytes, tags: tuple[str | Signal, ...] = ("1-0:1.8.1",), served: Any = None, until: int = 0, **given: Any
) -> Outcome:
    """What `listen` makes of these telegrams up to the first error or the end, a second apart."""
    if served is None:
        wanted = [tag if isinstance(tag, Signal) else signal(tag) for tag in tags]
        served = [(driver.plan(device(**given), wanted), Memory())]
    return what_is_heard(driver.listen(served), sent, until)


def told(outcome: Outcome) -> dict[str, tuple[Any, Any, Any]]:
    return {one.signal.alias: (str(one.value), one.unit, one.meter_time) for one in outcome.readings}


DUTCH = telegram(
    "1-3:0.2.8(50)", "0-0:1.0.0(250114181502W)", "0-0:96.1.1(4B384547303034303436)", "1-0:1.8.1(004321.567*kWh)",
    "1-0:1.8.2(000002.000*kWh)", "1-0:1.7.0(01.193*kW)", "0-0:96.13.0(53746F72696E67)", "0-0:96.13.1()",
    "1-0:99.97.0(2)(0-0:96.7.19)(200606102938S)(0000003600*s)(200607102938S)(0000000120*s)",
    "0-2:24.1.0(007)", "0-2:96.1.0(3732)", "0-2:24.2.1(250114181000W)(00098.765*m3)",
    "0-1:24.1.0(003)", "0-1:24.2.1(250714181000S)(01234.567*m3)",
)  # fmt: skip
BELGIAN = telegram(
    "0-0:96.1.4(50217)", "0-0:96.1.1(31534147)", "1-0:1.4.0(02.351*kW)", "1-0:1.6.0(250509134558S)(02.589*kW)",
    "0-0:98.1.0(2)(1-0:1.6.0)(1-0:1.6.0)(250301000000W)(250218174500W)(03.695*kW)(250401000000S)(250322171500W)(05.980*kW)",
    "0-1:24.1.0(003)", "0-1:24.2.3(250509134500S)(00112.384*m3)", head="/FLU5\\253769484_A",
)  # fmt: skip
OLD = telegram(
    "0-0:96.1.1(205A4142)", "1-0:1.8.1(00185.000*kWh)", "0-1:24.1.0(03)",
    "0-1:24.3.0(121030140000)(00)(60)(1)(0-1:24.2.1)(m3)", "(00022.189)", crc=False, head="/ISk5\\2MT382-1000",
)  # fmt: skip


def test_values_come_with_their_own_times_and_words_find_the_channel() -> None:
    found = told(heard(DUTCH, tags=("1-0:1.8.1", "1.7.0", "gas", "water", "0-2:24.2.1", "1-0:99.97.0[3]")))
    assert found == {
        "1-0:1.8.1": ("4321.567", "kWh", None),
        "1.7.0": ("1.193", "kW", None),
        "gas": ("1234.567", "m3", "2025-07-14T18:10:00"),
        "water": ("98.765", "m3", "2025-01-14T18:10:00"),
        "0-2:24.2.1": ("98.765", "m3", "2025-01-14T18:10:00"),
        "1-0:99.97.0[3]": ("3600", "s", None),
    }


def test_the_peak_of_the_hour_and_of_months() -> None:
    found = told(heard(BELGIAN, tags=("1-0:1.6.0", "gas", "0-0:98.1.0[5]", "1-0:1.4.0")))
    assert found["1-0:1.6.0"] == ("2.589", "kW", "2025-05-09T13:45:58")
    assert found["gas"] == ("112.384", "m3", "2025-05-09T13:45:00")
    assert found["0-0:98.1.0[5]"] == ("3.695", "kW", None)


def test_telegrams_of_old_meters_have_no_check_and_gas_behind_a_header() -> None:
    assert told(heard(OLD, tags=("1-0:1.8.1", "gas"))) == {
        "1-0:1.8.1": ("185.000", "kWh", None),
        "gas": ("22.189", "m3", "2012-10-30T14:00:00"),
    }


def test_text_is_told_in_plain_words() -> None:
    words = {"0-0:96.13.0": "Storing", "0-0:96.13.1": "", "0-0:96.1.1": "K8EG004046", "1-3:0.2.8": "50"}
    found = told(heard(DUTCH, tags=tuple(signal(tag, "STRING") for tag in words)))
    assert {tag: value for tag, (value, _, _) in found.items()} == words
    assert [text_of(text) for text in ("50217", "4", "0000", "4A", "zz")] == ["50217", "4", "0000", "J", "zz"]


def test_a_meter_that_has_told_nothing_yet_and_a_line_that_is_not_there_are_no_values() -> None:
    new = telegram("0-1:24.1.0(003)", "0-1:24.2.1(700101010000W)(00000000.000*m3)", "1-0:1.8.1(1*kWh)")
    outcome = heard(new, tags=("gas", "water", "1-0:2.8.1", "0-1:24.2.1[7]"))
    assert [(one.value, one.reason) for one in outcome.readings] == [
        (None, "not_read_yet"),
        (None, "not_found"),
        (None, "not_found"),
        (None, "not_found"),
    ]


def test_a_short_address_that_two_lines_have_is_not_guessed() -> None:
    two = telegram("1-0:1.8.1(1*kWh)", "1-1:1.8.1(2*kWh)")
    outcome = heard(two, tags=("1.8.1", "1-1:1.8.1"))
    assert [(one.reason, str(one.value)) for one in outcome.readings] == [("not_found", "None"), (None, "2")]


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (DUTCH.replace(b"4321", b"4322"), Garbled, "CRC16"),
        (DUTCH[: len(DUTCH) // 2], Incomplete, "broke off"),
    ],
)
def test_damage_is_refused_and_the_next_telegram_is_good(data: bytes, error: type, words: str) -> None:
    bad = heard(data)
    assert isinstance(bad.error, error) and words in str(bad.error)
    assert bad.readings == []
    assert told(heard(b"3(00.1*kW)\r\n!0000\r\n" + DUTCH)) == {"1-0:1.8.1": ("4321.567", "kWh", None)}


@pytest.mark.parametrize("cut", [60, 150, 200])
def test_a_telegram_that_begins_within_another_is_read_all_the_same(cut: int) -> None:
    assert told(heard(DUTCH[:cut] + DUTCH)) == {"1-0:1.8.1": ("4321.567", "kWh", None)}


def test_every_octet_cut_flipped_or_doubled_gives_no_wrong_value() -> None:
    right = {str(one.value) for one in heard(DUTCH).readings}
    for at in range(0, len(DUTCH) - 2, 7):
        for damaged in (
            DUTCH[:at] + DUTCH[at + 1 :],
            DUTCH[:at] + bytes([DUTCH[at] ^ 1 << at % 7]) + DUTCH[at + 1 :],
            DUTCH[:at] + DUTCH[at : at + 1] + DUTCH[at:],
        ):
            outcome = heard(damaged, DUTCH, until=1)
            assert {str(one.value) for one in outcome.readings} <= right, (at, damaged)


def test_a_check_that_came_once_must_come_again() -> None:
    served = [(driver.plan(device(), [signal("1-0:1.8.1")]), Memory())]
    outcome = heard(DUTCH, DUTCH.rpartition(b"!")[0] + b"!\r\n", served=served)
    assert isinstance(outcome.error, Garbled) and "no CRC16" in str(outcome.error)
    assert len(outcome.readings) == 1
    assert isinstance(heard(DUTCH.rpartition(b"!")[0] + b"!\r\n", served=served).error, Garbled), "over a new talk, too"


def test_several_meters_on_a_port_are_told_apart_by_their_numbers() -> None:
    other = telegram("0-0:96.1.1(4E554D3131)", "1-0:1.8.1(7*kWh)")
    memories = [Memory(), Memory()]
    plans = []
    for alias, number in (("left", "K8EG004046"), ("right", "NUM11")):
        one = device(serialnumber=number)
        one.alias = alias
        plans.append(driver.plan(one, [Signal(alias, "e", signal("1-0:1.8.1").parameters)]))
    outcome = heard(DUTCH, other, served=list(zip(plans, memories, strict=True)))
    assert [(one.signal.device_alias, str(one.value)) for one in outcome.readings] == [
        ("left", "4321.567"),
        ("right", "7"),
    ]
    stranger = heard(telegram("0-0:96.1.1(58585858)", "1-0:1.8.1(9*kWh)"), serialnumber="ABCD")
    assert isinstance(stranger.error, WrongMeter) and stranger.readings == []


# ---- ciphered


def sealed(text: bytes, counter: int, key: str = KEY, title: str = "4C55583500000007", tag: bool = True) -> bytes:
    from Cryptodome.Cipher import AES

    nonce = bytes.fromhex(title) + counter.to_bytes(4, "big")
    cipher = AES.new(bytes.fromhex(key), AES.MODE_GCM, nonce=nonce, mac_len=12)
    cipher.update(bytes.fromhex("30" + "00112233445566778899AABBCCDDEEFF"))
    body, mac = cipher.encrypt_and_digest(text)
    apdu = bytes([0x30 if tag else 0x20]) + counter.to_bytes(4, "big") + body + (mac if tag else b"")
    return b"\xdb\x08" + bytes.fromhex(title) + b"\x82" + len(apdu).to_bytes(2, "big") + apdu


def test_ciphered_telegrams_are_opened_with_the_key() -> None:
    outcome = heard(b"\xdb\x08half" + sealed(DUTCH, 5), sealed(OLD, 6), tags=("1-0:1.8.1", "gas"), encryption_key=KEY)
    assert [str(one.value) for one in outcome.readings] == ["4321.567", "1234.567", "185.000", "22.189"]


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (sealed(DUTCH, 5), "used before"),
        (sealed(DUTCH, 4), "used before"),
        (sealed(DUTCH, 6, key="00" * 16), "encryption_key is wrong"),
        (sealed(DUTCH, 6, tag=False), "protects less"),
        (sealed(DUTCH, 6)[:-1] + b"\x00", "not authentic"),
    ],
)
def test_what_is_played_back_or_forged_is_refused_with_its_reason(second: bytes, words: str) -> None:
    served = [(driver.plan(device(encryption_key=KEY), [signal("1-0:1.8.1")]), Memory())]
    outcome = heard(sealed(DUTCH, 5), second, served=served)
    assert isinstance(outcome.error, SecurityError) and words in str(outcome.error), outcome.error
    assert len(outcome.readings) == 1
    assert len(heard(sealed(DUTCH, 7), served=served).readings) == 1, "the next good one is good"


def test_plain_text_is_not_taken_where_a_key_is_set_and_counters_are_on_record() -> None:
    decoder = SealedDecoder()
    assert decoder.feed(DUTCH) is None
    assert (decoder.discarded, decoder.pending) == (len(DUTCH), 0) and "DB 08" in decoder.reason
    kept: list[dict[str, Any]] = []
    persistent: dict[str, Any] = {}

    def memory() -> Memory:
        return Memory(persistent, lambda content, lore: kept.append(dict(content)) is None)

    plan = driver.plan(device(encryption_key=KEY), [signal("1-0:1.8.1")])
    heard(sealed(DUTCH, 900), sealed(DUTCH, 901), sealed(DUTCH, 900 + SPREAD), served=[(plan, memory())])
    assert len(kept) == 2, "not at each telegram"
    again = heard(sealed(DUTCH, 900 + SPREAD), served=[(plan, memory())])
    assert isinstance(again.error, SecurityError), "another process knows"


def test_a_port_with_ciphered_telegrams_takes_one_device() -> None:
    served = [(driver.plan(device(encryption_key=KEY), []), Memory()), (driver.plan(device(), []), Memory())]
    with pytest.raises(ConfigError, match="one device"):
        next(driver.listen(served))


@given(st.binary(max_size=80), st.integers(1, 30))
def test_the_decoder_of_ciphered_telegrams_takes_any_bytes_in_any_pieces(noise: bytes, size: int) -> None:
    data = noise.replace(b"\xdb", b"") + sealed(b"/XYZ5\r\n\r\n!\r\n", 1)
    decoder = SealedDecoder()
    found = [decoder.feed(data[at : at + size]) for at in range(0, len(data), size)]
    assert [one for one in found if one] == [sealed(b"/XYZ5\r\n\r\n!\r\n", 1)]
    decoder.reset()
    for at in range(0, len(noise), size):
        decoder.feed(noise[at : at + size])
    assert decoder.missing >= 1 and decoder.pending + decoder.discarded <= len(noise)


# ---- scan, one telegram, the simulated port


def test_scan_and_read_wait_for_one_telegram_and_send_nothing() -> None:
    meter = simulated.meter()
    found = converse(discovery.discover(device(), Memory(), {}, lambda text: None), meter(), limit_s=60)
    tags = [row["tag_job_todo"] for row in found.value["signals"]]
    assert tags[:2] == ["gas", "water"] and "1-0:1.8.1" in tags and "0-1:24.2.1" not in tags
    plan = driver.plan(device(), [signal("gas")])
    once = converse(driver.conversation(plan, Memory()), simulated.meter(version="2")(), limit_s=60)
    assert told(once) == {"gas": ("981.443", "m3", "2026-11-28T10:00:00")}
    assert found.sent() == [] and once.sent() == []


def test_silence_is_told() -> None:
    def nobody() -> Any:
        yield Pause(100)

    plan = driver.plan(device(), [signal("gas")])
    assert isinstance(converse(driver.conversation(plan, Memory()), nobody(), limit_s=200).error, Silence)


def test_the_simulated_port_ciphers() -> None:
    plan = driver.plan(device(encryption_key=KEY), [signal("1-0:1.8.1")])
    outcome = converse(driver.conversation(plan, Memory()), simulated.meter(encryption_key=KEY)(), limit_s=60)
    assert told(outcome) == {"1-0:1.8.1": ("1234.001", "kWh", None)}
    reading: Reading = outcome.readings[0]
    assert reading.quality == "good"
