"""Logs and wire logs that can be shown to others: who and where it is replaced, the same one by the same stand-in.

The problem: a log that helps tells serial numbers, system titles, addresses, now and then a password, and tells them
in text, as bytes within frames, and in packed digits. Whoever hides them by hand breaks the checks and misses some.
How: frames are explained as `meterd explain` does, which tells where such things stand; each found is then replaced
wherever it stands, in frames with right checks. Passwords and keys become `**`, with the checks over them. What stands
across two pieces of a message, where no replacement reaches, makes these pieces `**` as a whole.
Assumption: numbers of fewer than LEAST digits are too common to be looked for, and are left.
"""

from __future__ import annotations

import re

from .._crc import bcc, checksum, crc16, fcs16
from .._readout_block import parse_readout
from ..errors import ConfigError
from ..ports.wire_log import hide, shown
from ..protocols.iec62056_21.identity import PLACES, plain
from . import frames, page
from .known import Known
from .source import HEADER, Piece, wire_log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .page import Row

LEAST = 4
MOST = 500  # of a kind: each is looked for at each place
SERIALS, TITLES, SECRETS, ADDRESSES = "serial numbers", "system titles", "secrets", "IP addresses"
# Objects whose value is a number of the meter: device identifications, logical device name, meter number.
OBJECTS = re.compile(r"\b(0\.[0-9]+\.96\.1\.|[0-9]+\.0\.96\.1\.|0\.0\.42\.0\.0|1\.0\.0\.0\.)")
CODES = re.compile(rb"(\0[\0-\x10]\x60\x01.|\0\0\x2a\0\0|\x01\0\0\0.)\xff", re.DOTALL)
HEX_RUN = re.compile(
    r"(?<![0-9A-Fa-f*])(?:(?:[0-9A-Fa-f]{2}|\*\*)(?: (?:[0-9A-Fa-f]{2}|\*\*)){4,}|[0-9A-Fa-f]{10,})(?![0-9A-Fa-f*])"
)
BARE_KEY = re.compile(r"(?<![0-9A-Za-z])(?:[0-9A-Fa-f]{32}|[0-9A-Fa-f]{64})(?![0-9A-Za-z])")
NAMED_SECRET = re.compile(
    r"\b([\w-]{0,40}(?:password|passwd|secret|token|_key|[_-]pin)|key|pin)(?:\"|')?\s*[=:]\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s,;}]+))",
    re.IGNORECASE,
)
NAMED_SERIAL = re.compile(
    r"\b(?:serial_?number|serial|expect_serial|meter_id|manufacturing_number)(?:\"|')?\s*(?:[=:]|is)?\s*[\"']?([0-9A-Za-z]{4,20})",
    re.IGNORECASE,
)
NAMED_TITLE = re.compile(
    r"\b(?:system_title|system title)(?:\"|')?\s*[=:]?\s*[\"']?((?:[0-9A-Fa-f]{2} ?){8})", re.IGNORECASE
)
IPV4 = re.compile(r"(?<![\w.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\w]|\.\d)")
IPV6 = re.compile(
    r"(?<![\w:.])(?=[0-9A-Fa-f:]*::|(?:[0-9A-Fa-f]+:){7})[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])"
)
OURS = ("127.0.0.1", "0.0.0.0", "255.255.255.255", "::", "::1")


