"""AARQ, AARE, RLRQ, RLRE and the initiate in them (Green Book 9.4.2 to 9.4.6; BER, ISO/IEC 8650-1).

Dirt: fields in any order, twice, or of no table; lengths that lie. A password or a dedicated key is counted, not shown.
"""

from __future__ import annotations

from ..errors import DecodeError
from ..names import makers
from ..protocols.dlms import enumerations as codes
from ..protocols.dlms.apdus import conformance
from . import cosem
from .page import TITLE, Walk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .known import Known

NAMES = {
    codes.AARQ: "AARQ, opens an association (9.4.2)", codes.AARE: "AARE, the answer to it (9.4.2)",
    codes.RLRQ: "RLRQ, releases the association (9.4.5)", codes.RLRE: "RLRE, the answer to it (9.4.5)",
}  # fmt: skip
CONTEXTS = {
    1: "logical names, not ciphered", 2: "short names, not ciphered", 3: "logical names, ciphered",
    4: "short names, ciphered",
}  # fmt: skip
MECHANISMS = {number: name for name, number in codes.MECHANISMS.items()}
OIDS = {b"\x60\x85\x74\x05\x08\x01": CONTEXTS, b"\x60\x85\x74\x05\x08\x02": MECHANISMS}
COMMON = {0xA1: "application context", 0xBE: "user information", 0x80: "protocol version"}
FIELDS = {
    codes.AARQ: {
        0xA2: "called AP title", 0xA6: "calling AP title: the client's system title", 0xA7: "calling AE qualifier",
        0x8A: "ACSE requirements", 0x8B: "mechanism", 0xAC: "authentication value", 0xA3: "called AE qualifier",
        0xA9: "calling AE invocation: the user",
    },
    codes.AARE: {
        0xA2: "result", 0xA3: "diagnostic", 0xA4: "responding AP title: the meter's system title",
        0xA5: "responding AE qualifier", 0x88: "ACSE requirements", 0x89: "mechanism", 0xAA: "authentication value",
    },
    codes.RLRQ: {0x80: "reason"}, codes.RLRE: {0x80: "reason"},
}  # fmt: skip
REASONS = {0: "normal", 1: "urgent or not finished", 30: "user defined"}
INNER = {2: "integer", 3: "bit string", 4: "octet string", 6: "object identifier", 0x80: "characters", 0x81: "bits"}


def explain(walk: Walk, known: Known, user: Callable[[Walk, Known], None]) -> None:
    tag = walk.take(1, lambda found: NAMES[found[0]])[0]
    walk.page.title(NAMES[tag].partition(",")[0])
    size = cosem.length(walk, "{} bytes of fields")
    fields = _Fields(tag, known, user)
    walk.part(size, "", fields.all)


class _Fields:
    __slots__ = ("_known", "_tag", "_user")

    def __init__(self, tag: int, known: Known, user: Callable[[Walk, Known], None]) -> None:
        self._tag = tag
        self._known = known
        self._user = user

    def all(self, walk: Walk) -> None:
        while walk.left:
            field = walk.look(1)[0]
            name = FIELDS[self._tag].get(field) or COMMON.get(field)
            walk.take(1, f"field {field:02X}: {name or 'of no table'}")
            size = cosem.length(walk, "{} bytes")
            walk.depth += 1
            walk.part(size, "", lambda inner, field=field: self._field(inner, field))  # type: ignore[misc]
            walk.depth -= 1

    def _field(self, walk: Walk, field: int) -> None:
        name = FIELDS[self._tag].get(field, "")
        if name == "mechanism":
            _identifier(walk)
        elif field == 0x80 and self._tag in (codes.RLRQ, codes.RLRE):
            walk.take(walk.left, lambda found: REASONS.get(found[-1] if found else -1, "a reason of no table"))
        elif name == "ACSE requirements":
            walk.take(walk.left, lambda found: "authentication" if found[-1:] == b"\x80" else "none")
        elif field < 0xA0 or not walk.left:
            walk.take(walk.left, lambda found: found.hex(" "))
        else:
            self._inside(walk, field, name)

    def _inside(self, walk: Walk, field: int, name: str) -> None:
        choice = walk.look(1)[0]
        if name == "diagnostic":
            walk.take(1, "of the service provider" if choice == 0xA2 else "of the service user")
            size = cosem.length(walk, "{} bytes")
            walk.part(size, "", lambda inner: _integer(inner, _diagnostics(choice)))
            return
        if name == "result":
            _integer(walk, codes.ASSOCIATION_RESULTS)
            return
        walk.take(1, INNER.get(choice, f"tag {choice:02X}"))
        size = cosem.length(walk, "{} bytes")
        if choice == 0x06:
            walk.part(size, "", _identifier)
        elif field == 0xBE:
            walk.part(size, "user information", lambda inner: self._user(inner, self._known))
        elif name == "authentication value":
            walk.secret(size, "password or challenge")
        elif "title" in name:
            self._title(walk, size)
        else:
            walk.take(size, lambda found: found.hex(" "))

    def _title(self, walk: Walk, size: int) -> None:
        title = walk.take(size, title_words, kind=TITLE)
        if "calling" in FIELDS[self._tag].get(0xA6, "") or self._tag == codes.AARE:
            self._known.heard_title(title)


