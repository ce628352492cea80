"""The wrapper of DLMS over TCP and UDP (IEC 62056-47, clause 5): version, ports, length. Lengths that lie are told."""

from __future__ import annotations

from . import apdus
from .page import Walk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .known import Known

HEADER = 8


def begins(ahead: bytes) -> bool:
    """A version 1 and, behind the ports, a first octet that begins an APDU or is not there yet."""
    return ahead[:2] == b"\x00\x01" and len(ahead) >= HEADER and (len(ahead) == HEADER or apdus.begins(ahead[HEADER:]))


def explain(walk: Walk, known: Known) -> None:
    walk.note("DLMS wrapper (IEC 62056-47, 5)")
    walk.number(2, "version {}")
    walk.number(2, "source port {}")
    walk.number(2, "destination port {}")
    size = walk.number(2, "{} bytes of APDU follow")
    walk.part(size, "", lambda inner: apdus.explain(inner, known))