class StandIns:
    """What was found, and what stands for it."""

    def __init__(self) -> None:
        self.serials: dict[str, int] = {}
        self.titles: dict[bytes, bytes] = {}
        self.addresses: dict[str, str] = {}
        self.secrets: dict[bytes, str] = {}
        self._octets: re.Pattern[bytes] | None = None
        self._text: re.Pattern[str] | None = None

    def serial(self, text: str) -> None:
        """A number of a meter; zeros before it do not count."""
        bare = text.strip().lstrip("0")
        if sum(map(str.isdigit, bare)) >= LEAST and bare.isascii() and bare.isalnum():
            self.serials.setdefault(bare.upper(), len(self.serials) + 1)

    def title(self, octets: bytes) -> None:
        """Its maker stays, the rest is the number of the meter."""
        if len(octets) == 8 and octets not in self.titles:
            self.titles[octets] = octets[:3] + (len(self.titles) + 1).to_bytes(5, "big")

    def secret(self, text: str) -> None:
        if len(text) >= LEAST and set(text) - {"*"}:
            self.secrets[text.encode()] = text
            bare = text[2:] if text[:2].lower() == "0x" else text
            if len(bare) % 2 == 0 and re.fullmatch(r"[0-9A-Fa-f]+", bare):
                self.secrets[bytes.fromhex(bare)] = text

    def address(self, text: str) -> None:
        if text not in OURS and text not in self.addresses:
            number = len(self.addresses) + 1
            self.addresses[text] = (
                f"2001:db8::{number:x}" if ":" in text else f"192.0.{2 + number // 254}.{number % 254 or 254}"
            )

    def counts(self) -> dict[str, int]:
        """How many different ones."""
        return {
            SERIALS: len(self.serials), TITLES: len(self.titles), SECRETS: len(set(self.secrets.values())),
            ADDRESSES: len(self.addresses),
        }  # fmt: skip

    def ready(self, name: str) -> None:
        """All are found: what replaces them is made. Raises: ConfigError past MOST of a kind."""
        for what, count in self.counts().items():
            if count > MOST:
                raise ConfigError(name, f"tells of more than {MOST} {what}: cut out what matters")
        forms = [rb"(?i:" + re.escape(title) + rb")" for title in self.titles]
        texts = [re.escape(title.hex()) for title in self.titles]
        texts += [re.escape(title.hex(" ")) for title in self.titles]
        for serial in sorted(self.serials, key=len, reverse=True):
            forms.append(rb"(?<![0-9])0*" + serial.encode() + rb"(?![0-9])")
            texts.append(rf"(?<![0-9])0*{serial}(?![0-9])")
            packed = _packed(serial)
            forms += [re.escape(order) for order in (packed, packed[::-1]) if len(packed) >= 3]
            spelt = serial.encode().hex()
            forms.append(spelt.encode())
            texts += [spelt]
        texts += [rf"(?<![0-9.]){re.escape(address)}(?![0-9])" for address in self.addresses]
        self._octets = re.compile(b"|".join(forms), re.IGNORECASE) if forms else None
        self._text = re.compile("|".join(texts), re.IGNORECASE) if texts else None

    def in_octets(self, data: bytes) -> bytes:
        return self._octets.sub(lambda found: self._octets_for(found[0]), data) if self._octets else data

    def stands_in(self, data: bytes) -> bool:
        return any(data.find(secret) >= 0 for secret in self.secrets) or self.in_octets(data) != data

    def in_text(self, text: str) -> str:
        for secret in sorted(set(self.secrets.values()), key=len, reverse=True):
            text = text.replace(secret, "***")
        return self._text.sub(lambda found: self._text_for(found[0]), text) if self._text else text

    def _octets_for(self, found: bytes) -> bytes:
        if found in self.titles:
            return self.titles[found]
        try:
            text = found.decode("ascii")
        except UnicodeDecodeError:
            text = ""
        if text and (told := self._serial_for(text)):
            return told.encode()
        for serial, number in self.serials.items():
            packed = _packed(serial)
            new = _packed(_shaped(serial, number))
            if found == packed:
                return new
            if found == packed[::-1]:
                return new[::-1]
        return found

    def _text_for(self, found: str) -> str:
        if found in self.addresses:
            return self.addresses[found]
        blank = " " in found
        try:
            title = self.titles.get(bytes.fromhex(found))
        except ValueError:
            title = None
        if title is not None:
            told = title.hex(" ") if blank else title.hex()
            return told.upper() if found.isupper() else told
        return self._serial_for(found) or found

    def _serial_for(self, found: str) -> str:
        bare = found.lstrip("0").upper()
        if bare in self.serials:
            return _shaped(found, self.serials[bare])
        for serial, number in self.serials.items():
            if found.lower() == serial.encode().hex():
                return _shaped(serial, number).encode().hex()
        return ""


