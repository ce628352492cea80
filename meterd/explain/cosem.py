"""COSEM data as a tree, and the names of objects (Blue Book 4.1.5, 4.1.6; Green Book 9.5 Data).

Dirt: types of no table, lengths beyond the message, arrays that promise millions of elements (told as far as they are),
depth without end (bounded by the walk), times that are none.
"""

from __future__ import annotations

from .._axdr import decode_whole
from ..errors import DecodeError
from ..names import obis
from ..obis import format_logical_name
from ..protocols.dlms import enumerations as codes
from ..protocols.dlms.data import plain
from .page import TEXT, Walk

TYPES = {
    codes.NULL: "null-data", codes.ARRAY: "array", codes.STRUCTURE: "structure", codes.BOOLEAN: "boolean",
    codes.BIT_STRING: "bit-string", codes.DOUBLE_LONG: "double-long",
    codes.DOUBLE_LONG_UNSIGNED: "double-long-unsigned",
    codes.OCTET_STRING: "octet-string", codes.VISIBLE_STRING: "visible-string", codes.UTF8_STRING: "utf8-string",
    codes.BCD: "bcd", codes.INTEGER: "integer", codes.LONG: "long", codes.UNSIGNED: "unsigned",
    codes.LONG_UNSIGNED: "long-unsigned", codes.COMPACT_ARRAY: "compact-array", codes.LONG64: "long64",
    codes.LONG64_UNSIGNED: "long64-unsigned", codes.ENUM: "enum", codes.FLOAT32: "float32", codes.FLOAT64: "float64",
    codes.DATE_TIME: "date-time", codes.DATE: "date", codes.TIME: "time", codes.DELTA_INTEGER: "delta-integer",
    codes.DELTA_LONG: "delta-long", codes.DELTA_DOUBLE_LONG: "delta-double-long",
    codes.DELTA_UNSIGNED: "delta-unsigned", codes.DELTA_LONG_UNSIGNED: "delta-long-unsigned",
    codes.DELTA_DOUBLE_LONG_UNSIGNED: "delta-double-long-unsigned", codes.DONT_CARE: "don't-care",
}  # fmt: skip
SIZES = {
    codes.NULL: 0, codes.BOOLEAN: 1, codes.DOUBLE_LONG: 4, codes.DOUBLE_LONG_UNSIGNED: 4, codes.BCD: 1,
    codes.INTEGER: 1, codes.LONG: 2, codes.UNSIGNED: 1, codes.LONG_UNSIGNED: 2, codes.LONG64: 8,
    codes.LONG64_UNSIGNED: 8, codes.ENUM: 1, codes.FLOAT32: 4, codes.FLOAT64: 8, codes.DATE_TIME: 12, codes.DATE: 5,
    codes.TIME: 4, codes.DELTA_INTEGER: 1, codes.DELTA_LONG: 2, codes.DELTA_DOUBLE_LONG: 4, codes.DELTA_UNSIGNED: 1,
    codes.DELTA_LONG_UNSIGNED: 2, codes.DELTA_DOUBLE_LONG_UNSIGNED: 4, codes.DONT_CARE: 0,
}  # fmt: skip
STRINGS = (codes.OCTET_STRING, codes.VISIBLE_STRING, codes.UTF8_STRING)
DELTAS = range(codes.DELTA_INTEGER, codes.DELTA_DOUBLE_LONG_UNSIGNED + 1)
DEEPEST = 16
LONGEST_TEXT = 160
CLASSES = {
    1: "Data", 3: "Register", 4: "Extended register", 5: "Demand register", 6: "Register activation",
    7: "Profile generic", 8: "Clock", 9: "Script table", 11: "Special days table", 12: "Association SN",
    15: "Association LN", 17: "SAP assignment", 18: "Image transfer", 19: "IEC local port setup",
    20: "Activity calendar",
    21: "Register monitor", 22: "Single action schedule", 23: "IEC HDLC setup", 27: "Modem configuration",
    40: "Push setup", 41: "TCP-UDP setup", 42: "IPv4 setup", 45: "GPRS modem setup", 47: "GSM diagnostic",
    64: "Security setup", 70: "Disconnect control", 71: "Limiter", 72: "M-Bus client",
}  # fmt: skip


def object_words(octets: bytes) -> str:
    """An OBIS code, with what it stands for where that is known."""
    code = format_logical_name(octets)
    name = obis.name_of(code)
    return f"{code} {name.words}" if name else code


def class_words(number: int) -> str:
    return f"{number} {CLASSES[number]}" if number in CLASSES else str(number)


