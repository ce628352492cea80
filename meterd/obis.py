"""OBIS codes, value groups A-B:C.D.E*F (IEC 62056-61), as six octets."""

from __future__ import annotations

# Value groups as they are mostly written: to make numbers of six of them takes a gateway longer than all the rest. Who
# reads by hand has but a few codes, for which the table is not worth its making.
_numbers: dict[str, int] = {}
FEW = 8
# Meters of one kind are asked for the same few codes: those first seen are known, and each is there once for all.
MOST_KNOWN = 256
_parsed: dict[str, bytes] = {}


def parse_logical_name(text: str) -> bytes:
    """Six octets of an OBIS code written `1.0.1.8.0.255`, `1-0:1.8.0*255` or `1-0:1.8.0`, F then being 255.

    Raises: ValueError, naming the text.
    """
    known = _parsed.get(text)
    if known is None:
        known = _parse(text)
        if len(_parsed) < MOST_KNOWN:
            _parsed[text] = known
    return known


def _parse(text: str) -> bytes:
    groups = text.split(".")
    if len(groups) == 6:
        if not _numbers and len(_parsed) >= FEW:
            _numbers.update({str(number): number for number in range(256)})
        try:
            return bytes([_numbers[group] for group in groups])
        except KeyError:
            pass
    flat = text.strip().replace("-", ".").replace(":", ".").replace("*", ".").replace("&", ".")
    groups = flat.split(".")
    if len(groups) == 5:
        groups.append("255")
    if len(groups) != 6 or not all(group.isascii() and group.isdigit() and int(group) <= 255 for group in groups):
        raise ValueError(f"{text!r} is not an OBIS code of six groups 0..255, such as 1.0.1.8.0.255")
    return bytes(map(int, groups))


def format_logical_name(octets: bytes) -> str:
    """`1.0.1.8.0.255` from six octets."""
    return ".".join(map(str, octets))
