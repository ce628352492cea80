"""Hand-made DLMS meters with manners that the standard allows, or that meters have all the same."""

from __future__ import annotations

from typing import Any

import pytest

from meterd.errors import DecodeError, Refused
from tests.unit.dlms_pair import KEYS, memory

from .dlms_meter import OBJECTS, Meter, data, hdlc, length, obis
from .test_dlms_dirt import IMPORT, scan, text_values

NUMBER = "0.0.96.1.0.255:2"
LONG = "0.0.96.1.1.255:2"
JOBS = [IMPORT, NUMBER, LONG]
RIGHT = {IMPORT: "123456000", NUMBER: "SN12345678", LONG: "x" * 144}
WRAPPED = {"mode": "DLMS-WRAPPER", "ip": "127.0.0.1", "port": 1}
NOTIFICATIONS = {
    "data": b"\x0f\x00\x00\x00\x01\x00\x09\x02ab",
    "event": b"\xc2\x00\x00\x03" + obis("1.0.1.8.0.255") + b"\x02\x06\x00\x00\x00\x05",
    "report": b"\x18\x00\x01\x02\x01\x08\x00\x06\x00\x00\x00\x05",
}


def read(meter: Meter, jobs: list[str] = JOBS, **parameters: Any) -> dict[str, Any]:
    outcome = scan(meter, jobs, **(WRAPPED if meter.quirks.wrapped else {}), **parameters)
    assert outcome.error is None, outcome.error
    return text_values(outcome)


# What comes unasked


class Notifier(Meter):
    """Sends a notification as a numbered frame before each answer, in a turn of its own or in the answer's."""

    note = b""
    one_turn = False
    noted = 0

    def _next(self) -> list[bytes]:
        if not self.associated or self.noted == self.apdus:
            return super()._next()
        self.noted = self.apdus
        self.queue.insert(0, (b"\xe6\xe7\x00" + self.note, False))
        first = super()._next()
        if not self.one_turn:
            return first
        # F only with the last frame of a turn.
        control = self.receive_seq << 5 | (self.send_seq - 1 & 7) << 1
        return [self.frame(control, b"\xe6\xe7\x00" + self.note), *super()._next()]


@pytest.mark.parametrize("kind", NOTIFICATIONS)
@pytest.mark.parametrize("one_turn", [False, True])
@pytest.mark.parametrize("quirks", [{}, {"lists": False}, {"lists": False, "block": 40}, {"block": 40, "info": 64}])
def test_numbered_notifications_in_the_midst_of_a_reading(kind: str, one_turn: bool, quirks: dict[str, Any]) -> None:
    meter = Notifier(**quirks)
    meter.note, meter.one_turn = NOTIFICATIONS[kind], one_turn
    assert read(meter, timeout_ms=500) == RIGHT


@pytest.mark.parametrize("kind", NOTIFICATIONS)
@pytest.mark.parametrize("wrapped", [False, True])
def test_notifications_that_need_no_number(kind: str, wrapped: bool) -> None:
    assert read(Meter(notify=NOTIFICATIONS[kind], wrapped=wrapped)) == RIGHT


def test_an_answer_to_another_question_is_none() -> None:
    class Confused(Meter):
        def _get(self, invoke: bytes, descriptor: bytes) -> bytes:
            return b"\x0c\x01\x00\x06\x00\x00\x00\x07"

    outcome = scan(Confused(lists=False), [IMPORT])
    assert outcome.readings == [] or outcome.readings[0].value is None
    assert outcome.seconds < 30


# Heads and limits


class Careless(Meter):
    """Gives the invoke id back without the priority and confirmation bits."""

    def apdu(self, apdu: bytes) -> bytes:
        answer = super().apdu(apdu)
        return answer[:2] + bytes([answer[2] & 0x0F]) + answer[3:] if answer[:1] == b"\xc4" else answer


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("quirks", [{}, {"lists": False}, {"block": 40}])
def test_priority_bits_do_not_matter(wrapped: bool, quirks: dict[str, Any]) -> None:
    assert read(Careless(wrapped=wrapped, **quirks)) == RIGHT


