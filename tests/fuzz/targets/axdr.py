"""Any octets as COSEM data: a value that encodes back to itself, or DecodeError."""

from __future__ import annotations

from meterd import _axdr
from meterd.errors import DecodeError, MeterdError
from meterd.protocols.dlms import data as meaning
from meterd.protocols.dlms.apdus.encode import encode

SEEDS = [
    bytes.fromhex(octets)
    for octets in (
        "00", "0405A8", "0580000000", "06FFFFFFFF", "0903010203", "0A03414243", "0C02C2B5", "0D42", "108000",
        "15FFFFFFFFFFFFFFFF", "1741480000", "184029000000000000", "1907EA0B160711110A00FF8800", "1A07EA0B1607",
        "1B0A000000", "0102020211011E161E02021102161E", "13120400010002", "1302020609060000000101AA",
        "13010002110401020304", "02" + "0102" * 15 + "00", "0184FFFFFFFF", "1301FFFF01FFFF000100",
    )
]  # fmt: skip


def one(data: bytes) -> None:
    try:
        typed, end = _axdr.decode_typed(data)
    except DecodeError:
        typed, end = None, 0
    try:
        value, same_end = _axdr.decode(data)
    except DecodeError:
        assert typed is None, "decode refuses what decode_typed takes"
        return
    assert typed is not None and same_end == end <= len(data), "decode takes what decode_typed refuses"
    again = encode(*typed)
    # Compared as octets: NaN is not equal to itself. A signalling NaN may come back quiet, once.
    settled = encode(*_axdr.decode_typed(again)[0])
    assert encode(*_axdr.decode_typed(settled)[0]) == settled, "encode and decode disagree"
    for interpret in (meaning.plain, meaning.scaler_unit, _seconds):
        try:
            interpret(value)
        except MeterdError:
            pass


def _seconds(value: object) -> None:
    if isinstance(value, bytes):
        meaning.date_time_seconds(value)
