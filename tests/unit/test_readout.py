"""IEC 62056-21 messages: the grammar of data blocks, block checks, echoes, partial blocks, damage, bounds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meterd._crc import add_parity, bcc, strip_parity
from meterd._readout_block import parse_readout
from meterd._readout_dialogue import IdentificationDecoder, ProgrammingDecoder
from meterd._readout_list import ReadoutDecoder
from meterd._readout_message import MAX_BLOCK, MAX_LINE, Message
from meterd.errors import DecodeError

LIST = b"F.F(00000000)\r\n1.8.0*24(000123.45*kWh)\r\n1.6.1(0.5*kW)(2101010000)\r\n!\r\n"
LIST_SETS = [
    ("F.F", "F.F", 0, "00000000", None),
    ("1.8.0*24", "1.8.0*24", 0, "000123.45", "kWh"),
    ("1.6.1", "1.6.1", 0, "0.5", "kW"),
    (None, "1.6.1", 1, "2101010000", None),
]


def checked(start: bytes, text: bytes, end: bytes = b"\x03") -> bytes:
    """`start` (STX or SOH and what follows) to BCC."""
    return start + text + end + bytes([bcc((start + text + end)[1:])])


BLOCK = checked(b"\x02", LIST)


def collect(decoder: Any, data: bytes, step: int = 0) -> list[Any]:
    frames = []
    for at in range(0, len(data), step or len(data) or 1):
        frame = decoder.feed(data[at : at + (step or len(data))])
        while frame is not None:
            frames.append(frame)
            frame = decoder.feed(b"")
    return frames


def facts(message: Message) -> tuple[bytes, bytes, bool | None, bool, bool]:
    return (message.command, message.text, message.bcc, message.partial, message.complete)


GRAMMAR = {
    "plain": (b"1.8.0(12)\r\n", [("1.8.0", "1.8.0", 0, "12", None)]),
    "bare LF": (b"1(2)\n3(4)\n", [("1", "1", 0, "2", None), ("3", "3", 0, "4", None)]),
    "several on a line": (b"1(2)3(4*m3)", [("1", "1", 0, "2", None), ("3", "3", 0, "4", "m3")]),
    "several groups": (b"P(2)(3)()", [("P", "P", 0, "2", None), (None, "P", 1, "3", None), (None, "P", 2, "", None)]),
    "continuation": (b"1(2)\r\n(3*V)\r\n", [("1", "1", 0, "2", None), (None, "1", 1, "3", "V")]),
    "no address ever": (b"(12*kWh)(3)", [(None, None, 0, "12", "kWh"), (None, None, 1, "3", None)]),
    "repeated": (
        b"1(a)\r\n2(b)\r\n1(c)(d)\r\n2(e)\r\n1(f)\r\n",
        [
            ("1", "1", 0, "a", None),
            ("2", "2", 0, "b", None),
            ("1", "1", 1, "c", None),
            (None, "1", 2, "d", None),
            ("2", "2", 1, "e", None),
            ("1", "1", 3, "f", None),
        ],
    ),
    "unit after the first star": (b"9(077.6*C&069.0*C)", [("9", "9", 0, "077.6", "C&069.0*C")]),
    "empty unit": (b"9(1*)", [("9", "9", 0, "1", "")]),
    "star in the address": (b"1.8.0*24(1)", [("1.8.0*24", "1.8.0*24", 0, "1", None)]),
    "comma": (b"6(000007,4*kW)", [("6", "6", 0, "000007,4", "kW")]),
    "slash in unit and value": (b"7(1*P/S)\r\n8(a/b)\r\n", [("7", "7", 0, "1", "P/S"), ("8", "8", 0, "a/b", None)]),
    "slash at line start": (b"/LGZ5(1)\r\n2(3)\r\n", [("2", "2", 0, "3", None)]),
    "group before a slash": (b"(/SX330)\r\n", [(None, None, 0, "/SX330", None)]),
    "blanks around the address": (b" \t1 (1 2) \r\n 2 (3)", [("1", "1", 0, "1 2", None), ("2", "2", 0, "3", None)]),
    "mark on a data line": (b"1(2)!\r\n3(4)\r\n", [("1", "1", 0, "2", None)]),
    "mark within a value": (b"1(a!b)\r\n3(4)\r\n", [("1", "1", 0, "a!b", None), ("3", "3", 0, "4", None)]),
    "NUL and FF": (b"0(\x00\xff\xe9*\xb0C)", [("0", "0", 0, "\x00\xff\xe9", "\xb0C")]),
    "never closed": (b"1(2\r\n3(4)\r\n", [("3", "3", 0, "4", None)]),
    "never closed, with mark": (b"1(2!\r\n3(4)\r\n", []),
    "never opened": (b"1)2\r\n3(4)\r\n", [("3", "3", 0, "4", None)]),
    "parenthesis in a group": (b"1(2(3)", [("1", "1", 0, "2(3", None)]),
    "one character each": (b"a(b*c)", [("a", "a", 0, "b", "c")]),
    "nothing": (b"", []),
}  # fmt: skip


@pytest.mark.parametrize("name", GRAMMAR)
def test_grammar(name: str) -> None:
    text, expected = GRAMMAR[name]
    assert parse_readout(text) == expected
    assert parse_readout(text + b"junk") == expected
    for step in (0, 1, 3):
        (message,) = collect(ReadoutDecoder(), checked(b"\x02", text), step)
        assert message.bcc is True
        assert message.data_sets == expected


def test_an_overlong_line_costs_only_itself() -> None:
    text = b"1(" + b"9" * 100_000 + b"\r\n2(3)\r\n" + b"x" * 100_000 + b"\r\n4(5)\r\n"
    assert parse_readout(text) == [("2", "2", 0, "3", None), ("4", "4", 0, "5", None)]


def test_lists_of_many_meters_in_turns() -> None:
    """What is kept of one meter's addresses and of their order never shows in another's list."""
    lists: list[list[str]] = []
    for meter in range(12):
        codes = [f"{group}.{number % 7}.{number * (meter % 3 + 1) % 61}" for group in range(8) for number in range(15)]
        lists.append([*codes[meter:], "", f"C.{meter}", "éÿ", "A" * (30 + meter)])
    for turn in range(3):
        for meter, codes in enumerate(lists):
            block = "".join(f"{code}({turn}{meter})\r\n" for code in codes)
            seen: dict[str | None, int] = {}
            wanted = []
            last: str | None = None
            for code in codes:
                last = code or last
                index = seen.get(last, 0)
                seen[last] = index + 1
                wanted.append((code or None, last, index, f"{turn}{meter}", None))
            octets = block.encode("latin-1")
            assert parse_readout(octets) == wanted
            (message,) = collect(ReadoutDecoder(), checked(b"\x02", octets + b"!\r\n"), 1 + 7 * turn)
            assert message.data_sets == wanted


@pytest.mark.parametrize(
    ("first", "second", "sets"),
    [
        (b"1(a)\r\n2(b)\r\n", b"1(c)\r\n20(d)\r\n", [("1", "c"), ("20", "d")]),
        (b"1(a)\r\n2(b)\r\n", b"1(c)\r\n2 (d)\r\n", [("1", "c"), ("2", "d")]),
        (b"1(a)\r\n2(b)\r\n", b"1(c)\r\n 2(d)\r\n", [("1", "c"), ("2", "d")]),
        (b"1(a)\r\n2(b)\r\n", b"1(c)\r\n2!\r\n", [("1", "c")]),
        (b"1(a)\r\n2(b)\r\n", b"1(c)\r\n2\r\n(d)\r\n", [("1", "c"), (None, "d")]),
        (b"1(a)\r\n2(b)\r\n", b"1(c)2(d)\r(e)\r\n", [("1", "c"), ("2", "d"), (None, "e")]),
        (b"1(a)\r\n2(b)\r\n", b"1(c)\r\n2", [("1", "c")]),
    ],
)
def test_what_comes_in_place_of_the_address_expected(
    first: bytes, second: bytes, sets: list[tuple[str | None, str]]
) -> None:
    parse_readout(first)
    assert [(address, value) for address, _, _, value, _ in parse_readout(second)] == sets


@pytest.mark.parametrize("count", [0, 1, 2, 31, 32, 33, 34, 64, 65, 200])
def test_lists_shorter_and_longer_than_there_is_room_for_are_ordinary_lists(count: int) -> None:
    sets = parse_readout(b"".join(b"9.%d.7(%d*V)\r\n" % (number, number) for number in range(count)) + b"!\r\n")
    expected = [(f"9.{number}.7", f"9.{number}.7", 0, str(number), "V") for number in range(count)]
    assert sets == expected
    sets += LIST_SETS  # and grows as one
    assert sets == expected + LIST_SETS
    del sets[:count]
    assert sets == LIST_SETS


def test_indices_of_many_addresses_and_of_addresses_that_share_a_bit() -> None:
    text = b"".join(b"%d.8.%d(%d)\r\n" % (number % 700, number % 3, number) for number in range(4200))
    seen: dict[str | None, int] = {}
    for number, (address, effective, index, value, _) in enumerate(parse_readout(text)):
        assert (address, value) == (f"{number % 700}.8.{number % 3}", str(number))
        assert index == seen.get(effective, 0)
        seen[effective] = index + 1


OTHER = checked(b"\x02", "1.8.0(0004711*m³)\r\n2.8.0(3)(4)\r\n1.8.0(000815*m³)\r\n/x(y)\r\n!\r\n".encode("latin-1"))
OTHER_SETS = [
    ("1.8.0", "1.8.0", 0, "0004711", "m³"),
    ("2.8.0", "2.8.0", 0, "3", None),
    (None, "2.8.0", 1, "4", None),
    ("1.8.0", "1.8.0", 1, "000815", "m³"),
]


@pytest.mark.parametrize("wanted", [None, {"1.8.0": 0}])
def test_a_list_broken_off_anywhere_leaves_nothing_to_the_next(wanted: dict[str, int] | None) -> None:
    """A decoder told to forget is as a new one, whatever it had begun; of another meter's list nothing is kept."""
    decoder = ReadoutDecoder(True, wanted)
    for broken, good in ((BLOCK, OTHER), (OTHER, BLOCK), (LIST, OTHER), (OTHER, LIST)):
        for cut in range(len(broken)):
            collect(decoder, broken[:cut])
            decoder.reset()
            fresh = ReadoutDecoder(True, wanted)
            assert (decoder.pending, decoder.missing, decoder.discarded, decoder.reason) == (0, 3, 0, "")
            frames = collect(decoder, good, 1 + cut % 9)
            assert [(*facts(frame), frame.data_sets) for frame in frames] == [
                (*facts(frame), frame.data_sets) for frame in collect(fresh, good)
            ]
            assert frames[-1].data_sets == (OTHER_SETS if good is OTHER else LIST_SETS)