class FromZero(Meter):
    def _cut(self, invoke: bytes, octets: bytes) -> bytes:
        self.blocks = [octets[at : at + self.quirks.block] for at in range(0, len(octets), self.quirks.block)]
        self.number = -1
        return self._block(invoke)


@pytest.mark.parametrize("lists", [False, True])
def test_blocks_may_begin_at_0(lists: bool) -> None:
    assert read(FromZero(block=50, lists=lists)) == RIGHT


@pytest.mark.parametrize("refusal", ["0E050201", "D80202", "D8020300"])
def test_a_refusal_in_the_midst_of_a_block_transfer_costs_that_value(refusal: str) -> None:
    class Weary(Meter):
        def _block(self, invoke: bytes) -> bytes:
            answer = super()._block(invoke)
            return answer if self.number < 2 else bytes.fromhex(refusal)

    assert read(Weary(block=60, lists=False)) == {**RIGHT, LONG: None}


@pytest.mark.parametrize(
    "ua",
    ["", "818000", "8180140502FFFF", "8180", "01", "81807F0502", "81800605010006 0100", "818006050180060180",
     "818014050200800602008007040000000108040000000109 03010203", "8180120501FF0601FF07040000000708040000000 7",
     "8180120501800601800704000000070804000000FF"],
)  # fmt: skip
def test_a_ua_with_more_less_or_odd_parameters(ua: str) -> None:
    assert read(Meter(ua=bytes.fromhex(ua.replace(" ", "")))) == RIGHT


@pytest.mark.parametrize("info", [32, 64, 1024, 2030])
def test_frames_from_short_to_the_longest(info: int) -> None:
    size = info.to_bytes(2, "big")
    ua = b"\x81\x80\x14\x05\x02" + size + b"\x06\x02" + size + bytes.fromhex("070400000001080400000001")
    meter = Meter(ua=ua, info=info, pdu=0xFFFF, count=300)
    assert read(meter, max_info_field=info, timeout_ms=9000) == RIGHT
    assert max(map(len, meter.heard)) <= info + 11


@pytest.mark.parametrize("broken", range(1, 9))
def test_one_frame_with_a_wrong_header_check(broken: int) -> None:
    class Slip(Meter):
        def _answer(self, message: bytes) -> list[bytes]:
            out = super()._answer(message)
            if self.frames == broken and out:
                frame = bytearray(out[-1])
                frame[6] ^= 1  # of the HCS
                out[-1] = bytes(frame)
            return out

    assert read(Slip(), timeout_ms=500) == RIGHT


def test_an_aare_that_names_no_limits() -> None:
    class Terse(Meter):
        def _associate(self, apdu: bytes) -> bytes:
            self.associated = True
            return bytes.fromhex("6117A109060760857405080101A203020100A305A103020100")

    assert read(Terse()) == RIGHT
    outcome = scan(Terse(), [IMPORT], security="both", **KEYS)
    assert isinstance(outcome.error, (DecodeError, Refused)), "what is to be protected must come"


class Moody(Meter):
    """Refuses the first `moods` lists."""

    moods = 0
    lists_asked = 0

    def _get_list(self, apdu: bytes) -> bytes:
        self.lists_asked += 1
        return bytes.fromhex("D80103") if self.lists_asked <= self.moods else super()._get_list(apdu)


@pytest.mark.parametrize("moods", [1, 1000])
def test_lists_are_given_up_where_they_are_refused_in_a_row(moods: int) -> None:
    meter, kept = Moody(), memory()
    meter.moods = moods
    for _ in range(4):
        assert text_values(scan(meter, JOBS, kept)) == RIGHT
    assert kept.persistent.get("lists", True) == (moods == 1)
    assert (meter.lists_asked == 2) == (moods > 1)


# The end


class NoRlre(Meter):
    """Does not answer RLRQ: with nothing at all, or with RR for as long as it is polled."""

    says_rr = False
    released = 0

    def apdu(self, apdu: bytes) -> bytes:
        self.released += apdu[:1] == b"\x62"
        return b"" if apdu[:1] == b"\x62" else super().apdu(apdu)

    def _information(self, control: int, information: bytes, more: bool) -> list[bytes]:
        out = super()._information(control, information, more)
        return out or ([self.frame(self.receive_seq << 5 | 0x11)] if self.says_rr else [])


