"""Ways to find a DLMS meter that pushes: an ear for its frames, at the speeds of customer interfaces.

HDLC frames and long frames of M-Bus are told apart by what fits. The dirt: half a frame to begin with; other meters'
dialogues on the line, whose frames are none that come unasked; lists under a key that nobody knows yet.
"""

from __future__ import annotations

from ..._hdlc import HdlcDecoder
from ..._mbus import MbusDecoder
from ...conversation import LineSettings, Receive
from ...errors import MeterdError, PortGone
from ...names.makers import Plate
from ...sighting import THIRD, Attempt, Sighting
from .driver import CIPHERED, one_list, plan
from .frames import is_pushed, without_llc
from .mbus_frames import ACCESS_POINTS, is_part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...conversation import Conversation
    from ...model import Device, Memory
    from ...sighting import Place

PACKAGE = "dlms_push"
# M-Bus adapters of the Nordic countries, Austria, Switzerland; Kamstrup; optical heads and sockets.
LINES: tuple[dict[str, Any], ...] = (
    {"baudrate": 2400, "parity": "even"}, {"baudrate": 2400, "parity": "none"}, {"baudrate": 9600, "parity": "none"},
    {"baudrate": 115200, "parity": "none"},
)  # fmt: skip
LISTENED_MS = 11_000  # a list comes each ten seconds at the latest
GAP_MS = 500
# First octets of what meters push: notifications, plain or ciphered, and general blocks.
BEGINNINGS = (b"\x0f", b"\xc2", b"\xe0", *CIPHERED)
KEY_WANTED = "encryption_key (and authentication_key, where the operator gives one): its lists are ciphered"


def attempts(place: Place) -> list[Attempt]:
    """The ways to find a meter there."""
    return [_ear(place, line) for line in (LINES if not place.over_tcp else ({},))]


def greeting(device: Device, memory: Memory) -> Conversation:
    """The next list of a device without signals. Raises: MeterdError."""
    yield from one_list(plan(device, []), memory)


class BothFramings:
    """A decoder for HDLC and M-Bus at once; its frame is ("HDLC" or "M-Bus", what the frame carries)."""

    __slots__ = ("_hdlc", "_mbus")
    missing = 1

    def __init__(self) -> None:
        self._hdlc = HdlcDecoder()
        self._mbus = MbusDecoder()

    @property
    def pending(self) -> int:
        return 0  # each may hold what is the other's: nobody waits for the rest of it

    @property
    def discarded(self) -> int:
        return min(self._hdlc.discarded, self._mbus.discarded)

    @property
    def reason(self) -> str:
        return self._hdlc.reason

    def reset(self) -> None:
        self._hdlc.reset()
        self._mbus.reset()

    def feed(self, data: bytes) -> tuple[str, bytes] | None:
        found = self._hdlc.feed(data)
        while found is not None:
            if is_pushed(found) and without_llc(found.information).startswith(BEGINNINGS):
                return ("HDLC", without_llc(found.information))
            found = self._hdlc.feed(b"")
        part = self._mbus.feed(data)
        while part is not None:
            if is_part(part) and part.data[ACCESS_POINTS:].startswith(BEGINNINGS):
                return ("M-Bus", part.data[ACCESS_POINTS:])
            part = self._mbus.feed(b"")
        return None


def _ear(place: Place, line: dict[str, Any]) -> Attempt:
    shown = f", {line['baudrate']} 8{line['parity'][0].upper()}1" if line else ""
    words = f"DLMS push: listening for a list{shown}"
    return Attempt(PACKAGE, words, LISTENED_MS / 1000, lambda tell: _listen(place, line), THIRD, listens=True)


def _listen(place: Place, line: dict[str, Any]) -> Conversation:
    """Returns: [Sighting]."""
    device = place.make(PACKAGE, line)
    if device.has_line():
        yield LineSettings(device["baudrate"], device["databits"], device["parity"], device["stopbits"])
    try:
        framing, apdu = yield Receive(BothFramings(), LISTENED_MS, GAP_MS)
    except PortGone:
        raise
    except MeterdError:
        return []
    more = KEY_WANTED if apdu.startswith(CIPHERED) else ""
    title = apdu[2:10] if apdu[:2] == b"\xdb\x08" else b""
    told = f"title {title.hex().upper()}, " if title else ""
    how = f"a list comes unasked in {framing} frames, {told}{'ciphered' if more else 'plain'}"
    return [Sighting(PACKAGE, {**line, "framing": framing}, how, Plate("", serial=title.hex().upper()), more)]
