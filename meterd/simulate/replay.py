"""Plays a wire log as a meter: what was sent to the meter then must come again, and it answers as it did.

A request that is not the next one is looked for further on (a client may retry, or skip what it has cached), then from
the start. What matches nothing gets no answer, as from a meter. Bytes before the first request (a meter that pushes)
are sent at once.
"""

from __future__ import annotations

from ..conversation import LineSettings, Pause, Receive, Send
from ..errors import Garbled, Silence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..conversation import Conversation
    from .transcript import Entry

# A client that went on at another speed and was lost begins anew at the first one; so does a meter after a while.
IDLE_MS = 5000.0
MAX_REQUEST = 4096


class RequestDecoder:
    """Takes bytes until they are a request that the log knows; what leads to none is dropped from the front."""

    def __init__(self, requests: list[Entry]) -> None:
        self._requests = requests
        self._held = b""
        self.discarded = 0
        self.reason = ""
        self.missing = 1

    @property
    def pending(self) -> int:
        return len(self._held)

    def reset(self) -> None:
        self._held = b""
        self.discarded = 0

    def feed(self, data: bytes) -> bytes | None:
        self._held += data
        while self._held:
            if any(request.matches(self._held) for request in self._requests):
                frame, self._held = self._held, b""
                return frame
            if len(self._held) <= MAX_REQUEST and any(self._begins(request) for request in self._requests):
                return None
            self._held = self._held[1:]
            self.discarded += 1
            self.reason = "not a request of the log"
        return None

    def _begins(self, request: Entry) -> bool:
        held = self._held
        return len(held) < len(request.data) and all(
            wanted is None or wanted == byte for wanted, byte in zip(request.data, held, strict=False)
        )


def meter(entries: list[Entry], pace: bool = False) -> Callable[[], Conversation]:
    """A meter that answers as the log says; with `pace` after the same delays. Any number of clients, one at a time."""
    requests = [entry for entry in entries if entry.sign == ">"]
    opening = next((entry.settings for entry in entries if entry.settings is not None), None)

    def play() -> Conversation:
        decoder = RequestDecoder(requests)
        position = start = yield from _answer(entries, 0, pace)
        while True:
            elsewhere = _settings_at(entries, position) != opening
            try:
                request = yield Receive(decoder, IDLE_MS if elsewhere else None, 1000.0)
            except (Silence, Garbled):  # the end of a request that the log never saw may look like the beginning of one
                decoder.reset()
                if elsewhere and opening is not None:
                    yield opening
                    position = start
                continue
            at = _find(entries, position, request)
            position = yield from _answer(entries, at + 1, pace)

    return play


def _settings_at(entries: list[Entry], position: int) -> LineSettings | None:
    """The line settings that are in force before the entry at `position`."""
    return next((one.settings for one in reversed(entries[:position]) if one.settings is not None), None)


def _find(entries: list[Entry], position: int, request: bytes) -> int:
    order = [*range(position, len(entries)), *range(position)]
    return next(index for index in order if entries[index].sign == ">" and entries[index].matches(request))


def _answer(entries: list[Entry], position: int, pace: bool) -> Conversation:
    """Send what the log has until the next request; returns its position."""
    while position < len(entries) and entries[position].sign != ">":
        entry = entries[position]
        if pace and position and _belongs_to_answer(entries, position):
            yield Pause(max(0.0, entry.time_ms - _over_ms(entries, position - 1)) / 1000.0)
        if entry.settings is not None:
            yield entry.settings
        else:
            yield Send(bytes(byte or 0 for byte in entry.data), keep_input=True)
        position += 1
    return position


def _belongs_to_answer(entries: list[Entry], position: int) -> bool:
    """Whether the delay of an entry is the meter's; a change of speed before a request comes when the client likes."""
    return entries[position].settings is None or (position + 1 < len(entries) and entries[position + 1].sign == "<")


def _over_ms(entries: list[Entry], position: int) -> float:
    """When an entry is over: a request is heard once its last bit has left the wire."""
    entry = entries[position]
    settings = _settings_at(entries, position)
    if entry.sign != ">" or settings is None:
        return entry.time_ms
    return entry.time_ms + len(entry.data) * settings.character_bits() * 1000.0 / settings.baudrate


def first_settings(entries: list[Entry]) -> LineSettings | None:
    """The line settings that the log begins with, if it names any."""
    return next((entry.settings for entry in entries if entry.settings is not None), None)