@pytest.mark.parametrize("says_rr", [False, True])
def test_a_meter_that_answers_no_rlrq_is_asked_once_and_then_left_by_disc(says_rr: bool) -> None:
    meter, kept = NoRlre(), memory()
    meter.says_rr = says_rr
    usual = scan(Meter(), JOBS).seconds
    first = scan(meter, JOBS, kept)
    assert text_values(first) == RIGHT
    assert first.seconds < usual + 2 * 2.0 + 0.5, "no more than the time-outs of one RLRQ and one DISC"
    again = scan(meter, JOBS, kept)
    assert text_values(again) == RIGHT
    assert meter.released == 1
    assert not meter.linked
    assert again.seconds < usual


def test_over_the_wrapper_the_answer_is_waited_for_once_and_the_meter_told_all_the_same() -> None:
    meter, kept = NoRlre(wrapped=True), memory()
    first, second = (scan(meter, JOBS, kept, **WRAPPED) for _ in range(2))
    meter.quirks.notify = b"\x63\x03\x80\x01\x00"  # from now on it comes after all, and late
    third = scan(meter, JOBS, kept, **WRAPPED)
    assert [text_values(outcome) for outcome in (first, second, third)] == [RIGHT] * 3
    assert meter.released == 3
    assert first.seconds > second.seconds + 1.9, "one time-out, of two seconds"


# General block transfer


class Blocks(Meter):
    """Cuts answers into general blocks of 30 octets, `window` of them at a time; loses those of `drop` once each."""

    window = 1
    drop: frozenset[int] = frozenset()
    cut: tuple[bytes, ...] = ()
    lost: frozenset[int] = frozenset()

    def pieces(self, apdu: bytes) -> list[bytes]:
        """The answers to one APDU."""
        if apdu[:1] == b"\xe0":
            return self._from(int.from_bytes(apdu[4:6], "big"))
        answer = self.apdu(apdu)
        if answer[:1] != b"\xc4":
            return [answer]
        self.cut = tuple(answer[at : at + 30] for at in range(0, len(answer), 30))
        self.lost = frozenset()
        return self._from(0)

    def _from(self, acknowledged: int) -> list[bytes]:
        out = []
        end = min(acknowledged + self.window, len(self.cut))
        for number in range(acknowledged + 1, end + 1):
            if number in self.drop - self.lost:
                self.lost |= {number}
                continue
            control = (0x80 if number == len(self.cut) else 0) | (0x40 if number < end else 0) | self.window
            raw = self.cut[number - 1]
            out.append(b"\xe0" + bytes([control]) + number.to_bytes(2, "big") + bytes(2) + length(len(raw)) + raw)
        return out

    def _answer_wrapped(self, message: bytes) -> list[bytes]:
        ports = message[4:6] + message[2:4]
        return [b"\x00\x01" + ports + len(one).to_bytes(2, "big") + one for one in self.pieces(message[8:])]

    def _information(self, control: int, information: bytes, more: bool) -> list[bytes]:
        assert not more
        if control >> 1 & 7 != self.receive_seq:
            return self._supervisory(control >> 5)
        self.receive_seq = (self.receive_seq + 1) & 7
        self.queue = [(b"\xe6\xe7\x00" + one, False) for one in self.pieces(information[3:])]
        return self._next()


@pytest.mark.parametrize("window", [1, 2, 3, 7])
@pytest.mark.parametrize("wrapped", [False, True])
def test_general_blocks_in_windows(window: int, wrapped: bool) -> None:
    meter = Blocks(wrapped=wrapped)
    meter.window = window
    assert read(meter, timeout_ms=500) == RIGHT


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_notification_between_general_blocks(wrapped: bool) -> None:
    class Chatty(Blocks):
        def _from(self, acknowledged: int) -> list[bytes]:
            first, *rest = super()._from(acknowledged)
            return [first, *[one for block in rest for one in (NOTIFICATIONS["event"], block)]]

    meter = Chatty(wrapped=wrapped)
    meter.window = 3
    assert read(meter, timeout_ms=500) == RIGHT


