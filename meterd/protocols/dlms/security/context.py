"""Ciphered APDUs: what a key protects on its way, and what is refused on its way back (Green Book 9.2.3, 9.2.7).

An APDU is protected by AES-GCM under the security control octet SC and the invocation counter IC, the initialisation
vector being the sender's system title and IC; the 12-octet tag covers SC and the authentication key as additional data.

  glo-…, ded-… of the service:   tag | length | SC | IC(4) | ciphertext | authentication tag(12)
  general-glo, general-ded:      tag | system title | length | SC | IC(4) | ciphertext | authentication tag(12)

Assumption: the peer's system title is known from the association, or comes in general-… . Both roles.
Dirt and malice: plaintext or less protection than configured, replayed counters, another suite, compression, broadcast
keys, key agreement: each is a SecurityError. A refusal (ExceptionResponse, ConfirmedServiceError) in plaintext is taken
for a refusal: a meter without the right key cannot say it otherwise, and it can only end a reading.
"""

from __future__ import annotations

from ....counter import Counter
from ....errors import SecurityError
from .. import enumerations as codes
from ..apdus.apdu import Cursor, octet_string
from ..apdus.refusals import raise_refusal
from .cryptodome import cryptodome
from .keys import KEY_LENGTHS, SYSTEM_TITLE_LENGTH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .counting import Counters

# Security control octet (Green Book 9.2.7.2.4.1).
SUITE_MASK = 0x0F
AUTHENTICATION = 0x10
ENCRYPTION = 0x20
BROADCAST = 0x40
COMPRESSION = 0x80
TAG_LENGTH = 12

# Service tag → its tag under the global key, and under the dedicated key (Green Book 9.5, XDLMS-APDU).
GLO_TAGS = {
    0x01: 0x21, 0x05: 0x25, 0x06: 0x26, 0x08: 0x28, 0x0C: 0x2C, 0x0D: 0x2D, 0x0E: 0x2E,
    0xC0: 0xC8, 0xC1: 0xC9, 0xC2: 0xCA, 0xC3: 0xCB, 0xC4: 0xCC, 0xC5: 0xCD, 0xC7: 0xCF,
}  # fmt: skip
DED_TAGS = {
    0x01: 0x41, 0x05: 0x45, 0x06: 0x46, 0x08: 0x48, 0x0C: 0x4C, 0x0D: 0x4D, 0x0E: 0x4E,
    0xC0: 0xD0, 0xC1: 0xD1, 0xC2: 0xD2, 0xC3: 0xD3, 0xC4: 0xD4, 0xC5: 0xD5, 0xC7: 0xD7,
}  # fmt: skip
_PLAIN_TAGS = {sealed: plain for tags in (GLO_TAGS, DED_TAGS) for plain, sealed in tags.items()}
_GLO = frozenset(GLO_TAGS.values())
_DED = frozenset(DED_TAGS.values())
_SHORT_NAMES = (0x05, 0x06, 0x0C, 0x0D)
_GENERAL = (codes.GENERAL_GLO_CIPHERING, codes.GENERAL_DED_CIPHERING)
_UNSUPPORTED = {codes.GENERAL_CIPHERING: "general-ciphering", codes.GENERAL_SIGNING: "general-signing"}


def is_ciphered(apdu: bytes) -> bool:
    """The APDU's tag is one of ciphering's, able to be opened here or not."""
    tag = apdu[0] if apdu else 0
    return tag in _GLO or tag in _DED or tag in _GENERAL or tag in _UNSUPPORTED


