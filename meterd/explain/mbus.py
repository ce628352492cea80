"""M-Bus frames: E5, short and long, C, A and CI fields, headers, checksum (EN 13757-2 clause 5; EN 13757-3 clause 5).

Dirt: two lengths that differ, checksums that are wrong (told with the right one), no stop byte, headers cut off, CI
fields of no table, encrypted records (opened with the key).
"""

from __future__ import annotations

from .._crc import checksum
from ..names import makers
from ..protocols.mbus import link
from ..protocols.mbus import vif_tables as tables
from ..protocols.mbus.identity import letters_of
from ..protocols.mbus.telegram import APPLICATION_ERRORS
from . import mbus_records
from .page import PACKED, SUM, Walk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .known import Known

LONG, SHORT, STOP, SINGLE = 0x68, 0x10, 0x16, 0xE5
FUNCTIONS = {
    0x40: "SND_NKE: begins anew", 0x53: "SND_UD: sends data", 0x5A: "REQ_UD1: asks for alarms",
    0x5B: "REQ_UD2: asks for data", 0x08: "RSP_UD: the meter's answer",
}  # fmt: skip
ADDRESSES = {
    0: "0: not configured yet", 251: "251: the repeater", 253: "253: whoever is selected by secondary address",
    254: "254: whoever is there, and answers", 255: "255: all, and none answers",
}  # fmt: skip
CIS = {
    0x50: "application reset", 0x51: "data to the meter", 0x52: "selection by secondary address",
    0x54: "synchronises its clock", 0x66: "answer of an application select", 0x70: "report of an application error",
    0x71: "alarm report", 0x72: "answer, long header", 0x73: "answer, fixed data structure",
    0x74: "alarm report, short header", 0x75: "alarm report, long header", 0x76: "answer, long header, high byte first",
    0x77: "answer, fixed data structure, high byte first",
    0x78: "answer without a header", 0x7A: "answer, short header",
    0x5A: "command, short header", 0x5B: "command, long header",
    **{ci: f"sets the speed to {baud} baud" for baud, ci in link.SET_BAUDRATE.items()},
}  # fmt: skip
STATUS = ("application busy", "any application error", "", "low power", "permanent error", "temporary error")
LONG_HEADER = (0x72, 0x75, 0x76, 0x5B)
SHORT_HEADER = (0x74, 0x7A, 0x5A)


def begins(ahead: bytes) -> bool:
    """Whether a frame begins, perhaps a damaged one."""
    if ahead[:1] == b"\xe5":
        return True
    if ahead[:1] == b"\x10":
        return len(ahead) < 5 or ahead[4] == STOP or (ahead[1] + ahead[2]) & 0xFF == ahead[3]
    return ahead[:1] == b"\x68" and (len(ahead) < 4 or ahead[3] == LONG or ahead[1] == ahead[2])


def explain(walk: Walk, known: Known) -> None:
    """One frame. Raises: CutShort."""
    first = walk.look(1)[0]
    if first == SINGLE:
        walk.page.title("E5 acknowledge")
        walk.take(1, "E5: acknowledged (EN 13757-2, 5.4)")
    elif first == SHORT:
        _short(walk)
    else:
        _long(walk, known)


def _short(walk: Walk) -> None:
    walk.take(1, "10: a short frame begins (EN 13757-2, 5.4)")
    start = walk.at
    _control(walk)
    _address(walk)
    _ending(walk, start)


def _control(walk: Walk) -> None:
    octet = walk.look(1)
    kind = octet[0] & ~link.FCB if octet and octet[0] & 0x40 else octet[0] & 0x4F if octet else -1
    name = FUNCTIONS.get(kind, "a function of no table")
    bits = f", FCB {octet[0] >> 5 & 1}" if octet and octet[0] & 0x50 == 0x50 else ""
    if octet and not octet[0] & 0x40:
        bits = f"{', ACD: it has alarms' if octet[0] & 0x20 else ''}{', DFC: busy' if octet[0] & 0x10 else ''}"
    walk.page.title(name.partition(":")[0])
    walk.take(1, lambda found: f"C {found[0]:02X}: {name}{bits} (5.7.2)")


def _address(walk: Walk) -> None:
    octet = walk.look(1)
    if octet:
        walk.page.title(f"address {octet[0]}")
    walk.take(1, lambda found: f"A {found[0]:02X}: address {ADDRESSES.get(found[0], found[0])} (5.7.5)")


def _ending(walk: Walk, start: int) -> None:
    right = checksum(walk.data[start : walk.at])
    found = walk.look(1)
    wrong = found != bytes((right,))
    if walk.hidden(start, walk.at + 1):
        walk.take(1, "checksum: cannot be checked, bytes are masked", False, SUM, start)
    else:
        walk.take(
            1,
            f"checksum: {f'wrong, for these bytes it is {right:02x}' if wrong else 'right'} (5.7.8)",
            wrong,
            SUM,
            start,
        )
    if walk.look(1) == b"\x16":
        walk.take(1, "16: it ends")
    else:
        walk.note("the stop byte 16 is missing", True)


def _long(walk: Walk, known: Known) -> None:
    walk.take(1, "68: a long frame begins (EN 13757-2, 5.4)")
    size = walk.take(1, lambda found: f"L: {found[0]} bytes from C to the data")[0]
    again = walk.look(1)
    differs = again != bytes((size,))
    walk.take(1, f"L again{', and it differs' if differs else ''}", differs)
    second = walk.look(1)
    walk.take(1, "68 again" if second == b"\x68" else "here 68 should stand again", second != b"\x68")
    start = walk.at
    there = walk.left - 2
    if size > there >= 0 and walk.data[walk.end - 1] == STOP and not (differs and again[0] <= there):
        walk.note(f"it says {size} bytes, and {there} are there", True)
    size = again[0] if differs and walk.look(1, again[0] + 1) == b"\x16" else size
    walk.part(size, "", lambda inner: _content(inner, known))
    if walk.left:
        _ending(walk, start)
    else:
        walk.note("checksum and stop byte are missing", True)


