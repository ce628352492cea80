from typing import Any

MAX_DEPTH: int
MAX_ELEMENTS: int

class DateTime(bytes):
    """Twelve octets that came with the type tag date-time."""

class Date(bytes):
    """Five octets that came with the type tag date."""

class Time(bytes):
    """Four octets that came with the type tag time."""

class BitString(str):
    """'0' and '1' characters, first bit first."""

def decode(data: bytes, offset: int = 0) -> tuple[Any, int]: ...
def decode_whole(data: bytes, offset: int = 0) -> Any: ...
def decode_typed(data: bytes, offset: int = 0) -> tuple[tuple[int, Any], int]: ...
def decode_results(data: bytes, offset: int, count: int) -> tuple[list[tuple[int, Any]], int]: ...
def get_response_normal(apdu: bytes) -> tuple[int, int, Any] | None: ...
def decode_length(data: bytes, offset: int) -> tuple[int, int]: ...
