"""Where a meter is: HDLC server addresses (IEC 62056-46, 6.4.2), wrapper ports, addresses made from serial numbers.

A server address has two halves, logical device (upper) and physical device (lower), each in 7-bit groups whose last
byte of all has bit 0 set: one byte holds one half alone, two bytes hold 7 + 7 bits, four hold 14 + 14. The halves are
kept apart: where one needs 14 bits, the address is four bytes long, whatever the configured size. The other habit in
the field, letting the physical number spill over into the logical half, is to be had by writing the bytes down.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

MAX_HALF = 0x3FFF
# Lower half of an address that every station hears (IEC 62056-46, 6.4.2.3): one byte, two groups.
ALL_STATIONS = (0x7F, MAX_HALF)
MAX_CLIENT = 0x7F
SERIAL_LOGICAL = 1
DEFAULT_FORMULA = "SN % 10000 + 1000"
# A formula is a line in a table cell: what does not fit there is no formula.
MAX_FORMULA = 100

_OPERATORS: dict[str, Callable[[int, int], int]] = {
    "%": lambda left, right: left % right,
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left // right,
}


def server_address(logical: int, physical: int, size: int = 1) -> bytes:
    """The server address on the wire, `size` bytes (1, 2, 4) or more where the numbers need it.

    Raises: ValueError where a half has more than 14 bits or the size is none of the three.
    """
    if size not in (1, 2, 4):
        raise ValueError(f"a server address has 1, 2 or 4 bytes, not {size}")
    if not (0 <= logical <= MAX_HALF and 0 <= physical <= MAX_HALF):
        raise ValueError(f"logical {logical} and physical {physical} address must lie within 0 to {MAX_HALF}")
    if size < 4 and logical < 0x80 and physical < 0x80:
        if size == 1 and not (logical and physical):
            return bytes(((logical or physical) << 1 | 1,))
        return bytes((logical << 1, physical << 1 | 1))
    return bytes((logical >> 7 << 1, (logical & 0x7F) << 1, physical >> 7 << 1, (physical & 0x7F) << 1 | 1))


def split_address(address: bytes) -> tuple[int, int]:
    """Logical and physical number of a server address; a single byte holds the logical one (physical 0)."""
    groups = [byte >> 1 for byte in address]
    if len(groups) == 1:
        return (groups[0], 0)
    if len(groups) == 2:
        return (groups[0], groups[1])
    return (groups[0] << 7 | groups[1], groups[2] << 7 | groups[3])


def address_value(address: bytes) -> int:
    """All groups of an address as one number."""
    value = 0
    for byte in address:
        value = value << 7 | byte >> 1
    return value


def same_station(address: bytes, other: bytes) -> bool:
    """Whether two addresses, of whatever lengths, name one station: by halves or by the number as a whole.

    A lone byte may stand for either half, so the one byte of client 16 is 00 21 as well as 20 01.
    """
    if address == other or address_value(address) == address_value(other):
        return True
    return split_address(address) == split_address(other)


def hears_everybody(address: bytes) -> bool:
    """Whether a server address calls all stations on the line; who is there answers under an address of its own."""
    return len(address) > 1 and split_address(address)[1] == ALL_STATIONS[len(address) == 4]


def parse_raw(text: str) -> bytes:
    """An address written as its bytes. Raises: ValueError where bit 0 does not mark the last of 1, 2 or 4 bytes."""
    try:
        address = bytes.fromhex(text)
    except ValueError:
        address = b""
    if len(address) not in (1, 2, 4) or not address[-1] & 1 or any(byte & 1 for byte in address[:-1]):
        raise ValueError("1, 2 or 4 bytes in hex, the last of them odd and the others even, such as 00 02 28 81")
    return address


def client_address(number: int) -> bytes:
    """The client address on the wire: always one byte. Raises: ValueError beyond 7 bits."""
    if not 0 <= number <= MAX_CLIENT:
        raise ValueError(f"an HDLC client address lies within 0 to {MAX_CLIENT}, not {number}")
    return bytes((number << 1 | 1,))


def parse_formula(text: str) -> list[tuple[str, int | None]]:
    """The steps of a formula: (operator, number), None standing for the serial number. Raises: ValueError."""
    explanation = f"a formula of SN, whole numbers and % + - * /, such as {DEFAULT_FORMULA!r}"
    if len(text) > MAX_FORMULA:
        raise ValueError(explanation)
    spaced = text
    for operator in _OPERATORS:
        spaced = spaced.replace(operator, f" {operator} ")
    words = ["+", *spaced.split()]
    steps = []
    for operator, operand in zip(words[::2], words[1::2], strict=False):
        if operator not in _OPERATORS or not (operand.upper() == "SN" or (operand.isascii() and operand.isdigit())):
            raise ValueError(explanation)
        if operator in "%/" and operand.isdigit() and not int(operand):
            raise ValueError(f"{explanation}; it divides by zero")
        steps.append((operator, None if operand.upper() == "SN" else int(operand)))
    if len(words) % 2 or not steps:
        raise ValueError(explanation)
    return steps


def apply_formula(text: str, serial_number: int) -> int:
    """What the formula makes of a serial number, worked from left to right without precedence. Raises: ValueError."""
    value = 0
    for operator, number in parse_formula(text):
        operand = serial_number if number is None else number
        if operator in "%/" and not operand:
            raise ValueError(f"{text!r} divides by zero")
        value = _OPERATORS[operator](value, operand)
    return value


def serial_address(serial_number: int, formula: str = DEFAULT_FORMULA) -> bytes:
    """The four bytes that a serial number stands for: of logical device 1. Raises: ValueError."""
    return server_address(SERIAL_LOGICAL, apply_formula(formula, serial_number), 4)


def wrapper_port(logical: int, physical: int) -> int:
    """The server's wPort: the logical device, which is all the TCP wrapper addresses (IEC 62056-47, 5.3)."""
    return logical or physical
