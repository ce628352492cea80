"""The vocabulary in which a protocol talks to its line.

A conversation with one meter is a generator. It yields the steps below; whoever drives it (a line, a simulated meter's
host, a test with a transcript) answers each. A conversation never sees a file descriptor, a clock or a thread.

| step | answer |
|---|---|
| `Send(data)` | None, once the last bit has left the wire |
| `Receive(decoder, timeout_ms, gap_ms)` | one frame, or `Silence`, `Incomplete` or `Garbled` is thrown in |
| `LineSettings(...)` | None, once in force |
| `Pause(seconds)` | None, afterwards |
| `Reopen(timeout_s)` | None, once the port was closed and stands anew; `PortGone` is thrown in where it does not |
| `Report(reading)`, `ReportAll(readings)` | None, at once |
| `Tell(level, text)`, `MeterTime(...)` | None, at once |
| a `Burst` | None once all its exchanges are done; else what came in place of the answer due: a frame, or an error |

A conversation is stopped by throwing `Aborted` into it: it may yield a few more steps in its `finally` (DISC, break,
deselect), within a bound that the line sets.
"""

from __future__ import annotations

from ._steps import Burst, Receive, Report, ReportAll, Send
from .errors import Garbled, Incomplete, Silence

__all__ = [
    "NOTICE", "WARNING", "Burst", "LineSettings", "MeterTime", "Pause", "Receive", "Reopen", "Report", "ReportAll",
    "Send", "Tell", "exchange", "with_retries",
]  # fmt: skip

WARNING, NOTICE = 4, 5  # of what is told; the levels of syslog, as `log` has them

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Any, Protocol

    class Decoder(Protocol):
        """Turns bytes into frames; keeps what it was fed until a frame is whole.

        Bytes may be split anywhere. On damage it drops as little as possible, hunts for the next start, and counts
        what it dropped. Its buffer has a stated maximum, past which it drops too: no input makes it grow without end.
        """

        @property
        def pending(self) -> int:
            """Bytes held of a frame that has begun and is not whole; 0 while hunting for a start."""

        @property
        def missing(self) -> int:
            """Bytes known to be missing for the frame at hand; at least 1."""

        @property
        def discarded(self) -> int:
            """Bytes thrown away since the decoder was made or reset."""

        @property
        def reason(self) -> str:
            """Why the most recent bytes were thrown away, in words; empty if none were."""

        def feed(self, data: bytes) -> Any:
            """Take more bytes (or none, to ask for a further frame already held); return a frame, or None.

            Raises: DecodeError where nothing that may still come can help (a message beyond the stated maximum).
            """

        def reset(self) -> None:
            """Forget everything held; called before a new request where late bytes must not count."""

    Conversation = Generator[Any, Any, Any]


class LineSettings:
    """Speed and character format of a serial line; without effect over TCP.

    `data_bits` 5 to 8, `parity` 'none', 'even' or 'odd', `stop_bits` 1 or 2. `within_eight`: a converter carries the
    seven data bits and their parity as eight, which has effect over TCP alone.
    """

    __slots__ = ("baudrate", "data_bits", "parity", "stop_bits", "within_eight")

    def __init__(
        self, baudrate: int, data_bits: int = 8, parity: str = "none", stop_bits: int = 1, within_eight: bool = False
    ) -> None:
        self.baudrate = baudrate
        self.data_bits = data_bits
        self.parity = parity
        self.stop_bits = stop_bits
        self.within_eight = within_eight

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LineSettings) and self.key() == other.key()

    def __hash__(self) -> int:
        return hash(self.key())

    def key(self) -> tuple[int, int, str, int, bool]:
        return (self.baudrate, self.data_bits, self.parity, self.stop_bits, self.within_eight)

    def character_bits(self) -> int:
        """Bits on the wire for one character: start, data, parity, stop."""
        return 1 + self.data_bits + (self.parity != "none") + self.stop_bits

    def at(self, baudrate: int) -> LineSettings:
        """The same character format at another speed."""
        return LineSettings(baudrate, self.data_bits, self.parity, self.stop_bits, self.within_eight)

    def __repr__(self) -> str:
        return f"{self.baudrate} {self.data_bits}{self.parity[0].upper()}{self.stop_bits}"


class Pause:
    """Let time pass; bytes that arrive meanwhile are kept for the next Receive."""

    __slots__ = ("seconds",)

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __repr__(self) -> str:
        return f"Pause({self.seconds})"


class Reopen:
    """Go on over a new connection: converters close it after each answer, meters over a request they do not like."""

    __slots__ = ("timeout_s",)

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s

    def __repr__(self) -> str:
        return f"Reopen({self.timeout_s:g})"


class Tell:
    """Say one sentence about the meter, in the log and as an event: another one answers, something is left out.

    What goes wrong is raised instead. `about` is a word for the kind of thing: sentences of a kind are folded together.
    """

    __slots__ = ("about", "level", "text")

    def __init__(self, level: int, text: str, about: str = "meter") -> None:
        self.level = level
        self.text = text
        self.about = about

    def __repr__(self) -> str:
        return f"Tell({self.level}, {self.text!r})"


class MeterTime:
    """What the meter's clock says, just now: ISO 8601. Several `texts` are readings of one and the same, and the likely
    one counts. Without an offset it is local time: with or without `summer` time, or as the zone has it (None).
    `device_alias`: whose it is, where a talk serves several.
    """

    __slots__ = ("device_alias", "summer", "texts")

    def __init__(self, texts: list[str], summer: bool | None = None, device_alias: str = "") -> None:
        self.texts = texts
        self.summer = summer
        self.device_alias = device_alias

    def __repr__(self) -> str:
        return f"MeterTime({self.texts!r}, {self.summer!r}, {self.device_alias!r})"


def exchange(data: bytes, decoder: Decoder, timeout_ms: float, gap_ms: float) -> Conversation:
    """Send a request and wait for one frame; late bytes of an earlier answer do not count.

    Returns: the frame. Raises: Silence, Incomplete, Garbled.
    """
    decoder.reset()
    yield Send(data)
    return (yield Receive(decoder, timeout_ms, gap_ms))


def with_retries(attempts: int, attempt: Callable[[], Conversation]) -> Conversation:
    """Run `attempt()` until it returns, at most `attempts` times (at least once), retrying line errors only.

    Returns: what the attempt returned. Raises: the last Silence, Incomplete or Garbled.
    """
    while True:
        attempts -= 1
        try:
            return (yield from attempt())
        except (Silence, Incomplete, Garbled):
            if attempts <= 0:
                raise