def _content(walk: Walk, known: Known) -> None:
    _control(walk)
    from_meter = not walk.data[walk.at - 1] & 0x40
    _address(walk)
    ci = walk.take(1, lambda found: f"CI {found[0]:02X}: {CIS.get(found[0], 'of no table')} (EN 13757-3, 5.1)")[0]
    if ci in CIS and ci != 0x72:
        walk.page.title(CIS[ci])
    if ci in LONG_HEADER:
        _long_header(walk, known, ci)
    elif ci in SHORT_HEADER:
        access, configuration = _short_header(walk, False)
        mbus_records.explain(walk, known, configuration, access, known.identity)
    elif ci in (0x73, 0x77):
        _fixed(walk, ci == 0x77)
    else:
        _without_header(walk, known, ci, from_meter)


def _without_header(walk: Walk, known: Known, ci: int, from_meter: bool) -> None:
    if ci == 0x52:
        _selection(walk)
    elif ci == 0x70:
        walk.take(walk.left, lambda found: _application_error(found))
    elif ci == 0x71:
        walk.take(walk.left, "alarm states, the maker's own")
    elif ci == 0x50:
        walk.take(walk.left, lambda found: f"subcode {found.hex(' ')}" if found else "")
    elif ci in (0x51, 0x78, 0x66):
        mbus_records.explain(walk, known, 0, 0, None)
    elif walk.left:
        what = "of the maker's own, or of a newer standard" if from_meter else "to the meter"
        walk.take(walk.left, f"data {what}: CI {ci:02X} does not tell its form")


def _application_error(found: bytes) -> str:
    code = found[0] if found else 0
    return f"application error {code}: {APPLICATION_ERRORS[code] if code < len(APPLICATION_ERRORS) else 'of no table'}"


def _identity(walk: Walk, msb_first: bool) -> bytes:
    """Identification, maker, version, medium (EN 13757-3, 5.5). Raises: CutShort."""

    def turned(part: bytes) -> bytes:
        return part[::-1] if msb_first else part

    number = turned(walk.take(4, lambda found: f"identification {turned(found)[::-1].hex().upper()}", kind=PACKED))
    walk.page.title(f"meter {number[::-1].hex().upper()}")
    maker = turned(walk.take(2, lambda found: f"maker: {_maker(turned(found))}"))
    version = walk.take(1, lambda found: f"version {found[0]}")
    medium = walk.take(1, lambda found: f"medium {found[0]:02X}: {tables.MEDIA.get(found[0], 'reserved')}")
    return number + maker + version + medium


def _maker(code: bytes) -> str:
    letters = letters_of(code)
    known = makers.maker_of(letters)
    return f"{letters}, {known}" if known and known != letters else letters


def _long_header(walk: Walk, known: Known, ci: int) -> None:
    identity = _identity(walk, ci == 0x76)
    known.identity = identity
    access, configuration = _short_header(walk, ci == 0x76)
    if ci == 0x75:
        walk.take(walk.left, "alarm states, the maker's own")
    else:
        mbus_records.explain(walk, known, configuration, access, identity, ci == 0x76)


def _short_header(walk: Walk, msb_first: bool) -> tuple[int, int]:
    """Access number and configuration field. Raises: CutShort."""
    access = walk.number(1, "access number {}")
    walk.take(1, lambda found: f"status {found[0]:02X}: {status_words(found[0])} (5.9)")
    order = "big" if msb_first else "little"
    field = int.from_bytes(walk.look(2), order)  # type: ignore[arg-type]
    walk.take(2, f"configuration field: {mbus_records.protection(field)} (5.12)")
    return access, field


def status_words(octet: int) -> str:
    found = [STATUS[octet & 3 if octet & 3 < 2 else 1]] if octet & 3 else []
    if octet & 3 == 1:
        found = ["application busy"]
    found += [STATUS[bit + 1] for bit in (2, 3, 4) if octet & 1 << bit]
    if octet & 0xE0:
        found.append("bits of the maker's own")
    return ", ".join(found) or "all is well"


def _selection(walk: Walk) -> None:
    walk.take(
        4, lambda found: f"identification {found[::-1].hex().upper()} (F: any digit; EN 13757-3, 11.3)", kind=PACKED
    )
    walk.take(2, lambda found: "any maker" if found == b"\xff\xff" else f"maker: {_maker(found)}")
    walk.take(1, lambda found: "any version" if found[0] == 0xFF else f"version {found[0]}")
    walk.take(1, lambda found: "any medium" if found[0] == 0xFF else f"medium {found[0]:02X}")
    if walk.left:
        mbus_records.plain(walk, False)


def _fixed(walk: Walk, msb_first: bool) -> None:
    """The fixed data structure (EN 1434-3:1997)."""
    number = walk.take(4, lambda f: f"identification {(f if msb_first else f[::-1]).hex().upper()}", kind=PACKED)
    walk.page.title(f"meter {number.hex()}")
    walk.number(1, "access number {}")
    status = walk.take(1, lambda f: f"status {f[0]:02X}: counters are {'binary' if f[0] & 1 else 'BCD'}")[0]
    units = walk.take(2, "medium and units of both counters")
    for index in (0, 1):
        walk.take(4, lambda f, at=index: mbus_records.fixed_words(f, units[at] & 0x3F, status, msb_first))  # type: ignore[misc]
