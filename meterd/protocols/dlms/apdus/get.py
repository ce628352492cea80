"""GET: attributes read by logical name; normal, next block, with list (Green Book 9.3.6, 9.5 Get-Request, -Response).

What a client asks and hears; what a meter does is in `get_server`. A long answer comes in data blocks (block transfer,
not HDLC segmentation): the joined raw data of a normal request is one Data, that of a with-list request is a count and
as many results.
"""

from __future__ import annotations

from ...._axdr import decode_results, get_response_normal
from ....errors import DecodeError
from .. import enumerations as codes
from .apdu import Cursor, Record, encode_length
from .refusals import not_expected, raise_refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

NORMAL = 1
NORMAL_RESPONSE = bytes((codes.GET_RESPONSE, NORMAL))
NEXT = 2
WITH_DATABLOCK = 2
WITH_LIST = 3


class GetResult(Record):
    """The answer to a normal request: `code` 0 and a value, or a data-access-result and None."""

    __slots__ = ("code", "invoke", "value")

    def __init__(self, invoke: int, code: int, value: Any) -> None:
        self.invoke = invoke
        self.code = code
        self.value = value


class GetBlock(Record):
    """One data block: `block` counts from 1; `raw` is empty where `code`, a data-access-result, is not 0."""

    __slots__ = ("block", "code", "invoke", "last", "raw")

    def __init__(self, invoke: int, last: bool, block: int, code: int, raw: bytes) -> None:
        self.invoke = invoke
        self.last = last
        self.block = block
        self.code = code
        self.raw = raw


class GetResults(Record):
    """The answer to a request with list: `(code, value)` each, in the order of the request."""

    __slots__ = ("invoke", "results")

    def __init__(self, invoke: int, results: list[tuple[int, Any]]) -> None:
        self.invoke = invoke
        self.results = results


def attribute(class_id: int, logical_name: bytes, attribute: int, selection: bytes = b"") -> bytes:
    """An encoded attribute descriptor with its selection."""
    descriptor = class_id.to_bytes(2, "big") + logical_name + bytes((attribute,))
    return descriptor + (b"\x01" + selection if selection else b"\x00")


def request_normal(invoke: int, descriptor: bytes) -> bytes:
    """Ask for one attribute; `descriptor` is what `attribute` gave."""
    return bytes((codes.GET_REQUEST, NORMAL, invoke)) + descriptor


def request_next(invoke: int, block: int) -> bytes:
    """Ask for the next block by the number of the last one received."""
    return bytes((codes.GET_REQUEST, NEXT, invoke)) + block.to_bytes(4, "big")


def request_with_list(invoke: int, descriptors: Sequence[bytes]) -> bytes:
    """Ask for several attributes at once; each descriptor is what `attribute` gave."""
    return bytes((codes.GET_REQUEST, WITH_LIST, invoke)) + encode_length(len(descriptors)) + b"".join(descriptors)


def decode_response(apdu: bytes) -> GetResult | GetBlock | GetResults:
    """Raises: Refused for a ConfirmedServiceError or ExceptionResponse in its place, DecodeError."""
    normal = get_response_normal(apdu)
    if normal is not None:
        return GetResult(apdu[2], *normal)
    raise_refusal(apdu)
    if apdu[:1] != b"\xc4":
        raise not_expected(apdu)
    cursor = Cursor(apdu, 1)
    choice, invoke = cursor.take(2)
    if choice == WITH_DATABLOCK:
        return _block(cursor, invoke)
    if choice == WITH_LIST:
        return GetResults(invoke, decode_result_list(apdu, cursor.offset))
    raise DecodeError(f"GET.response of kind {choice} is not known")


def _block(cursor: Cursor, invoke: int) -> GetBlock:
    last = cursor.octet() != 0
    block = cursor.number(4)
    choice = cursor.octet()
    if choice == 0:
        code, raw = 0, cursor.octet_string()
    elif choice == 1:
        code, raw = cursor.octet(), b""
    else:
        raise DecodeError(f"data block choice {choice} is not known")
    cursor.end()
    return GetBlock(invoke, last, block, code, raw)


def decode_result_list(raw: bytes, offset: int = 0) -> list[tuple[int, Any]]:
    """`(code, value)` each from a count and as many results; all of `raw` from `offset`. Raises: DecodeError."""
    cursor = Cursor(raw, offset)
    count = cursor.count()
    results, cursor.offset = decode_results(raw, cursor.offset, count)
    cursor.end()
    return results