def _shaped(text: str, number: int) -> str:
    """`text` with its digits those of `number`, letters kept."""
    digits = str(number).zfill(sum(map(str.isdigit, text)))
    told = iter(digits[-sum(map(str.isdigit, text)) :])
    return "".join(next(told) if character.isdigit() else character for character in text)


def _packed(serial: str) -> bytes:
    """Two digits a byte, the most significant first; nothing where it has letters beyond F."""
    even = serial.zfill(8 if len(serial) <= 8 else len(serial) + len(serial) % 2)
    return bytes.fromhex(even) if re.fullmatch(r"[0-9A-Fa-f]+", even) else b""


# ---- finding


class _Finder:
    """Takes the rows of an explanation of one line, and finds what tells of somebody."""

    def __init__(self, found: StandIns) -> None:
        self.known = Known()
        self._found = found
        self._asked = ""
        self._next_is_number = False

    def piece(self, piece: Piece) -> list[Row]:
        rows: list[Row] = []
        sheet = page.Page(rows.append)
        frames.explain(sheet, piece.data, self.known, piece.masked)
        titles = " ".join(sheet.titles)
        if piece.sign == ">" or OBJECTS.search(titles):
            self._asked = titles
        for row in rows:
            self._row(row, piece)
        return rows

    def _row(self, row: Row, piece: Piece) -> None:
        if not row.space and any(piece.masked[row.start : row.start + row.size]):
            return
        if row.kind == page.TITLE:
            self._found.title(row.octets)
        elif row.kind == page.SECRET:
            self._secret(row.octets)
        elif row.kind == page.PACKED:
            digits = row.octets[::-1].hex()
            if digits.strip("f"):
                self._found.serial(digits)
        elif row.kind == page.SERIAL:
            told = row.octets.decode("latin-1").strip("/?!\r\n ")
            if told.isdigit():
                self._found.serial(told)
        elif row.kind == page.TEXT:
            self._text(row.octets)

    def _secret(self, octets: bytes) -> None:
        text = octets.decode("latin-1").strip("()")
        if len(octets) >= LEAST and text.isprintable():
            self._found.secret(text)
        elif len(octets) >= LEAST:
            self._found.secrets[octets] = octets.hex()

    def _text(self, octets: bytes) -> None:
        number, self._next_is_number = self._next_is_number, bool(CODES.fullmatch(octets))
        if number or (OBJECTS.search(self._asked) and len(octets) != 12):
            self._found.serial(octets.decode("latin-1").strip("\0 "))
        for address, effective, _, value, _ in parse_readout(octets):
            if effective and plain(effective) in PLACES:
                self._asked = "" if value else "1.0.0.0."
                self._numbers(value)
            elif address is None and self._asked.startswith("1.0.0.0."):
                self._numbers(value)

    def _numbers(self, value: str) -> None:
        self._found.serial(value)
        if len(value) > LEAST and len(value) % 2 == 0 and re.fullmatch(r"[0-9A-Fa-f]+", value):
            self._found.serial(bytes.fromhex(value).decode("latin-1"))  # P1 spells its text in hex


def _find_in_text(text: str, found: StandIns) -> None:
    for match in NAMED_SECRET.finditer(text):
        found.secret(next(filter(None, match.groups()[1:]), ""))
    for match in BARE_KEY.finditer(text):
        found.secret(match[0])
    for match in NAMED_SERIAL.finditer(text):
        found.serial(match[1])
    for match in NAMED_TITLE.finditer(text):
        octets = bytes.fromhex(match[1])
        found.title(octets)
    for pattern in (IPV4, IPV6):
        for match in pattern.finditer(text):
            found.address(match[0])


# ---- replacing


def _replaced(piece: Piece, rows: list[Row], found: StandIns) -> tuple[bytes, bytearray]:
    """The bytes with what stands for others, checks over them right, and which of them nobody is to see."""
    data = bytearray(found.in_octets(piece.data))
    hidden = hide(piece.data, found.secrets, pieces=True)
    for at, masked in enumerate(piece.masked):
        hidden[at] |= masked
    for row in rows:
        if row.space or row.kind not in page.CHECKS:
            continue
        end = row.start + row.size
        if any(hidden[row.since : row.start]):
            hidden[row.start : end] = b"\1" * row.size
        elif not row.wrong:
            data[row.start : end] = _check(row, bytes(data[row.since : row.start]))
    return bytes(data), hidden


