"""Ways to find a meter with a P1 port: an ear for the telegram that it sends unasked, at the two speeds there are.

Standard: DSMR P1 companion standard 5.0.2 (115200 8N1, each second or each ten), before 4.0 9600 7E1.
The dirt: half a telegram to begin with; ciphered ones, which nobody can tell from noise without their key.
"""

from __future__ import annotations

from ...errors import MeterdError, PortGone
from ...model import Memory
from ...names.makers import Plate
from ...sighting import THIRD, Attempt, Sighting
from .driver import one_telegram, plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...conversation import Conversation
    from ...model import Device
    from ...sighting import Place

PACKAGE = "p1"
LINES: tuple[dict[str, Any], ...] = ({"baudrate": 115200}, {"baudrate": 9600, "databits": 7, "parity": "even"})
INTERVAL_MS = 5500  # twice of it is listened: a telegram comes each ten seconds at the latest


def attempts(place: Place) -> list[Attempt]:
    """The ways to find a meter there."""
    return [_ear(place, line) for line in (LINES if not place.over_tcp else ({},))]


def greeting(device: Device, memory: Memory) -> Conversation:
    """The next telegram of a device without signals. Raises: MeterdError."""
    yield from one_telegram(plan(device, []), memory)


def _ear(place: Place, line: dict[str, Any]) -> Attempt:
    shown = f", {line['baudrate']} {'7E1' if line.get('databits') == 7 else '8N1'}" if line else ""
    words = f"P1: listening for a telegram{shown}"
    return Attempt(PACKAGE, words, 2 * INTERVAL_MS / 1000, lambda tell: _listen(place, line), THIRD,
                   listens=True)  # fmt: skip


def _listen(place: Place, line: dict[str, Any]) -> Conversation:
    """Returns: [Sighting]."""
    device = place.make(PACKAGE, {**line, "scan_rate_ms": INTERVAL_MS})
    try:
        telegram = yield from one_telegram(plan(device, []), Memory())
    except PortGone:
        raise
    except MeterdError:
        return []
    numbers = telegram.numbers()
    plate = Plate("", serial=numbers[-1].strip() if numbers else "")
    return [Sighting(PACKAGE, dict(line), f"a telegram of {len(telegram.groups)} lines comes unasked", plate)]
