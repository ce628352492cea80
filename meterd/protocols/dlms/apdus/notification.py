"""DataNotification: what a meter sends unasked (Green Book 9.3.10, 9.5). A reader recognises it and goes on waiting."""

from __future__ import annotations

from ....errors import DecodeError
from .. import enumerations as codes
from .apdu import Cursor, Record, octet_string

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class DataNotification(Record):
    """`invoke` the long invoke-id-and-priority, 4 octets; `date_time` 12 octets or none; `value` the body."""

    __slots__ = ("date_time", "invoke", "value")

    def __init__(self, invoke: int, date_time: bytes, value: Any) -> None:
        self.invoke = invoke
        self.date_time = date_time
        self.value = value


def encode(invoke: int, date_time: bytes, data: bytes) -> bytes:
    """A notification of one encoded value; `date_time` 12 octets or none."""
    return bytes((codes.DATA_NOTIFICATION,)) + invoke.to_bytes(4, "big") + octet_string(date_time) + data


def decode(apdu: bytes) -> DataNotification:
    """Raises: DecodeError."""
    cursor = Cursor(apdu)
    cursor.expect(codes.DATA_NOTIFICATION)
    invoke = cursor.number(4)
    date_time = cursor.octet_string()
    if len(date_time) not in (0, 12):
        raise DecodeError(f"a date-time has 12 octets, not {len(date_time)}")
    return DataNotification(invoke, date_time, cursor.value())
