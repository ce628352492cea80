"""Forms of DLMS pushes beyond one plain list: general blocks, events, general-ciphering, keys that are not ours."""

from __future__ import annotations

from typing import Any

import pytest

from meterd.errors import DecodeError, Garbled, Incomplete, MeterdError, SecurityError
from meterd.model import Memory
from meterd.protocols.dlms_push import driver
from meterd.protocols.dlms_push.blocks import Joined
from tests.strangers.pusher import (
    AUTH,
    ENERGY,
    KEY,
    NUMBER,
    POWER,
    TIME,
    TITLE,
    as_e450,
    behind_objects,
    block,
    blocks,
    entries,
    event,
    framed,
    generally,
    glo_event,
    long_frame,
    name,
    notification,
    sealed,
    whole,
)

from .test_dlms_push import device, heard, signal, told

LIST = notification(entries(4711))


@pytest.mark.parametrize("size", [1, 30, 112, 500])
@pytest.mark.parametrize("frames", [lambda parts: as_e450(parts), lambda parts: as_e450(parts, size=20),
                                    lambda parts: b"".join(map(framed, parts))])  # fmt: skip
def test_lists_come_in_blocks(size: int, frames: Any) -> None:
    assert told(heard(frames(blocks(LIST, size))))[0][1] == "47110"


def test_blocks_come_in_frames_of_mbus_ciphered_and_behind_their_objects() -> None:
    apdu = sealed(behind_objects(True), 3)
    frames = b"".join(long_frame(each, 0x10) for each in blocks(apdu, 70))
    outcome = heard(frames, framing="M-Bus", encryption_key=KEY, jobs=(NUMBER,))
    assert [value for _, value, _, _ in told(outcome)] == ["AB12"]


def test_a_block_that_comes_twice_is_taken_once() -> None:
    parts = blocks(LIST, 20)
    twice = [each for part in parts for each in (part, part)]
    assert told(heard(as_e450(twice), until=1))[0][1] == "47110"


PARTS = blocks(LIST, 20)
OTHER = [framed(each, source=b"\x21") for each in blocks(notification(entries(9)), 20)]


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        (as_e450(PARTS[:1] + PARTS[2:]), "block in the middle of a list is lost: 3 follows 1"),
        (as_e450([PARTS[0], PARTS[2], PARTS[1], PARTS[3]]), "3 follows 1"),
        (as_e450(PARTS[1:]), "first block of a list that comes is number 2"),
        (as_e450(PARTS[:2]), "broke off behind block 2"),
        (as_e450(PARTS[:1] * 20), "over and over"),
        (as_e450(PARTS[:1] + blocks(LIST[:-1] + b"\x00", 21)[:1]), "among the blocks of another"),
        (as_e450(PARTS[:1]) + framed(b"\x0e"), "among the blocks of another"),
        (as_e450(PARTS[:1]) + OTHER[0], "two meters"),
    ],
)
def test_what_is_wrong_with_blocks_is_told_and_the_next_list_is_good(frames: bytes, words: str) -> None:
    outcome = heard(frames)
    assert isinstance(outcome.error, (Garbled, Incomplete)) and words in str(outcome.error), outcome.error
    assert outcome.readings == []
    behind = heard(frames + framed(LIST), served=(served := [(driver.plan(device(), [signal(ENERGY)]), Memory())]))
    values = [value for _, value, _, _ in told(behind)] or [
        value for _, value, _, _ in told(heard(framed(LIST), served=served))
    ]
    assert values == ["47110"]


def test_blocks_without_end_are_told() -> None:
    class Link:
        whose = None
        come = 0

        def has_begun(self) -> bool:
            return False

        def next(self, timeout_ms: int | None) -> Any:
            self.come += 1
            return block(self.come, b"x" * 1000, False)
            yield

    link: Any = Link()
    with pytest.raises(Garbled, match="no end after 66000"):
        next(Joined(link, 500).next(None))
    assert link.come == 66


def test_blocks_of_two_meters_in_turns_give_no_value() -> None:
    mixed = b"".join(one + two for one, two in zip((framed(each) for each in PARTS), OTHER, strict=True))
    outcome = heard(mixed, framed(LIST))
    assert isinstance(outcome.error, MeterdError)
    assert {value for _, value, _, _ in told(outcome)} <= {"47110"}


