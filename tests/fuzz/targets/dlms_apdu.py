"""Any octets as an xDLMS APDU, in every role: a record, or DecodeError or Refused."""

from __future__ import annotations

from meterd.errors import DecodeError, Refused
from meterd.protocols.dlms.apdus import (
    action,
    block_transfer,
    get,
    get_server,
    initiate,
    notification,
    read,
    refusals,
    selection,
)
from meterd.protocols.dlms.apdus.encode import encode

_NAME = bytes((1, 0, 1, 8, 0, 255))
_VALUE = encode(6, 123456)
_TIME = bytes.fromhex("07DF0414FF0F0000008000FF")
_RANGE = selection.by_range(selection.CLOCK, _TIME, _TIME, [(3, _NAME, 2, 0)])

SEEDS = [
    get.request_normal(0xC1, get.attribute(3, _NAME, 2)),
    get.request_next(0xC1, 1),
    get.request_with_list(0xC1, [get.attribute(3, _NAME, 2), get.attribute(7, _NAME, 2, _RANGE)]),
    get_server.response_normal(0xC1, _VALUE),
    get_server.response_normal(0xC1, b"", 4),
    get_server.response_block(0xC1, False, 1, b"block"),
    get_server.response_block(0xC1, True, 1, b"", 19),
    get_server.response_with_list(0xC1, [(0, _VALUE), (4, b"")]),
    read.request([read.variable(0x108), read.parameterised(0xC008, _RANGE), read.block_access(1)]),
    read.response([(0, _VALUE), (4, b"")]),
    read.response_block(True, 1, read.result_list([(0, _VALUE)])),
    b"\x06\x01" + read.variable(0x108) + b"\x01" + _VALUE,
    read.write_response([0, 3]),
    action.request_normal(0xC1, 15, _NAME, 1, _VALUE),
    action.request_first_block(0xC1, (15, _NAME, 1), False, b"block"),
    action.response_normal(0xC1, 0, _VALUE),
    action.response_block(0xC1, True, 1, b"block"),
    action.response_next(0xC1, 1),
    initiate.InitiateRequest(frozenset(("get",)), 500, b"k" * 16).encode(),
    initiate.InitiateResponse(frozenset(("get",)), 500).encode(),
    bytes.fromhex("0E010601"),
    refusals.exception_response(1, 6, 77),
    block_transfer.GeneralBlock(True, False, 1, 1, 0, b"block").encode(),
    notification.encode(1, _TIME, _VALUE),
    _RANGE,
    selection.by_entry(1, 10),
]

_DECODERS = (
    get_server.decode_request, get.decode_response, get.decode_result_list, read.decode_request, read.decode_response,
    read.decode_write_request, action.decode_request, action.decode_response,
    initiate.decode, refusals.raise_refusal, block_transfer.decode, notification.decode, selection.decode_selection,
)  # fmt: skip
# Records that write themselves.
_RECORDS = (initiate.InitiateRequest, initiate.InitiateResponse, block_transfer.GeneralBlock, get_server.Attribute)


def one(data: bytes) -> None:
    for decode in _DECODERS:
        try:
            decoded = decode(data)
        except (DecodeError, Refused):
            continue
        if isinstance(decoded, _RECORDS):
            assert decode(decoded.encode()) == decoded, "a record does not come back"
    for count in (1, 2):
        try:
            assert len(read.decode_blocks(data, count)) == count, "a value is missing or invented"
        except DecodeError:
            pass
