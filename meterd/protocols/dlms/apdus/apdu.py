"""What all APDU modules stand on: records compared by content, and a cursor that no length can lead astray.

Assumption: an APDU is whole, as link and block transfer delivered it. Dirt: anything at all; what cannot be read is a
DecodeError. The layouts are those of the COSEMpdu module (Green Book 9.5), coded in A-XDR (IEC 61334-6).
"""

from __future__ import annotations

from ...._axdr import decode_length, decode_whole
from ....errors import DecodeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Invoke-id-and-priority: confirmed service, high priority, invoke id in the low four bits (Green Book 9.5).
CONFIRMED = 0x40
HIGH_PRIORITY = 0x80
INVOKE_ID_MASK = 0x0F


def encode_length(length: int) -> bytes:
    """A length or count in as few octets as can be."""
    if length < 0x80:
        return bytes((length,))
    if length < 0x100:
        return bytes((0x81, length))
    if length < 0x10000:
        return bytes((0x82, length >> 8, length & 0xFF))
    return b"\x84" + length.to_bytes(4, "big")


class Record:
    """Equal and printed by its slots, leaving out those named in `_hidden`."""

    __slots__: tuple[str, ...] = ()
    _hidden: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__ if name not in self._hidden)
        return f"{type(self).__name__}({shown})"


class Cursor:
    """Reads an APDU from front to back; every step is checked against what is left."""

    __slots__ = ("data", "offset")

    def __init__(self, data: bytes, offset: int = 0) -> None:
        self.data = data
        self.offset = offset

    def take(self, count: int) -> bytes:
        end = self.offset + count
        if end > len(self.data):
            raise DecodeError(f"{count} octets expected, {max(len(self.data) - self.offset, 0)} left")
        taken = self.data[self.offset : end]
        self.offset = end
        return taken

    def octet(self) -> int:
        return self.take(1)[0]

    def number(self, width: int) -> int:
        return int.from_bytes(self.take(width), "big")

    def count(self) -> int:
        """A length-coded number."""
        number, self.offset = decode_length(self.data, min(self.offset, len(self.data)))
        return number

    def octet_string(self) -> bytes:
        return self.take(self.count())

    def rest(self) -> bytes:
        return self.take(len(self.data) - self.offset)

    def value(self) -> Any:
        """The one value that everything left is."""
        found = decode_whole(self.data, self.offset)
        self.offset = len(self.data)
        return found

    def end(self, padded: bool = True) -> None:
        """Nothing is left, or nothing but zeros where it may be `padded`. Raises: DecodeError."""
        rest = self.data[self.offset :]
        if rest.strip(b"\x00") if padded else rest:
            raise DecodeError(f"{len(self.data) - self.offset} octets left over")

    def expect(self, tag: int, choice: int | None = None) -> None:
        """The APDU's tag, and the choice of its body if it has one."""
        found = self.octet()
        if found != tag:
            raise DecodeError(f"APDU {tag:#04x} expected, {found:#04x} came")
        if choice is not None and (found := self.octet()) != choice:
            raise DecodeError(f"choice {choice} of APDU {tag:#04x} expected, {found} came")


def octet_string(octets: bytes) -> bytes:
    """Length and octets."""
    return encode_length(len(octets)) + octets


def results_to_bytes(results: list[tuple[int, bytes]]) -> bytes:
    """`(code, data)` in the coding of Get-Data-Result: 0 and data, or 1 and data-access-result."""
    return b"".join([b"\x00" + data if code == 0 else bytes((1, code)) for code, data in results])