@pytest.mark.parametrize("length", range(1, 40))
def test_a_character_of_eight_bits_anywhere_in_an_address_a_value_or_a_unit(length: int) -> None:
    for step in (1, 5, 8, 0):
        for at in range(length):
            odd = "x" * at + "é" + "x" * (length - at - 1)
            text = f"{odd}(1{odd}*m{odd})\r\n2({'0' * at}*{'W' * length})\r\n".encode("latin-1")
            (message,) = collect(ReadoutDecoder(), checked(b"\x02", text), step)
            assert message.data_sets == [
                (odd, odd, 0, f"1{odd}", f"m{odd}"), ("2", "2", 0, "0" * at, "W" * length),
            ]  # fmt: skip


ADDRESSES = st.text("0123456789.:-CFP", min_size=1, max_size=12)
VALUES = st.text(st.characters(codec="latin-1", exclude_characters="()*\n"), max_size=20)
UNITS = st.none() | st.sampled_from(["kWh", "kvarh", "m3", "", "a long unit of 24 letters"])
LINES = st.lists(st.tuples(ADDRESSES, st.lists(st.tuples(VALUES, UNITS), min_size=1, max_size=4)), max_size=12)


@settings(max_examples=200)
@given(LINES, st.sampled_from(["\r\n", "\n"]), st.integers(1, 40))
def test_round_trip(lines: list[tuple[str, list[tuple[str, str | None]]]], end: str, step: int) -> None:
    expected, text = [], ""
    seen: dict[str, int] = {}
    for address, groups in lines:
        text += address
        for number, (value, unit) in enumerate(groups):
            index = seen.get(address, 0)
            seen[address] = index + 1
            expected.append((None if number else address, address, index, value, unit))
            text += f"({value}*{unit})" if unit is not None else f"({value})"
        text += end
    block = text.encode("latin-1")
    assert parse_readout(block) == expected
    if b"\x03" not in block and b"\x04" not in block:
        (message,) = collect(ReadoutDecoder(), checked(b"\x02", block + b"!\r\n"), step)
        assert (message.data_sets, message.bcc, message.complete) == (expected, True, True)


