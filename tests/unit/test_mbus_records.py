"""Data records: every coding, every table, every way to be damaged; telegrams of each CI; encryption; signal texts."""

from __future__ import annotations

import struct
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meterd._mbus import MbusFrame
from meterd._mbus_records import decode_records, fixed_record
from meterd._mbus_values import Meaning, Record
from meterd._number import Number
from meterd.errors import DecodeError, MeterdError, Refused, SecurityError
from meterd.protocols.mbus import vif
from meterd.protocols.mbus.encryption import clear_text
from meterd.protocols.mbus.identity import Identity
from meterd.protocols.mbus.jobs import parse_job, parse_selector
from meterd.protocols.mbus.telegram import decode, header_of
from meterd.simulate.mbus_meters import built_in

HEADER = bytes.fromhex("78563412A732010455000000")


def records(text: str, msb_first: bool = False) -> list[Record]:
    return decode_records(bytes.fromhex(text), 0, vif.MEANINGS, msb_first)


def record(text: str) -> Record:
    (found,) = records(text)
    assert found.raw == bytes.fromhex(text)
    return found


def answer(ci: int, text: str) -> MbusFrame:
    return MbusFrame(8, 1, ci, bytes.fromhex(text))


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("0113FF", Number(-1, -3), "m³"),
        ("02130080", None, "m³"),  # the most negative number of type B is no number
        ("02130180", Number(-32767, -3), "m³"),
        ("0313FFFF7F", Number(8388607, -3), "m³"),
        ("0403FFFFFFFF", -1, "Wh"),
        ("0503000048C1", -12.5, "Wh"),
        ("05060000803F", 1000.0, "Wh"),
        ("05030000C07F", None, "Wh"),
        ("05030000807F", None, "Wh"),
        ("0613010000000080", Number(-(2**47) + 1, -3), "m³"),
        ("0703FFFFFFFFFFFFFF7F", 2**63 - 1, "Wh"),
        ("09035F", None, "Wh"),
        ("090399", 99, "Wh"),
        ("0903F9", -9, "Wh"),
        ("0A5A12F0", Number(-12, -1), "°C"),
        ("0A5A12E0", None, "°C"),
        ("0B3BBDEBDD", None, "m³/h"),
        ("0C0678563412", Number(12345678, 3), "Wh"),
        ("0E78121110090807", 70809101112, None),
        ("02FD17FFFF", 65535, None),
        ("0D78054443424131", "1ABCD", None),
        ("0D0300", "", "Wh"),
        ("0D13C256 34".replace(" ", ""), Number(3456, -3), "m³"),
        ("0D13D25634", Number(-3456, -3), "m³"),
        ("0D13C2FA34", None, "m³"),
        ("0D78E2FFFF", 65535, None),
        ("0D78E0", None, None),
        ("0D13C0", None, "m³"),  # no digits are no zero
        ("0D13D0", None, "m³"),
        ("0D78E9010203040506070809", 0x090807060504030201, None),
        ("0D78EF" + "00" * 14 + "80", 1 << 119, None),
        ("0D78F0" + "0A" * 16, int("0A" * 16, 16), None),
        ("0D13E9010000000000000000", Number(1, -3), "m³"),
        ("07220000000001000000", 3600 << 32, "s"),
        ("0722FFFFFFFFFFFFFF7F", 3600 * (2**63 - 1), "s"),
        ("0723010000000000FFFF", 86400 * (1 - 2**48), "s"),
        ("0E23999999999999", 86400 * 999999999999, "s"),
        ("04867B05000000", 6000, "Wh"),
        ("079378FFFFFFFFFFFFFF7F", Number((2**63 - 1) * 1000 + 1, -6), "m³"),
        ("0D13C9563412907856341299", Number(991234567890123456, -3), "m³"),
        ("0D13C95634129078563412F9", Number(-91234567890123456, -3), "m³"),
        ("0D13D9563412907856341209", Number(-91234567890123456, -3), "m³"),
        ("0D13C956341290785634A209", None, "m³"),
        ("0E135634129078F6", Number(-67890123456, -3), "m³"),
        ("0E13563412F07836", None, "m³"),
        ("0D03F4000048C1", -12.5, "Wh"),
        ("0D03F8000000000000F83F", 1.5, "Wh"),
        ("0003", None, "Wh"),
        ("0803", None, "Wh"),
        ("02FC03485225 74D411".replace(" ", ""), Number(4564, -2), "%RH"),
        ("0413 00CA9A3B".replace(" ", ""), Number(1000000000, -3), "m³"),
    ],
)
def test_every_coding(text: str, value: Any, unit: str | None) -> None:
    found = record(text)
    assert (found.value, found.unit) == (value, unit)
    assert type(found.value) is type(value)
    assert (found.quality == "good") == (value is not None) and (found.reason is None) == (value is not None)
    assert bool(found.remark) == (value is None)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("046D2A0B563B", "2026-11-22T11:42"),
        ("046D2A8B563B", "2026-11-22T11:42"),
        ("046DAA0B563B", None),  # IV
        ("046D0000FF3C", "2031-12-31T00:00"),
        ("046D0000E1F1", None),  # year 127: every year
        ("046D2A2B5631", "2026-01-22T11:42"),
        ("046D3F1F563B", None),
        ("046D2A6B5631", "2226-01-22T11:42"),
        ("426C3F3C", "2025-12-31"),
        ("426CFFFF", None),
        ("426C0000", None),
        ("426C5D12", None),  # 29 February 2010 never was
        ("036D1E2A0B", "11:42:30"),
        ("036DFFFFFF", None),
        ("066D1E2A6B563B2F", "2026-11-22T11:42:30"),
        ("066D5E2A6B563B2F", "2026-11-22T11:42:30"),
        ("066D1EAA6B563B2F", None),
        ("066D000000000000", None),
        ("0C6D12345678", None),
        ("0E6D593015280224", "2024-02-28T15:30:59"),
        ("0E6D003015300224", None),  # 30 February
        ("0E6DFFFFFFFFFFFF", None),
        ("0D6DC53015280224", "2024-02-28T15:30"),
        ("0C6D15280224", "2024-02-28T15:00"),
        ("0B6C280224", "2024-02-28"),
        ("0B6C290224", "2024-02-29"),
        ("0B6C290223", None),
        ("0B6C310480", None),
        ("0B6C300481", "1981-04-30"),
        ("0C6D24280224", None),
        ("0E6D006012280224", None),
        ("0A6C1324", None),
        ("0A6C0224", "2024-02"),
        ("0D6D0A31322D31312D36323032", "2026-11-21"),
    ],
)
def test_dates_and_times(text: str, value: str | None) -> None:
    found = record(text)
    assert found.value == value
    assert found.reason == (None if value else "clock")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("E521 00000000", "2013-01-01T01:00:00+01:00"),
        ("E5A0 80D6F965", "2024-03-19T18:16:32+00:00"),
        ("E5BE 80D6F965", "2024-03-19T16:16:32-02:00"),
        ("E500 01000000", "2013-01-01T00:00:02+00:00"),
        ("E530 3C000000", 60),
        ("E350 8001", Number(150000000, -8)),
        ("E5AE 800E0000", "1970-01-01T15:01:52+14:00"),
        ("E5B1 30D20000", None),  # ahead of 1970
        ("E6A0 7F41F4FF3A", "9999-12-31T23:59:59+00:00"),
        ("E6A0 8041F4FF3A", None),  # beyond the year 9999
        ("E521 FFFFFFFF", None),
        ("E121", None),
        ("EA21 010203040506070809", None),
    ],
)
def test_type_m(text: str, value: Any) -> None:
    found = record("0D6D" + text.replace(" ", ""))
    assert found.value == value