@pytest.mark.parametrize("window", [1, 2, 3, 7])
@pytest.mark.parametrize("drop", [{2}, {3}, {2, 3}])
def test_lost_general_blocks_are_asked_for_again(window: int, drop: set[int]) -> None:
    meter = Blocks(wrapped=True)
    meter.window, meter.drop = window, frozenset(drop)
    assert read(meter, timeout_ms=500) == RIGHT


def test_a_general_block_that_never_comes_is_given_up() -> None:
    class Stuck(Blocks):
        def _from(self, acknowledged: int) -> list[bytes]:
            return super()._from(0) if self.cut[3:] else super()._from(acknowledged)

    outcome = scan(Stuck(wrapped=True, lists=False), JOBS, timeout_ms=500, **WRAPPED)
    assert text_values(outcome) == {**RIGHT, LONG: None}


# Values


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1302 0206 0202 1112 0E 0000000105 0006 0000000207 0008", "[[1, [5, 6]], [2, [7, 8]]]"),
        ("1302 0211 01 0002 12 0A 01 0002 0003 04 0005 0006", "[[1, [2, 3]], [4, [5, 6]]]"),
        ("13 11 00", "[]"),
        ("1302 0211 1311 02 0102", None),
        ("13 12 03 010203", None),
    ],
)
def test_compact_arrays(value: str, text: str | None) -> None:
    job = "0.0.96.60.0.255:2"
    objects = {**OBJECTS, **data("0.0.96.60.0.255", bytes.fromhex(value))}
    assert read(Meter(objects=objects), [job]) == {job: text}


@pytest.mark.parametrize(
    ("octets", "value", "reason"),
    [
        ("07EA0B16070A1E0000800080", "2026-11-22T10:30:00", None),
        ("07EA0B16070A1E0000FF8881", "2026-11-22T10:30:00+02:00", "clock"),
        ("07EA0B16070A1E0000FF88FF", "2026-11-22T10:30:00+02:00", None),
        ("07EA0B16070A1EFFFFFF8800", "2026-11-22T10:30+02:00", None),
        ("07EA0B16070A1E00007FFF00", None, "type"),
        ("07EA0D16070A1E0000FF8800", None, "type"),
    ],
)
@pytest.mark.parametrize("tag", ["090C", "19"])
def test_clocks(octets: str, value: str | None, reason: str | None, tag: str) -> None:
    objects = {**OBJECTS, **data("0.0.1.0.0.255", bytes.fromhex(tag + octets), 8)}
    (reading,) = scan(Meter(objects=objects), ["0.0.1.0.0.255:2"]).readings
    assert (reading.value, reading.reason) == (value, reason)
    assert reading.quality == ("good" if reason is None else "invalid")


# Load profiles

PROFILE = "1.0.99.1.0.255"
COLUMNS = ((3, "1.0.1.8.0.255", 2), (8, "0.0.1.0.0.255", 2), (1, "0.0.96.10.1.255", 2))


def profile(rows: list[bytes]) -> dict[Any, bytes]:
    """A buffer whose second column is the clock, sorted by the third."""
    name = obis(PROFILE)
    captured = [
        b"\x02\x04\x12" + class_id.to_bytes(2, "big") + b"\x09\x06" + obis(code) + b"\x0f" + bytes([attribute])
        + b"\x12\x00\x00" for class_id, code, attribute in COLUMNS
    ]  # fmt: skip
    return {
        **OBJECTS, (7, name, 1): b"\x09\x06" + name, (7, name, 2): b"\x01" + bytes([len(rows)]) + b"".join(rows),
        (7, name, 3): b"\x01" + bytes([len(captured)]) + b"".join(captured), (7, name, 4): b"\x06\x00\x00\x03\x84",
        (7, name, 5): b"\x16\x03", (7, name, 6): captured[2], (7, name, 7): b"\x06" + len(rows).to_bytes(4, "big"),
    }  # fmt: skip


def row(value: bytes, clock: bytes) -> bytes:
    return b"\x02\x03" + value + clock + b"\x11\x00"


def at(hour: int, minute: int, end: str = "FF8800") -> bytes:
    return b"\x09\x0c" + bytes.fromhex("07EA0B1607") + bytes([hour, minute, 0, 0xFF]) + bytes.fromhex(end)


