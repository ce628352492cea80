"""HDLC frames of DLMS (IEC 62056-46, clause 6.4): address, control, check sequences, LLC, segmentation.

Dirt: check sequences that are wrong (told with the right one), frames cut off, flags shared by two frames, lengths that
lead nowhere, addresses of three bytes. A message sent in segments is told with its last one.
"""

from __future__ import annotations

from .._crc import fcs16
from ..errors import DecodeError
from ..protocols.dlms.links import hdlc_control as control
from ..protocols.dlms.links.address import split_address
from . import apdus
from .page import FCS, Walk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .known import Known

FLAG = 0x7E
LLC = {b"\xe6\xe6\x00": "LLC: a command, to the meter", b"\xe6\xe7\x00": "LLC: a response, from the meter"}
UNNUMBERED = {
    control.SNRM: ("SNRM", "set normal response mode: opens the link"),
    control.DISC: ("DISC", "closes the link"),
    control.UA: ("UA", "unnumbered acknowledge"),
    control.DM: ("DM", "disconnected mode: there is no link"),
    control.FRMR: ("FRMR", "frame reject"),
    control.UI: ("UI", "unnumbered information"),
}
PARAMETERS = {
    5: "largest information field it sends: {} bytes",
    6: "largest information field it takes: {} bytes",
    7: "window it sends: {} frames",
    8: "window it takes: {} frames",
}


def begins(ahead: bytes) -> bool:
    return len(ahead) > 1 and ahead[0] == FLAG and ahead[1] & 0xF0 in (0xA0, FLAG & 0xF0)


def explain(walk: Walk, known: Known) -> None:
    """One frame, flags included."""
    walk.take(1, "flag: a frame begins (IEC 62056-46, 6.4.4.2)")
    if walk.look(1) == b"\x7e":
        return  # the one before ended, the next begins
    size = (int.from_bytes(walk.look(2), "big") & 0x7FF) if walk.left > 1 else walk.left
    flag = walk.data.find(b"\x7e", walk.at + 2, min(walk.at + size, walk.end))
    if walk.look(1, size) != b"\x7e" and flag >= 0:
        size = flag - walk.at  # shorter than it says; the format field tells so
    walk.part(size, "HDLC frame", lambda inner: _Frame(known).frame(inner))
    if walk.look(1) == b"\x7e" and not begins(walk.look(2)):
        walk.take(1, "flag: it ends")
    elif not walk.left:
        walk.note("the closing flag 7E is missing", True)


