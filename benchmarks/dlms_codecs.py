"""COSEM data and GET answers: against msgpack.unpackb of the same rows, and against dlms_cosem."""

from __future__ import annotations

from functools import partial

import msgpack
from dlms_cosem import dlms_data
from dlms_cosem.protocol import xdlms

from meterd import _axdr
from meterd.protocols.dlms import enumerations as codes
from meterd.protocols.dlms.apdus import get, get_server
from meterd.protocols.dlms.apdus.encode import encode

from ._machine import Row
from .timing import compare

ROWS = 300
LISTED = 40
# A quarter of an hour apart: 12-octet clock, two double-long-unsigned.
PROFILE = [
    (
        bytes.fromhex("07EA0B16FF") + bytes((row // 4 % 24, row % 4 * 15, 0, 0)) + b"\xff\x88\x00",
        1472384 + 7 * row,
        12 + row,
    )
    for row in range(ROWS)
]


def run() -> list[Row]:
    return [*profile_rows(), *get_rows()]


def profile_octets() -> bytes:
    rows = [
        (codes.STRUCTURE, [
            (codes.OCTET_STRING, clock), (codes.DOUBLE_LONG_UNSIGNED, energy), (codes.DOUBLE_LONG_UNSIGNED, power)
        ])
        for clock, energy, power in PROFILE
    ]  # fmt: skip
    return encode(codes.ARRAY, rows)


def profile_rows() -> list[Row]:
    octets = profile_octets()
    packed = msgpack.packb(PROFILE)
    assert _axdr.decode_whole(octets) == PROFILE == [tuple(row) for row in msgpack.unpackb(packed)]
    parser = dlms_data.DlmsDataParser
    ours, unpacked = compare(partial(_axdr.decode_whole, octets), partial(msgpack.unpackb, packed))
    ours_again, foreign = compare(
        partial(_axdr.decode_whole, octets), lambda: parser().parse(octets, limit=1), rounds=7
    )
    return [
        (f"A-XDR, {ROWS} × 3 profile, time", ours / unpacked, "of msgpack.unpackb", -1.0),
        (f"A-XDR, {ROWS} × 3 profile, speed", foreign / ours_again, "× dlms_cosem", 20.0),
    ]


def get_rows() -> list[Row]:
    answer = get_server.response_normal(0xC1, encode(codes.DOUBLE_LONG_UNSIGNED, 123456))
    value = encode(codes.DOUBLE_LONG_UNSIGNED, 123456)
    listed = get_server.response_with_list(0xC1, [(0, value)] * LISTED)
    ours, listed_time, foreign = compare(
        partial(get.decode_response, answer),
        partial(get.decode_response, listed),
        lambda: dlms_data.DlmsDataParser().parse(xdlms.GetResponseFactory.from_bytes(answer).data, limit=1),
    )
    return [
        ("GET.response-normal, octets to value, speed", foreign / ours, "× dlms_cosem", 10.0),
        (f"GET.response-with-list of {LISTED}, per value", ours / (listed_time / LISTED), "× response-normal", None),
    ]
