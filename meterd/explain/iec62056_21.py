"""IEC 62056-21 messages: sign-on, option select, read-out, programming commands, P1 telegrams (clause 6.3; DSMR P1).

Dirt: parity damage (bit 7 set), block checks that are wrong (told with the right one) or missing, lists without STX,
echoes, NULs and 0xFF of a line that settles.
"""

from __future__ import annotations

from .._crc import bcc, crc16
from .._readout_block import parse_readout
from ..names import makers, obis
from ..protocols.iec62056_21 import messages
from .page import BCC, CRC, SERIAL, TEXT, Walk

SOH, STX, ETX, EOT, ACK, NAK = 1, 2, 3, 4, 6, 0x15
BEGINNINGS = frozenset((SOH, STX, ACK, NAK))
MAX_LINE = 1024
LARGEST_TELEGRAM = 16_384
COMMANDS = {
    "P0": "the meter wants a password; between brackets its operand", "P1": "password", "P2": "password, ciphered",
    "B0": "break: ends the dialogue", "W1": "write", "W2": "write, formatted", "W3": "write, partial blocks",
    "W4": "write, partial formatted blocks", "R1": "read", "R2": "read, formatted", "R3": "read, in partial blocks",
    "R4": "read, in partial formatted blocks", "R5": "read (maker's registers)", "R6": "read a load profile, in blocks",
    "E2": "execute, formatted",
}  # fmt: skip
MODES = {"0": "data read-out", "1": "programming mode", "2": "binary mode (HDLC, mode E)"}
PROTOCOLS = {"0": "normal protocol", "1": "secondary protocol", "2": "HDLC"}


def begins(ahead: bytes) -> bool:
    return bool(ahead) and (ahead[0] in BEGINNINGS or 0x20 <= ahead[0] < 0x7F or ahead[0] in b"\r\n")


def explain(walk: Walk) -> None:
    """One message or line. Raises: CutShort."""
    first = walk.look(1)[0]
    if first == SOH:
        _command(walk)
    elif first == STX:
        _block(walk)
    elif first == ACK:
        _option_select(walk)
    elif first == NAK:
        walk.page.title("NAK")
        walk.take(1, "NAK: please repeat (6.3.10)")
    elif first == ord("/"):
        _sign_on(walk)
    elif first == ord("!"):
        _end_of_list(walk)
    else:
        _line(walk)


def _line_size(walk: Walk) -> int:
    end = walk.data.find(b"\n", walk.at, min(walk.at + MAX_LINE, walk.end))
    return end + 1 - walk.at if end >= 0 else min(walk.left, MAX_LINE)


def _text(octets: bytes) -> str:
    return "".join(character if character.isprintable() else "·" for character in octets.decode("latin-1"))


def _damaged(octets: bytes) -> bool:
    return any(byte > 0x7F for byte in octets)


def _sign_on(walk: Walk) -> None:
    size = _line_size(walk)
    line = walk.look(size).rstrip(b"\r\n")
    wrong = _damaged(line)
    if line[1:2] in (b"?", b"#") or line.endswith(b"!"):
        number = _text(line[2:].rstrip(b"!"))
        whom = f"the meter {number}" if number else "whoever is there"
        if line[1:2] != b"?":
            whom = f"a maker's own list, {_text(line)}"
        walk.page.title(f"request to {whom}")
        end = "" if line.endswith(b"!") else ", without the ! at its end"
        walk.take(size, f"request message: signs on to {whom}{end} (6.3.1)", wrong or bool(end), SERIAL)
        return
    plate = makers.from_identification(line.decode("latin-1"))
    told = messages.Identification(line)
    mode, character = told.mode(), told.baud_character
    walk.page.title(f"identification {_text(line)}")
    walk.take(1, "identification message (6.3.2)")
    walk.take(3, lambda found: f"maker: {_text(found)}{f', {plate.maker}' if plate.maker else ''}", wrong)
    if mode == "C":
        speed = f"proposes {messages.MODE_C_BAUDRATES[character - 0x30]} baud: mode C"
    elif mode == "B":
        speed = f"goes on at {messages.MODE_B_BAUDRATES[character]} baud: mode B"
    else:
        speed = "no change of speed: mode A, or D where it comes unasked"
    walk.take(1, lambda found: f"speed {_text(found)}: {speed} (6.3.3)")
    rest = size - 5
    walk.take(rest, lambda found: f"identification: {_text(found.rstrip())}", kind=SERIAL)


def _option_select(walk: Walk) -> None:
    rest = walk.look(5, 1)
    if len(rest) < 3 or not 0x30 <= rest[0] <= 0x3F:
        walk.page.title("ACK")
        walk.take(1, "ACK: taken (6.3.10)")
        return
    protocol, speed, mode = (chr(byte) for byte in rest[:3])
    baud = messages.MODE_C_BAUDRATES[int(speed)] if speed.isdigit() and speed.isascii() else 0
    walk.page.title(f"option select {protocol}{speed}{mode}: {MODES.get(mode, 'a mode of no table')}, {baud} baud")
    walk.take(1, "ACK: option select (6.3.3)")
    walk.take(1, PROTOCOLS.get(protocol, "a protocol of no table"))
    walk.take(1, f"speed {speed}: {baud} baud" if baud else "a speed of no table")
    walk.take(1, MODES.get(mode, f"mode {mode}, a maker's own"))
    if walk.look(2) == b"\r\n":
        walk.take(2, "line end")
    else:
        walk.note("the line end is missing", True)


