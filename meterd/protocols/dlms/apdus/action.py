"""ACTION: methods invoked by logical name (Green Book 9.3.8, 9.5 Action-Request, Action-Response).

Both roles. Parameters and answers too long for one APDU travel in numbered blocks (pblocks). Methods in a list are
not here: nothing that reads a meter needs them.
"""

from __future__ import annotations

from ...._axdr import decode_results, decode_typed
from ....errors import DecodeError
from .. import enumerations as codes
from .apdu import Cursor, Record, octet_string, results_to_bytes
from .refusals import not_expected, raise_refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NORMAL = 1
REQUEST_NEXT_PBLOCK = 2
REQUEST_FIRST_PBLOCK = 4
REQUEST_PBLOCK = 6
RESPONSE_PBLOCK = 2
RESPONSE_NEXT_PBLOCK = 4
# Octets of a request before the length of its raw data: tag, kind, invoke id; target; last, number.
BLOCK_HEAD = 3 + 5
FIRST_BLOCK_HEAD = 3 + 9 + 5


class ActionNormal(Record):
    """A method invoked whole; `parameters` encoded, or empty where there are none."""

    __slots__ = ("class_id", "invoke", "logical_name", "method", "parameters")

    def __init__(self, invoke: int, class_id: int, logical_name: bytes, method: int, parameters: bytes = b"") -> None:
        self.invoke = invoke
        self.class_id = class_id
        self.logical_name = logical_name
        self.method = method
        self.parameters = parameters


class ActionNext(Record):
    """The block `block` has come; the next is asked for."""

    __slots__ = ("block", "invoke")

    def __init__(self, invoke: int, block: int) -> None:
        self.invoke = invoke
        self.block = block


class ActionBlock(Record):
    """A block of parameters or of an answer, counted from 1. `target` is (class id, logical name, method) in the
    first block of a request and None elsewhere.
    """

    __slots__ = ("block", "invoke", "last", "raw", "target")

    def __init__(
        self, invoke: int, last: bool, block: int, raw: bytes, target: tuple[int, bytes, int] | None = None
    ) -> None:
        self.invoke = invoke
        self.last = last
        self.block = block
        self.raw = raw
        self.target = target


class ActionResult(Record):
    """The answer: `code` an action-result; `value` what the method returned, or None with `data_code` saying why."""

    __slots__ = ("code", "data_code", "invoke", "value")

    def __init__(self, invoke: int, code: int, data_code: int, value: Any) -> None:
        self.invoke = invoke
        self.code = code
        self.data_code = data_code
        self.value = value


def request_normal(invoke: int, class_id: int, logical_name: bytes, method: int, parameters: bytes = b"") -> bytes:
    """Invoke a method; `parameters` encoded, or empty for none."""
    head = bytes((codes.ACTION_REQUEST, NORMAL, invoke)) + _target(class_id, logical_name, method)
    return head + (b"\x01" + parameters if parameters else b"\x00")


def request_first_block(invoke: int, target: tuple[int, bytes, int], last: bool, raw: bytes) -> bytes:
    """Invoke a method whose encoded parameters begin with `raw`."""
    return bytes((codes.ACTION_REQUEST, REQUEST_FIRST_PBLOCK, invoke)) + _target(*target) + _block(last, 1, raw)


def request_block(invoke: int, last: bool, block: int, raw: bytes) -> bytes:
    """A further block of the parameters."""
    return bytes((codes.ACTION_REQUEST, REQUEST_PBLOCK, invoke)) + _block(last, block, raw)


def request_next(invoke: int, block: int) -> bytes:
    """Ask for the block of the answer behind `block`."""
    return bytes((codes.ACTION_REQUEST, REQUEST_NEXT_PBLOCK, invoke)) + block.to_bytes(4, "big")