def title_words(title: bytes) -> str:
    """A system title: three letters of the maker, and a number."""
    plate = makers.from_system_title(title)
    return f"{title.hex(' ')}" + (f": {plate.words()}" if plate.letters else "")


def _diagnostics(choice: int) -> dict[int, str]:
    return codes.PROVIDER_DIAGNOSTICS if choice == 0xA2 else codes.USER_DIAGNOSTICS


def _integer(walk: Walk, words: dict[int, str]) -> None:
    walk.take(1, "integer")
    size = cosem.length(walk, "{} bytes")
    number = int.from_bytes(walk.look(size), "big")
    told = words.get(number, "of no table")
    walk.take(size, f"{number}: {told}")
    walk.page.title(told)


def _identifier(walk: Walk) -> None:
    found = walk.look(walk.left)
    table = OIDS.get(found[:-1])
    told = table.get(found[-1], "of no table") if table else "not one of DLMS's"
    arcs = "2.16.756.5.8." + ".".join(map(str, found[5:])) if table else found.hex(" ")
    walk.take(walk.left, f"{arcs}: {told}")


def initiate_request(walk: Walk, known: Known) -> None:
    walk.take(1, "InitiateRequest (9.4.6.1)")
    if walk.take(1, lambda found: f"dedicated key: {'there is one' if found[0] else 'none'}")[0]:
        known.dedicated = walk.secret(cosem.length(walk, "{} bytes"), "the dedicated key")
    if walk.take(1, lambda found: f"response allowed: {'told' if found[0] else 'yes'}")[0]:
        walk.take(1, lambda found: "yes" if found[0] else "no")
    _quality(walk)
    walk.number(1, "DLMS version {}")
    _conformance(walk)
    walk.number(2, "takes APDUs of at most {} bytes (0: of any size)")


def initiate_response(walk: Walk, known: Known) -> None:
    walk.take(1, "InitiateResponse (9.4.6.1)")
    _quality(walk)
    walk.number(1, "DLMS version {}")
    _conformance(walk)
    walk.number(2, "takes APDUs of at most {} bytes (0: of any size)")
    walk.take(2, lambda found: f"VAA name {found.hex()}: {'short' if found[0] else 'logical'} names")


def _quality(walk: Walk) -> None:
    if walk.take(1, lambda found: f"quality of service: {'told' if found[0] else 'not told'}")[0]:
        walk.number(1, "quality of service {}")


def _conformance(walk: Walk) -> None:
    tag = 2 if walk.look(2)[1:] == b"\x1f" else 1  # the first generation sends 5F alone
    walk.take(tag, "conformance block, application tag 31")
    walk.number(1, "of {} bytes")
    walk.number(1, "{} bits unused")
    octets = walk.look(conformance.WIDTH)
    try:
        bits = conformance.decode(octets)
    except DecodeError:
        bits = frozenset()
    words = ", ".join(name for name in conformance.NAMES if name in bits) or "nothing"
    walk.take(conformance.WIDTH, f"services: {words}")
