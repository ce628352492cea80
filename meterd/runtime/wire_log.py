"""Wire logs: what passed on a line, readable by people and played back as a meter.

    # meterd wire log 1
    # Meter: Landis+Gyr E350   (any notes; a log from the field becomes a test case as it is)
    @ PORT1                    the line that what follows belongs to
    ~ 0.0 300 7E1              line settings, from that moment
    > 12.5 2f 3f 21 0d 0a      sent to the meter; milliseconds since the log began, then the bytes
    < 230.1 2f 4c 47 5a ...    received from it
    > 812.0 01 50 31 02 28 ** ** 29 03 **   secrets, and checks computed over them, are masked

Bytes are what a protocol sees: parity is already taken off. Whatever arrives without a pause is one
entry, so that a secret cannot slip through a mask by being split over two reads.
"""

from __future__ import annotations

from .. import log
from ..conversation import LineSettings
from ..errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, Protocol

    class Writable(Protocol):
        """What a wire log is written to: a text file, or a client that follows it."""

        def write(self, text: str, /) -> Any: ...
        def flush(self) -> Any: ...
        def close(self) -> Any: ...


HEADER = "# meterd wire log 1"
MAX_PIECE = 8192
JOIN_S = 0.05
PARITIES = {"N": "none", "E": "even", "O": "odd"}


def mask(data: bytes, secrets: Iterable[bytes]) -> str:
    """Hex of `data`, with every occurrence of a secret, and the check over it, as `**`."""
    hidden = bytearray(len(data))
    for secret in secrets:
        start = data.find(secret) if secret else -1
        while start >= 0:
            _hide(hidden, start, start + len(secret))
            _hide_check(hidden, data, start + len(secret))
            start = data.find(secret, start + 1)
    return " ".join("**" if secret else f"{byte:02x}" for byte, secret in zip(data, hidden, strict=True))


def _hide(hidden: bytearray, start: int, end: int) -> None:
    end = min(end, len(hidden))
    hidden[start:end] = b"\1" * (end - start)


def _hide_check(hidden: bytearray, data: bytes, start: int) -> None:
    """Hide the check over what ends at `start`: it tells of the secret, and another one would have another check."""
    etx, flag = data.find(b"\x03", start), data.find(b"\x7e", start)
    if data[:1] == b"\x01" and etx >= 0:
        _hide(hidden, etx + 1, etx + 2)  # IEC 62056-21: the block check character behind ETX
    elif data[:1] == b"\x7e" and flag >= start + 2:
        _hide(hidden, flag - 2, flag)  # HDLC: the frame check sequence before the flag


class WireObserver:
    """Hands what was sent, and what came in without a pause as one piece, to `write(sign, time, data)`."""

    def __init__(self, clock: Callable[[], float], write: Callable[[str, float, bytes], None]) -> None:
        self._clock = clock
        self._write = write
        self._sent = b""
        self._began = self._last = 0.0
        self._piece = b""

    def sent(self, data: bytes) -> None:
        self.flush()
        self._sent = data
        self._write(">", self._clock(), data)

    def received(self, data: bytes) -> None:
        now = self._clock()
        # A pause ends a piece, but not an echo that is under way: half a secret would slip through the mask.
        if len(self._piece) > MAX_PIECE or (now > self._last + JOIN_S and not self._sent.startswith(self._piece)):
            self.flush()
        if not self._piece:
            self._began = now
        self._piece += data
        self._last = now

    def framed(self, frame: Any) -> None:
        self.flush()

    def settings(self, settings: LineSettings) -> None:
        self.flush()

    def ended(self, error: Exception | None) -> None:
        self.flush()

    def flush(self) -> None:
        piece, self._piece = self._piece, b""
        if piece:
            self._write("<", self._began, piece)


class WireLog:
    """Writes the wire log of any number of lines to one text file."""

    def __init__(self, file: Writable, clock: Callable[[], float]) -> None:
        self._file: Writable | None = file
        self._clock = clock
        self._start = clock()
        self._line = ""
        file.write(HEADER + "\n")

    def observer(self, line: str, secrets: Callable[[], Iterable[bytes]]) -> WireObserver:
        """What the player of that line should have among its observers."""
        wire_log = self

        class LineObserver(WireObserver):
            def settings(self, settings: LineSettings) -> None:
                super().settings(settings)
                wire_log._put(line, f"~ {wire_log._stamp(wire_log._clock())} {settings}")

        return LineObserver(
            self._clock, lambda sign, time, data: self._put(line, f"{sign} {self._stamp(time)} {mask(data, secrets())}")
        )

    def _stamp(self, time: float) -> str:
        return f"{(time - self._start) * 1000.0:.1f}"

    def _put(self, line: str, entry: str) -> None:
        if self._file is None:
            return
        try:
            if line != self._line:
                self._line = line
                self._file.write(f"@ {line}\n")
            self._file.write(entry + "\n")
            self._file.flush()
        except OSError as error:
            self._give_up(self._file, error)

    def _give_up(self, file: Writable, error: OSError) -> None:
        """The disk is full, or gone: the meters are read on, and what was recorded stays."""
        log.error(f"the wire log cannot be written: {error.strerror}; it ends here")
        self._file = None
        try:
            file.close()
        except OSError:
            pass  # what it still held is what could not be written


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
            entry = _entry(sign, rest)
        except ValueError as error:
            raise ConfigError(f"{name} line {number}", str(error)) from None
        if at is None or at == line:
            entries.append(entry)
    if not entries:
        raise ConfigError(name, f"no entry of a line {line!r}" if line else "no entry: this is no wire log")
    return entries


def _entry(sign: str, rest: str) -> Entry:
    time, _, tail = rest.strip().partition(" ")
    if sign == "~":
        return Entry(sign, float(time), [], parse_settings(tail.strip()))
    if sign not in ("<", ">"):
        raise ValueError(f"{sign!r} begins no entry; '>', '<', '~', '@' and '#' do")
    return Entry(sign, float(time), [None if pair == "**" else int(pair, 16) for pair in tail.split()])
