"""The messages of IEC 62056-21 clause 6.3 as bytes, in the reader's direction, and what an identification tells.

A message in the other direction is found by the decoders of `meterd._readout`; here stands only what the reader, the
simulated meter and other protocols' sign-on (mode E) write.
"""

from __future__ import annotations

from ..._crc import bcc

SOH = b"\x01"
STX = b"\x02"
ETX = b"\x03"
EOT = b"\x04"
ACK = b"\x06"
NAK = b"\x15"
LINE_END = b"\r\n"
PASSWORD_REQUEST = b"P0"
PASSWORD_COMMANDS = {"P1": b"P1", "P2": b"P2"}
BREAK_COMMAND = b"B0"
PROGRAMMING = 1  # mode control character Y, clause 6.3.3 item 13
MAX_ERROR_TEXT = 32  # clause 6.3.9

# Clause 6.3.3 item 13 c). 7 to 9 and G to I are reserved there; meters that use them mean the next speeds in the row.
MODE_C_BAUDRATES = (300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)
MODE_B_BAUDRATES = dict(zip(b"ABCDEFGHI", MODE_C_BAUDRATES[1:], strict=True))


def request_message(serial: str, text: str | None = None) -> bytes:
    """`/?serial!`: wakes the meter of that number, or any meter if the number is nothing but zeros (clause 6.3.1).

    `text` in its place: makers have lists of their own behind `/2!` and `/#1`.
    """
    if text is not None:
        return text.encode("ascii") + LINE_END
    address = serial.encode("ascii") if serial.strip("0") else b""
    return b"/?" + address + b"!" + LINE_END


def same_serial(first: str, second: str) -> bool:
    """Whether two device addresses name the same meter: leading zeros do not count (clause 6.3.2 item 22)."""
    return first.lstrip("0") == second.lstrip("0")


def acknowledgement(protocol_control: int, baud_character: int, mode_control: int) -> bytes:
    """Acknowledgement and option select, `ACK V Z Y CR LF` (clause 6.3.3)."""
    return ACK + b"%d%d%d" % (protocol_control, baud_character, mode_control) + LINE_END


def with_block_check(message: bytes) -> bytes:
    """The message, which begins with SOH or STX, with its block check character (clause 6.1.4 item 8)."""
    return message + bytes([bcc(message[1:])])


def command_message(command: bytes, data: bytes) -> bytes:
    """A programming command with its data: `SOH R1 STX address() ETX BCC` (clause 6.3.7)."""
    return with_block_check(SOH + command + STX + data + ETX)


BREAK = with_block_check(SOH + BREAK_COMMAND + ETX)


class Identification:
    """What the meter says of itself: `/XXXZidentification` (clause 6.3.2).

    `line` as it came; `baud_character` its byte Z, or -1 where the line ends before it.
    """

    __slots__ = ("baud_character", "line")

    def __init__(self, line: bytes) -> None:
        self.line = line
        self.baud_character = line[4] if len(line) > 4 else -1

    def mode(self) -> str:
        """The mode that the meter is in: digits C, letters A to I B, everything else (a blank above all) A."""
        if 0x30 <= self.baud_character <= 0x39:
            return "C"
        return "B" if self.baud_character in MODE_B_BAUDRATES else "A"

    def __repr__(self) -> str:
        return f"Identification({self.line.decode('latin-1')})"