def _check(walk: Walk, start: int) -> None:
    if not walk.left:
        walk.note("the block check character is missing", True)
        return
    right = bcc(walk.data[start : walk.at])
    found = walk.look(1)[0]
    if walk.hidden(start, walk.at + 1):
        walk.take(1, "block check character: cannot be checked, bytes are masked", False, BCC, start)
    elif found & 0x7F == right & 0x7F:
        walk.take(1, "block check character: right (6.1.4)", False, BCC, start)
    else:
        walk.take(1, f"block check character: wrong, for these bytes it is {right:02x} (6.1.4)", True, BCC, start)


def _end(walk: Walk, start: int) -> int:
    """Where ETX or EOT stands; the end where neither does."""
    found = [at for mark in (b"\x03", b"\x04") if (at := walk.data.find(mark, start, walk.end)) >= 0]
    return min(found, default=walk.end)


def _command(walk: Walk) -> None:
    start = walk.at + 1
    end = _end(walk, start)
    command = _text(walk.look(2, 1))
    told = COMMANDS.get(command, "a command of no table")
    walk.page.title(f"{command} {told}")
    walk.take(1, "SOH: a programming command (6.3.7)")
    walk.take(2, f"{command}: {told}")
    if walk.look(1) == b"\x02":
        walk.take(1, "STX: its data")
    size = end - walk.at
    if size > 0 and command in ("P1", "P2"):
        walk.secret(size, "the password")
    elif size > 0:
        walk.take(size, lambda found: _data_words(found), kind=TEXT)
    _ending(walk, start)


def _ending(walk: Walk, start: int) -> None:
    if not walk.left:
        walk.note("ETX and block check character are missing", True)
        return
    walk.take(1, lambda found: "ETX: it ends" if found[0] == ETX else "EOT: this part ends, more follow on ACK")
    _check(walk, start)


def _block(walk: Walk) -> None:
    start = walk.at + 1
    end = _end(walk, start)
    walk.page.title("data block")
    walk.take(1, "STX: a block of data (6.3.4)")
    walk.depth += 1
    while walk.at < end:
        _line(walk, end)
    walk.depth -= 1
    _ending(walk, start)


def _line(walk: Walk, end: int = 0) -> None:
    """A data line, its data sets in words."""
    size = min(_line_size(walk), (end or walk.end) - walk.at)
    if not end:
        stops = [at for at in range(walk.at + 1, walk.at + size) if walk.data[at] in (SOH, STX, ETX)]
        size = min([size, *(at - walk.at for at in stops)])
    line = walk.look(size)
    odd = any(byte > 0x7F for byte in line)
    words = _data_words(line) if line.strip(b"\r\n ") else "an empty line"
    if line.startswith(b"!"):
        words = "! the list ends"
    if odd:
        words += ": characters with bit 7 set, so parity or speed is wrong"
    walk.take(size, words, odd, TEXT)
    if not walk.page.titles:
        walk.page.title(f"data line {_text(line.rstrip())[:40]}")


def _data_words(line: bytes) -> str:
    """`1.8.0(0012*kWh)`: what it is, and its values."""
    told = []
    for address, effective, _, value, unit in parse_readout(line):
        name = obis.name_of(effective, unit) if effective else None
        head = f"{address} {name.words}: " if address and name else f"{address}: " if address else ""
        told.append(f"{head}{_text(value.encode('latin-1'))}{f' {unit}' if unit else ''}")
    return "; ".join(told) or f"text: {_text(line.rstrip())}"


def _telegram_begin(walk: Walk) -> int:
    """Where the telegram that ends here began: at its `/`, behind the end of the one before."""
    low = max(walk.at - LARGEST_TELEGRAM, 0)
    low = max(walk.data.rfind(b"\n!", low, walk.at - 1), low)
    return max(walk.data.rfind(b"\n/", low, walk.at) + 1, low)


def _end_of_list(walk: Walk) -> None:
    """`!`, in a P1 telegram with a CRC16 over all from its `/` on."""
    size = _line_size(walk)
    code = walk.look(4, 1)
    if size >= 5 and len(code) == 4 and all(byte in b"0123456789ABCDEFabcdef" for byte in code):
        begin = _telegram_begin(walk)
        right = f"{crc16(walk.data[begin : walk.at + 1]):04X}"
        walk.take(1, "! the telegram ends (DSMR P1, 5.2.3)")
        wrong = code.decode().upper() != right
        walk.take(4, f"CRC16: {'wrong, for these bytes it is ' + right if wrong else 'right'}", wrong, CRC, begin)
        if walk.look(2).strip(b"\r\n") == b"" and walk.left:
            walk.take(min(size - 5, walk.left), "line end")
        return
    walk.take(1, "! the list ends (6.3.4)")
    if walk.look(1) in (b"\r", b"\n"):
        walk.take(2 if walk.look(2) == b"\r\n" else 1, "line end")
