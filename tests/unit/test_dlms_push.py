"""DLMS meters that push on a line: frames put together by hand, lists of each form, damage, several meters, keys."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterd.conversation import Pause
from meterd.errors import ConfigError, DecodeError, Garbled, Incomplete, SecurityError, Silence, WrongMeter
from meterd.model import Device, Memory, Signal
from meterd.protocols.dlms.security.heard import SPREAD
from meterd.protocols.dlms_push import discovery, driver
from meterd.protocols.dlms_push.lists import Pushed
from meterd.protocols.dlms_push.parameters import DEVICE, SIGNAL
from meterd.simulate import dlms_push as simulated
from tests.pair import Outcome, converse
from tests.strangers.dlms_meter import hdlc, obis
from tests.strangers.pusher import (
    AUSTRIAN,
    AUTH,
    CURRENT,
    ENERGY,
    KEY,
    NUMBER,
    PAIRS,
    POWER,
    TITLE,
    behind_objects,
    entries,
    framed,
    long_frame,
    name,
    notification,
    numbered,
    scaling,
    sealed,
    whole,
)

from .elgama_case import values_of
from .pushes import what_is_heard


def device(**given: Any) -> Device:
    values = values_of(DEVICE, {"device": "PORT1", "timeout_ms": 500, **_given(given)})
    return Device("house", "dlms_push", values, "PORT1")


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def signal(job: str, **given: Any) -> Signal:
    return Signal("house", job, values_of(SIGNAL, {"obis_job": job, **given}))


def heard(
    *sent: bytes, jobs: tuple[str | Signal, ...] = (ENERGY,), served: Any = None, until: int = 0, **given: Any
) -> Outcome:
    """What `listen` makes of these, up to the first error or the last one that gave readings."""
    if served is None:
        wanted = [job if isinstance(job, Signal) else signal(job) for job in jobs]
        served = [(driver.plan(device(**given), wanted), Memory())]
    return what_is_heard(driver.listen(served), sent, until)


def told(outcome: Outcome) -> list[tuple[str, str, str | None, str | None]]:
    return [(one.signal.alias, str(one.value), one.unit, one.meter_time) for one in outcome.readings]


@pytest.mark.parametrize(
    "frames",
    [
        framed(notification(entries(4711))),
        framed(notification(entries(4711)), size=30),
        framed(notification(entries(4711)), size=17, control=0x10),
        framed(notification(entries(4711)), size=17, control=0x00, numbered=True),
        framed(notification(entries(4711)), llc=b""),
        framed(notification(entries(4711)), source=b"\x00\x02\x00\x23").replace(b"\x7e\x7e", b"\x7e"),
        b"\x00\x00\xff" + framed(notification(entries(4711)))[40:] + framed(notification(entries(4711))),
    ],
)
def test_lists_come_in_frames_of_every_kind(frames: bytes) -> None:
    assert told(heard(frames, jobs=(ENERGY, CURRENT, POWER, NUMBER), until=1)) == [
        (ENERGY, "47110", "Wh", None),
        (CURRENT, "-2.3", "A", None),
        (POWER, "1234", "W", None),
        (NUMBER, "6970001", None, None),
    ]


def test_codes_and_values_in_turns_have_the_scaler_that_is_configured() -> None:
    outcome = heard(framed(PAIRS), jobs=("1-0:1.7.0*255", signal(CURRENT, scaler=-2), "1.1.0.0.5.255"))
    assert told(outcome) == [
        ("1-0:1.7.0*255", "700", None, "2026-11-28T10:15:05"),
        (CURRENT, "5.12", None, "2026-11-28T10:15:05"),
        ("1.1.0.0.5.255", "5706567", None, "2026-11-28T10:15:05"),
    ]


@pytest.mark.parametrize("itself", [False, True])
def test_values_behind_their_objects(itself: bool) -> None:
    found = behind_objects(itself)
    if itself:  # the list stands for its own first column
        assert Pushed(found).found[obis(ENERGY), 2][0] == 81
    outcome = heard(framed(found), jobs=(ENERGY, NUMBER, f"{POWER}:5"))
    assert [(job, value, unit) for job, value, unit, _ in told(outcome)] == [
        (ENERGY, "8100", "Wh"),
        (NUMBER, "AB12", None),
        (f"{POWER}:5", "2026-11-28T10:15:05", None),
    ]


def test_a_signal_is_read_from_each_list_that_has_it() -> None:
    short = notification(b"\x01\x01\x02\x03" + name(POWER) + whole(9) + scaling(0, 27))
    outcome = heard(framed(short), framed(notification(entries(5))), framed(short), jobs=(ENERGY, POWER))
    assert [(job, value) for job, value, _, _ in told(outcome)] == [
        (POWER, "9"),
        (ENERGY, "50"),
        (POWER, "1234"),
        (POWER, "9"),
    ]


def test_a_list_without_codes_is_refused_in_words() -> None:
    outcome = heard(framed(notification(b"\x02\x02" + whole(5) + whole(6))))
    assert isinstance(outcome.error, DecodeError) and "no OBIS codes" in str(outcome.error)
    assert outcome.readings == []


LIST = framed(notification(entries(4711)), size=60)


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (LIST[:70], Incomplete, "are missing"),
        (LIST[: LIST.index(b"\x7e\x7e") + 1], Incomplete, "broke off"),
        (LIST[: LIST.index(b"\x7e\x7e") + 1] + framed(b"\x00" * 9, llc=b"", source=b"\x21"), Garbled, "two meters"),
        (framed(notification(entries(1)), 40, 0x00, numbered=True).replace(
            hdlc(b"\x41", b"\x08\x83", 2, (b"\xe6\xe7\x00" + notification(entries(1)))[40:80], True), b""),
         Garbled, "is lost"),
        (framed(b"\x0e\x01"), DecodeError, "APDU 0x0f expected"),
    ],
)  # fmt: skip
def test_damage_is_told_and_gives_no_value(data: bytes, error: type, words: str) -> None:
    outcome = heard(data)
    assert isinstance(outcome.error, error) and words in str(outcome.error), outcome.error
    assert outcome.readings == []


def test_a_list_that_begins_within_another_is_good_and_the_lost_one_is_told() -> None:
    outcome = heard(LIST[: LIST.index(b"\x7e\x7e") + 1] + LIST)
    assert [value for _, value, _, _ in told(outcome)] == ["47110"]
    assert isinstance(outcome.error, Garbled) and "in the middle of another" in str(outcome.error)


def test_every_octet_cut_flipped_or_doubled_gives_no_wrong_value_and_the_next_list_is_good() -> None:
    right = {"47110", "880"}
    served = [(driver.plan(device(), [signal(ENERGY)]), Memory())]
    for at in range(0, len(LIST), 3):
        for damaged in (
            LIST[:at] + LIST[at + 1 :],
            LIST[:at] + bytes([LIST[at] ^ 1 << at % 8]) + LIST[at + 1 :],
            LIST[:at] + LIST[at : at + 1] + LIST[at:],
        ):
            outcome = heard(damaged, framed(notification(entries(88))), served=served, until=1)
            assert {str(one.value) for one in outcome.readings} <= right
            if outcome.error is not None:
                assert told(heard(LIST, served=served))[0][1] == "47110"


def test_several_meters_share_a_port() -> None:
    served = []
    for alias, number in (("left", "6970001"), ("right", "6970002")):
        one = device(serialnumber=number)
        one.alias = alias
        served.append((driver.plan(one, [Signal(alias, "e", signal(ENERGY).parameters)]), Memory()))
    lists = [framed(notification(entries(size, number))) for size, number in ((1, "6970002"), (2, "6970001"))]
    outcome = heard(*lists, served=served)
    assert [(one.signal.device_alias, str(one.value)) for one in outcome.readings] == [("right", "10"), ("left", "20")]
    stranger = heard(framed(notification(entries(3, "6970003"))), serialnumber="6970001")
    assert isinstance(stranger.error, WrongMeter) and stranger.readings == []


@pytest.mark.parametrize(("control", "auth"), [(0x20, ""), (0x21, ""), (0x30, AUTH), (0x31, AUTH)])
def test_ciphered_lists_are_opened(control: int, auth: str) -> None:
    given = {"encryption_key": KEY, "authentication_key": auth or None, "serialnumber": TITLE}
    lists = [framed(sealed(notification(entries(size)), size, control=control), 50) for size in (7, 8)]
    assert [value for _, value, _, _ in told(heard(*lists, **given))] == ["70", "80"]


@pytest.mark.parametrize("authenticated", [False, True])
def test_what_is_played_back_forged_or_plain_is_refused_with_its_reason(authenticated: bool) -> None:
    control = 0x30 if authenticated else 0x20
    given = {"encryption_key": KEY, "authentication_key": AUTH if authenticated else None}
    good = notification(entries(6))
    cases = [
        (sealed(good, 5, control=control), "used before"),
        (sealed(good, 3, control=control), "used before"),
        (good, "plain text"),
        (sealed(good, 6, key="11" * 16, control=control), "" if not authenticated else "not authentic"),
    ]
    if authenticated:
        cases += [(sealed(good, 6), "protects less"), (sealed(good, 6, control=0x30, auth=KEY), "not authentic")]
    for second, words in cases:
        served = [(driver.plan(device(**given), [signal(ENERGY)]), Memory())]
        outcome = heard(framed(sealed(good, 5, control=control)), framed(second), served=served)
        assert isinstance(outcome.error, (SecurityError, DecodeError)) and words in str(outcome.error), outcome.error
        assert len(outcome.readings) == 1
        assert len(heard(framed(sealed(good, 6, control=control)), served=served).readings) == 1, "the next is good"


def test_counters_are_on_record() -> None:
    kept: list[Any] = []
    persistent: dict[str, Any] = {}
    plan = driver.plan(device(encryption_key=KEY), [signal(ENERGY)])
    for counter in (SPREAD, 2 * SPREAD):
        memory = Memory(persistent, lambda content, lore: kept.append(content) is None)
        assert heard(framed(sealed(notification(entries(1)), counter)), served=[(plan, memory)]).readings
    memory = Memory(persistent)
    again = heard(framed(sealed(notification(entries(1)), 2 * SPREAD)), served=[(plan, memory)])
    assert isinstance(again.error, SecurityError) and len(kept) == 2


def test_keys_are_checked_when_they_are_configured() -> None:
    with pytest.raises(ConfigError, match="encryption_key: is missing"):
        driver.plan(device(authentication_key=AUTH), [])
    plan = driver.plan(device(encryption_key=KEY), [signal("nonsense"), signal(ENERGY)])
    assert [one.alias for one, _ in plan.refused] == ["nonsense"]
    assert plan.secrets == (bytes.fromhex(KEY),)
    served = [(plan, Memory()), (driver.plan(device(), []), Memory())]
    with pytest.raises(ConfigError, match="one device"):
        next(driver.listen(served))


@pytest.mark.parametrize("size", [3, 40, 60, 200])
def test_lists_come_in_long_frames_of_mbus(size: int) -> None:
    plain = heard(b"".join(numbered(AUSTRIAN, size)), framing="M-Bus", jobs=(ENERGY, POWER))
    assert [(job, value, unit) for job, value, unit, _ in told(plain)] == [
        (ENERGY, "55000", "Wh"),
        (POWER, "321", "W"),
    ]
    half = numbered(AUSTRIAN, 40)[-1]
    stranger = b"\x10\x5b\x01\x5c\x16" + long_frame(b"123", 0x72)
    ciphered = b"".join(numbered(sealed(AUSTRIAN, 9), size))
    outcome = heard(half + stranger + ciphered, framing="M-Bus", encryption_key=KEY, until=1)
    assert [value for _, value, _, _ in told(outcome)] == ["55000"]


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        (lambda parts: parts[:1], "broke off"),
        (lambda parts: parts[:1] + parts[2:], "is lost: 2 follows 0"),
        (lambda parts: parts[:2] + parts[:2], "is lost: 0 follows 1"),
        (lambda parts: [parts[0], long_frame(b"xyz", 1, address=7)], "two meters"),
    ],
)
def test_what_is_lost_of_long_frames_is_told(chosen: Any, words: str) -> None:
    outcome = heard(b"".join(chosen(numbered(AUSTRIAN, 20))), framing="M-Bus")
    assert isinstance(outcome.error, Garbled) and words in str(outcome.error), outcome.error
    assert outcome.readings == []


@given(st.binary(max_size=60))
def test_any_octets_are_a_list_or_an_error(octets: bytes) -> None:
    for apdu in (octets, notification(octets), notification(b"\x02\x03" + name(POWER) + octets)):
        try:
            pushed = Pushed(apdu)
        except DecodeError:
            continue
        assert pushed.found
        pushed.names()


@pytest.mark.parametrize("form", ["codes", "pairs", "objects"])
@pytest.mark.parametrize("key", ["", KEY])
@pytest.mark.parametrize("frame", ["UI", "I", "M-Bus"])
def test_the_simulated_meter_is_read_and_scanned(form: str, key: str, frame: str) -> None:
    meter = simulated.meter(form=form, info="40", frame=frame, encryption_key=key, authentication_key=key and AUTH)
    keys = {"encryption_key": key, "authentication_key": AUTH} if key else {}
    keys["framing"] = "M-Bus" if frame == "M-Bus" else "HDLC"
    plan = driver.plan(device(serialnumber="7359992800001234", **keys), [signal(POWER), signal("1.0.9.9.9.255")])
    once = converse(driver.conversation(plan, Memory()), meter(), limit_s=60)
    assert [(str(one.value), one.reason) for one in once.readings] == [("2001", None), ("None", "not_found")]
    found = converse(discovery.discover(device(**keys), Memory(), {}, lambda words: None), meter(), limit_s=60)
    assert ENERGY in [row["obis_job"] for row in found.value["signals"]]
    assert once.sent() == [] and found.sent() == []


def test_silence_is_told() -> None:
    def nobody() -> Any:
        yield Pause(100)

    plan = driver.plan(device(), [signal(POWER)])
    assert isinstance(converse(driver.conversation(plan, Memory()), nobody(), limit_s=200).error, Silence)