class _Frame:
    __slots__ = ("_known", "_segmented", "_who")

    def __init__(self, known: Known) -> None:
        self._known = known
        self._segmented = False
        self._who = ""

    def frame(self, walk: Walk) -> None:
        start, end = walk.at, walk.end
        field = walk.look(2)
        said = int.from_bytes(field, "big") & 0x7FF
        self._segmented = bool(field[:1] and field[0] & 0x08)
        more = "more segments follow" if self._segmented else "last or only segment"
        wrong = len(field) == 2 and said != walk.left
        there = f", but it has {walk.left}" if wrong else ""
        walk.take(2, f"frame format: type {field[0] >> 4 if field else 0:X}, {said} bytes{there}; {more}", wrong)
        destination = self._address(walk, "destination")
        source = self._address(walk, "source")
        to_meter = len(source) == 1 and (len(destination) > 1 or walk.look(1)[:1] in (b"\x93", b"\x53"))
        self._who = f"to {_number(destination)}" if to_meter else f"from {_number(source)}"
        walk.take(1, lambda found: self._control(walk, found[0]))
        number = walk.data[walk.at - 1] & ~control.FINAL
        if end - walk.at <= 2:
            self._check(walk, start, "FCS")
            return
        self._check(walk, start, "HCS")
        walk.part(end - walk.at - 2, "", lambda inner: self._information(inner, number))
        self._check(walk, start, "FCS")

    def _address(self, walk: Walk, which: str) -> bytes:
        size = next((count for count in range(1, 5) if walk.look(count)[-1:] and walk.look(count)[-1] & 1), 4)
        address = walk.look(size)
        upper, lower = split_address(address) if len(address) in (1, 2, 4) else (0, 0)
        words = f"{upper}" if len(address) == 1 else f"logical device {upper}, physical device {lower}"
        odd = len(address) not in (1, 2, 4) or not address[-1] & 1
        walk.take(size, f"{which} address: {words} (6.4.2)" + (", not 1, 2 or 4 bytes" if odd else ""), odd)
        return address

    def _control(self, walk: Walk, octet: int) -> str:
        final = ", poll/final" if octet & control.FINAL else ""
        receives, sends = octet >> 5, octet >> 1 & 7
        if control.is_information(octet):
            walk.page.title(f"I {sends}/{receives} {self._who}")
            return f"control: I, information frame {sends}, expects {receives} next{final} (6.4.3)"
        if control.is_supervisory(octet):
            name = "RNR" if control.is_receive_not_ready(octet) else "RR" if not octet & 0x0C else "REJ"
            ready = {"RR": "receive ready", "RNR": "receive not ready", "REJ": "reject"}[name]
            walk.page.title(f"{name} {receives} {self._who}")
            return f"control: {name}, {ready}, expects {receives} next{final} (6.4.3)"
        name, words = UNNUMBERED.get(octet & ~control.FINAL, (f"{octet:02X}", "a control field of no table"))
        walk.page.title(f"{name} {self._who}")
        return f"control: {name}, {words}{final} (6.4.3)"

    def _check(self, walk: Walk, start: int, name: str) -> None:
        right = fcs16(walk.data[start : walk.at]).to_bytes(2, "little")
        found = walk.look(2)
        if walk.hidden(start, walk.at + 2):
            walk.take(2, f"{name}: cannot be checked, bytes are masked", False, FCS, start)
            return
        verdict = "right" if found == right else f"wrong, for these bytes it is {right.hex(' ')}"
        what = "frame check sequence" if name == "FCS" else "header check sequence"
        walk.take(2, f"{name}, {what}: {verdict} (6.4.5)", found != right, FCS, start)

    def _information(self, walk: Walk, number: int) -> None:
        if number in (control.SNRM, control.UA):
            _parameters(walk)
        elif number == control.FRMR:
            walk.take(walk.left, lambda found: f"why: {control.describe_frame_reject(found)} (6.4.3.8)")
        else:
            self._message(walk)

    def _message(self, walk: Walk) -> None:
        """LLC and APDU, whole or a segment of it."""
        of = self._who[:2] + "hdlc"
        if not self._segmented and not self._known.joined(of):
            self._whole(walk)
            return
        joined = self._known.join(of, walk.look(walk.left))
        walk.take(walk.left, f"a segment of a message, {len(joined)} bytes so far")
        if self._segmented:
            walk.page.title("a segment")
            return
        self._known.forget(of)
        walk.note(f"the message out of its segments, {len(joined)} bytes:")
        inner = walk.page.derived(joined, walk.depth + 1)
        inner.whole(self._whole)

    def _whole(self, walk: Walk) -> None:
        _llc(walk)
        apdus.explain(walk, self._known)


def _number(address: bytes) -> str:
    if len(address) not in (1, 2, 4):
        return address.hex()
    upper, lower = split_address(address)
    return f"{upper}" if len(address) == 1 else f"{upper}/{lower}"


def _llc(walk: Walk) -> None:
    words = LLC.get(walk.look(3))
    if words:
        walk.take(3, words + " (IEC 62056-46, 5.3)")
    else:
        walk.note("the LLC header (E6 E6 00 or E6 E7 00) is missing", True)


def _parameters(walk: Walk) -> None:
    """The negotiation in SNRM and UA (6.4.4.4.3.2)."""
    try:
        control.parse_parameters(walk.look(walk.left))
    except DecodeError as error:
        walk.note(str(error), True)
    walk.take(1, "format identifier")
    walk.take(1, "group identifier")
    walk.take(1, lambda found: f"{found[0]} bytes of parameters")
    while walk.left:
        item = walk.take(1, lambda found: f"parameter {found[0]}")[0]
        size = walk.take(1, lambda found: f"of {found[0]} bytes")[0]
        walk.number(size, PARAMETERS.get(item, "a value of no table: {}"))
