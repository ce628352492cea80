"""Deciphering of telegrams: AES-GCM with the meter's title and counter, authentic, and newer than the last one."""

from __future__ import annotations

from ..dlms.security.context import SecurityContext
from ..dlms.security.heard import Heard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...model import Memory, Plan


def plain_of(apdu: bytes, plan: Plan, memory: Memory) -> bytes:
    """The text of a ciphered telegram. Raises: SecurityError, DecodeError."""
    device = plan.device
    heard = Heard.of(memory)
    context = SecurityContext(
        bytes(8),  # our own title: nothing is ever sent
        bytes.fromhex(device["encryption_key"]),
        bytes.fromhex(device["authentication_key"]),
        heard=heard.lowest,
    )
    plain = context.unprotect(apdu)
    heard.keep(memory)
    return plain
