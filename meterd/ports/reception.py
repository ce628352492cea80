"""How long a Receive step lasts, as pure arithmetic: no clock and no file descriptor.

The first byte of a frame must come within `timeout_ms`; noise that a decoder throws away does not extend that. Within
a frame the gap between bytes is bounded by `gap_ms`. A line that babbles past the time-out is cut off at the first
byte that the decoder discards after it, and since every decoder bounds its frame, the wait is bounded as well.
"""

from __future__ import annotations

from ..errors import Garbled, Incomplete, LineError, Silence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..conversation import Receive


class Reception:
    """One Receive step under way, begun at `now` (seconds, any monotonic clock)."""

    __slots__ = ("_discarded", "_heard", "_limit", "deadline", "step")

    def __init__(self, step: Receive, now: float) -> None:
        self.step = step
        timeout_ms = step.timeout_ms
        self.deadline = self._limit = None if timeout_ms is None else now + timeout_ms / 1000.0
        self._discarded = step.decoder.discarded
        self._heard = False

    def feed(self, data: bytes, now: float) -> Any:
        """Give the decoder more bytes; returns a frame, or None and `deadline` moves. Raises: Garbled, DecodeError."""
        frame = self.step.decoder.feed(data)
        if frame is None:
            self.go_on(bool(data), now)
        return frame

    def go_on(self, heard: bool, now: float) -> None:
        """The decoder made no frame of what it got: set `deadline`. Raises: Garbled where the line only babbles."""
        decoder = self.step.decoder
        if heard:
            self._heard = True
        if decoder.pending:
            self.deadline = now + self.step.gap_ms / 1000.0
        else:
            self.deadline = self._limit
        if self._limit is None or now <= self._limit:
            self._discarded = decoder.discarded
        elif decoder.discarded > self._discarded:
            raise Garbled(f"the line babbles: {self._what_was_dropped()}")

    def expired(self) -> LineError:
        """What to throw into the conversation when the deadline has passed."""
        decoder = self.step.decoder
        if decoder.pending:
            return Incomplete(f"only {decoder.pending} bytes of a frame came, at least {decoder.missing} are missing")
        if self._heard or decoder.discarded:
            return Garbled(self._what_was_dropped())
        return Silence(f"no answer within {self.step.timeout_ms:g} ms")

    def _what_was_dropped(self) -> str:
        decoder = self.step.decoder
        reason = decoder.reason or "no frame start"
        if not decoder.discarded:  # all that came is held: a line that may still become one
            return f"what came made no frame ({reason})"
        return f"{decoder.discarded} bytes came and none of them made a frame ({reason})"