def length(walk: Walk, words: str) -> int:
    """A length or count in A-XDR and BER: one octet, or the number of octets that it has (`{}` in `words`)."""
    first = walk.look(1)
    if first and first[0] > 0x80:
        size = 1 + (first[0] & 0x7F)
        number = int.from_bytes(walk.look(size)[1:], "big")
        walk.take(size, words.format(number))
        return number
    return walk.number(1, words)


def text_of(octets: bytes) -> str:
    """Octets in words: text, a time, an object, or hex."""
    if len(octets) == 6 and octets[5] == 255:
        return object_words(octets)
    try:
        told = str(plain(octets))
    except DecodeError as error:
        told = f"{octets.hex()} ({error})"
    return told if len(told) <= LONGEST_TEXT else f"{told[:LONGEST_TEXT]}…"


def data(walk: Walk, depth: int = 0) -> None:
    """One Data with all that is in it. Raises: CutShort."""
    tag = walk.look(1)
    kind = tag[0] if tag else -1
    if depth > DEEPEST:
        walk.take(walk.left, f"nested deeper than {DEEPEST} levels: not followed", True)
    elif kind in (codes.ARRAY, codes.STRUCTURE):
        walk.take(1, TYPES[kind])
        _elements(walk, length(walk, "of {} elements"), depth)
    elif kind == codes.COMPACT_ARRAY:
        _compact(walk, depth)
    elif kind in STRINGS or kind == codes.BIT_STRING:
        walk.take(1, TYPES[kind])
        bits = length(walk, "of {} bits" if kind == codes.BIT_STRING else "of {} bytes")
        _leaf(walk, kind, (bits + 7) // 8 if kind == codes.BIT_STRING else bits, bits)
    elif kind in SIZES:
        _fixed(walk, kind)
    else:
        walk.take(1, lambda found: f"{found[0]} is no type of data (Blue Book 4.1.5)", True)
        walk.take(walk.left, "cannot be told apart any more", True)


def _elements(walk: Walk, count: int, depth: int) -> None:
    walk.depth += 1
    try:
        for _ in range(count):
            data(walk, depth + 1)
    finally:
        walk.depth -= 1


def _fixed(walk: Walk, kind: int) -> None:
    """Type and value in one row. Raises: CutShort."""
    size = SIZES[kind]
    whole = walk.look(1 + size)
    walk.take(1 + size, lambda found: f"{TYPES[kind]}{_value(kind, whole)}")


def _value(kind: int, whole: bytes) -> str:
    if kind in (codes.NULL, codes.DONT_CARE):
        return ""
    if kind in DELTAS:
        signed = kind <= codes.DELTA_DOUBLE_LONG
        return f" {int.from_bytes(whole[1:], 'big', signed=signed):+d} to the value before"
    try:
        return f" {plain(decode_whole(whole))}"
    except DecodeError as error:
        return f" {whole[1:].hex()}: {error}"


def _leaf(walk: Walk, kind: int, size: int, bits: int) -> None:
    if kind == codes.BIT_STRING:
        walk.take(size, lambda found: "".join(f"{byte:08b}" for byte in found)[: min(bits, LONGEST_TEXT)])
    elif kind == codes.UTF8_STRING:
        walk.take(size, lambda found: f"“{found.decode('utf-8', 'replace')[:LONGEST_TEXT]}”", kind=TEXT)
    elif size or kind != codes.OCTET_STRING:
        quoted = kind == codes.VISIBLE_STRING
        walk.take(size, lambda found: f"“{text_of(found)}”" if quoted else text_of(found), kind=TEXT)


def _compact(walk: Walk, depth: int) -> None:
    """A type description, then contents without tags (Blue Book 4.1.5, compact-array)."""
    walk.take(1, TYPES[codes.COMPACT_ARRAY])
    start = walk.at
    _description(walk, depth)
    size = length(walk, "{} bytes of contents")
    described = walk.data[start : walk.at]
    walk.take(size, f"values without type tags, each as described ({len(described)} bytes of description)")


def _description(walk: Walk, depth: int) -> None:
    kind = walk.take(1, lambda found: f"elements are {TYPES.get(found[0], found[0])}")[0]
    if depth > DEEPEST:
        return
    walk.depth += 1
    try:
        if kind == codes.ARRAY:
            walk.number(2, "of {} elements")
            _description(walk, depth + 1)
        elif kind == codes.STRUCTURE:
            for _ in range(length(walk, "of {} elements")):
                _description(walk, depth + 1)
    finally:
        walk.depth -= 1
