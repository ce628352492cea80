"""What a consumer has in a safe place, where `acknowledgement` is `application`.

A broker's acknowledgement says that the broker has a message, which may be in its memory only. With `application` a
reading is forgotten when a consumer says on `acknowledge_topic` that it has it: `{"epoch": "5f0c19ab", "have": [[118,
240]]}`, first and last `seq` of each range, in any order and as often as it likes. What a device's own state says is
no measurement, and needs the broker's word alone.
Dirt it must survive: anything at all on that topic; ranges without end; consumers that stop answering (the sink sends
again after `acknowledge_s`).
"""

from __future__ import annotations

from ..gateway.json_text import loads
from .ranges import Ranges

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .mqtt_payload import Message

    Key = Callable[[int], tuple[str, int]]

MAX_HEARD = 1 << 16  # bytes of a message that is looked at
MAX_RANGES = 1000


def read(payload: bytes) -> tuple[str, Ranges]:
    """Epoch and ranges; none where it is no such message."""
    try:
        content = loads(payload) if len(payload) <= MAX_HEARD else None
    except (ValueError, TypeError, OverflowError, RecursionError):
        content = None
    if not isinstance(content, dict) or not isinstance(content.get("have"), list):
        return "", Ranges()
    have = Ranges(
        (one[0], one[1])
        for one in content["have"][:MAX_RANGES]
        if isinstance(one, list) and len(one) == 2 and all(type(end) is int for end in one) and one[0] <= one[1]
    )
    return str(content.get("epoch")), have


def confirm(message: Message, key: Key, epoch: str, have: Ranges) -> list[int]:
    """Which of the readings that a message still waits for are there by these; it waits for the others alone."""
    there = []
    for number in message.numbers:
        own, sequence = key(number)
        if own == epoch and sequence in have:
            there.append(number)
    if there:
        found = {*there}
        message.numbers = tuple(number for number in message.numbers if number not in found)
    return there
