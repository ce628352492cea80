"""What octet strings stand for where no class says it: times, and identifiers that are filled up to a fixed length."""

from __future__ import annotations

import pytest

from meterd.protocols.dlms.data import plain

from .dlms_meter import Meter, data
from .test_dlms_dirt import scan, text_values

MOMENT = bytes((0x07, 0xE9, 12, 31, 3, 23, 59, 58, 0, 0xFF, 0x88, 0x80))
PLACE = "0.0.96.9.7.255"
SHOWN = [
    (b"\x09\x0c" + MOMENT, "2025-12-31T23:59:58+02:00"),
    (b"\x09\x0c" + MOMENT[:9] + b"\x80\x00\xff", "2025-12-31T23:59:58"),
    (b"\x09\x0c" + MOMENT[:5] + b"\xff" + MOMENT[6:], "07e90c1f03ff3b3a00ff8880"),
    (b"\x09\x0c" + b"\x07\xe9\x0d" + MOMENT[3:], "07e90d1f03173b3a00ff8880"),
    (b"\x09\x0c" + MOMENT[:4] + b"\x09" + MOMENT[5:], "07e90c1f09173b3a00ff8880"),
    (b"\x09\x0c200712313959", "200712313959"),
    (b"\x09\x0cAB-200712313", "AB-200712313"),
    (b"\x09\x08Z9Y8X\0\0\0", "Z9Y8X"),
    (b"\x09\x08\0\0Z9Y8X\0", "Z9Y8X"),
    (b"\x09\x07Z9Y8X\xff\xff", "Z9Y8X"),
    (b"\x09\x08Z9Y8X   ", "Z9Y8X"),
    (b"\x0a\x08Z9Y8X\0 \0", "Z9Y8X"),
    (b"\x0c\x07Z9Y8X\0\0", "Z9Y8X"),
    (b"\x09\x03A\0\0", "410000"),
    (b"\x09\x04\0\0\0\0", "00000000"),
    (b"\x09\x04\xff\xff\xff\xff", "ffffffff"),
    (b"\x09\x05Z9\0Y8", "5a39005938"),
]


@pytest.mark.parametrize(("encoded", "shown"), SHOWN)
def test_octets_are_shown_as_what_they_are(encoded: bytes, shown: str) -> None:
    assert text_values(scan(Meter(objects=data(PLACE, encoded)), [f"{PLACE}:2"])) == {f"{PLACE}:2": shown}


def test_and_so_are_those_within_a_structure() -> None:
    assert plain((MOMENT, b"Q7Q7\0\0", "w \0")) == '["2025-12-31T23:59:58+02:00", "Q7Q7", "w"]'
