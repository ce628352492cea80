"""Every octet of each form of push cut, flipped and doubled: never a wrong value, and the next good push is good."""

from __future__ import annotations

from typing import Any

import pytest

from meterd.model import Memory
from meterd.protocols.dlms_push import driver
from meterd.protocols.p1 import driver as p1_driver
from tests.strangers.dlms_meter import fcs
from tests.strangers.pusher import (
    AUSTRIAN,
    AUTH,
    ENERGY,
    KEY,
    TITLE,
    as_e450,
    blocks,
    entries,
    event,
    framed,
    generally,
    glo_event,
    notification,
    numbered,
    sealed,
    whole,
)
from tests.unit import test_p1
from tests.unit.pushes import all_that_is_heard, what_is_heard
from tests.unit.test_dlms_push import device, signal

FIRST, SECOND = 4711, 4712
KEYS = {"encryption_key": KEY, "authentication_key": AUTH}


def _list(value: int) -> bytes:
    return notification(entries(value))


def _austrian(value: int) -> bytes:
    return AUSTRIAN.replace(whole(55), whole(value))


# Name → (the octets of a push that tells this energy under this counter, the device's parameters).
FORMS: dict[str, tuple[Any, dict[str, Any]]] = {
    "HDLC": (lambda value, count: framed(_list(value), 40), {}),
    "HDLC, numbered I frames": (lambda value, count: framed(_list(value), 40, 0x10, numbered=True), {}),
    "HDLC, event": (lambda value, count: framed(event(whole(value * 10))), {}),
    "M-Bus": (lambda value, count: b"".join(numbered(_austrian(value), 30)), {"framing": "M-Bus"}),
    "blocks": (lambda value, count: as_e450(blocks(_list(value), 40)), {}),
    "general-glo": (lambda value, count: framed(sealed(_list(value), count, control=0x30), 60), KEYS),
    "general-glo, no tag": (lambda value, count: framed(sealed(_list(value), count)), {"encryption_key": KEY}),
    "general-glo in M-Bus": (
        lambda value, count: b"".join(numbered(sealed(_austrian(value), count), 60)),
        {"encryption_key": KEY, "framing": "M-Bus"},
    ),
    "general-glo in blocks": (
        lambda value, count: as_e450(blocks(sealed(_list(value), count, control=0x30), 50)),
        KEYS,
    ),
    "general-ciphering": (lambda value, count: framed(generally(_list(value), count, tagged=True)), KEYS),
    "glo-event": (
        lambda value, count: framed(glo_event(value * 10, count, control=0x30)),
        {**KEYS, "system_title": TITLE},
    ),
}
SCALED = {"M-Bus": 1000, "general-glo in M-Bus": 1000}


def damaged(push: bytes, at: int) -> tuple[bytes, bytes, bytes]:
    """Without the octet, with one bit of it flipped, with the octet twice."""
    flipped = bytes([push[at] ^ 1 << at % 8])
    return (push[:at] + push[at + 1 :], push[:at] + flipped + push[at + 1 :], push[: at + 1] + push[at:])


@pytest.mark.parametrize("gap_ms", [500, 2500])
@pytest.mark.parametrize("form", list(FORMS))
def test_no_octet_that_is_wrong_gives_a_wrong_value(form: str, gap_ms: int) -> None:
    """Pushes come a second apart: within the gap that a push may have, and beyond it."""
    make, given = FORMS[form]
    given = {**given, "timeout_ms": gap_ms}
    first, second = make(FIRST, 7), make(SECOND, 8)
    right = [str(value * SCALED.get(form, 10)) for value in (FIRST, SECOND)]
    plan = driver.plan(device(**given), [signal(ENERGY)])
    whole_one = [str(one.value) for one in heard_of(driver, plan, [first, second])]
    assert whole_one == right
    good = 0
    for at in range(len(first)):
        for bad in damaged(first, at):
            values = [str(one.value) for one in heard_of(driver, plan, [bad, second])]
            assert values in (right, right[1:]), (at, bad.hex(), values)
            good += values == right
    assert good < len(first), "most damage costs the list"


def heard_of(module: Any, plan: Any, pushes: list[bytes]) -> list[Any]:
    memory = Memory()
    return all_that_is_heard(lambda: module.listen([(plan, memory)]), pushes).readings


def p1(value: int, counter: int | None = None) -> bytes:
    """A telegram of P1 put together by hand, ciphered where it has a counter."""
    plain = test_p1.telegram(
        "1-3:0.2.8(50)", "0-0:96.1.1(4B384547303034303436)", f"1-0:1.8.1({value:06}.567*kWh)", "1-0:1.7.0(01.193*kW)",
        "0-0:96.13.0(53746F72696E67)",
    )  # fmt: skip
    return plain if counter is None else test_p1.sealed(plain, counter)