def test_an_event_is_one_attribute() -> None:
    stamped = event(whole(66), time=b"\x01\x0c" + TIME)
    outcome = heard(framed(event(whole(65))), framed(stamped), jobs=(ENERGY, f"{ENERGY}:3"))
    assert [(value, time) for _, value, _, time in told(outcome)] == [("65", None), ("66", "2026-11-28T10:15:05")]
    broken = heard(framed(event(whole(65))[:-1]))
    assert isinstance(broken.error, DecodeError) and broken.readings == []
    assert isinstance(heard(framed(event(whole(1), time=b"\x01\x02\x00\x00"))).error, DecodeError)


def test_a_ciphered_event_needs_the_title_that_is_configured() -> None:
    given: dict[str, Any] = {"encryption_key": KEY, "system_title": TITLE}
    outcome = heard(framed(glo_event(5, 1)), framed(glo_event(6, 2)), **given)
    assert [value for _, value, _, _ in told(outcome)] == ["5", "6"]
    without = heard(framed(glo_event(5, 1)), encryption_key=KEY)
    assert isinstance(without.error, SecurityError) and "system title is not known" in str(without.error)
    again = heard(framed(glo_event(6, 2)), framed(glo_event(6, 2)), **given)
    assert len(again.readings) == 1 and "used before" in str(again.error)
    disguised = b"\xca" + sealed(LIST, 3)[10:]
    assert isinstance(heard(framed(disguised), **given).error, DecodeError)


def test_a_list_of_another_title_than_configured_is_refused() -> None:
    outcome = heard(framed(sealed(LIST, 1)), encryption_key=KEY, system_title="4B464D1000000043")
    assert isinstance(outcome.error, SecurityError) and "another system title" in str(outcome.error)
    assert outcome.readings == []


@pytest.mark.parametrize("info", [b"\x00", b"\x01\x00\x00"])
@pytest.mark.parametrize(("tagged", "head_too"), [(False, False), (True, False), (True, True)])
def test_general_ciphering_under_the_unicast_key(info: bytes, tagged: bool, head_too: bool) -> None:
    given: dict[str, Any] = {
        "encryption_key": KEY,
        "authentication_key": AUTH if tagged else None,
        "serialnumber": TITLE,
    }
    lists = [framed(generally(notification(entries(size)), size, info, tagged, head_too)) for size in (7, 8)]
    assert [value for _, value, _, _ in told(heard(*lists, **given))] == ["70", "80"]
    again = heard(lists[0], lists[0], **given)
    assert len(again.readings) == 1 and "used before" in str(again.error)


@pytest.mark.parametrize(
    ("apdu", "words"),
    [
        (generally(LIST, 1, b"\x01\x00\x01"), "broadcast key"),
        (generally(LIST, 1, b"\x01\x01\x00\x08"), "wrapped"),
        (generally(LIST, 1, b"\x01\x02\x01\x00"), "agreed"),
        (generally(LIST, 1, b"\x01\x07"), "another kind"),
        (generally(LIST, 1, tagged=True, auth=KEY), "not authentic"),
        (generally(LIST, 1), "protects less"),
        (b"\xdc" + sealed(LIST, 1)[1:], "dedicated key"),
        (b"\xd2" + sealed(LIST, 1)[10:], "dedicated key"),
        (b"\xdf" + sealed(LIST, 1)[1:], "signed"),
        (event(whole(7)), "plain text"),
        (b"\xdd\x04\x00\x00", "expected"),
    ],
)
def test_other_keys_and_forms_are_refused_in_words(apdu: bytes, words: str) -> None:
    outcome = heard(framed(apdu), encryption_key=KEY, authentication_key=AUTH)
    assert isinstance(outcome.error, (SecurityError, DecodeError)) and words in str(outcome.error), outcome.error
    assert outcome.readings == []


@pytest.mark.parametrize("apdu", [sealed(LIST, 1), generally(LIST, 1), glo_event(1, 1)])
def test_a_ciphered_list_without_a_key_is_told(apdu: bytes) -> None:
    outcome = heard(framed(apdu))
    assert isinstance(outcome.error, SecurityError) and "no encryption_key is configured" in str(outcome.error)


def test_power_is_no_energy() -> None:
    assert told(heard(framed(LIST), jobs=(POWER,)))[0][1:3] == ("1234", "W")
    assert name(POWER) in LIST