@pytest.mark.parametrize(
    ("text", "printed"),
    [("E350 8001", "1.50000000"), ("E370 4001", "0.009765625000000"), ("E450 010000", "0.00390625"), ("E230 07", "7")],
)
def test_durations_of_type_m_are_exact(text: str, printed: str) -> None:
    assert str(record("0D6D" + text.replace(" ", "")).value) == printed


def test_blocks_that_want_the_same_place_keep_their_meanings() -> None:
    """More blocks than there are places, in turns, and two sets of meanings."""
    blocks = [bytes([0x80 | vif, 0x70 | vife]) for vif in range(0x70) for vife in range(8)]
    blocks += [bytes([vif]) for vif in range(0x70) if vif & 0x7F != 0x7C]
    others = {block: Meaning("another", "u", 0) for block in blocks}
    for _ in range(2):
        for block in blocks:
            own = vif.meaning_of(block)
            data = b"\x04" + block + bytes([1, 0, 0, 0])
            (found,) = decode_records(data, 0, vif.MEANINGS)
            assert (found.quantity, found.unit, found.meaning.exponent) == (own.quantity, own.unit, own.exponent)
            assert found.vib == block
    for block in blocks[::97]:
        (found,) = decode_records(b"\x04" + block + bytes([1, 0, 0, 0]), 0, others)
        assert (found.quantity, found.value) == ("another", 1)
        (found,) = decode_records(b"\x04" + block + bytes([1, 0, 0, 0]), 0, vif.MEANINGS)
        assert found.quantity != "another"


