"""Reads a wire log (`meterd.ports.wire_log` writes it and describes its form) to play it back as a meter."""

from __future__ import annotations

from ..conversation import LineSettings
from ..errors import ConfigError

PARITIES = {"N": "none", "E": "even", "O": "odd"}


class Entry:
    """One entry of a wire log: `sign` '>', '<' or '~', `time_ms`, and `data` (None = masked byte) or `settings`."""

    __slots__ = ("data", "settings", "sign", "time_ms")

    def __init__(self, sign: str, time_ms: float, data: list[int | None], settings: LineSettings | None = None) -> None:
        self.sign = sign
        self.time_ms = time_ms
        self.data = data
        self.settings = settings

    def matches(self, sent: bytes) -> bool:
        """Whether `sent` is this entry, masked bytes standing for anything."""
        return len(sent) == len(self.data) and all(
            wanted is None or wanted == byte for wanted, byte in zip(self.data, sent, strict=True)
        )


def parse_settings(text: str) -> LineSettings:
    """`9600 8N1` as settings. Raises: ValueError."""
    speed, _, form = text.partition(" ")
    if len(form) != 3 or form[1] not in PARITIES:
        raise ValueError(f"{text!r} is not a line setting such as 9600 8N1")
    return LineSettings(int(speed), int(form[0]), PARITIES[form[1]], int(form[2]))


def parse_wire_log(text: str, name: str = "wire log", line: str | None = None) -> list[Entry]:
    """The entries of one line of a wire log, the first line by default. Raises: ConfigError, naming file and line."""
    entries: list[Entry] = []
    at: str | None = None
    for number, row in enumerate(text.splitlines(), 1):
        sign, _, rest = row.strip().partition(" ")
        if not sign or sign.startswith("#"):
            continue
        try:
            if sign == "@":
                at = rest.strip()
                line = line if line is not None else at
                continue
            entry = parse_entry(sign, rest)
        except ValueError as error:
            raise ConfigError(f"{name} line {number}", str(error)) from None
        if at is None or at == line:
            entries.append(entry)
    if not entries:
        raise ConfigError(name, f"no entry of a line {line!r}" if line else "no entry: this is no wire log")
    return entries


def parse_entry(sign: str, rest: str) -> Entry:
    """An entry by its sign and what stands behind it. Raises: ValueError."""
    time, _, tail = rest.strip().partition(" ")
    if sign == "~":
        return Entry(sign, float(time), [], parse_settings(tail.strip()))
    if sign not in ("<", ">"):
        raise ValueError(f"{sign!r} begins no entry; '>', '<', '~', '@' and '#' do")
    return Entry(sign, float(time), [_byte(pair) for pair in tail.split()])


def _byte(pair: str) -> int | None:
    if pair == "**":
        return None
    if len(pair) > 2:
        raise ValueError(f"{pair!r} is not one byte in hex")
    return int(pair, 16)
