"""What tells a quiet line from a talking one: decoders that want no message, and the wait for silence."""

from __future__ import annotations

from ...conversation import Pause, Receive
from ...errors import Silence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...conversation import Conversation

QUIET_S = 0.5  # a meter that has not sent for so long has finished its list
MAX_QUIET_ROUNDS = 120  # × QUIET_S: how long a talking meter is waited for
SIGNIFICANT = 3  # printable characters that are no accident of the line
MAX_LOOKED_AT = 256
STX = 2


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


def is_text(data: bytes) -> bool:
    """Whether somebody talks here: more than line ends and accidents of the line."""
    return sum(0x20 <= byte < 0x7F or byte == STX for byte in data[:MAX_LOOKED_AT]) >= SIGNIFICANT


def quiet() -> Conversation:
    """Wait until nobody talks any more, within a bound of a minute: a new request would go unheard."""
    for _ in range(MAX_QUIET_ROUNDS):
        yield Pause(QUIET_S)
        try:
            yield Receive(Anything(), 1, 1)
        except Silence:
            return