class SecurityContext:
    """The keys and counters of one association.

    `counter` gives the invocation counters of own APDUs, each once (a number: from there on, in memory alone).
    `peer_counter` is the lowest that the next APDU of the peer may show; the dedicated key has its own, from 0. `heard`
    {peer's title: lowest} carries it from one association to the next, as far as APDUs are authenticated. `peer_title`
    may be set once the AARE or AARQ told it; `authenticated_too` is what tags cover of a message beyond its
    content. An `authentication_key` is needed wherever an APDU is authenticated.
    Raises: SecurityError naming the parameter whose length does not fit the suite.
    """

    __slots__ = (
        "_authentication_key",
        "_dedicated_key",
        "_encryption_key",
        "_peer_dedicated_counter",
        "authenticate",
        "authenticated_too",
        "counters",
        "encrypt",
        "heard",
        "peer_counter",
        "peer_title",
        "suite",
        "system_title",
    )

    def __init__(
        self,
        system_title: bytes,
        encryption_key: bytes,
        authentication_key: bytes = b"",
        *,
        suite: int = 0,
        authenticate: bool = True,
        encrypt: bool = True,
        dedicated_key: bytes = b"",
        peer_title: bytes = b"",
        counter: int | Counter | Counters = 0,
        peer_counter: int = 0,
        heard: dict[bytes, int] | None = None,
    ) -> None:
        if suite not in KEY_LENGTHS:
            raise SecurityError(f"security_suite: {suite} is not one of 0, 1, 2")
        if len(system_title) != SYSTEM_TITLE_LENGTH:
            raise SecurityError(f"system_title: 8 octets are needed, not {len(system_title)}")
        if not encryption_key or (authenticate and not authentication_key):
            raise SecurityError("encryption_key, authentication_key: ciphering needs them")
        _check_length("encryption_key", encryption_key, suite)
        _check_length("authentication_key", authentication_key, suite)
        self.system_title = system_title
        self._encryption_key = encryption_key
        self._authentication_key = authentication_key
        self.suite = suite
        self.authenticate = authenticate
        self.authenticated_too = b""
        self.encrypt = encrypt
        self.dedicated_key = dedicated_key
        self.peer_title = peer_title
        self.counters = Counter(counter) if isinstance(counter, int) else counter
        self.peer_counter = peer_counter
        self.heard = heard

    def __repr__(self) -> str:
        return f"SecurityContext(suite {self.suite}, security control {self.control:#04x}, counter {self.counter})"

    @property
    def counter(self) -> int:
        """The number that the next own APDU will have, if nobody else spends it first."""
        return self.counters.next

    @property
    def dedicated_key(self) -> bytes:
        """The key of this association alone, or nothing. Setting it begins the peer's count anew."""
        return self._dedicated_key

    @dedicated_key.setter
    def dedicated_key(self, key: bytes) -> None:
        _check_length("dedicated_key", key, self.suite)
        self._dedicated_key = key
        self._peer_dedicated_counter = 0

    @property
    def control(self) -> int:
        """The security control octet of own APDUs, and the least that is taken from the peer."""
        return self.suite | AUTHENTICATION * self.authenticate | ENCRYPTION * self.encrypt

    def spend(self) -> int:
        """One invocation counter, never given twice. Raises: SecurityError where there is none to be had."""
        return self.counters.spend()

    def protect(self, apdu: bytes, dedicated: bool = False, general: bool = False) -> bytes:
        """The APDU ciphered under the global or the dedicated key, in its service's own form or the general one.

        Raises: SecurityError.
        """
        tags = DED_TAGS if dedicated else GLO_TAGS
        if not general and apdu[0] not in tags:
            raise SecurityError(f"APDU {apdu[0]:#04x} has no ciphered form of its own")
        sealed = octet_string(self._seal(apdu, self._key(dedicated)))
        if general:
            return bytes((_GENERAL[dedicated],)) + octet_string(self.system_title) + sealed
        return bytes((tags[apdu[0]],)) + sealed

    def unprotect(self, apdu: bytes) -> bytes:
        """The plain APDU out of a ciphered one.

        Raises: SecurityError if it is not protected as this context demands, replayed or not authentic; Refused for
        a refusal in plaintext; DecodeError.
        """
        raise_refusal(apdu)
        cursor = Cursor(apdu)
        tag = cursor.octet()
        if tag in _UNSUPPORTED:
            raise SecurityError(f"{_UNSUPPORTED[tag]} is not supported")
        if not is_ciphered(apdu):
            raise SecurityError(f"APDU {tag:#04x} came in plaintext although a key is set")
        # Some meters leave their title out where the association has told it.
        title = (cursor.octet_string() if tag in _GENERAL else b"") or self.peer_title
        if self.peer_title and title != self.peer_title:
            raise SecurityError("the APDU comes from another system title than the association")
        if len(title) != SYSTEM_TITLE_LENGTH:
            raise SecurityError("the peer's system title is not known")
        sealed = cursor.octet_string()
        cursor.end()
        dedicated = tag in _DED or tag == codes.GENERAL_DED_CIPHERING
        plain = self._open(sealed, title, dedicated, _PLAIN_TAGS.get(tag, 0))
        self.peer_title = title
        return plain

    def gmac(self, message: bytes, counter: int, title: bytes) -> bytes:
        """The authentication tag of a message under the global key (HLS mechanism 5). Raises: SecurityError."""
        if not self._authentication_key:
            raise SecurityError("authentication_key: GMAC needs one")
        control = self.suite | AUTHENTICATION
        return self._cipher(self._encryption_key, control, counter, title, message).digest()

    def _key(self, dedicated: bool) -> bytes:
        if not dedicated:
            return self._encryption_key
        if not self._dedicated_key:
            raise SecurityError("dedicated_key: the association has none")
        return self._dedicated_key

    def _cipher(self, key: bytes, control: int, counter: int, title: bytes, plain: bytes) -> Any:
        """A GCM cipher that has taken in the additional data; `plain` belongs to it where nothing is encrypted."""
        aes = cryptodome("Cipher.AES")
        cipher = aes.new(key, aes.MODE_GCM, nonce=title + counter.to_bytes(4, "big"), mac_len=TAG_LENGTH)
        if control & AUTHENTICATION:
            cipher.update(bytes((control,)) + self._authentication_key + self.authenticated_too)
            if not control & ENCRYPTION:
                cipher.update(plain)
        return cipher

    def _seal(self, plain: bytes, key: bytes) -> bytes:
        control, counter = self.control, self.spend()
        cipher = self._cipher(key, control, counter, self.system_title, plain)
        body = cipher.encrypt(plain) if control & ENCRYPTION else plain
        tag = cipher.digest() if control & AUTHENTICATION else b""
        return bytes((control,)) + counter.to_bytes(4, "big") + body + tag

    def _open(self, sealed: bytes, title: bytes, dedicated: bool, service: int) -> bytes:
        """The plain APDU, whose tag is `service` where that is known (0 where not)."""
        cursor = Cursor(sealed)
        control, counter = cursor.octet(), cursor.number(4)
        self._check_control(control)
        self._check_counter(counter, title, dedicated)
        tag_length = TAG_LENGTH if control & AUTHENTICATION else 0
        body = cursor.take(max(len(sealed) - cursor.offset - tag_length, 0))
        tag = cursor.take(tag_length)
        cipher = self._cipher(self._key(dedicated), control, counter, title, body)
        plain: bytes = cipher.decrypt(body) if control & ENCRYPTION else body
        if tag:
            try:
                cipher.verify(tag)
            except ValueError:
                raise SecurityError(_not_authentic(plain, service, bool(control & ENCRYPTION))) from None
        if dedicated:
            self._peer_dedicated_counter = counter + 1
        else:
            self.peer_counter = counter + 1
            if tag and self.heard is not None:
                self.heard[title] = counter + 1
        return plain

    def _check_counter(self, counter: int, title: bytes, dedicated: bool) -> None:
        lowest = self._peer_dedicated_counter if dedicated else self.peer_counter
        if self.heard is not None and not dedicated:
            lowest = max(lowest, self.heard.get(title, 0))
        if counter < lowest:
            raise SecurityError(
                f"the meter's invocation counter {counter} was used before, at least {lowest} is expected: "
                "an old answer was played back, or the meter has begun to count anew"
            )

    def _check_control(self, control: int) -> None:
        if control & COMPRESSION:
            raise SecurityError("compressed APDUs are not supported")
        if control & BROADCAST:
            raise SecurityError("the APDU is ciphered under a broadcast key")
        if control & SUITE_MASK != self.suite:
            raise SecurityError(f"the APDU is of security suite {control & SUITE_MASK}, not {self.suite}")
        if self.control & ~control:
            raise SecurityError(f"security control {control:#04x} protects less than {self.control:#04x}")
        if control & AUTHENTICATION and not self._authentication_key:
            raise SecurityError("authentication_key: the meter authenticates, and there is none to verify it by")


def _check_length(name: str, key: bytes, suite: int) -> None:
    length = KEY_LENGTHS[suite]
    if key and len(key) != length:
        raise SecurityError(f"{name}: {length} octets are needed for security suite {suite}, not {len(key)}")


def _not_authentic(plain: bytes, service: int, deciphered: bool) -> str:
    """Which key it is, as far as what came of deciphering tells: under another key it is noise."""
    if not deciphered:
        return "the APDU is not authentic: a key is wrong, or it was altered on its way"
    sensible = plain[:1] == bytes((service,)) if service else plain[:1] and plain[0] in GLO_TAGS
    # The choice behind the tag is a small number in all of them but the lists under short names.
    if sensible and (plain[0] in _SHORT_NAMES or plain[1:2] < b"\x10"):
        return (
            "the APDU is not authentic, but deciphers to a sensible one: encryption_key is right and "
            "authentication_key is wrong, or it was altered on its way"
        )
    return "the APDU is not authentic and does not decipher: encryption_key is wrong, or it was altered on its way"
