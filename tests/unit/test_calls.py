"""Meters that call: pushes over TCP and UDP, callers told apart, strangers, keys, and reading over their connection."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meterd import log
from meterd.config.files import load
from meterd.daemon.mistakes import unreadable
from meterd.protocols.dlms_push.callers import Book, place_of
from meterd.simulate import dlms_push as simulated
from tests.strangers.calling_meter import ENERGY, LDN, NUMBER, listed, name, notification, push, sealed, text, wrapped
from tests.strangers.dlms_meter import Meter

from .calls_rig import PUSH, READ, CallsRig

KEY, AUTH, TITLE = bytes(range(16)), bytes(range(16, 32)), b"MTM\x10\x00\x00\x00\x07"


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[CallsRig]:
    made = CallsRig(tmp_path)
    yield made
    made.close()


@pytest.fixture
def said() -> Iterator[list[str]]:
    found: list[str] = []
    log.configure(log.INFO, lambda level, text: found.append(text))
    yield found
    log.configure()


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_pushes_of_several_meters_come_to_their_devices(rig: CallsRig, transport: str) -> None:
    row = {**PUSH, "transport": transport}
    rig.use(*({**row, "device_alias": f"m{number}", "serialnumber": f"XYZ000{number}"} for number in range(3)))
    first = rig.call(push("XYZ0002", 42), push("XYZ0002", 43))
    rig.call(push("XYZ0000", 7))
    rig.run(10.0, lambda: len(rig.values("m2")) == 2 and rig.values("m0"))
    assert (rig.values("m2"), rig.values("m0"), rig.values("m1")) == (["42", "43"], ["7"], [])
    first.say(push("XYZ0002", 44))
    rig.run(10.0, lambda: len(rig.values("m2")) == 3)
    assert first.heard == b"", "an unconfirmed push has no answer"
    assert rig.row("m2")["connected"] and rig.row("m1")["reason"] == "not_read_yet"


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_confirmed_push_is_confirmed_once_it_was_taken(rig: CallsRig, transport: str) -> None:
    rig.use({**PUSH, "transport": transport, "device_alias": "m", "serialnumber": "77001234"})
    meter = rig.call(wrapped(notification(listed("77001234", 5, NUMBER), 0x1A2B3C, confirmed=True), 17, 102))
    rig.run(10.0, lambda: meter.heard)
    assert meter.heard == bytes.fromhex("0001 0066 0011 0006 10 401A2B3C 00".replace(" ", ""))
    assert rig.values("m") == ["5"]
    stranger = rig.call(push("another", 6, confirmed=True))
    rig.run(10.0, lambda: rig.daemon.status()["callers"])
    rig.run(0.1)
    assert stranger.heard == b"", "what is not taken is not confirmed"


def test_a_stranger_is_told_once_and_shown_with_what_it_said(rig: CallsRig, said: list[str]) -> None:
    rig.use({**PUSH, "device_alias": "m", "serialnumber": "55"})
    meter = rig.call(push("KFM9", 5), push("KFM9", 6))
    rig.run(10.0, lambda: rig.daemon.status()["callers"] and rig.daemon.status()["callers"][0]["times"] == 2)  # type: ignore[index]
    rig.call(wrapped(b"\xc2\x01\x00"))
    rig.run(10.0, lambda: len(rig.daemon.status()["callers"]) == 2)  # type: ignore[arg-type]
    other, row = rig.daemon.status()["callers"]  # type: ignore[misc]
    assert (row["name"], row["address"]) == ("KFM9", "127.0.0.1")
    assert row["said"] == 'calls itself "KFM9" and sent a list of 2 entries'
    assert "c2 01 00" in other["said"]
    assert sum("KFM9" in line for line in said) == 1
    assert not meter.hung_up and rig.values("m") == []


def test_unknown_callers_are_bounded(rig: CallsRig, said: list[str]) -> None:
    from meterd.daemon import unknown_callers

    rig.use({**PUSH, "device_alias": "m", "serialnumber": "55"})
    rig.call(*(push(f"S{number}", 5) for number in range(200)))
    rig.run(10.0, lambda: rig.daemon.status()["callers"][:1] and rig.daemon.status()["callers"][0]["name"] == "S199")  # type: ignore[index]
    assert len(rig.daemon.status()["callers"]) == unknown_callers.MOST  # type: ignore[arg-type]
    assert sum("no configured device" in line for line in said) == unknown_callers.LOGGED_AN_HOUR


def test_meters_are_known_by_where_they_call_from(rig: CallsRig) -> None:
    rig.use(
        {**PUSH, "device_alias": "a", "caller": "127.0.0.7"},
        {**PUSH, "device_alias": "b", "caller": "127.0.0.8/17"},
        {**PUSH, "device_alias": "c", "caller": "127.0.0.8/18"},
        {**PUSH, "device_alias": "d"},
    )
    rig.call(push("whatever", 1), address="127.0.0.7")
    rig.call(wrapped(notification(listed("x", 3)), 18), wrapped(notification(listed("x", 2)), 17), address="127.0.0.8")
    rig.call(push("nobody", 4))
    rig.run(10.0, lambda: all(rig.values(alias) for alias in "abcd"))
    assert [rig.values(alias) for alias in "abcd"] == [["1"], ["2"], ["3"], ["4"]]


KEYED = {
    **PUSH, "device_alias": "m", "serialnumber": TITLE.hex(), "encryption_key": KEY.hex(),
    "authentication_key": AUTH.hex(),
}  # fmt: skip


def protected(energy: int, counter: int, key: bytes = KEY) -> bytes:
    return wrapped(sealed(notification(listed("inside", energy)), TITLE, key, AUTH, counter))


def test_ciphered_calls_are_opened_and_nothing_is_taken_twice_nor_forged_nor_in_plain(
    rig: CallsRig, said: list[str]
) -> None:
    rig.use(KEYED, {**PUSH, "device_alias": "other", "serialnumber": "X1"})
    rig.call(protected(10, 5), protected(11, 5), protected(12, 4), protected(13, 6, bytes(16)), protected(14, 7))
    rig.run(10.0, lambda: len(rig.values("m")) == 2)
    rig.call(wrapped(notification(listed(TITLE.hex().upper(), 99))), protected(15, 9))
    rig.run(10.0, lambda: len(rig.values("m")) == 3)
    assert rig.values("m") == ["10", "14", "15"]
    assert any("plain text (APDU 0x0f) although a key is set" in line for line in said)
    assert not any(KEY.hex() in line.lower() for line in said)


def test_every_flip_of_a_ciphered_call_is_refused_and_the_next_good_one_is_good(rig: CallsRig) -> None:
    rig.use(KEYED)
    whole = protected(10, 5)
    for place in range(len(whole)):
        bad = bytearray(whole)
        bad[place] ^= 1 << place % 8
        rig.call(bytes(bad))
    rig.run(0.3)
    rig.call(protected(77, 1_000))
    rig.run(10.0, lambda: "77" in rig.values("m"))
    # Source and destination of the wrapper are in no tag: such a telegram is the meter's own, and taken once.
    assert set(rig.values("m")) <= {"10", "77"} and len(rig.values("m")) <= 2


@pytest.mark.parametrize("fault", ["cut", "doubled", "lost"])
def test_octets_cut_doubled_or_lost_never_make_a_wrong_value(rig: CallsRig, fault: str) -> None:
    rig.use({**PUSH, "device_alias": "m", "serialnumber": "ABC77"})
    whole = push("ABC77", 0x01020304)
    for place in range(len(whole)):
        end = place if fault == "cut" else place + 1
        rest = whole[place:] if fault == "doubled" else b"" if fault == "cut" else whole[place + 1 :]
        caller = rig.call(whole[:end] + rest if fault != "lost" else whole[:place] + rest)
        caller.say(push("ABC77", 0x05060708) if fault != "cut" else b"")
        rig.run(5.0, lambda caller=caller: caller.heard or caller.hung_up or not caller._unsent)  # type: ignore[misc]
    rig.run(0.3)
    rig.call(push("ABC77", 9))
    rig.run(10.0, lambda: "9" in rig.values("m"))
    assert set(rig.values("m")) <= {str(0x01020304), str(0x05060708), "9"}


def test_a_meter_that_called_is_read_over_its_own_connection(rig: CallsRig, said: list[str]) -> None:
    rig.use({**READ, "device_alias": "m", "caller": "SN12345678"})
    meter = rig.call(push("SN12345678", 1), meter=Meter(wrapped=True))
    rig.run(20.0, lambda: len(rig.values("m")) >= 3)
    assert set(rig.values("m")) == {"123456000"}
    assert rig.row("m")["connected"]
    meter.close()
    rig.callers.remove(meter)
    rig.run(20.0, lambda: rig.readings.of("m", "stale"))
    assert rig.readings.of("m", "stale")[-1].reason == "disconnected"
    assert any("the meter has not called since 2023-11-14 22:13:20 UTC" in line for line in said)
    rig.call(push("SN12345678", 1), meter=Meter(wrapped=True))
    seen = len(rig.values("m"))
    rig.run(20.0, lambda: len(rig.values("m")) > seen)


@pytest.mark.parametrize(
    ("changes", "meter"),
    [({"transport": "udp"}, Meter(wrapped=True)), ({"mode": "DLMS-HDLC"}, Meter())],
    ids=["udp", "hdlc"],
)
def test_it_is_read_over_udp_and_in_hdlc_too(rig: CallsRig, changes: dict[str, Any], meter: Meter) -> None:
    rig.use({**READ, **changes, "device_alias": "m", "caller": "127.0.0.1"})
    rig.call(*([push("x", 1)] if meter.quirks.wrapped else []), meter=meter)
    rig.run(20.0, lambda: len(rig.values("m")) >= 2)
    assert set(rig.values("m")) == {"123456000"}


def test_a_meter_that_is_only_read_is_known_by_the_title_of_what_it_pushes(rig: CallsRig) -> None:
    rig.use({**READ, "device_alias": "m", "meter_title": TITLE.hex()}, {**READ, "device_alias": "n", "caller": "SN1"})
    rig.call(protected(5, 1), meter=Meter(wrapped=True))
    rig.run(20.0, lambda: rig.values("m"))
    assert set(rig.values("m")) == {"123456000"} and rig.values("n") == []


def test_one_that_has_never_called_is_told_so(rig: CallsRig, said: list[str]) -> None:
    rig.use({**READ, "device_alias": "m", "caller": "SN1"})
    rig.run(10.0, lambda: rig.row("m")["reason"] == "disconnected")
    assert any("the meter has not called 127.0.0.1:0 since meterd began" in line for line in said)


def test_pushed_and_read_devices_of_one_meter_share_its_connection(rig: CallsRig) -> None:
    rig.use({**PUSH, "device_alias": "pushed", "serialnumber": "SN12345678"},
            {**READ, "device_alias": "read", "caller": "SN12345678"})  # fmt: skip
    meter = rig.call(push("SN12345678", 1), meter=Meter(wrapped=True))
    rig.run(20.0, lambda: len(rig.values("read")) >= 2)
    while len(rig.values("pushed")) < 3:
        meter.say(push("SN12345678", 2))
        rig.run(20.0, lambda: not meter._unsent)
        rig.run(0.05)
    assert set(rig.values("pushed")) == {"1", "2"} and set(rig.values("read")) == {"123456000"}


def test_what_a_meter_pushes_while_it_is_read_is_taken(rig: CallsRig) -> None:
    """It pushes before each of its answers, so that most come while a reading is under way."""
    rig.use({**PUSH, "device_alias": "pushed", "serialnumber": "SN12345678"},
            {**READ, "device_alias": "read", "caller": "SN12345678"})  # fmt: skip
    asked = Meter(wrapped=True, notify=notification(listed("SN12345678", 8)))
    rig.call(push("SN12345678", 8), meter=asked)
    rig.run(20.0, lambda: len(rig.values("read")) >= 3)
    rig.run(20.0, lambda: len(rig.values("pushed")) > len(asked.heard))
    assert set(rig.values("pushed")) == {"8"} and set(rig.values("read")) == {"123456000"}


def test_a_silent_meter_is_known_by_its_address_and_read(rig: CallsRig) -> None:
    rig.use({**READ, "device_alias": "m", "caller": "127.0.0.9"}, {**READ, "device_alias": "n", "caller": "127.0.0.10"})
    rig.call(address="127.0.0.9", meter=Meter(wrapped=True))
    rig.run(20.0, lambda: rig.values("m"))
    assert rig.values("n") == []


def test_an_older_call_of_the_same_meter_is_hung_up_on(rig: CallsRig) -> None:
    rig.use({**PUSH, "device_alias": "m", "serialnumber": "AB12"})
    first = rig.call(push("AB12", 1))
    rig.run(10.0, lambda: rig.values("m"))
    second = rig.call(push("AB12", 2))
    rig.run(10.0, lambda: first.hung_up)
    second.say(push("AB12", 3))
    rig.run(10.0, lambda: len(rig.values("m")) == 3)
    assert not second.hung_up


def test_an_association_left_open_ends_with_its_connection(rig: CallsRig) -> None:
    rig.use({**READ, "keep_open": 1, "timeout_ms": 20_000, "device_alias": "m", "caller": "SN12345678"})
    rig.call(push("SN12345678", 1), meter=Meter(wrapped=True))
    rig.run(20.0, lambda: len(rig.values("m")) >= 2)
    again = Meter(wrapped=True)
    rig.call(push("SN12345678", 1), meter=again)
    rig.run(20.0, lambda: again.apdus >= 2)
    requests = [message[8:] for message in again.heard if message[8] != 0x10]
    assert requests[0][0] == 0x60, "a new connection begins with a new association"
    assert rig.readings.of("m", "stale") == []


@pytest.mark.parametrize("keys", [{}, {"encryption_key": KEY.hex(), "authentication_key": AUTH.hex()}])
def test_lists_in_blocks_are_joined_over_tcp_and_udp(rig: CallsRig, keys: dict[str, str]) -> None:
    for transport in ("tcp", "udp"):
        pusher = simulated.Pusher({**simulated.DEFAULTS, "frame": "wrapper", "blocks": "30", **keys})
        number = simulated.DEFAULTS["title" if keys else "serial"]
        alias = f"m{transport}"
        rig.use({**PUSH, **keys, "transport": transport, "device_alias": alias, "serialnumber": number})
        rig.call(pusher.frames(), pusher.frames())
        rig.run(10.0, lambda alias=alias: len(rig.values(alias)) == 2)  # type: ignore[misc]
        assert rig.values(alias) == ["40010", "40020"]


def test_a_reload_keeps_who_has_called(rig: CallsRig) -> None:
    rig.use({**READ, "device_alias": "m", "caller": "SN12345678"})
    meter = rig.call(push("SN12345678", 1), meter=Meter(wrapped=True))
    rig.run(20.0, lambda: rig.values("m"))
    rig.use({**READ, "device_alias": "m", "caller": "SN12345678"}, {**PUSH, "device_alias": "n", "serialnumber": "N1"})
    seen = len(rig.values("m"))
    rig.run(20.0, lambda: len(rig.values("m")) > seen)
    assert not meter.hung_up
    rig.call(push("N1", 3))
    rig.run(10.0, lambda: rig.values("n") == ["3"])


def test_an_address_that_is_not_ours_is_told(tmp_path: Path, said: list[str]) -> None:
    rig = CallsRig(tmp_path)
    path = tmp_path / "meterd.json"
    row = {**PUSH, "ip": "203.0.113.7", "device_alias": "m", "name": "m"}
    path.write_text(json.dumps({"devices": [row], "signals": []}))
    rig.daemon.configure(load([str(path)]))
    rig.run(10.0, lambda: any("nobody can call here" in line for line in said))
    rig.close()


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"framing": "M-Bus"}, "wrapper or HDLC"),
        ({"ip": "", "port": "", "device": "/dev/ttyS0"}, "an address of this machine"),
        ({"ip": "localhost"}, "an address of this machine"),
        ({**READ, "framing": "", "ip": "::1"}, "an address of this machine"),
        ({**READ, "framing": "", "mode": "IEC"}, "mode: with listen it is DLMS-WRAPPER or DLMS-HDLC"),
        ({"transport": "udp", "framing": "HDLC"}, "udp takes framing wrapper"),
    ],
)
def test_what_does_not_go_together_is_said(tmp_path: Path, changes: dict[str, Any], wrong: str) -> None:
    path = tmp_path / "meterd.json"
    row = {**PUSH, "device_alias": "m", "name": "m", **changes}
    path.write_text(json.dumps({"devices": [{k: v for k, v in row.items() if v != ""}], "signals": []}))
    configuration = load([str(path)])
    told = [str(error) for error in [*configuration.errors, *unreadable(configuration)]]
    assert any(wrong in line for line in told), told


def test_two_framings_at_one_address_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "meterd.json"
    rows = [{**PUSH, "device_alias": "m", "name": "m"},
            {**READ, "mode": "DLMS-HDLC", "device_alias": "n", "name": "n", "caller": "X"}]  # fmt: skip
    path.write_text(json.dumps({"devices": rows, "signals": []}))
    (told,) = unreadable(load([str(path)]))
    assert "device n" in str(told) and "in another framing" in str(told)


def test_places_and_names() -> None:
    assert place_of("10.1.2.3") == ("10.1.2.3", None)
    assert place_of("010.1.2.3 / 17") == ("10.1.2.3", 17)
    for no_place in ("KFM1200000001", "1.2.3", "1.2.3.400", "10.1.2.3/x", "10.1.2.3/70000", ""):
        assert place_of(no_place) is None
    assert Book([]).find("10.0.0.1", 1, ["x"]) == []


def test_hdlc_over_tcp(rig: CallsRig) -> None:
    from tests.strangers.dlms_meter import hdlc

    rig.use({**PUSH, "framing": "HDLC", "device_alias": "m", "serialnumber": "AB12"})
    frame = hdlc(b"\x41", b"\x03", 0x13, b"\xe6\xe7\x00" + notification(listed("AB12", 6)))
    rig.call(frame[:20] + frame, frame.replace(b"\x7e", b"", 1))
    rig.run(10.0, lambda: rig.values("m"))
    assert rig.values("m")[0] == "6"


def test_a_push_object_list_with_restrictions_and_columns_is_read(rig: CallsRig) -> None:
    """Push setup version 3: each object has a restriction (none, from, to) and a list of columns besides."""
    rig.use({**PUSH, "device_alias": "m", "serialnumber": "AB12"})

    def column(class_id: int, code: str, attribute: int) -> bytes:
        rest = b"\x02\x03\x16\x00\x00\x00\x01\x00"
        return b"\x02\x06\x12\x00" + bytes([class_id]) + name(code) + bytes([15, attribute, 18, 0, 0]) + rest

    objects = [column(40, "0.4.25.9.0.255", 2), column(1, LDN, 2), column(3, ENERGY, 2), column(3, ENERGY, 3)]
    values = text("AB12") + b"\x12\x00\x15" + b"\x02\x02\x0f\x02\x16\x1e"
    rig.call(wrapped(notification(b"\x02\x04\x01\x04" + b"".join(objects) + values)))
    rig.run(10.0, lambda: rig.values("m") == ["2100"])


def test_a_signal_gets_what_the_list_has(rig: CallsRig) -> None:
    rig.use({**PUSH, "device_alias": "m", "serialnumber": "AB12"}, jobs=(ENERGY, "0.0.42.0.0.255"))
    rig.call(push("AB12", 6))
    rig.run(10.0, lambda: len(rig.values("m")) == 2)
    assert rig.values("m") == ["6", "AB12"]