ONE, TWO, THREE = (b"\x06\x00\x00\x00" + bytes([n]) for n in (1, 2, 3))
NULL = b"\x00"
UNSPECIFIED = b"\x09\x0c" + b"\xff" * 9 + b"\x80\x00\xff"
NO_DATE = b"\x09\x0c" + bytes.fromhex("07EA0D2007010000FFFF8800")


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([(ONE, at(1, 0)), (TWO, NULL), (THREE, NULL)], [(1000, "01:00"), (2000, "01:15"), (3000, "01:30")]),
        ([(ONE, at(1, 0)), (NULL, at(1, 15))], [(1000, "01:00"), (1000, "01:15")]),
        ([(TWO, at(1, 15)), (ONE, at(1, 0))], [(1000, "01:00"), (2000, "01:15")]),
        ([(ONE, NULL), (TWO, at(1, 15)), (THREE, NULL)], [(2000, "01:15"), (3000, "01:30")]),
        ([(ONE, at(1, 0)), (TWO, UNSPECIFIED), (THREE, at(1, 30))], [(1000, "01:00"), (3000, "01:30")]),
        ([(ONE, at(1, 0)), (TWO, UNSPECIFIED), (THREE, NULL)], [(1000, "01:00")]),
        ([(ONE, at(1, 0)), (TWO, NO_DATE), (THREE, b"\x09\x00")], [(1000, "01:00")]),
        ([(ONE, NULL), (TWO, UNSPECIFIED)], None),
        ([], []),
    ],
)
def test_rows_whose_time_is_left_out_or_none(
    rows: list[tuple[bytes, bytes]], found: list[tuple[int, str]] | None
) -> None:
    outcome = scan(Meter(objects=profile([row(*one) for one in rows])), [PROFILE])
    assert outcome.error is None
    if found is None:
        assert [(reading.value, reading.reason) for reading in outcome.readings] == [(None, "type")]
    else:
        assert [(reading.value, reading.meter_time) for reading in outcome.readings] == [
            (f"[{value}, 0]", f"2026-11-22T{time}:00+02:00") for value, time in found
        ]


@pytest.mark.parametrize(("end", "time", "reason"), [("800000", "", None), ("FF8801", "+02:00", "clock")])
def test_rows_without_zone_and_with_a_doubtful_clock(end: str, time: str, reason: str | None) -> None:
    outcome = scan(Meter(objects=profile([row(ONE, at(1, 0, end))])), [PROFILE])
    (reading,) = outcome.readings
    assert (reading.meter_time, reading.reason) == (f"2026-11-22T01:00:00{time}", reason)


def test_the_frames_here_are_those_of_the_standard() -> None:
    assert hdlc(b"\x03", b"\x21", 0x93).hex() == "7ea0070321930f017e"


# Without end


class Endless(Meter):
    """Once associated, answers with one kind of frame or block for ever."""

    kind = ""

    def _information(self, control: int, information: bytes, more: bool) -> list[bytes]:
        if not self.associated or self.kind == "blocks":
            return super()._information(control, information, more)
        self.receive_seq = (self.receive_seq + 1) & 7
        return self._supervisory(0)

    def _supervisory(self, acknowledged: int) -> list[bytes]:
        if not self.associated or self.kind == "blocks":
            return super()._supervisory(acknowledged)
        if self.kind == "busy":
            return [self.frame(self.receive_seq << 5 | 0x15)]
        self.sent = {}
        note = b"" if self.kind == "segments" else b"\xe6\xe7\x00" + NOTIFICATIONS["data"]
        self.queue = [(note or b"x", not note)]
        return self._next()

    def _block(self, invoke: bytes) -> bytes:
        self.number += 1
        return b"\xc4\x02" + invoke + b"\x00" + self.number.to_bytes(4, "big") + b"\x00\x01x"


@pytest.mark.parametrize("kind", ["notifications", "segments", "busy", "blocks"])
def test_what_does_not_end_is_ended(kind: str) -> None:
    meter = Endless(block=8, lists=False)
    meter.kind = kind
    outcome = scan(meter, [IMPORT])
    assert all(reading.value is None for reading in outcome.readings)
    assert outcome.error is not None or len(outcome.readings) == 1
    assert outcome.seconds < 1200
