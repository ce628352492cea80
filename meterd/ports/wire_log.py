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
MAX_ECHOED = 8  # messages with secrets whose echo is known again
MAX_WAITING = 64  # entries that wait for a secret to show or not
PART = 4  # bytes of a secret in a row that are secret by themselves, in what is sent


def mask(data: bytes, secrets: Iterable[bytes]) -> str:
    """Hex of `data`, with every occurrence of a secret, and the check over it, as `**`."""
    return shown(data, hide(data, secrets))


def shown(data: bytes, hidden: bytearray) -> str:
    """Hex of `data`, with `**` where `hidden` is not 0."""
    return " ".join("**" if secret else f"{byte:02x}" for byte, secret in zip(data, hidden, strict=True))


def hide(data: bytes, secrets: Iterable[bytes], pieces: bool = False) -> bytearray:
    """1 for each byte of `data` that belongs to a secret or to the check over one; with `pieces` also where no more
    than a part of a secret stands, as where a message is sent in segments."""
    hidden = bytearray(len(data))
    for secret in secrets:
        for part in _parts(secret) if pieces else [secret]:
            start = data.find(part) if part else -1
            while start >= 0:
                _set(hidden, start, start + len(part))
                _hide_check(hidden, data, start + len(part))
                start = data.find(part, start + 1)
    return hidden


def _parts(secret: bytes) -> set[bytes]:
    return {secret, *(secret[at : at + PART] for at in range(len(secret) - PART + 1))}


def _set(hidden: bytearray, start: int, end: int) -> None:
    end = min(end, len(hidden))
    hidden[start:end] = b"\1" * max(end - start, 0)


def _hide_check(hidden: bytearray, data: bytes, start: int) -> None:
    """Hide the check over what ends at `start`: it tells of the secret, and another one would have another check."""
    if data[:1] == b"\x7e":
        flag = _closing_flag(data, start)
        _set(hidden, max(flag - 2, 0), flag)  # HDLC: the frame check sequence
    elif data.rfind(b"\x01", 0, start) >= 0:
        etx = data.find(b"\x03", start)
        _set(hidden, etx + 1, etx + 2 if etx >= 0 else 0)  # IEC 62056-21: the block check character behind ETX


def _closing_flag(data: bytes, start: int) -> int:
    """Where the HDLC frame ends in which `start` lies, by the lengths of the frames; 0 where there are none."""
    at = 0
    while at + 2 < len(data) and data[at] == 0x7E:
        if data[at + 1] == 0x7E:
            at += 1
            continue
        end = at + 1 + ((data[at + 1] & 7) << 8 | data[at + 2])
        if end >= start:
            break
        at = end
    else:
        return 0
    return end if data[end : end + 1] == b"\x7e" else max(data.find(b"\x7e", start), 0)


def _beginnings(data: bytes, secrets: Iterable[bytes]) -> int:
    """How many bytes at the end of `data` may be the beginning of a secret."""
    longest = 0
    for secret in secrets:
        for size in range(min(len(secret) - 1, len(data)), longest, -1):
            if data.endswith(secret[:size]):
                longest = size
                break
    return longest


class Curtain:
    """Lets the entries of one line pass in their order, secrets masked also where two of them share one.

    An entry that ends like the beginning of a secret waits, with all behind it, until what follows in its direction
    tells; where nothing follows, that end is masked.
    """

    def __init__(self, secrets: Callable[[], Iterable[bytes]], write: Callable[[str, float, str], None]) -> None:
        self._secrets = secrets
        self._write = write
        self._entries: list[tuple[str, float, bytes]] = []  # sign, time, data
        self._sent: list[tuple[bytes, bytearray]] = []  # with pieces of secrets, and where: an echo brings them back

    def add(self, sign: str, time: float, data: bytes) -> None:
        self._entries.append((sign, time, data))
        if sign == ">" and any(hidden := hide(data, self._secrets(), pieces=True)):
            self._sent = [*self._sent[1 - MAX_ECHOED :], (data, hidden)]
        self.lift(len(self._entries) > MAX_WAITING)

    def lift(self, at_once: bool) -> None:
        """Let pass what can; all of it if that must be `at_once`."""
        secrets = list(self._secrets())
        hidden, open_from = {}, {}
        for sign in ("<", ">"):
            data = b"".join(entry[2] for entry in self._entries if entry[0] == sign)
            hidden[sign] = hide(data, secrets, pieces=sign == ">")
            self._hide_echoes(data, hidden[sign])
            beginning = _beginnings(data, secrets)
            open_from[sign] = len(data) - beginning
            # A last check byte is one letter of some secret now and then; what came in must still play back.
            if at_once and (sign == ">" or beginning >= PART):
                _set(hidden[sign], open_from[sign], len(data))
        self._pass(hidden, open_from, at_once)

    def _hide_echoes(self, data: bytes, hidden: bytearray) -> None:
        for sent, secret in self._sent:
            start = data.find(sent)
            if start >= 0:
                for at in range(len(sent)):
                    hidden[start + at] |= secret[at]

    def _pass(self, hidden: dict[str, bytearray], open_from: dict[str, int], at_once: bool) -> None:
        passed = {"<": 0, ">": 0}
        while self._entries:
            sign, time, data = self._entries[0]
            begin, end = passed[sign], passed[sign] + len(data)
            if end > open_from[sign] and not at_once:
                return
            del self._entries[0]
            passed[sign] = end
            self._write(sign, time, shown(data, hidden[sign][begin:end]))


class WireObserver:
    """Hands what was sent, and what came in without a pause as one piece, to `write(sign, time, hex)`, masked; and the
    line settings."""

    def __init__(
        self,
        clock: Callable[[], float],
        secrets: Callable[[], Iterable[bytes]],
        write: Callable[[str, float, str], None],
    ) -> None:
        self._clock = clock
        self._write = write
        self._curtain = Curtain(secrets, write)
        self._began = self._last = 0.0
        self._piece = b""

    def sent(self, data: bytes) -> None:
        self._end_piece()
        self._curtain.add(">", self._clock(), data)

    def received(self, data: bytes) -> None:
        now = self._clock()
        if len(self._piece) > MAX_PIECE or now > self._last + JOIN_S:
            self._end_piece()
        if not self._piece:
            self._began = now
        self._piece += data
        self._last = now

    def framed(self, frame: Any) -> None:
        self._end_piece()

    def settings(self, settings: LineSettings) -> None:
        self.flush()
        self._write("~", self._clock(), str(settings))

    def ended(self, error: Exception | None) -> None:
        self.flush()

    def flush(self) -> None:
        """Let go of all that waits."""
        self._end_piece()
        self._curtain.lift(at_once=True)

    def _end_piece(self) -> None:
        piece, self._piece = self._piece, b""
        if piece:
            self._curtain.add("<", self._began, piece)


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
        return WireObserver(
            self._clock, secrets, lambda sign, time, text: self._put(line, f"{sign} {self._stamp(time)} {text}")
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