@pytest.mark.parametrize(
    ("dib", "storage", "tariff", "subunit", "function"),
    [
        ("01", 0, 0, 0, "instantaneous"),
        ("51", 1, 0, 0, "maximum"),
        ("21", 0, 0, 0, "minimum"),
        ("71", 1, 0, 0, "error"),
        ("8110", 0, 1, 0, "instantaneous"),
        ("C1A040", 1, 2, 2, "instantaneous"),
        ("818F8F0F", 2 * 0xFFF, 0, 0, "instantaneous"),
        ("C1" + "FF" * 9 + "7F", 2**41 - 1, 4**10 - 1, 2**10 - 1, "instantaneous"),
    ],
)
def test_dif_and_dife(dib: str, storage: int, tariff: int, subunit: int, function: str) -> None:
    found = record(dib + "1305")
    assert (found.storage, found.tariff, found.subunit, found.function) == (storage, tariff, subunit, function)
    assert found.dib == bytes.fromhex(dib) and found.vib == b"\x13" and found.data == b"\x05"


@pytest.mark.parametrize(
    ("vib", "value", "unit", "words"),
    [
        ("9374", Number(5, -5), "m³", ()),
        ("93F674", Number(5, -5), "m³", ()),
        ("937D", 5, "m³", ()),
        ("937B", Number(6000, -6), "m³", ()),
        ("9378", Number(5001, -6), "m³", ()),
        ("93A27F", Number(5, -3), "m³/h", ("manufacturer specific",)),
        ("AEFC01", 5000, "W", ("phase L1",)),
        ("933B", Number(5, -3), "m³", ("forward",)),
        ("BB58", 5, "s", ("duration of first upper limit exceed",)),
        ("9349", 5, None, ("number of exceeds of upper limit",)),
        ("933D", Number(5, -3), "m³", ("non-metric",)),
        ("9302", None, "m³", ()),
        ("FB01", Number(5, 6), "Wh", ()),
        ("FB09", Number(5, 9), "J", ()),
        ("FB8275", Number(5, 2), "varh", ()),
        ("FB2D", Number(5, -2), "Hz", ()),
        ("FD48", Number(5, -1), "V", ()),
        ("FD59", Number(5, -3), "A", ()),
        ("FD6D", 432000, "s", ()),
        ("FD28", 5, "month", ()),
        ("26", 18000, "s", ()),
        ("FDFF7F", 5, None, ()),
        ("EF05", 5, None, ()),
        ("FF1234"[:4], 5, None, ()),
        ("7F", 5, None, ()),
        ("6F", 5, None, ()),
        ("93FC7E", Number(5, -3), "m³", ("VIFE FC 7E",)),
        ("FC02434274", Number(5, -2), "BC", ()),
    ],
)
def test_vif_and_vife(vib: str, value: Any, unit: str | None, words: tuple[str, ...]) -> None:
    found = record("01" + vib + "05")
    assert (found.value, found.unit) == (value, unit)
    if "FF7F" not in vib:
        assert found.meaning.qualifiers == words


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0D78054443424100", "ABCD"),  # NULs behind a text
        ("0D780520 2044 4342", "BCD"),  # blanks behind it
        ("0D78054443422020", "  BCD"),  # but not before it
        ("0D7804B0465AFC", "üZF°"),
        ("0D7803000000", ""),
        ("0D78044401 4241", "44 01 42 41"),  # no text: bytes in their order
        ("0D7803809F41", "80 9F 41"),
        ("0DFD3B0641424344 4546", "41 42 43 44 45 46"),  # a container is bytes even where they are letters
        ("0DFD760341424A", "41 42 4A"),
        ("0D931D03 414243", "41 42 43"),
    ],
)
def test_a_record_of_variable_length_is_text_only_where_it_is_text(text: str, value: str) -> None:
    assert record(text.replace(" ", "")).value == value


