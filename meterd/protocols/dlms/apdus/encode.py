"""COSEM values to octets in A-XDR: the way back of the compiled decoder (Green Book 9.5; IEC 61334-6).

The problem: requests and a simulated meter's answers, of which there are few. Assumption: the caller's values fit their
types; those that do not are a ValueError, OverflowError or TypeError, since no octets from a line get here.
"""

from __future__ import annotations

from .. import enumerations as codes
from .apdu import encode_length

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Width in octets, and whether the type has a sign.
_INTEGERS = {
    codes.BOOLEAN: (1, False), codes.DOUBLE_LONG: (4, True), codes.DOUBLE_LONG_UNSIGNED: (4, False),
    codes.INTEGER: (1, True), codes.LONG: (2, True), codes.UNSIGNED: (1, False), codes.LONG_UNSIGNED: (2, False),
    codes.LONG64: (8, True), codes.LONG64_UNSIGNED: (8, False), codes.ENUM: (1, False),
    codes.DELTA_INTEGER: (1, True), codes.DELTA_LONG: (2, True), codes.DELTA_DOUBLE_LONG: (4, True),
    codes.DELTA_UNSIGNED: (1, False), codes.DELTA_LONG_UNSIGNED: (2, False),
    codes.DELTA_DOUBLE_LONG_UNSIGNED: (4, False),
}  # fmt: skip
_OCTETS = {codes.DATE_TIME: 12, codes.DATE: 5, codes.TIME: 4}
_MAX_BCD = 99


def encode(tag: int, value: Any = None) -> bytes:
    """The octets of one value: `encode(STRUCTURE, [(LONG, -1), (ENUM, 30)])`; takes what `decode_typed` gives.

    Raises: ValueError, OverflowError, TypeError where the caller's value does not fit its type.
    """
    return bytes((tag,)) + _contents(tag, value)


def _contents(tag: int, value: Any) -> bytes:
    """What follows the type tag."""
    if tag in _INTEGERS:
        width, signed = _INTEGERS[tag]
        return int(value).to_bytes(width, "big", signed=signed)
    if tag in (codes.OCTET_STRING, codes.VISIBLE_STRING, codes.UTF8_STRING):
        return _string(tag, value)
    if tag in (codes.ARRAY, codes.STRUCTURE):
        return encode_length(len(value)) + b"".join([encode(*element) for element in value])
    if tag in (codes.NULL, codes.DONT_CARE):
        return b""
    if tag in _OCTETS and len(value) == _OCTETS[tag]:
        return bytes(value)
    return _rare(tag, value)


def _rare(tag: int, value: Any) -> bytes:
    if tag in (codes.FLOAT32, codes.FLOAT64):
        from struct import pack

        return pack(">f" if tag == codes.FLOAT32 else ">d", value)
    if tag == codes.BIT_STRING:
        width = (len(value) + 7) // 8
        octets = int(value.ljust(8 * width, "0"), 2).to_bytes(width, "big") if value else b""
        return encode_length(len(value)) + octets
    if tag == codes.BCD and 0 <= value <= _MAX_BCD:
        return bytes((value // 10 << 4 | value % 10,))
    if tag == codes.COMPACT_ARRAY:
        kind, elements = value
        inner = b"".join([_described(kind, element) for element in elements])
        return _description(kind) + encode_length(len(inner)) + inner
    raise ValueError(f"data type {tag} cannot hold this value")


def _string(tag: int, string: Any) -> bytes:
    if tag == codes.VISIBLE_STRING:
        string = string.encode("latin-1")
    elif tag == codes.UTF8_STRING:
        string = string.encode("utf-8")
    octets: bytes = encode_length(len(string)) + string
    return octets


def _description(kind: Any) -> bytes:
    """A TypeDescription: a tag, (ARRAY, count, description) or (STRUCTURE, [descriptions])."""
    if not isinstance(kind, tuple):
        return bytes((kind,))
    if kind[0] == codes.ARRAY:
        return bytes((codes.ARRAY, *kind[1].to_bytes(2, "big"))) + _description(kind[2])
    elements = b"".join([_description(element) for element in kind[1]])
    return bytes((codes.STRUCTURE,)) + encode_length(len(kind[1])) + elements


def _described(kind: Any, typed: tuple[int, Any]) -> bytes:
    if not isinstance(kind, tuple):
        return _contents(*typed)
    kinds = [kind[2]] * kind[1] if kind[0] == codes.ARRAY else kind[1]
    return b"".join([_described(inner, element) for inner, element in zip(kinds, typed[1], strict=True)])