def _check(row: Row, covered: bytes) -> bytes:
    if row.kind == page.FCS:
        return fcs16(covered).to_bytes(2, "little")
    if row.kind == page.BCC:
        return bytes((bcc(covered) & 0x7F | row.octets[0] & 0x80,))
    if row.kind == page.SUM:
        return bytes((checksum(covered),))
    return f"{crc16(covered):04X}".encode()


class Redaction:
    """One log with what tells of somebody replaced: `text`, and what was replaced as `found.counts()`."""

    def __init__(self, content: bytes, name: str) -> None:
        self.found = StandIns()
        self._name = name
        text = content.decode("utf-8", "replace")
        if content.lstrip().startswith(HEADER):
            self.text = self._wire_log(text, name)
        else:
            self.text = self._log(text)

    def _wire_log(self, text: str, name: str) -> str:
        said = wire_log(text, name)
        rows = text.splitlines()
        told = {number for piece in said for number, _, _ in piece.rows}
        _find_in_text("\n".join(row for number, row in enumerate(rows, 1) if number not in told), self.found)
        new = self._pieces(said)
        for piece, (data, hidden) in zip(said, new, strict=True):
            for number, start, end in piece.rows:
                sign, time = rows[number - 1].split()[:2]
                rows[number - 1] = f"{sign} {time} {shown(data[start:end], hidden[start:end])}"
        for number, row in enumerate(rows, 1):
            if number not in told:
                rows[number - 1] = self.found.in_text(row)
        return "\n".join(rows) + "\n"

    def _log(self, text: str) -> str:
        runs = list(HEX_RUN.finditer(text))
        said = []
        for run in runs:
            pairs = run[0].split() if " " in run[0] else re.findall("..", run[0])
            data = bytes(0 if pair == "**" else int(pair, 16) for pair in pairs)
            before = text[max(run.start() - 2, 0) : run.start()].strip()
            said.append(Piece(data, bytes(pair == "**" for pair in pairs), before if before in ("<", ">") else ""))
        _find_in_text(text, self.found)
        new = self._pieces(said)
        parts, at = [], 0
        for run, piece, (data, hidden) in zip(runs, said, new, strict=True):
            parts.append(self.found.in_text(text[at : run.start()]))
            at = run.end()
            if data == piece.data and not any(hidden):
                parts.append(self.found.in_text(run[0]))
            else:
                words = shown(data, hidden).replace("**", "XX")
                words = words if " " in run[0] else words.replace(" ", "")
                parts.append(words.upper() if run[0].isupper() else words)
        return "".join(parts) + self.found.in_text(text[at:])

    def _pieces(self, said: list[Piece]) -> list[tuple[bytes, bytearray]]:
        finders: dict[str, _Finder] = {}
        rows = [finders.setdefault(piece.line, _Finder(self.found)).piece(piece) for piece in said]
        self.found.ready(self._name)
        new = [_replaced(piece, of, self.found) for piece, of in zip(said, rows, strict=True)]
        self._mask_what_is_left(said, new)
        return new

    def _mask_what_is_left(self, said: list[Piece], new: list[tuple[bytes, bytearray]]) -> None:
        """What stands across the pieces of a message was not found in any of them."""
        knowns: dict[str, Known] = {}
        open_pieces: dict[tuple[str, str], list[int]] = {}
        for index, piece in enumerate(said):
            rows: list[Row] = []
            data, hidden = new[index]
            frames.explain(page.Page(rows.append), data, knowns.setdefault(piece.line, Known()), bytes(hidden))
            joined = b"".join(row.octets for row in rows if row.space)
            waiting = open_pieces.setdefault((piece.line, piece.sign), [])
            waiting.append(index)
            if joined and self.found.stands_in(joined):
                for each in waiting:
                    new[each][1][:] = b"\1" * len(new[each][0])
            if joined or not any(row.words.startswith(("a segment", "a share")) for row in rows):
                waiting.clear()