def test_text_that_was_never_written_is_no_value() -> None:
    found = record("0D7804FFFFFFFF")
    assert (found.value, found.quality, found.reason) == (
        None,
        "invalid",
        "not_found",
    ) and "never written" in found.remark


def test_codes_of_the_second_level_are_no_vife() -> None:
    plain, more, last = records("02FDFD07D204 04FDFD877339300000 0113 05".replace(" ", ""))
    assert (plain.value, plain.unit, plain.quantity) == (1234, None, "unknown VIF FD FD 07")
    assert (more.quantity, more.value) == ("unknown VIF FD FD 07", Number(12345, -3)) and last.value == Number(5, -3)


@pytest.mark.parametrize("rest", ["04", "0413", "041300", "0D", "0D13FF", "0D1305", "81" * 12, "04" + "93" * 12, "00"])
def test_damage_at_the_end_costs_what_is_behind_it_alone(rest: str) -> None:
    whole, damaged = records("0C1478563412" + rest)
    assert whole.value == Number(12345678, -2) and damaged.function == "damaged"
    assert (damaged.value, damaged.quality, damaged.reason) == (None, "invalid", "bad_frame") and damaged.remark
    assert damaged.raw.hex().upper() == rest
    with pytest.raises(DecodeError):
        records(rest)


def test_error_vife_give_their_words() -> None:
    found = record("01931605")
    assert (found.value, found.quality, found.reason, found.remark) == (None, "overflow", "type", "data overflow")
    assert record("01931505").reason == "not_found" and record("01931505").remark == "no data available"


def test_powers_of_ten_heaped_up_are_no_number() -> None:
    found = record("01" + "D0" + "F0" * 9 + "70" + "05")
    assert found.value is None and "power of ten" in found.remark


def test_quantities_of_all_tables_have_a_meaning() -> None:
    for extension, table in (("", vif.PRIMARY), ("FB", vif.FB), ("FD", vif.FD)):
        for code, columns in table.items():
            meaning = vif.meaning_of(bytes.fromhex(f"{extension}{code:02X}"))
            assert meaning.quantity == columns["quantity"] and not meaning.qualifiers
    assert "energy" in vif.quantities() and len(set(vif.quantities())) == len(vif.quantities())


