"""What tells a quiet line from a talking one: decoders that want no message, and the wait for silence."""

from __future__ import annotations

from ...conversation import Pause, Receive
from ...errors import Silence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...conversation import Conversation

QUIET_S = 0.5  # a meter that has not sent for so long has finished its list
MAX_QUIET_ROUNDS = 120  # × QUIET_S: how long a talking meter is waited for
TWICE_MS = 800  # 24 characters at 300 bauds; a meter waits longer for its acknowledgement (t_r)
LEAST_WAIT_MS = 50  # for the next character, 33 ms at 300 bauds
SIGNIFICANT = 3  # printable characters that are no accident of the line
MAX_LOOKED_AT = 256
STX = 2
NOISE = b"\x00\x7f\xff\r"  # characters that an idle or switching line makes of itself


class Anything:
    """A decoder for which every byte is a frame."""

    __slots__ = ()
    pending = 0
    missing = 1
    discarded = 0
    reason = ""

    def feed(self, data: bytes) -> bytes | None:
        return data or None

    def reset(self) -> None:
        """Nothing is ever held."""


class AtHand:
    """A decoder that waits for nothing: its frame is what has come in already, if only no bytes at all."""

    __slots__ = ()
    pending = 0
    missing = 1
    discarded = 0
    reason = ""

    def feed(self, data: bytes) -> bytes:
        return data

    def reset(self) -> None:
        """Nothing is ever held."""


def is_list(data: bytes) -> bool:
    """Whether somebody sends a list: more than line ends, accidents of the line, and identifications that come again.

    No data line begins with '/', as an identification and a request's echo do, whatever became of the rest of them.
    """
    lines = data[:MAX_LOOKED_AT].split(b"\n")
    text = b"".join(line for line in lines if not line.lstrip(NOISE).startswith(b"/"))
    return sum(0x20 <= byte < 0x7F or byte == STX for byte in text) >= SIGNIFICANT


def behind_identification(rest: bytes, t2_ms: int) -> Conversation:
    """Wait t2, before which no meter is ready for an acknowledgement. Returns: bytes, `rest` and what came meanwhile.

    Where the identification is coming once more, its end is waited for: otherwise the two meet on the line, or half of
    it comes at the new speed.
    """
    wait_ms = t2_ms
    for _ in range(1 + TWICE_MS // LEAST_WAIT_MS):
        yield Pause(wait_ms / 1000)
        rest += yield Receive(AtHand(), 1, 1)
        if not rest.rpartition(b"\n")[2].lstrip(NOISE).startswith(b"/"):
            break
        wait_ms = LEAST_WAIT_MS
    return rest


def quiet() -> Conversation:
    """Wait until nobody talks any more, within a bound of a minute: a new request would go unheard."""
    for _ in range(MAX_QUIET_ROUNDS):
        yield Pause(QUIET_S)
        try:
            yield Receive(Anything(), 1, 1)
        except Silence:
            return
