"""The libmbus frames: what meterd reads in them, held against the expected files of that project.

The expected files are the output of libmbus, not truth. Where a frame says otherwise, the rules below decide,
each with its reason:

1. Hexadecimal values stand in wire order.
2. A type F time with its IV bit set is no time: libmbus prints 1900-01-00.
3. An unset date (day or month 0, all ones) is no date: libmbus prints 2000-00-00. Year 127 means "every year" (the due
   date of the Ultraheat T230): libmbus prints 2027.
4. M-Bus time is the meter's local time: the expected "Z" is dropped.
5. The product name comes from a table of libmbus, not from the frame.
6. VIFE 50 to 5F (duration of a limit exceed) and 6A to 6F (time of an event) change what the record is: libmbus takes
   the packed time of a maximum for 41 million °C, and the seconds of a limit exceed for a flow. `EVENTS` lists them.
7. BCD digits A to E are an error display (EN 13757-3 annex B), not a number.
8. Values are printed with six decimals there: they are compared to within half of the last one.
"""

from __future__ import annotations

import os
from pathlib import Path
from xml.etree import ElementTree

import pytest

from meterd._mbus import MbusDecoder
from meterd._mbus_values import Record
from meterd.errors import DecodeError, MeterdError, Refused
from meterd.protocols.mbus.telegram import Telegram, decode

VECTORS = Path(os.environ.get("METERD_VECTORS", Path(__file__).parents[2] / "../shared/vectors")) / "mbus"
if not VECTORS.is_dir():
    pytest.skip("no M-Bus vectors here (METERD_VECTORS names their folder)", allow_module_level=True)

FUNCTIONS = {
    "Instantaneous value": "instantaneous",
    "Actual value": "instantaneous",
    "Maximum value": "maximum",
    "Minimum value": "minimum",
    "Value during error state": "error",
    "Manufacturer specific": "manufacturer",
    "More records follow": "more_follow",
}
# Units that the expected files write otherwise: (their unit, their quantity) → ours, and what theirs times is ours.
UNITS = {
    "m^3": ("m³", 1), "m^3/h": ("m³/h", 1), "l": ("m³", 0.001), "kWh": ("Wh", 1000), "-": (None, 1), "": (None, 1),
    "Units for H.C.A.": ("units for HCA", 1), "Reserved": (None, 1),
}  # fmt: skip
# Records that rule 6 decides: frame → {record: our value}.
EVENTS = {
    "SEN_Pollustat": {12: 11582321, 13: 756},
    "landis+gyr_ultraheat_t230": {19: None, 20: None, 21: "2011-08-26T20:50", 22: "2011-08-09T11:43"},
}
SAME_UNITS = ("Wh", "J", "W", "°C", "K", "s", "V", "A", "bar", "kg")


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


def expect_number(record: Record, expected: str, factor: float) -> None:
    wanted = float(expected) * factor
    assert record.value is not None, record.remark
    assert abs(float(record.value) - wanted) <= max(5.1e-7 * factor, 1e-6 * abs(wanted))


def expect_value(record: Record, expected: str, factor: float) -> None:
    remark = record.remark
    if "error digits" in remark:
        return  # rule 7
    if record.data.hex() == "0000e1f1":
        assert record.value is None and record.reason == "clock"  # rule 3: 1 January of every year
    elif expected.endswith("-00") or "-00T" in expected or expected.startswith("1900-01-00"):
        assert record.value is None and record.reason == "clock"  # rules 2 and 3
    elif isinstance(record.value, str):
        assert record.value == expected.removesuffix("Z").removesuffix(":00" if len(record.value) == 16 else "")
    elif record.value is None:
        raise AssertionError(f"{record!r} should be {expected}: {remark}")
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
    unit = text(wanted, "Unit") or ""
    ours, factor = (unit, 1) if unit in SAME_UNITS else UNITS[unit]
    if record.vib[:1] not in (b"\xfc", b"\x7c"):  # libmbus gives no unit for a plain-text VIF: the text is the unit
        assert record.unit == ours
    expect_value(record, text(wanted, "Value") or "", factor)


@pytest.mark.parametrize("path", frames("test-frames"), ids=lambda path: path.stem)
def test_frame_reads_as_expected(path: Path) -> None:
    # The files declare ISO 8859-1 and hold UTF-8.
    _, _, body = path.with_suffix(".norm.xml").read_text(encoding="utf-8").partition("?>")
    wanted = ElementTree.fromstring(body)
    got = telegram(path)
    header = wanted.find("SlaveInformation")
    assert header is not None
    assert got.identification.lstrip("0") == (text(header, "Id") or "").lstrip("0")
    assert f"{got.status:02X}" == text(header, "Status")
    assert str(got.access_number) == text(header, "AccessNumber")
    if not got.fixed:
        assert got.manufacturer == text(header, "Manufacturer")
        assert str(got.version) == text(header, "Version")
    expected = wanted.findall("DataRecord")
    assert len(got.records) == len(expected)
    events = EVENTS.get(path.stem, {})
    for number, (record, element) in enumerate(zip(got.records, expected, strict=True)):
        if number in events:
            assert record.meaning.qualifiers and (record.value, record.unit) == (
                events[number],
                "s" if isinstance(events[number], int) else None,
            )
        else:
            expect_record(record, element)


@pytest.mark.parametrize("path", frames("error-frames"), ids=lambda path: path.stem)
def test_error_frame_is_refused_with_a_reason(path: Path) -> None:
    with pytest.raises(MeterdError) as caught:
        telegram(path)
    expected = path.with_suffix(".xml")
    if expected.exists():
        header = ElementTree.fromstring(expected.read_bytes()).find("SlaveInformation")
        assert header is not None
        assert isinstance(caught.value, Refused) and str(caught.value) == text(header, "Error")
    else:
        assert isinstance(caught.value, DecodeError) and str(caught.value)


@pytest.mark.parametrize("path", frames("unsupported-frames"), ids=lambda path: path.stem)
def test_unsupported_frame_decodes_or_says_why_not(path: Path) -> None:
    try:
        got = telegram(path)
    except DecodeError as error:
        assert str(error)
    else:
        assert got.records and got.identification


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