def test_meanings_are_kept_within_bounds() -> None:
    for number in range(2 * vif.MAX_MEANINGS):
        vif.MEANINGS[b"\xff" + number.to_bytes(3, "big")]
        assert len(vif.MEANINGS) <= vif.MAX_MEANINGS


def test_an_unknown_record_does_not_cost_its_neighbours() -> None:
    first, unknown, last = records("0C1312000000 04FD7FAABBCCDD 0C0634000000".replace(" ", ""))
    assert unknown.quantity == "unknown VIF FD 7F" and unknown.raw.hex() == "04fd7faabbccdd"
    assert first.value == Number(12, -3) and last.value == 34000
    before, rest = records("0113 05 3F010203".replace(" ", ""))
    assert before.value == Number(5, -3) and rest.function == "reserved" and rest.value == "01 02 03"


def test_fillers_are_no_records_and_manufacturer_data_is_kept() -> None:
    found = records("2F2F0113052F2F0F0102")
    assert [one.function for one in found] == ["instantaneous", "manufacturer"]
    assert found[1].value == "01 02" and found[1].data == b"\x01\x02" and records("1F")[0].function == "more_follow"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("01", "value information block"),
        ("81", "data information block"),
        ("81" + "80" * 10 + "0013", "more than 10 DIFE"),
        ("0193" + "80" * 10 + "0005", "more than 10 VIFE"),
        ("01" + "93" * 300, "VIFE"),
        ("FF", ""),
        ("0193", "value information block"),
        ("02130", "data"),
        ("0D13", "variable length"),
        ("0D130541", "data"),
        ("0D13CA" + "00" * 20, "LVAR CA is reserved"),
        ("0D13DF" + "00" * 20, "LVAR DF is reserved"),
        ("0D13FF" + "00" * 255, "LVAR FF is reserved"),
        ("0D13BF" + "00" * 100, "data"),
        ("017CFF" + "41" * 254, "text"),
        ("01FC", "text"),
        ("017C8041", "text"),
    ],
)
def test_memory_faults_of_others_are_refusals_here(text: str, reason: str) -> None:
    """libmbus #223 (data past the frame's end), #236 (lengths that wrap), #237 (plain-text VIF of 128 and more), DIFE
    and VIFE chains past their arrays, LVAR past the telegram."""
    text += "0" * (len(text) % 2)
    if not reason:
        assert records(text)[0].function == "reserved"
        return
    with pytest.raises(DecodeError, match=reason):
        records(text)


@pytest.mark.parametrize("size", [0, 1, 127, 128, 247])
def test_plain_text_vif_of_any_length_that_fits(size: int) -> None:
    found = record("017C" + f"{size:02x}" + "41" * size + "05")
    assert found.value == 5 and found.unit == "A" * size


def test_manufacturer_data_up_to_the_last_byte() -> None:
    data = bytes(240)
    found = decode(MbusFrame(8, 1, 0x72, HEADER + b"\x0f" + data[:239])).records[0]
    assert found.data == data[:239]


def test_records_cannot_be_made_by_hand_nor_read_before_the_start() -> None:
    with pytest.raises(TypeError):
        Record()
    with pytest.raises(ValueError, match="start"):
        decode_records(b"\x01\x13\x05", -1, vif.MEANINGS)
    assert decode_records(b"\x01\x13\x05", 7, vif.MEANINGS) == []
    for start in (-1, 1, sys.maxsize):
        with pytest.raises(DecodeError):
            fixed_record(b"1234", start, Meaning("x"), 0, True, False)


@settings(max_examples=200, deadline=None)
@given(st.integers(-(2**47) + 1, 2**47 - 1), st.integers(0x10, 0x17))
def test_integers_round_trip(number: int, code: int) -> None:
    (found,) = decode_records(bytes([6, code]) + number.to_bytes(6, "little", signed=True), 0, vif.MEANINGS)
    assert found.value == Number(number, code - 0x16)


