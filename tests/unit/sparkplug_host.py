"""Sparkplug as a host reads it: written from the protobuf schema alone, apart from what meterd encodes with."""

from __future__ import annotations

import struct
from typing import Any

NAMES = {1: "name", 3: "timestamp", 4: "datatype", 5: "is_historical", 7: "is_null"}
VALUES = {10: "int", 11: "long", 13: "double", 14: "boolean", 15: "string"}
INT32, INT64 = 3, 4


def split(data: bytes) -> list[tuple[int, Any]]:
    found = []
    while data:
        key, data = varint(data)
        wire = key & 7
        if wire == 0:
            value, data = varint(data)
        elif wire == 1:
            value, data = data[:8], data[8:]
        else:
            assert wire == 2, wire
            size, data = varint(data)
            assert size <= len(data)
            value, data = data[:size], data[size:]
        found.append((key >> 3, value))
    return found


def varint(data: bytes) -> tuple[int, bytes]:
    end = next(index for index, octet in enumerate(data) if octet < 0x80)
    return sum((octet & 0x7F) << 7 * index for index, octet in enumerate(data[: end + 1])), data[end + 1 :]


def metric(data: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {"value": None}
    for number, value in split(data):
        if number == 9:
            parts = split(value)
            keys = [part.decode() for field, part in parts if field == 1]
            values = [dict(split(part)) for field, part in parts if field == 2]
            found["properties"] = {
                key: one[8].decode() if one[1] == 12 else one[3] for key, one in zip(keys, values, strict=True)
            }
        elif number in VALUES:
            found["value"] = {
                13: lambda octets: struct.unpack("<d", octets)[0], 14: bool, 15: lambda octets: octets.decode()
            }.get(number, int)(value)  # fmt: skip
        else:
            found[NAMES[number]] = value.decode() if number == 1 else value
    bits = {INT32: 32, INT64: 64}.get(found["datatype"])
    if bits and found["value"] is not None and found["value"] >= 1 << (bits - 1):
        found["value"] -= 1 << bits
    return found


def message(data: bytes) -> dict[str, Any]:
    """`timestamp`, `seq` (None: none), `metrics` by name."""
    fields = split(data)
    metrics = [metric(value) for number, value in fields if number == 2]
    return {
        "timestamp": next(value for number, value in fields if number == 1),
        "seq": next((value for number, value in fields if number == 3), None),
        "metrics": {one["name"]: one for one in metrics},
    }