@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.parametrize(
    "before", [b"", b"\x00" * 40, b"\xff\x00x", b"\x06050\r\n", b"/ISk5MT174-0001\r\n", b"1.8.0(12"]
)
@pytest.mark.parametrize("after", [b"", b"\r\n", b"\x00"])
def test_block_behind_noise_and_echoes(before: bytes, after: bytes, step: int) -> None:
    (message,) = collect(ReadoutDecoder(), before + BLOCK + after, step)
    assert facts(message) == (b"", LIST, True, False, True)
    assert message.data_sets == LIST_SETS


def test_block_check_may_be_any_byte() -> None:
    seen = set()
    for number in range(256):
        text = b"1(%c%c)\r\n!\r\n" % (0x30 + number // 16, 0x40 + number % 16)
        block = checked(b"\x02", text)
        seen.add(block[-1])
        for step in (0, 1):
            (message,) = collect(ReadoutDecoder(), block, step)
            assert (message.bcc, message.text) == (True, text)
        (message,) = collect(ReadoutDecoder(), block[:-1] + bytes([block[-1] ^ 0x20]), 1)
        assert message.bcc is False
    for check in (0x00, 0x02, 0x03, 0x0A, 0x0D):
        filler = bytes([check ^ bcc(b"1(a)\r\n!\r\n\x03") ^ ord("a") ^ 0x40, 0x40])
        block = checked(b"\x02", b"1(" + filler + b")\r\n!\r\n")
        if block[-1] == check and 3 not in block[:-2]:
            seen.add(check)
            assert [message.bcc for message in collect(ReadoutDecoder(), block * 2, 1)] == [True, True]
    assert 0x0A in seen or 0x0D in seen


def test_every_flipped_bit_of_a_block_is_a_false_verdict_or_no_frame() -> None:
    for at in range(1, len(BLOCK)):
        for bit in range(8):
            damaged = bytearray(BLOCK)
            damaged[at] ^= 1 << bit
            for message in collect(ReadoutDecoder(bare=False), bytes(damaged)):
                assert message.bcc is False


def test_parity_damage_is_a_false_verdict() -> None:
    sent = bytearray(add_parity(BLOCK, False))
    (message,) = collect(ReadoutDecoder(True), strip_parity(bytes(sent), False))
    assert message.bcc is True
    sent[20] ^= 0x80
    received = strip_parity(bytes(sent), False)
    (message,) = collect(ReadoutDecoder(True), received, 1)
    assert message.bcc is False
    (message,) = collect(ReadoutDecoder(True), received[1:-2])
    assert message.bcc is False


@pytest.mark.parametrize("seven_bit", [False, True])
@pytest.mark.parametrize("kind", ["list", "command", "bare command"])
@given(text=st.text("019.:()*kWh", max_size=60), end=st.sampled_from(b"\x03\x04"), off=st.sampled_from((0, 0, 1, 64)))
def test_a_check_character_that_is_the_sum(kind: str, seven_bit: bool, text: str, end: int, off: int) -> None:
    """Of everything behind the first character, the last one included, in as many bits as the line carries."""
    start = {"list": b"\x02", "command": b"\x01R1\x02", "bare command": b"\x01"}[kind]
    body = start + text.encode() + bytes([end])
    width = 0x7F if seven_bit else 0xFF
    total = sum(body[1:]) & width
    decoder: Any = ReadoutDecoder(seven_bit) if kind == "list" else ProgrammingDecoder(seven_bit)
    message = decoder.feed(body + bytes([total ^ off & width]))
    assert message.sum_fits is (off == 0)
    assert message.bcc is (bcc(body[1:]) == total ^ off)


def test_no_sum_of_damaged_characters_nor_of_what_has_no_check() -> None:
    body = b"\x021.8.0(000\xb7)\x03"
    message: Any = ReadoutDecoder(True).feed(body + bytes([sum(body[1:]) & 0x7F]))
    assert message.bcc is False
    assert message.sum_fits is False
    bare: Any = ReadoutDecoder().feed(b"1.8.0(7)\r\n!\r\n")
    assert (bare.bcc, bare.sum_fits) == (None, False)


def test_a_partial_block_ends_with_eot() -> None:
    first, last = checked(b"\x02", b"P.01(1)(2)\r\n", b"\x04"), checked(b"\x02", b"(3)\r\n")
    messages = collect(ReadoutDecoder(), first + last, 1)
    assert [(message.partial, message.bcc) for message in messages] == [(True, True), (False, True)]


@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.parametrize("end", [b"!\r\n", b"!\n", b"3(4)!\r\n", b"!9A0C\r\n"])
def test_lists_without_stx_end_with_the_line_of_the_mark(end: bytes, step: int) -> None:
    text = b"1(2)\r\n" + end
    messages = collect(ReadoutDecoder(), b"\r\n" + text + text, step)
    assert [facts(message) for message in messages] == [(b"", text, None, False, True)] * 2
    assert messages[1].data_sets == parse_readout(text)
    assert collect(ReadoutDecoder(bare=False), text, step) == []


@pytest.mark.parametrize("step", [0, 1, 9, 40])
def test_a_list_that_begins_within_another_costs_the_first_alone(step: int) -> None:
    first = b"1-0:1.8.0(000031.7*kWh)\r\n1-0:2.8.0(00"
    second = b"0.0.0(4100)\r\n1.8.0(52.25*kWh)\r\n!\r\n"
    data = first + b"\r\n/QRS5meter\r\n" + second
    decoder = ReadoutDecoder()
    told = []
    frames = []
    for at in range(0, len(data), step or len(data)):
        piece = data[at : at + (step or len(data))]
        while True:
            try:
                frame = decoder.feed(piece)
            except DecodeError as error:
                told.append(str(error))
            else:
                if frame is None:
                    break
                frames.append(frame)
            piece = b""
    assert len(told) == 1 and "the next one began" in told[0]
    assert [frame.text for frame in frames] == [second]


def test_an_empty_list_is_a_list() -> None:
    assert [facts(message) for message in collect(ReadoutDecoder(), b"\r\n!\r\n")] == [
        (b"", b"!\r\n", None, False, True)
    ]


def test_a_line_that_began_with_noise_is_not_used_without_a_block_check() -> None:
    (message,) = collect(ReadoutDecoder(True), b"1\x881.8.0(5)\r\n2.8.0(6)\r\n!\r\n", 1)
    assert message.data_sets == [("2.8.0", "2.8.0", 0, "6", None)]


def test_pending_and_missing() -> None:
    decoder = ReadoutDecoder()
    assert (decoder.pending, decoder.missing) == (0, 3)
    decoder.feed(b"\x00/LGZ4X\r\n1.8")
    assert decoder.pending == 0
    decoder.feed(b"\x02" + LIST)
    assert (decoder.pending, decoder.missing) == (1 + len(LIST), 2)
    decoder.feed(b"\x03")
    assert decoder.missing == 1
    assert decoder.feed(BLOCK[-1:]) is not None
    assert decoder.pending == 0
    assert decoder.discarded == 12
    assert decoder.reason == "no start of a message"
    decoder.reset()
    assert (decoder.discarded, decoder.reason) == (0, "")


def test_early_message_once_all_wanted_is_on_whole_lines() -> None:
    decoder = ReadoutDecoder(wanted={"1.8.0*24": 0, "1.6.1": 1})
    for at in range(len(BLOCK)):
        early = decoder.feed(BLOCK[at : at + 1])
        if early is not None:
            break
    assert early is not None
    assert BLOCK[: at + 1].endswith(b"(2101010000)\r\n")
    assert facts(early) == (b"", LIST[:-3], None, False, False)
    assert early.data_sets == LIST_SETS
    (whole,) = collect(decoder, BLOCK[at + 1 :], 1)
    assert facts(whole) == (b"", LIST, True, False, True)
    assert whole.data_sets == LIST_SETS


@pytest.mark.parametrize("wanted", [{"1.8.0": 0}, {"1.6.1": 2}, {"F.F": 0, "9": 0}])
def test_no_early_message_while_something_wanted_is_missing(wanted: dict[str, int]) -> None:
    (message,) = collect(ReadoutDecoder(wanted=wanted), BLOCK, 1)
    assert message.complete


def test_no_early_message_out_of_damaged_characters() -> None:
    damaged = BLOCK.replace(b"00000000", b"0000\xb0000")
    (message,) = collect(ReadoutDecoder(True, {"F.F": 0}), damaged, 1)
    assert (message.bcc, message.complete) == (False, True)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x02" + LIST + b"\x03", (b"", LIST, None, False, True)),
        (b"\x02" + LIST + b"\x04", (b"", LIST, None, True, True)),
        (LIST[:-2], (b"", LIST[:-2], None, False, True)),
        (b"\x02" + LIST[:30], (b"", LIST[:30], None, False, False)),
        (LIST[:30], (b"", LIST[:30], None, False, False)),
    ],
)
def test_finish_gives_what_is_held(data: bytes, expected: tuple[bytes, bytes, bool | None, bool, bool]) -> None:
    decoder = ReadoutDecoder()
    assert decoder.feed(data) is None
    message = decoder.finish()
    assert message is not None
    assert facts(message) == expected
    assert message.data_sets == parse_readout(expected[1])
    assert (decoder.pending, decoder.finish()) == (0, None)