@settings(max_examples=100, deadline=None)
@given(st.integers(-9_999_999, 99_999_999))
def test_bcd_round_trip(number: int) -> None:
    digits = f"{number:08d}" if number >= 0 else f"F{-number:07d}"
    assert record("0C03" + bytes.fromhex(digits)[::-1].hex()).value == number


@settings(max_examples=100, deadline=None)
@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_reals_round_trip(number: float) -> None:
    assert record("0503" + struct.pack("<f", number).hex()).value == number


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=250))
def test_any_bytes_give_records_or_a_reason(data: bytes) -> None:
    try:
        found = decode_records(data, 0, vif.MEANINGS)
    except DecodeError as error:
        assert str(error)
        return
    assert b"".join(one.raw for one in found).replace(b"\x2f", b"") == data.replace(b"\x2f", b"")
    assert all((one.value is None) == (one.quality != "good") for one in found)


def test_mode_2_has_the_most_significant_byte_first() -> None:
    data = "12345678 32A7 01 04 55 00 0000 0C06 12345678 0213 FFFE 0D78 03 414243"
    telegram = decode(answer(0x76, data))
    who = Identity(telegram)
    assert (who.identification, who.manufacturer) == ("12345678", "LUG")
    assert [one.value for one in telegram.records] == [Number(12345678, 3), Number(-2, -3), "ABC"]


def test_headers() -> None:
    long = decode(answer(0x72, HEADER.hex() + "0113 05"))
    who = Identity(long)
    assert (who.identification, who.manufacturer, who.version, who.medium) == ("12345678", "LUG", 1, "heat")
    assert (long.access_number, long.status, who.secondary_address) == (0x55, 0, "12345678A7320104")
    short = decode(answer(0x7A, "55 04 0000 0113 05"))
    assert (short.identity, short.status, str(Identity(short))) == (None, 4, "")
    bare = decode(answer(0x78, "0113 05"))
    assert bare.status is None and bare.records[0].value == Number(5, -3) == short.records[0].value
    cut = header_of(answer(0x72, HEADER.hex() + "01"))
    assert cut is not None and str(Identity(cut)) == "12345678A7320104"
    assert header_of(answer(0x78, "01")) is None and header_of(answer(0x70, "08")) is None


def test_fixed_data_structure() -> None:
    telegram = decode(answer(0x73, "93929190 10 00 05 69 31650000 69000000"))
    who = Identity(telegram)
    assert (who.identification, who.medium, who.manufacturer) == ("90919293", "heat", "")
    assert [(one.value, one.unit) for one in telegram.records] == [(6531000, "Wh"), (Number(69, -3), "m³")]
    binary = decode(answer(0x77, "90919293 10 03 29 3E 00000100 00000010"))
    assert str(Identity(binary)) == "90919293"
    assert [(one.value, one.storage) for one in binary.records] == [(Number(256, -3), 1), (Number(16, -3), 1)]


@pytest.mark.parametrize(
    ("ci", "text", "error", "words"),
    [
        (0x70, "", Refused, "Unspecified error"),
        (0x70, "05", Refused, "More than 10 DIFE's"),
        (0x70, "C8", Refused, "Application error 200"),
        (0xB7, "00", DecodeError, "CI B7"),
        (0x72, "00", DecodeError, "1 of its 12"),
        (0x7A, "00", DecodeError, "1 of its 4"),
        (0x73, "00", DecodeError, "16 bytes, not 1"),
        (-1, "", DecodeError, "no user data"),
    ],
)
def test_answers_without_records(ci: int, text: str, error: type[MeterdError], words: str) -> None:
    with pytest.raises(error, match=words):
        decode(answer(ci, text))


