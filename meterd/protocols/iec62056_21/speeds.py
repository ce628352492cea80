"""Which speeds a meter may be read at, the likeliest first.

IEC 62056-21 clause 6.3.3: the meter proposes, the reader acknowledges that or less, both switch. The dirt: converters
that garble a speed or are deaf to it; meters that want their acknowledgement and stay where they are, above all ports
that are fixed at a speed above the announced one (modules, RS-485); sites that know better.
"""

from __future__ import annotations

from .messages import MODE_C_BAUDRATES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .settings import SessionSettings


class Choice:
    """`character` Z of the acknowledgement, or -1 where there is none; `speed` of the line afterwards, 0 over TCP."""

    __slots__ = ("character", "speed")

    def __init__(self, character: int, speed: int) -> None:
        self.character = character
        self.speed = speed

    def __repr__(self) -> str:
        return f"Choice({self.character}, {self.speed})"


def in_mode_c(settings: SessionSettings, proposed: int) -> list[Choice]:
    """What to acknowledge where the meter proposes that character, and where to listen then."""
    most = proposed
    while most and settings.max_baudrate and MODE_C_BAUDRATES[most] > settings.max_baudrate:
        most -= 1
    if settings.opening is None:
        return [Choice(most, 0)]
    if settings.read_baudrate:
        at_most = [number for number in range(most + 1) if MODE_C_BAUDRATES[number] <= settings.read_baudrate]
        return [Choice(at_most[-1], settings.read_baudrate)]
    opening = settings.opening.baudrate
    kept = Choice(most, opening)
    if opening == MODE_C_BAUDRATES[most]:
        return [kept]
    lowest = MODE_C_BAUDRATES.index(opening) if opening in MODE_C_BAUDRATES[:most] else 0
    followed = [Choice(number, MODE_C_BAUDRATES[number]) for number in (most, max(most - 1, lowest), lowest)]
    if opening > MODE_C_BAUDRATES[most]:
        # Nobody slows down to be read: such a port is fixed at the speed at which it was called.
        return [kept, *followed]
    return [*followed, kept]


def in_mode_b(settings: SessionSettings, announced: int) -> list[Choice]:
    """A meter of mode B switches unasked; where its speed gave nothing, perhaps it did not."""
    if settings.opening is None:
        return [Choice(-1, 0)]
    if settings.read_baudrate:
        return [Choice(-1, settings.read_baudrate)]
    return [Choice(-1, announced), Choice(-1, settings.opening.baudrate)]
