"""GET as a meter has it: requests that are heard, and the answers to them (Green Book 9.3.6, 9.5).

For simulated meters; a client needs none of it.
"""

from __future__ import annotations

from ....errors import DecodeError
from .. import enumerations as codes
from .apdu import Cursor, Record, encode_length, octet_string, results_to_bytes
from .get import NEXT, NORMAL, WITH_DATABLOCK, WITH_LIST, attribute
from .selection import end_of_selection


class Attribute(Record):
    """Which attribute is asked for; `selection` is an encoded access selector (see `selection`), or empty."""

    __slots__ = ("attribute", "class_id", "logical_name", "selection")

    def __init__(self, class_id: int, logical_name: bytes, attribute: int, selection: bytes = b"") -> None:
        self.class_id = class_id
        self.logical_name = logical_name
        self.attribute = attribute
        self.selection = selection

    def encode(self) -> bytes:
        return attribute(self.class_id, self.logical_name, self.attribute, self.selection)


class GetNormal(Record):
    """A request for one attribute."""

    __slots__ = ("attribute", "invoke")

    def __init__(self, invoke: int, attribute: Attribute) -> None:
        self.invoke = invoke
        self.attribute = attribute


class GetNext(Record):
    """A request for the block after `block`, the last one received."""

    __slots__ = ("block", "invoke")

    def __init__(self, invoke: int, block: int) -> None:
        self.invoke = invoke
        self.block = block


class GetWithList(Record):
    """A request for several attributes."""

    __slots__ = ("attributes", "invoke")

    def __init__(self, invoke: int, attributes: list[Attribute]) -> None:
        self.invoke = invoke
        self.attributes = attributes


def decode_request(apdu: bytes) -> GetNormal | GetNext | GetWithList:
    """Raises: DecodeError."""
    cursor = Cursor(apdu)
    cursor.expect(codes.GET_REQUEST)
    choice, invoke = cursor.take(2)
    request: GetNormal | GetNext | GetWithList
    if choice == NORMAL:
        request = GetNormal(invoke, _attribute(cursor))
    elif choice == NEXT:
        request = GetNext(invoke, cursor.number(4))
    elif choice == WITH_LIST:
        request = GetWithList(invoke, [_attribute(cursor) for _ in range(cursor.count())])
    else:
        raise DecodeError(f"GET.request of kind {choice} is not known")
    cursor.end()
    return request


def _attribute(cursor: Cursor) -> Attribute:
    class_id = cursor.number(2)
    logical_name = cursor.take(6)
    number = cursor.octet()
    return Attribute(class_id, logical_name, number, _selection(cursor))


def _selection(cursor: Cursor) -> bytes:
    if not cursor.octet():
        return b""
    return cursor.take(end_of_selection(cursor.data, cursor.offset) - cursor.offset)


def response_normal(invoke: int, data: bytes, code: int = 0) -> bytes:
    """One encoded value, or the refusal `code` in its place."""
    return bytes((codes.GET_RESPONSE, NORMAL, invoke)) + results_to_bytes([(code, data)])


def response_block(invoke: int, last: bool, block: int, raw: bytes, code: int = 0) -> bytes:
    """One data block, or the refusal `code` in its place."""
    head = bytes((codes.GET_RESPONSE, WITH_DATABLOCK, invoke, last)) + block.to_bytes(4, "big")
    return head + (bytes((1, code)) if code else b"\x00" + octet_string(raw))


def response_with_list(invoke: int, results: list[tuple[int, bytes]]) -> bytes:
    """`(0, encoded value)` or `(data-access-result, b"")` for each attribute asked for."""
    return bytes((codes.GET_RESPONSE, WITH_LIST, invoke)) + result_list(results)


def result_list(results: list[tuple[int, bytes]]) -> bytes:
    """The count and the results alone, as they are cut into blocks."""
    return encode_length(len(results)) + results_to_bytes(results)
