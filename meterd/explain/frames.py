"""Which protocol the next bytes are of, and what stands between frames.

Dirt: noise before, behind and between; a stream that is no meter's at all; bytes that could begin a frame of several
protocols (M-Bus 68 and an IEC "h", 10 and noise): what follows decides.
"""

from __future__ import annotations

from . import apdus, hdlc, iec62056_21, mbus, wrapper
from .page import CutShort, Page, Walk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .known import Known

AHEAD = 12
WAKE_UP = {
    0x00: "wake-up or settling: NULs (IEC 62056-21 annex B)",
    0x55: "wake-up of sleeping meters: alternating bits",
}
LEAST_WAKE_UP = 3
SETTLING = (0x00, 0xFF)


def explain(page: Page, data: bytes, known: Known, masked: bytes = b"") -> None:
    """All frames in a piece of what one side said."""
    walk = page.walk(data, masked)
    while walk.left:
        one(walk, known)


def one(walk: Walk, known: Known) -> None:
    """The next frame, or what stands before it."""
    ahead = walk.look(AHEAD)
    try:
        if hdlc.begins(ahead):
            hdlc.explain(walk, known)
        elif mbus.begins(ahead):
            mbus.explain(walk, known)
        elif wrapper.begins(ahead):
            wrapper.explain(walk, known)
        elif _is_apdu(walk):
            walk.part(walk.left, "", lambda inner: apdus.explain(inner, known))
        elif ahead[0] in (*SETTLING, 0x55) and _run(walk) >= 1 and ahead[0] in (*WAKE_UP, 0xFF):
            _quiet(walk, ahead[0])
        elif iec62056_21.begins(ahead):
            iec62056_21.explain(walk)
        else:
            _noise(walk)
    except CutShort:
        pass


def _is_apdu(walk: Walk) -> bool:
    """An APDU without a link: nothing but the whole piece can be one, and text of a meter is none."""
    ahead = walk.look(2)
    return (
        walk.at == 0
        and apdus.begins(ahead)
        and ahead[0] not in iec62056_21.BEGINNINGS
        and not (0x20 <= ahead[0] < 0x7F and all(0x09 <= byte < 0x7F for byte in walk.look(6)))
    )


def _run(walk: Walk) -> int:
    """How often the next byte stands in a row."""
    end = walk.at
    while end < walk.end and walk.data[end] == walk.data[walk.at]:
        end += 1
    return end - walk.at


def _quiet(walk: Walk, octet: int) -> None:
    size = _run(walk)
    words = WAKE_UP.get(octet, "a line that settles: all bits set")
    walk.page.title("wake-up" if size >= LEAST_WAKE_UP else "line settles")
    walk.take(size, f"{size} × {octet:02X}: {words}")


def _starts(walk: Walk, at: int) -> bool:
    ahead = walk.look(AHEAD, at)
    return hdlc.begins(ahead) or mbus.begins(ahead) or wrapper.begins(ahead) or ahead[:1] == b"/" or ahead[:1] == b"\2"


def _noise(walk: Walk) -> None:
    size = 1
    while size < walk.left and not _starts(walk, size):
        size += 1
    walk.page.title("noise")
    walk.unknown(size, f"{size} bytes that are no frame of a protocol known here: noise, or another speed or parity")
