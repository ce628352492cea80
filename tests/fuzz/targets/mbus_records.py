"""M-Bus telegrams from any user data: records that cover it byte by byte with sound values, or a refusal in words.

The first byte picks the CI field, so that every layout is met; the rest is its data.
"""

from __future__ import annotations

from meterd._mbus import MbusFrame
from meterd._mbus_telegram import Telegram
from meterd._number import Number
from meterd.errors import DecodeError, Refused, SecurityError
from meterd.model import QUALITIES, REASONS
from meterd.protocols.mbus.answer import Answer
from meterd.protocols.mbus.history import Stamps, history
from meterd.protocols.mbus.identity import Identity
from meterd.protocols.mbus.jobs import parse_selector
from meterd.protocols.mbus.telegram import decode, header_of
from meterd.simulate.mbus_meters import KINDS

LAYOUTS = (0x72, 0x76, 0x7A, 0x78, 0x73, 0x77, 0x70, 0x51, 0x71, 0x74, 0x75)
HEADER = bytes.fromhex("78563412A732010455000000")
TELEGRAMS = [bytes.fromhex("".join(records)) for _, _, chain in KINDS.values() for records in chain]
SEEDS = [
    *[b"\x00" + HEADER + records for records in TELEGRAMS],
    b"\x01" + HEADER + TELEGRAMS[0],
    b"\x02" + bytes.fromhex("55000000") + TELEGRAMS[1],
    b"\x03" + bytes.fromhex("0D78E9010203040506070809 0D78F0" + "0A" * 16 + "0D13C25634 0D13D25634 0D03F4000048C1"),
    b"\x03"
    + bytes.fromhex("046D2A0B563B 426CFFFF 036D1E2A0B 066D1E2A6B563B2F 0D6DE52100000000 0D6DE35080010503000048C1"),
    b"\x03" + bytes.fromhex("C1FFFFFFFFFFFFFFFFFF7F1305 02FC0348522574D411 04FDC8FC0102000000 BB5805 93157F 01EF05"),
    b"\x03" + bytes.fromhex("017CFF41 0193FF7F05 04FB82F5F0F0F0F0F0F07010270000 2F2F0F01"),
    b"\x03" + bytes.fromhex("82046C3F3C 8B046E770000 8D04EE130E 3BFE 610000 400000 250000 FFFFFF"),
    b"\x03" + bytes.fromhex("84046D00204111 8B0415163012 8D04951F056901030211 0DFD3B0314445566 02FDFD020100"),
    b"\x03" + bytes.fromhex("0E6D593015280224 0B6C280224 0D6DC53015280224 0C13 0C1401"),
    b"\x08\x05",
    b"\x0a" + HEADER + b"\x81",
    b"\x04" + bytes.fromhex("939291901000056931650000 69000000"),
    b"\x06\x08",
    b"\x00" + HEADER[:10] + b"\x10\x05" + bytes(16),
]
SELECTORS = [parse_selector(text) for text in ("0", "energy", "0C06", "date;storage=1", "volume;nth=3")]
KEY = b"k" * 16


def telegram(frame: MbusFrame, key: bytes | None) -> Telegram | None:
    try:
        return decode(frame, key)
    except (Refused, DecodeError, SecurityError) as error:
        assert str(error)
        return None


def check(found: Telegram, data: bytes) -> None:
    alarm = [record.quantity for record in found.records] == ["alarm"]
    if not found.fixed and not alarm and found.configuration == 0:
        covered = b"".join(record.raw for record in found.records)
        assert data.replace(b"\x2f", b"").endswith(covered.replace(b"\x2f", b""))
    stamps = Stamps(found.records)
    for record in [*found.records, *history(found.records)]:
        assert record.quality in QUALITIES and (record.value is None) == (record.quality != "good")
        assert (record.reason is None) == (record.quality == "good") and record.reason in (None, *REASONS)
        assert isinstance(stamps.of(record), str | None)
        assert record.value is None or isinstance(record.value, (int, float, str, Number))
        assert 0 <= record.storage < 1 << 41 and 0 <= record.tariff < 1 << 20 and 0 <= record.subunit < 1 << 10
        assert record.raw.startswith(record.dib) and len(str(record.value)) < 2000
    who = Identity(found)
    assert isinstance(who.secondary_address + who.manufacturer + who.medium, str)
    answer = Answer(found.records)
    for selector in SELECTORS:
        assert answer.find(selector) is selector.find(found.records)


def one(data: bytes) -> None:
    ci, body = LAYOUTS[(data[0] if data else 0) % len(LAYOUTS)], data[1:]
    frame = MbusFrame(8, 1, ci, body)
    found = telegram(frame, None)
    if found is not None:
        check(found, body)
        # A key makes plain telegrams unbelievable.
        assert telegram(frame, KEY) is None
    header_of(frame)
