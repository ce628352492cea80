"""The one message of Sparkplug B (3.0, clause 6.4: Payload, in protobuf): written, and of commands read what matters.

Assumptions: field numbers and types as in the specification's sparkplug_b.proto. Why not the protobuf package: it is
2 MB on flash and not in OpenWrt's feed, and what is needed of it is this page; the tests hold it against pysparkplug.
A SIGNED8 or SIGNED16 leaves as Int32: what a negative Int8 looks like, implementations do not agree on.
Dirt it must survive, in commands: any bytes; lengths beyond the end, varints without end, groups.
"""

from __future__ import annotations

from struct import pack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

INT32, INT64, UINT8, UINT16, UINT32, UINT64, DOUBLE, BOOLEAN, STRING = 3, 4, 5, 6, 7, 8, 10, 11, 12
# Number type → datatype.
DATATYPES = {
    "FLOAT": DOUBLE, "DOUBLE": DOUBLE, "DIGITAL": BOOLEAN, "STRING": STRING,
    "SIGNED8": INT32, "SIGNED16": INT32, "SIGNED32": INT32, "SIGNED64": INT64,
    "UNSIGNED8": UINT8, "UNSIGNED16": UINT16, "UNSIGNED32": UINT32, "UNSIGNED64": UINT64,
}  # fmt: skip
_BITS = {INT32: 32, INT64: 64, UINT8: 8, UINT16: 16, UINT32: 32, UINT64: 64}
_SIGNED = (INT32, INT64)
VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
MAX_COMMAND = 1 << 16  # bytes of a command that are looked at
MAX_VARINT = 10

Property = tuple[str, int, "int | str"]  # name, datatype, value


def payload(time_ms: int, metrics: Iterable[bytes]) -> bytes:
    """Without a sequence number, which `sequenced` adds when it leaves."""
    return _number(1, time_ms) + b"".join(_block(2, metric) for metric in metrics)


def sequenced(payload: bytes, sequence: int) -> bytes:
    return payload + _number(3, sequence)


def metric(
    name: str,
    datatype: int,
    value: Any,
    time_ms: int,
    is_historical: bool = False,
    properties: Iterable[Property] = (),
) -> bytes:
    """`value` None, or one that the datatype cannot hold, is null."""
    encoded = _value(datatype, value)
    parts = [_text(1, name), _number(3, time_ms), _number(4, datatype)]
    if is_historical:
        parts.append(_number(5, 1))
    if encoded is None:
        parts.append(_number(7, 1))
    given = list(properties)
    if given:
        keys = b"".join(_text(1, key) for key, _, _ in given)
        parts.append(_block(9, keys + b"".join(_block(2, _property(kind, found)) for _, kind, found in given)))
    return b"".join(parts) + (encoded or b"")


def wants_rebirth(data: bytes) -> bool:
    """Whether a command asks for it: a metric `Node Control/Rebirth` that is true."""
    if len(data) > MAX_COMMAND:
        return False
    try:
        return any(number == 2 and isinstance(found, bytes) and _is_rebirth(found) for number, found in _fields(data))
    except ValueError:
        return False


REBIRTH = "Node Control/Rebirth"


def _is_rebirth(data: bytes) -> bool:
    found = dict(_fields(data))
    return found.get(1) == REBIRTH.encode() and found.get(14) not in (None, 0)


def _value(datatype: int, value: Any) -> bytes | None:
    if value is None or isinstance(value, str) != (datatype == STRING):
        return None
    if datatype == STRING:
        return _text(15, value)
    if datatype == BOOLEAN:
        return _number(14, 1 if value else 0)
    if datatype == DOUBLE:
        try:
            return b"\x69" + pack("<d", float(value))
        except OverflowError:
            return None
    bits = _BITS[datatype]
    low = -(1 << (bits - 1)) if datatype in _SIGNED else 0
    if not isinstance(value, int) or not low <= value < low + (1 << bits):
        return None
    return _number(11 if bits == 64 else 10, value & ((1 << max(bits, 32)) - 1))


def _property(kind: int, value: int | str) -> bytes:
    return _number(1, kind) + (_text(8, value) if isinstance(value, str) else _number(3, value))


def _varint(number: int) -> bytes:
    octets = bytearray()
    while number > 0x7F:
        octets.append(number & 0x7F | 0x80)
        number >>= 7
    octets.append(number)
    return bytes(octets)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3 | VARINT) + _varint(value)


def _block(field: int, data: bytes) -> bytes:
    return _varint(field << 3 | LENGTH) + _varint(len(data)) + data


def _text(field: int, text: str) -> bytes:
    return _block(field, text.encode("utf-8", "backslashreplace"))


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Field numbers with their values. Raises: ValueError where this is no protobuf."""
    at = 0
    while at < len(data):
        key, at = _read_varint(data, at)
        wire = key & 7
        if wire == VARINT:
            value: int | bytes
            value, at = _read_varint(data, at)
            yield key >> 3, value
            continue
        if wire == LENGTH:
            size, at = _read_varint(data, at)
        elif wire in (FIXED32, FIXED64):
            size = 4 if wire == FIXED32 else 8
        else:
            raise ValueError("a group, or no protobuf")
        if size > len(data) - at:
            raise ValueError("cut off")
        yield key >> 3, data[at : at + size]
        at += size


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    number = 0
    for index in range(MAX_VARINT):
        if at + index >= len(data):
            break
        octet = data[at + index]
        number |= (octet & 0x7F) << 7 * index
        if octet < 0x80:
            return number, at + index + 1
    raise ValueError("cut off, or a number without end")
