"""READ and WRITE: attributes by short name (Green Book 9.3.14 to 9.3.16, 9.5 ReadRequest, ReadResponse, WriteRequest).

Both roles. The joined raw data of a block transfer is a count and as many results, as the whole answer would have been
behind its tag. WRITE is here for the HLS reply that some clients write, and for the simulated meter.
Dirt: meters that put the bare value into the blocks of a single answer, without count and choice.
"""

from __future__ import annotations

from ...._axdr import decode, decode_results, decode_typed
from ....errors import DecodeError
from .. import enumerations as codes
from .apdu import Cursor, Record, encode_length, octet_string, results_to_bytes
from .refusals import not_expected, raise_refusal
from .selection import end_of_selection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

VARIABLE_NAME = 2
PARAMETERISED_ACCESS = 4
BLOCK_NUMBER_ACCESS = 5
DATA_BLOCK_RESULT = 2


class Variable(Record):
    """An attribute or method by its short name."""

    __slots__ = ("name",)

    def __init__(self, name: int) -> None:
        self.name = name


class Parameterised(Record):
    """An attribute or method by its short name, with an encoded selector and its parameter."""

    __slots__ = ("name", "selection")

    def __init__(self, name: int, selection: bytes) -> None:
        self.name = name
        self.selection = selection


class BlockAccess(Record):
    """A request for the block after `block`, the last one received."""

    __slots__ = ("block",)

    def __init__(self, block: int) -> None:
        self.block = block


class ReadBlock(Record):
    """One data block of a long answer; `block` counts from 1."""

    __slots__ = ("block", "last", "raw")

    def __init__(self, last: bool, block: int, raw: bytes) -> None:
        self.last = last
        self.block = block
        self.raw = raw


def variable(name: int) -> bytes:
    """The specification of a plain read."""
    return bytes((VARIABLE_NAME,)) + name.to_bytes(2, "big")


def parameterised(name: int, selection: bytes) -> bytes:
    """The specification of a read with a selector, or of a method invoked with a parameter (selector 1)."""
    return bytes((PARAMETERISED_ACCESS,)) + name.to_bytes(2, "big") + selection


def block_access(block: int) -> bytes:
    """The specification that asks for the next block by the number of the last one received."""
    return bytes((BLOCK_NUMBER_ACCESS,)) + block.to_bytes(2, "big")


def request(specifications: Sequence[bytes]) -> bytes:
    """Ask for one or more values."""
    return bytes((codes.READ_REQUEST,)) + encode_length(len(specifications)) + b"".join(specifications)


def decode_request(apdu: bytes) -> list[Variable | Parameterised | BlockAccess]:
    """Raises: DecodeError."""
    cursor = Cursor(apdu)
    cursor.expect(codes.READ_REQUEST)
    specifications = [_specification(cursor) for _ in range(cursor.count())]
    cursor.end()
    return specifications


def _specification(cursor: Cursor) -> Variable | Parameterised | BlockAccess:
    choice = cursor.octet()
    number = cursor.number(2)
    if choice == VARIABLE_NAME:
        return Variable(number)
    if choice == PARAMETERISED_ACCESS:
        return Parameterised(number, cursor.take(end_of_selection(cursor.data, cursor.offset) - cursor.offset))
    if choice == BLOCK_NUMBER_ACCESS:
        return BlockAccess(number)
    raise DecodeError(f"variable access specification {choice} is not known")


def response(results: list[tuple[int, bytes]]) -> bytes:
    """`(0, encoded value)` or `(data-access-error, b"")` for each specification."""
    return bytes((codes.READ_RESPONSE,)) + result_list(results)


def result_list(results: list[tuple[int, bytes]]) -> bytes:
    """The count and the results alone, as they are cut into blocks."""
    return encode_length(len(results)) + results_to_bytes(results)


def response_block(last: bool, block: int, raw: bytes) -> bytes:
    """One data block of a long answer."""
    head = bytes((codes.READ_RESPONSE, 1, DATA_BLOCK_RESULT, last)) + block.to_bytes(2, "big")
    return head + octet_string(raw)


def decode_response(apdu: bytes) -> list[tuple[int, Any]] | ReadBlock:
    """`(code, value)` for each specification, or one block of the answer.

    Raises: Refused for a ConfirmedServiceError or ExceptionResponse in its place, DecodeError.
    """
    raise_refusal(apdu)
    if apdu[:1] != b"\x0c":
        raise not_expected(apdu)
    if apdu[1:3] == b"\x01\x02":
        cursor = Cursor(apdu, 3)
        block = ReadBlock(cursor.octet() != 0, cursor.number(2), cursor.octet_string())
        cursor.end()
        return block
    return _results(apdu, 1)


def _results(raw: bytes, offset: int, padded: bool = True) -> list[tuple[int, Any]]:
    cursor = Cursor(raw, offset)
    count = cursor.count()
    results, cursor.offset = decode_results(raw, cursor.offset, count)
    cursor.end(padded)
    return results


def decode_blocks(raw: bytes, count: int) -> list[tuple[int, Any]]:
    """`(code, value)` for each of the `count` specifications asked for, from the joined blocks. Raises: DecodeError."""
    if count == 1 and (bare := _bare(raw)):
        return bare
    results = _results(raw, 0)
    if len(results) != count:
        raise DecodeError(f"{count} values asked for, {len(results)} came")
    return results


def _bare(raw: bytes) -> list[tuple[int, Any]]:
    """The one value that `raw` is without count and choice; nothing where it has them, or has octets behind it."""
    try:
        _results(raw, 0, padded=False)
    except DecodeError:
        value, end = decode(raw)
        if end == len(raw):
            return [(0, value)]
    return []


def decode_write_request(apdu: bytes) -> list[tuple[Variable | Parameterised | BlockAccess, bytes]]:
    """`(specification, encoded value)` each. Raises: DecodeError."""
    cursor = Cursor(apdu)
    cursor.expect(codes.WRITE_REQUEST)
    specifications = [_specification(cursor) for _ in range(cursor.count())]
    if cursor.count() != len(specifications):
        raise DecodeError("a write request has as many values as names")
    writes = [(specification, _data(cursor)) for specification in specifications]
    cursor.end()
    return writes


def _data(cursor: Cursor) -> bytes:
    _, end = decode_typed(cursor.data, cursor.offset)
    return cursor.take(end - cursor.offset)


def write_response(results: Sequence[int]) -> bytes:
    """0 or a data-access-error for each value written."""
    coded = [b"\x00" if code == 0 else bytes((1, code)) for code in results]
    return bytes((codes.WRITE_RESPONSE,)) + encode_length(len(results)) + b"".join(coded)
