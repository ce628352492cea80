"""Opening of ciphered APDUs that come unasked: under the key of the device, newer than the last, authentic if demanded.

General-glo-ciphering (Green Book 9.2.7.2.4). The system title is in the message. Meters send suite 0 and 1 under a key
of 16 octets alike, with a tag or without; without one nothing but sense in what is deciphered vouches for it, so the
counter of such a message counts only once that has been decoded (`believed`).
"""

from __future__ import annotations

from ....errors import SecurityError
from .context import SUITE_MASK, SecurityContext
from .heard import Heard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ....model import Memory

GENERAL_GLO = 0xDB
TITLE_OCTETS = 8
AES_256 = 32


class Sealed:
    """One message. `title` of its sender; `plain` what was in it."""

    __slots__ = ("_counter", "_heard", "plain", "title")

    def __init__(self, apdu: bytes, key: bytes, authentication_key: bytes, memory: Memory) -> None:
        """Raises: SecurityError, DecodeError."""
        if apdu[:1] != bytes((GENERAL_GLO,)):
            raise SecurityError("the list came in plain text, or not as general-glo-ciphering, although a key is set")
        self._heard = Heard.of(memory)
        context = SecurityContext(
            bytes(TITLE_OCTETS),  # our own: nothing is ever sent
            key,
            authentication_key,
            suite=2 if len(key) == AES_256 else _suite(apdu),
            authenticate=bool(authentication_key),
            heard=self._heard.lowest,
        )
        self.plain = context.unprotect(apdu)
        self.title = context.peer_title
        self._counter = context.peer_counter

    def believed(self, memory: Memory) -> None:
        """What was in it made sense."""
        self._heard.lowest[self.title] = self._counter
        self._heard.keep(memory)


def _suite(apdu: bytes) -> int:
    """As the security control octet says, of those that have keys of 16 octets."""
    at = 2 + TITLE_OCTETS
    first = apdu[at] if at < len(apdu) else 0
    control = at + 1 + (first & 0x7F if first > 0x7F else 0)
    return 1 if control < len(apdu) and apdu[control] & SUITE_MASK == 1 else 0