@pytest.mark.parametrize("data", [b"", b"\x00\x00", b"/LGZ5", b"1.8.0"])
def test_finish_of_nothing(data: bytes) -> None:
    decoder = ReadoutDecoder()
    decoder.feed(data)
    assert decoder.finish() is None


@pytest.mark.parametrize("start", [b"\x02", b"1(2)\r\n", b"1(2)!"])
@pytest.mark.parametrize("make", [ReadoutDecoder, ProgrammingDecoder])
def test_a_block_without_end_is_an_error(make: Any, start: bytes) -> None:
    decoder = make()
    if make is ProgrammingDecoder and start != b"\x02":
        start = b"\x01R1"
    decoder.feed(start)
    with pytest.raises(DecodeError):
        for _ in range(MAX_BLOCK // 4096 + 2):
            decoder.feed(b"3(4) \t\x00 " * 512)
    assert decoder.discarded >= MAX_BLOCK
    decoder.reset()
    assert decoder.feed(BLOCK).bcc is True


def test_messages_that_nobody_collects_are_bounded() -> None:
    decoder = ReadoutDecoder()
    for _ in range(100):
        decoder.feed(BLOCK * 200)
    assert decoder.discarded > 0
    assert len(decoder.take_rest()) <= 2 * MAX_BLOCK


@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.parametrize(
    "before", [b"", b"\x00" * 40, b"/?!\r\n", b"/?00012345!\r\n", b"/?!", b"x\x80", b"/?/ABC5!\r\n"]
)
@pytest.mark.parametrize("line", [b"/LGZ4\\2ZMD310.B40", b"/KAM 685-382", b"/ISk5MT174-0001", b"/LUGCUH50", b"/ABB5"])
def test_identification(line: bytes, before: bytes, step: int) -> None:
    for end in (b"\r\n", b"\n"):
        decoder = IdentificationDecoder()
        assert collect(decoder, before + line + end, step) == [line]
        assert decoder.discarded == len(before)
        assert decoder.pending == 0


@pytest.mark.parametrize(
    "line", [b"/?!", b"/AB1", b"/LGZ", b"LGZ4X", b"/LG\x8a4X", b"/LGZ4\x88X", b"/12345", b"/" + b"A" * 300]
)
def test_what_is_no_identification(line: bytes) -> None:
    for step in (0, 1):
        decoder = IdentificationDecoder()
        assert collect(decoder, line + b"\r\n", step) == []
        assert decoder.discarded == len(line) + 2
        assert decoder.reason
        assert collect(decoder, b"/LGZ4X\r\n", step) == [b"/LGZ4X"]


def test_identification_bounds_and_pending() -> None:
    decoder = IdentificationDecoder()
    assert decoder.feed(b"\x00/") is None
    assert decoder.pending == 1
    decoder.feed(b"?")
    assert decoder.pending == 0
    decoder.feed(b"!\r\n/LGZ4")
    assert decoder.pending == 5
    for _ in range(1000):
        decoder.feed(b"A" * 100)
        assert decoder.pending <= MAX_LINE + 100
    assert decoder.discarded > 90_000


def test_what_follows_the_identification_is_handed_on() -> None:
    first = IdentificationDecoder()
    text = b"1(2)\r\n!\r\n"
    assert first.feed(b"/LGZ0X\r\n" + text) == b"/LGZ0X"
    second = ReadoutDecoder(held=first.take_rest())
    assert first.take_rest() == b""
    message = second.feed(b"")
    assert message is not None
    assert message.text == text


COMMANDS = [
    (checked(b"\x01", b"P0\x02(00000000)"), (b"P0", b"(00000000)", True, False, True)),
    (checked(b"\x01", b"R1\x021.8.0()"), (b"R1", b"1.8.0()", True, False, True)),
    (checked(b"\x01", b"W5\x02c(b)", b"\x04"), (b"W5", b"c(b)", True, True, True)),
    (b"\x01B0\x03q", (b"B0", b"", True, False, True)),
    (checked(b"\x02", b"(ER05)"), (b"", b"(ER05)", True, False, True)),
    (checked(b"\x02", b"P.01(1)\r\n", b"\x04"), (b"", b"P.01(1)\r\n", True, True, True)),
    (checked(b"\x02", b""), (b"", b"", True, False, True)),
    (b"\x06", (b"\x06", b"", None, False, True)),
    (b"\x15", (b"\x15", b"", None, False, True)),
]


@pytest.mark.parametrize(("wire", "expected"), COMMANDS)
@pytest.mark.parametrize("before", [b"", b"\x00\xff", b"/LGZ4X\r\n"])
def test_programming_messages(
    wire: bytes, expected: tuple[bytes, bytes, bool | None, bool, bool], before: bytes
) -> None:
    for step in (0, 1):
        decoder = ProgrammingDecoder()
        messages = collect(decoder, before + wire + wire, step)
        assert [facts(message) for message in messages] == [expected, expected]
        assert decoder.discarded == len(before)
        assert decoder.pending == 0


def test_programming_messages_with_damage() -> None:
    """Exactly one message, whose check is wrong; but without its ETX or EOT a message has no end and is none."""
    for wire, _ in COMMANDS[:7]:
        for at in range(1, len(wire)):
            for bit in range(8):
                damaged = bytearray(wire)
                damaged[at] ^= 1 << bit
                verdicts = [message.bcc for message in collect(ProgrammingDecoder(True), bytes(damaged))]
                assert verdicts == ([] if at == len(wire) - 2 else [False]), (wire, at, bit)
    assert collect(ProgrammingDecoder(True), b"\x86\x95") == []


def test_an_echoed_option_select_is_no_acknowledgement() -> None:
    decoder = ProgrammingDecoder()
    messages = collect(decoder, b"\x06051\r\n" + COMMANDS[0][0])
    assert [message.command for message in messages] == [b"P0"]
    assert decoder.discarded == 6
    assert collect(ProgrammingDecoder(), b"\x0605") == []
    assert [message.command for message in collect(ProgrammingDecoder(), b"\x06\x06051\r\n\x06")] == [b"\x06", b"\x06"]


def test_messages_cannot_be_made_by_hand() -> None:
    with pytest.raises(TypeError):
        Message()


@settings(max_examples=200)
@given(st.binary(max_size=200), st.integers(1, 30), st.booleans(), st.booleans())
def test_any_bytes_in_any_pieces(data: bytes, step: int, seven_bit: bool, bare: bool) -> None:
    for make in (lambda: ReadoutDecoder(seven_bit, {"1": 0}, bare=bare), IdentificationDecoder):
        whole, pieces = make(), make()
        assert [repr(frame) for frame in collect(whole, data)] == [repr(frame) for frame in collect(pieces, data, step)]
        assert (whole.pending, whole.discarded) == (pieces.pending, pieces.discarded)
    for message in collect(ProgrammingDecoder(seven_bit), data):
        assert message.bcc is not None or message.command in (b"\x06", b"\x15")