@pytest.mark.parametrize("gap_ms", [500, 2500])
@pytest.mark.parametrize("keyed", [False, True])
def test_no_octet_of_a_p1_telegram_that_is_wrong_gives_a_wrong_value(keyed: bool, gap_ms: int) -> None:
    first, second = p1(4321, 7 if keyed else None), p1(4322, 8 if keyed else None)
    given = {"timeout_ms": gap_ms, **({"encryption_key": test_p1.KEY} if keyed else {})}
    plan = p1_driver.plan(test_p1.device(**given), [test_p1.signal("1-0:1.8.1")])
    right = ["4321.567", "4322.567"]
    assert [str(one.value) for one in heard_of(p1_driver, plan, [first, second])] == right
    for at in range(len(first)):
        for bad in (*damaged(first, at), first[at + 1 :] or b"\0"):
            readings = heard_of(p1_driver, plan, [bad, second])
            values = [str(one.value) for one in readings if one.reason != "not_found"]  # cut short by a '!'
            assert values in (right, right[1:]), (at, bad, values)


@pytest.mark.parametrize("form", list(FORMS))
def test_half_a_push_at_the_start_costs_no_more_than_itself(form: str) -> None:
    make, given = FORMS[form]
    plan = driver.plan(device(**given), [signal(ENERGY)])
    push = make(FIRST, 7)
    for at in range(1, len(push)):
        values = [str(one.value) for one in heard_of(driver, plan, [push[at:], make(SECOND, 8)])]
        assert values == [str(SECOND * SCALED.get(form, 10))], at


@pytest.mark.parametrize("form", [form for form, (_, given) in FORMS.items() if "encryption_key" in given])
def test_what_is_played_back_reordered_or_forged_gives_no_value(form: str) -> None:
    make, given = FORMS[form]
    plan = driver.plan(device(**given), [signal(ENERGY)])
    other = {**given, "encryption_key": "11" * 16}
    forger = driver.plan(device(**other), [signal(ENERGY)])
    pushes = [make(value, count) for value, count in ((1, 5), (2, 7))]
    assert [int(one.value) for one in heard_of(driver, plan, pushes)] == [
        each * SCALED.get(form, 10) for each in (1, 2)
    ]
    for replayed in (make(1, 5), make(3, 6), make(2, 7)):
        memory = Memory()
        assert len(what_is_heard(driver.listen([(plan, memory)]), pushes).readings) == 2
        outcome = what_is_heard(driver.listen([(plan, memory)]), [replayed])
        assert outcome.readings == [] and "used before" in str(outcome.error)
        assert len(what_is_heard(driver.listen([(plan, memory)]), [make(4, 8)]).readings) == 1
    forged = what_is_heard(driver.listen([(forger, Memory())]), [make(9, 9)])
    assert forged.readings == [] and forged.error is not None and forged.error.reason in ("key", "type")


@pytest.mark.parametrize("form", ["HDLC", "HDLC, numbered I frames", "M-Bus", "blocks", "general-glo in blocks"])
def test_two_meters_that_talk_in_turns_give_no_wrong_value(form: str) -> None:
    """Frame by frame, as a bus without arbitration or a bridge for two lines may mix them."""
    make, given = FORMS[form]
    plan = driver.plan(device(**given), [signal(ENERGY)])
    ours, theirs = (frames_of(make(value, count), form) for value, count in ((FIRST, 7), (999, 8)))
    if form == "M-Bus":
        theirs = [readdressed(frame) for frame in theirs]
    else:
        theirs = [frame.replace(b"\x41\x08\x83", b"\x41\x08\x85") for frame in theirs]
        theirs = [hdlc_again(frame) for frame in theirs]
    assert len(ours) == len(theirs) > 1
    mixed = b"".join(one + other for one, other in zip(ours, theirs, strict=True))
    values = [str(one.value) for one in heard_of(driver, plan, [mixed, make(SECOND, 9)])]
    right = [str(value * SCALED.get(form, 10)) for value in (FIRST, 999, SECOND)]
    assert values[-1] == right[-1] and set(values) <= set(right)


def frames_of(push: bytes, form: str) -> list[bytes]:
    """One by one, by the lengths that they tell."""
    found = []
    while push:
        size = push[1] + 6 if form == "M-Bus" else ((push[1] & 7) << 8 | push[2]) + 2
        found.append(push[:size])
        push = push[size:]
    return found


def readdressed(frame: bytes) -> bytes:
    body = frame[4:5] + b"\x07" + frame[6:-2]
    return frame[:4] + body + bytes([sum(body) % 256, 0x16])


def hdlc_again(frame: bytes) -> bytes:
    """The same under the checks that it now needs."""
    head = frame[1:7]
    body = head + fcs(head) + frame[9:-3]
    return b"\x7e" + body + fcs(body) + b"\x7e"
