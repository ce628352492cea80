"""Opening of ciphered APDUs that come unasked: under the key of the device, newer than the last, authentic if demanded.

- general-glo-ciphering (Green Book 9.2.7.2.4): the title is in the message, or empty where the receiver knows it;
- glo-event-notification, which bears no title: the device's own has to be configured;
- general-ciphering (9.2.7.2.4.8) under the global unicast key, identified or not said. What its tag covers besides
  security control and authentication key is read in two ways, with the head of the message and without: both are taken,
  since either is made with the keys.
Meters send suite 0 and 1 under a key of 16 octets alike, with a tag or without; without one nothing but sense in what
is deciphered vouches for it, so the counter of such a message counts only once that has been decoded (`believed`).
Not taken: dedicated keys, which belong to associations; keys wrapped or agreed upon; broadcast keys; signatures.
"""

from __future__ import annotations

from ....errors import DecodeError, SecurityError
from ..apdus.apdu import Cursor, octet_string
from .context import SUITE_MASK, SecurityContext
from .heard import Heard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ....model import Memory

EVENT, GLO_EVENT, GENERAL_GLO, GENERAL_CIPHERING = 0xC2, 0xCA, 0xDB, 0xDD
TITLE_OCTETS = 8
AES_256 = 32
UNICAST = b"\x00\x00"  # key-info: identified, global unicast
# What is ciphered and cannot be opened here.
REFUSED = {
    0xD2: "the event is ciphered under a dedicated key, that of an association which nobody here has",
    0xDC: "the list is ciphered under a dedicated key, that of an association which nobody here has",
    0xDF: "the list is signed (general-signing): signatures are not read",
}
KEY_INFOS = {b"\x00\x01": "a broadcast key", b"\x01": "a key that is wrapped in it", b"\x02": "a key agreed upon"}


class Sealed:
    """One message. `title` of its sender; `plain` what was in it."""

    __slots__ = ("_counter", "_heard", "plain", "title")

    def __init__(self, apdu: bytes, key: bytes, authentication_key: bytes, memory: Memory, title: bytes = b"") -> None:
        """`title` of the one meter that is listened to, if configured. Raises: SecurityError, DecodeError."""
        tag = apdu[0] if apdu else 0
        if tag in REFUSED:
            raise SecurityError(REFUSED[tag])
        if tag == GENERAL_CIPHERING:
            apdu, heads = _as_general_glo(apdu)
        elif tag == GLO_EVENT:
            apdu, heads = _with_title(apdu), (b"",)
        elif tag == GENERAL_GLO:
            heads = (b"",)
        else:
            raise SecurityError(f"the list came in plain text (APDU {tag:#04x}) although a key is set")
        self._heard = Heard.of(memory)
        self._open(apdu, key, authentication_key, title, heads)
        if tag == GLO_EVENT and self.plain[:1] != bytes((EVENT,)):
            raise DecodeError("what was deciphered is no event: encryption_key may be wrong")

    def _open(self, apdu: bytes, key: bytes, authentication_key: bytes, title: bytes, heads: tuple[bytes, ...]) -> None:
        """Raises: SecurityError of the first way to read the tag, DecodeError."""
        refused: SecurityError | None = None
        for head in heads:
            context = SecurityContext(
                bytes(TITLE_OCTETS),  # our own: nothing is ever sent
                key,
                authentication_key,
                suite=2 if len(key) == AES_256 else _suite(apdu),
                authenticate=bool(authentication_key),
                peer_title=title,
                heard=self._heard.lowest,
            )
            context.authenticated_too = head
            try:
                self.plain = context.unprotect(apdu)
            except SecurityError as error:
                refused = refused or error
                continue
            self.title = context.peer_title
            self._counter = context.peer_counter
            return
        if refused is not None:
            raise refused

    def believed(self, memory: Memory) -> None:
        """What was in it made sense."""
        self._heard.lowest[self.title] = self._counter
        self._heard.keep(memory)


def _with_title(apdu: bytes) -> bytes:
    """A service's own ciphered form as the general one, its title to be filled in."""
    return bytes((GENERAL_GLO, 0)) + apdu[1:]


def _as_general_glo(apdu: bytes) -> tuple[bytes, tuple[bytes, ...]]:
    """The same content as general-glo-ciphering, and what its tag may cover besides.

    Transaction id, originator's and recipient's titles, date-time, other information, key-info (optional), content.
    Raises: SecurityError, DecodeError.
    """
    cursor = Cursor(apdu, 1)
    cursor.octet_string()
    title = cursor.octet_string()
    for _ in range(3):
        cursor.octet_string()
    head = apdu[1 : cursor.offset]
    if cursor.octet():
        info = cursor.data[cursor.offset : cursor.offset + 2]
        if info != UNICAST:
            what = KEY_INFOS.get(info) or KEY_INFOS.get(info[:1]) or f"a key of another kind ({info.hex()})"
            raise SecurityError(f"general-ciphering under {what}: only the global unicast key is known here")
        cursor.take(2)
    return (bytes((GENERAL_GLO,)) + octet_string(title) + cursor.rest(), (b"", head))


def _suite(apdu: bytes) -> int:
    """As the security control octet says, of those that have keys of 16 octets."""
    at = 2 + (apdu[1] if len(apdu) > 1 else 0)
    first = apdu[at] if at < len(apdu) else 0
    control = at + 1 + (first & 0x7F if first > 0x7F else 0)
    return 1 if control < len(apdu) and apdu[control] & SUITE_MASK == 1 else 0
