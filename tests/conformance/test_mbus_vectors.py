"""The libmbus frames: what meterd reads in them, held against the expected files of that project.

The expected files are the output of libmbus, not truth. Where a frame says otherwise, the rules below decide,
each with its reason:

1. Hexadecimal values stand in wire order; binary numbers of more than 8 bytes are numbers, least byte first.
2. A type F time with its IV bit set is no time: libmbus prints 1900-01-00.
3. An unset date (day or month 0, all ones) is no date: libmbus prints 2000-00-00. Year 127 means "every year" (the due
   date of the Ultraheat T230): libmbus prints 2027.
4. M-Bus time is the meter's local time: the expected "Z" is dropped.
5. The product name comes from a table of libmbus, not from the frame.
6. VIFE 50 to 5F (duration of a limit exceed) and 6A to 6F (time of an event) change what the record is: libmbus takes
   the packed time of a maximum for 41 million °C, and the seconds of a limit exceed for a flow. `EVENTS` lists them.
7. BCD digits A to E are an error display (EN 13757-3 annex B), not a number.
8. Values are printed with six decimals there: they are compared to within half of the last one.
9. Flags and identifications are unsigned (types C and D): libmbus prints them as signed numbers.
10. The most negative number of type B, and a real that is none, say that there is no value.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from meterd._mbus import MbusDecoder
from meterd._mbus_telegram import Telegram
from meterd._mbus_values import TIME, UNSIGNED, Record
from meterd.errors import DecodeError, MeterdError, Refused
from meterd.protocols.mbus.identity import Identity
from meterd.protocols.mbus.telegram import decode
from tests.needs import recorded

VECTORS = recorded("mbus")

FUNCTIONS = {
    "Instantaneous value": "instantaneous",
    "Actual value": "instantaneous",
    "Maximum value": "maximum",
    "Minimum value": "minimum",
    "Value during error state": "error",
    "Manufacturer specific": "manufacturer",
    "More records follow": "more_follow",
}
# Units of the expected files → ours, and by what their value is multiplied to be in ours.
UNITS: dict[str, tuple[str | None, float]] = {
    "l": ("m³", 0.001), "ml": ("m³", 1e-6), "kWh": ("Wh", 1e3), "MWh": ("Wh", 1e6), "kJ": ("J", 1e3), "MJ": ("J", 1e6),
    "GJ": ("J", 1e9), "kW": ("W", 1e3), "MW": ("W", 1e6), "-": (None, 1), "": (None, 1), "Reserved": (None, 1),
    "Units for H.C.A.": ("units for HCA", 1), "Currency units": ("currency units", 1),
}  # fmt: skip
# Long durations have no length in seconds; libmbus gives them a mean one.
MEAN_SECONDS = {"month": 2629743.83, "year": 31556926.0}
TEXT_VIF = (0x7C, 0xFC)
# What rule 6 makes of these records: frame → {record: our value}.
EVENTS: dict[str, dict[int, object]] = {
    "SEN_Pollustat": {12: 11582321, 13: 756},
    "landis+gyr_ultraheat_t230": {19: None, 20: None, 21: "2011-08-26T20:50", 22: "2011-08-09T11:43"},
}
PRINTABLE = {code: None for code in (*range(32), *range(127, 160))}


def frames(folder: str) -> list[Path]:
    return sorted((VECTORS / folder).glob("*.hex"))


def octets(path: Path) -> bytes:
    return bytes(int(token, 16) for token in path.read_text().split())


def telegram(path: Path) -> Telegram:
    decoder = MbusDecoder()
    frame = decoder.feed(octets(path))
    if frame is None:
        raise DecodeError(decoder.reason or "incomplete")
    return decode(frame)


def text(element: ElementTree.Element, name: str) -> str | None:
    found = element.find(name)
    return None if found is None else (found.text or "")


def document(path: Path) -> ElementTree.Element:
    """The files declare ISO 8859-1, and hold UTF-8, and what meters send as text."""
    content = path.read_bytes()
    try:
        words = content.decode("utf-8")
    except UnicodeDecodeError:
        words = content.decode("latin-1")
    _, _, body = words.partition("?>")
    return ElementTree.fromstring("".join(letter for letter in body if letter in "\n\t" or letter.isprintable()))


def ours_and_factor(record: Record, unit: str) -> tuple[str | None, float]:
    if unit == "s" and record.unit in MEAN_SECONDS:
        return record.unit, 1 / MEAN_SECONDS[record.unit]
    return UNITS.get(unit, (unit.replace("^3", "³"), 1))


def is_event(record: Record) -> bool:
    """Rule 6: its VIFE make the record a time or a duration."""
    return any(
        word in " ".join(record.meaning.qualifiers) for word in ("begin of", "end of", "duration of", "start of")
    )


def expect_number(record: Record, expected: str, factor: float) -> None:
    wanted, got = float(expected), float(record.value) / factor  # type: ignore[arg-type]
    near = abs(got - wanted) <= max(5.1e-7, 1e-6 * abs(wanted))
    if not near and record.meaning.kind == UNSIGNED:
        near = (got - wanted) % (1 << 8 * len(record.data)) == 0  # rule 9
    assert near, f"{record.value} should be {expected}"


def expect_value(record: Record, expected: str, factor: float) -> None:
    if record.remark.startswith("error digits") or record.remark.startswith("the meter marks the value"):
        assert record.value is None and record.quality == "invalid"  # rules 7 and 10
    elif record.reason == "clock":
        year_127 = record.data[-1:] and record.data[-1] >> 4 == 15
        assert year_127 or "-00" in expected, f"{record.value} should be {expected}"  # rules 2 and 3
    elif record.value is None:
        assert expected.strip("0.") == "", f"{record.value} should be {expected}: {record.remark}"
    elif len(record.data) > 8 and isinstance(record.value, int):
        assert record.value == int.from_bytes(bytes.fromhex(expected), "little")  # rule 1
    elif isinstance(record.value, str):
        wanted = expected.removesuffix("Z") if record.meaning.kind == TIME else expected
        wanted = wanted.removesuffix(":00") if len(record.value) == 16 and record.meaning.kind == TIME else wanted
        assert record.value.translate(PRINTABLE).strip() == wanted.strip()
    else:
        expect_number(record, expected, factor)


def expect_record(record: Record, wanted: ElementTree.Element) -> None:
    function = text(wanted, "Function")
    if function is None:
        # libmbus prints an empty record for a VIF that it does not know; the bytes and the number are kept here.
        assert record.quantity.startswith("unknown VIF") and record.raw and record.value is not None
        return
    assert record.function == FUNCTIONS[function]
    if function not in ("Manufacturer specific", "More records follow"):
        assert record.storage == int(text(wanted, "StorageNumber") or 0)
    assert record.tariff == int(text(wanted, "Tariff") or 0)
    assert record.subunit == int(text(wanted, "Device") or 0)
    if is_event(record):
        assert record.unit in ("s", None) and not isinstance(record.value, float)
        return
    unit, factor = ours_and_factor(record, text(wanted, "Unit") or "")
    if not (
        record.vib and record.vib[0] in TEXT_VIF
    ):  # libmbus gives no unit for a plain-text VIF: its text is the unit
        assert record.unit == unit
    expect_value(record, text(wanted, "Value") or "", factor)


@pytest.mark.parametrize("path", frames("test-frames"), ids=lambda path: path.stem)
def test_frame_reads_as_expected(path: Path) -> None:
    wanted = document(path.with_suffix(".norm.xml"))
    got = telegram(path)
    header = wanted.find("SlaveInformation")
    assert header is not None
    who = Identity(got)
    assert who.identification.lstrip("0") == (text(header, "Id") or "").lstrip("0")
    assert f"{got.status:02X}" == text(header, "Status")
    assert str(got.access_number) == text(header, "AccessNumber")
    if not got.fixed:
        assert who.manufacturer == text(header, "Manufacturer")
        assert str(who.version) == text(header, "Version")
    expected = wanted.findall("DataRecord")
    assert len(got.records) == len(expected)
    for record, element in zip(got.records, expected, strict=True):
        expect_record(record, element)
    for number, value in EVENTS.get(path.stem, {}).items():
        assert got.records[number].value == value and is_event(got.records[number])


@pytest.mark.parametrize("path", frames("error-frames"), ids=lambda path: path.stem)
def test_error_frame_is_refused_with_a_reason(path: Path) -> None:
    try:
        kept = telegram(path)
    except MeterdError as error:
        refused = error
    else:
        # Records before the damage are whole: they are kept, and what is behind them is told as damaged.
        *whole, damaged = kept.records
        assert whole and damaged.function == "damaged" and damaged.value is None and damaged.remark
        assert all(record.function != "damaged" for record in whole)
        return
    expected = path.with_suffix(".xml")
    if expected.exists():
        header = document(expected).find("SlaveInformation")
        assert header is not None
        assert isinstance(refused, Refused) and str(refused) == text(header, "Error")
    else:
        assert isinstance(refused, DecodeError) and str(refused)


@pytest.mark.parametrize("path", frames("unsupported-frames"), ids=lambda path: path.stem)
def test_unsupported_frame_decodes_or_says_why_not(path: Path) -> None:
    try:
        got = telegram(path)
    except DecodeError as error:
        assert str(error)
    else:
        assert got.records and Identity(got).identification


@pytest.mark.parametrize("path", frames("test-frames"), ids=lambda path: path.stem)
def test_bytes_may_come_in_any_pieces(path: Path) -> None:
    whole = octets(path)
    expected = [record.raw for record in telegram(path).records]
    decoder = MbusDecoder()
    got = [frame for byte in whole for frame in [decoder.feed(bytes([byte]))] if frame is not None]
    assert len(got) == 1 and [record.raw for record in decode(got[0]).records] == expected
    decoder.reset()
    frame = decoder.feed(b"\x00\xf6\x68" + whole + b"\xe5\x00")
    assert frame is not None and [record.raw for record in decode(frame).records] == expected
    assert decoder.discarded == 3
    trailing = decoder.feed(b"")
    assert trailing is not None and trailing.acknowledges
