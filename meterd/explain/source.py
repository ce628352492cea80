"""What is to be explained: hex on the command line, files of hex or of bytes, wire logs.

Dirt: hex with blanks, colons, commas, 0x and line ends; wire logs with masked bytes.
Bound: MAX_INPUT.
"""

from __future__ import annotations

from ..errors import ConfigError
from ..simulate.transcript import parse_entry

MAX_INPUT = 1 << 20
HEADER = b"# meterd wire log"
HEX = frozenset("0123456789abcdefABCDEF")


class Piece:
    """What one side said in a row: `line` of a log, `sign` > or < ('' where unknown), `masked` 1 where `**` stood."""

    __slots__ = ("data", "line", "masked", "rows", "sign", "time_ms")

    def __init__(self, data: bytes, masked: bytes = b"", sign: str = "", line: str = "", time_ms: float = 0.0) -> None:
        self.data = data
        self.masked = masked or bytes(len(data))
        self.sign = sign
        self.line = line
        self.time_ms = time_ms
        self.rows: list[tuple[int, int, int]] = []  # of a log: number of the row, and which bytes it has


def hex_bytes(text: str) -> bytes | None:
    """The bytes that a text of hex digits is; None where it is something else."""
    bare = text.replace("0x", " ").replace("0X", " ")
    for separator in ":,;-\t\r\n":
        bare = bare.replace(separator, " ")
    words = bare.split()
    if not words or not all(character in HEX for word in words for character in word):
        return None
    joined = "".join(word if len(word) != 1 else f"0{word}" for word in words)
    return bytes.fromhex(joined) if len(joined) % 2 == 0 else None


def pieces(content: bytes, name: str) -> list[Piece]:
    """What a file holds. Raises: ConfigError past MAX_INPUT, and for a wire log that is broken."""
    if len(content) > MAX_INPUT:
        raise ConfigError(name, f"is larger than {MAX_INPUT} bytes: cut out what matters")
    if content.lstrip().startswith(HEADER):
        return wire_log(content.decode("utf-8", "replace"), name)
    try:
        told = hex_bytes(_without_remarks(content.decode("ascii")))
    except UnicodeDecodeError:
        told = None
    return [Piece(content if told is None else told)]


def _without_remarks(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))


def wire_log(text: str, name: str) -> list[Piece]:
    """What each side said in a row, on each line of a wire log. Raises: ConfigError naming file and line."""
    found: list[Piece] = []
    last: dict[str, Piece | None] = {}
    line = ""
    for number, row in enumerate(text.splitlines(), 1):
        sign, _, rest = row.strip().partition(" ")
        if not sign or sign.startswith("#"):
            continue
        if sign == "@":
            line = rest.strip()
            continue
        try:
            entry = parse_entry(sign, rest)
        except ValueError as error:
            raise ConfigError(f"{name} line {number}", str(error)) from None
        before = last.get(line)
        data = bytes(byte or 0 for byte in entry.data)
        masked = bytes(byte is None for byte in entry.data)
        if sign == "~":
            last[line] = None
        elif before is not None and before.sign == sign == "<":
            before.rows.append((number, len(before.data), len(before.data) + len(data)))
            before.data += data
            before.masked += masked
        else:
            last[line] = piece = Piece(data, masked, sign, line, entry.time_ms)
            piece.rows.append((number, 0, len(data)))
            found.append(piece)
    return found