def test_mode_5_of_the_meter_and_of_the_published_oms_example() -> None:
    pytest.importorskip("Cryptodome")
    key = bytes(range(16))
    simulated = built_in("heat", 1, "12345678", key)
    frame = answer(simulated.ci, simulated._user_data(simulated.telegrams[0])[1:].hex())
    assert decode(frame, key).records[0].value == 12341000
    # OMS specification volume 2, annex N.1: a gas meter, key 0102…0F11.
    oms = answer(
        0x72,
        "78563412 9315 33 03 2A 00 20055923C95AAA26D1B2E7493B013EC4A6F6 D3529B520EDFF0EA6DEFC99D6D69EBF3",
    )
    try:
        told = decode(oms, bytes.fromhex("0102030405060708090A0B0C0D0E0F11"))
    except SecurityError:
        pytest.fail("the OMS example does not decrypt")
    assert told.records[0].unit == "m³" and told.records[0].value == Number(2850427, -2)


@pytest.mark.parametrize(
    ("configuration", "key", "error", "words"),
    [
        (0x0510, None, SecurityError, "no key"),
        (0x0710, b"k" * 16, SecurityError, "mode 7"),
        (0x0000, b"k" * 16, SecurityError, "not encrypted"),
        (0x0500, b"k" * 16, SecurityError, "not encrypted"),
        (0x0520, b"k" * 16, DecodeError, "32 bytes"),
        (0x0510, b"k" * 16, SecurityError, "does not fit"),
    ],
)
def test_keys_and_telegrams_that_do_not_fit(
    configuration: int, key: bytes | None, error: type[MeterdError], words: str
) -> None:
    pytest.importorskip("Cryptodome")
    with pytest.raises(error, match=words):
        clear_text(bytes(16), configuration, 1, bytes(8), key)
    if words == "no key":
        with pytest.raises(SecurityError, match="identity"):
            clear_text(bytes(16), configuration, 1, None, b"k" * 16)
    assert clear_text(b"\x01", 0xB627, 1, None, None) == b"\x01"  # an old meter's signature is no encryption mode


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("0", 0), ("3", 3), ("index=2", 2), ("0C06", 0), ("0c 06", 0), ("4C|06", 8), ("energy", 0),
        ("Flow_Temperature", 4), ("energy;storage=1", 8), ("power; function=MAX", 10), ("date;storage=1", 9),
        ("manufacturer specific;nth=1", None), ("energy;tariff=1", None), ("energy;nth=2", None), ("99", None),
        ("energy;unit=wh", 0), ("energy;unit=J", None),
    ],
)  # fmt: skip
def test_selectors(text: str, index: int | None) -> None:
    found = decode_records(built_in("heat", 1, "12345678").telegrams[0], 0, vif.MEANINGS)
    assert parse_selector(text).find(found) is (None if index is None else found[index])


def test_selectors_ask_for_qualifiers_and_quoted_texts() -> None:
    found = records("04FD48 01000000 04FDC8FC01 02000000 04FDC8FC02 03000000 02FC0348522574 D411".replace(" ", ""))
    picks = {text: parse_selector(text).find(found) for text in ("voltage", "voltage;with=phase L2", "'%RH'")}
    assert [one and one.value for one in picks.values()] == [Number(1, -1), Number(3, -1), Number(4564, -2)]


@pytest.mark.parametrize(
    "text", ["", "enregy", "energy;storage", "energy;function=big", "energy;x=1", "energy;storage=x"]
)
def test_selectors_that_say_nothing(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_selector(text)


def test_jobs() -> None:
    assert parse_job("").sends == [] and parse_job("UD1").control == 0x5A
    job = parse_job("reset; reset=10; B1; 51 0F|00; ud2")
    assert job.sends == [(0x50, b""), (0x50, b"\x10"), (0xB1, b""), (0x51, b"\x0f\x00")] and job.control == 0x5B
    for text in ("fly", "baud=1", "baud=x", "5", "reset=1010", ";".join(["B1"] * 20), "00" * 300):
        with pytest.raises(ValueError, match=r"\w"):
            parse_job(text)