def decode_request(apdu: bytes) -> ActionNormal | ActionNext | ActionBlock:
    """Raises: DecodeError."""
    cursor = Cursor(apdu)
    cursor.expect(codes.ACTION_REQUEST)
    choice, invoke = cursor.take(2)
    request: ActionNormal | ActionNext | ActionBlock
    if choice == NORMAL:
        target = _read_target(cursor)
        request = ActionNormal(invoke, *target, _optional_data(cursor))
    elif choice == REQUEST_NEXT_PBLOCK:
        request = ActionNext(invoke, cursor.number(4))
    elif choice == REQUEST_FIRST_PBLOCK:
        target = _read_target(cursor)
        request = _read_block(cursor, invoke, target)
    elif choice == REQUEST_PBLOCK:
        request = _read_block(cursor, invoke, None)
    else:
        raise DecodeError(f"ACTION.request of kind {choice} is not known")
    cursor.end()
    return request


def response_normal(invoke: int, code: int, data: bytes | None = None, data_code: int = 0) -> bytes:
    """The action-result, and the encoded return value or the data-access-result in its place; None for neither."""
    return bytes((codes.ACTION_RESPONSE, NORMAL, invoke)) + result(code, data, data_code)


def result(code: int, data: bytes | None = None, data_code: int = 0) -> bytes:
    """The answer alone, as it is cut into blocks."""
    if data is None and not data_code:
        return bytes((code, 0))
    return bytes((code, 1)) + results_to_bytes([(data_code, data or b"")])


def response_block(invoke: int, last: bool, block: int, raw: bytes) -> bytes:
    """A block of the answer."""
    return bytes((codes.ACTION_RESPONSE, RESPONSE_PBLOCK, invoke)) + _block(last, block, raw)


def response_next(invoke: int, block: int) -> bytes:
    """Ask for the block of the parameters behind `block`."""
    return bytes((codes.ACTION_RESPONSE, RESPONSE_NEXT_PBLOCK, invoke)) + block.to_bytes(4, "big")


def decode_response(apdu: bytes) -> ActionResult | ActionNext | ActionBlock:
    """Raises: Refused for a ConfirmedServiceError or ExceptionResponse in its place, DecodeError."""
    raise_refusal(apdu)
    if apdu[:1] != b"\xc7":
        raise not_expected(apdu)
    cursor = Cursor(apdu, 1)
    choice, invoke = cursor.take(2)
    if choice == NORMAL:
        return decode_result(invoke, cursor.rest())
    if choice == RESPONSE_PBLOCK:
        block = _read_block(cursor, invoke, None)
        cursor.end()
        return block
    if choice == RESPONSE_NEXT_PBLOCK:
        number = cursor.number(4)
        cursor.end()
        return ActionNext(invoke, number)
    raise DecodeError(f"ACTION.response of kind {choice} is not known")


def block_room(limit: int, first: bool) -> int:
    """Octets of parameters that fit into one block of a request of at most `limit` octets; at least 1."""
    size = limit - (FIRST_BLOCK_HEAD if first else BLOCK_HEAD)
    return max(size - (1 if size <= 0x80 else 3), 1)


def decode_result(invoke: int, raw: bytes) -> ActionResult:
    """The answer from the joined blocks, or from behind the head of a normal one. Raises: DecodeError."""
    cursor = Cursor(raw)
    code, present = cursor.take(2)
    if not present:
        cursor.end()
        return ActionResult(invoke, code, 0, None)
    results, cursor.offset = decode_results(raw, cursor.offset, 1)
    cursor.end()
    return ActionResult(invoke, code, *results[0])


def _target(class_id: int, logical_name: bytes, method: int) -> bytes:
    return class_id.to_bytes(2, "big") + logical_name + bytes((method,))


def _read_target(cursor: Cursor) -> tuple[int, bytes, int]:
    return cursor.number(2), cursor.take(6), cursor.octet()


def _optional_data(cursor: Cursor) -> bytes:
    if not cursor.octet():
        return b""
    _, end = decode_typed(cursor.data, cursor.offset)
    return cursor.take(end - cursor.offset)


def _block(last: bool, block: int, raw: bytes) -> bytes:
    return bytes((last,)) + block.to_bytes(4, "big") + octet_string(raw)


def _read_block(cursor: Cursor, invoke: int, target: tuple[int, bytes, int] | None) -> ActionBlock:
    last = cursor.octet() != 0
    block = cursor.number(4)
    return ActionBlock(invoke, last, block, cursor.octet_string(), target)
