"""`meterd explain HEX|FILE|-`: frames of any protocol, and wire logs, byte by byte in words.

Keys are for reading only, and are never shown.
"""

from __future__ import annotations

import os
import sys

from ..errors import ConfigError
from ..explain import frames
from ..explain.known import Known
from ..explain.page import Page, Row
from ..explain.source import MAX_INPUT, Piece, hex_bytes, pieces
from .exit_codes import FAILED, OK
from .options import HELP, VALUE, Option, UsageError, parse, usage

KEY = Option(("--key",), VALUE, "the encryption key, or an M-Bus meter's key", "HEX")
AUTHENTICATION_KEY = Option(
    ("--authentication-key",), VALUE, "the authentication key, which proves what is inside", "HEX"
)
TITLE = Option(("--system-title",), VALUE, "the sender's system title, where the frames do not tell it", "HEX")
OPTIONS = (KEY, AUTHENTICATION_KEY, TITLE, HELP)
KEY_SIZES = (16, 32)
ABOUT = """Explains frames of any protocol: HEX, or a file of hex, of bytes, or a wire log; - is standard input. Each
row: offset, bytes, what they are and by which clause. !! marks what is wrong. A letter before the offset: bytes that
were joined or deciphered, and stand so nowhere on the wire. Exit code 1 where something is wrong or unexplained."""
NAMES = {">": "to the meter", "<": "from the meter", "": ""}


def main(words: list[str]) -> int:
    arguments = parse(words[1:], OPTIONS)
    if arguments.has("help"):
        print(usage("meterd explain", "HEX…|FILE|-", ABOUT, OPTIONS))
        return OK
    if not arguments.operands:
        raise UsageError("give a frame in hex, or a file, or - for standard input")
    keys = (_octets(arguments.value("key"), "--key", KEY_SIZES),
            _octets(arguments.value("authentication-key"), "--authentication-key", KEY_SIZES))  # fmt: skip
    title = _octets(arguments.value("system-title"), "--system-title", (8,))
    wrong = [0]

    def show(row: Row) -> None:
        wrong[0] += row.wrong
        print(row.text())

    known = Known(*keys, title)
    for piece in _given(arguments.operands):
        if piece.sign:
            print(f"\n{piece.line} {piece.time_ms:.1f} ms, {NAMES[piece.sign]}, {len(piece.data)} bytes")
        frames.explain(Page(show, keys), piece.data, known, piece.masked)
    return FAILED if wrong[0] else OK


def _octets(text: str | None, name: str, sizes: tuple[int, ...]) -> bytes:
    """The message never repeats what was given: it may be a secret with one digit too many."""
    if text is None:
        return b""
    octets = hex_bytes(text)
    if octets is None or len(octets) not in sizes:
        raise UsageError(f"{name} takes {' or '.join(str(size) for size in sizes)} bytes in hex")
    return octets


def _given(operands: list[str]) -> list[Piece]:
    if operands == ["-"]:
        return pieces(sys.stdin.buffer.read(MAX_INPUT + 1), "standard input")
    if len(operands) == 1 and os.path.exists(operands[0]):
        return pieces(_content(operands[0]), operands[0])
    told = hex_bytes(" ".join(operands))
    if told is None:
        raise UsageError(f"{operands[0][:60]!r} is neither hex nor a file")
    if len(told) > MAX_INPUT:
        raise UsageError(f"that is more than {MAX_INPUT} bytes")
    return [Piece(told)]


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(MAX_INPUT + 1)
    except OSError as error:
        raise ConfigError(path, f"cannot be read: {error.strerror}") from None
