"""High level security: how each side proves that it knows the secret, by an answer f to the other's challenge.

Sources: Green Book 9.2.2.2.2.4 and 9.2.7.4 (HLS authentication mechanisms). With own and peer's system title and
challenge, and the shared secret:

  2  manufacturer specific; here AES-128-ECB of the challenge under the secret, both filled with zeros to 16 octets,
     as the widespread client libraries have it (Landis+Gyr's own routine is another and is not here)
  3  MD5(challenge | secret)            4  SHA-1(challenge | secret)
  5  SC | IC | GMAC(SC | authentication key | challenge)
  6  SHA-256(secret | own title | peer's title | challenge | own challenge)
  7  ECDSA(own title | peer's title | challenge | own challenge)

Malice: a peer that sends our own challenge back, so that our answer would prove it too; it is refused.
"""

from __future__ import annotations

from ....errors import SecurityError
from .. import enumerations as codes
from .context import AUTHENTICATION, TAG_LENGTH, SecurityContext
from .cryptodome import cryptodome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .keys import PrivateKey, PublicKey

# Green Book 9.2.7.4: challenges are 8 to 64 octets long; meters with shorter ones are about, and harm only themselves.
MAX_CHALLENGE = 64
_BLOCK = 16


class Hls:
    """One side of the four passes of a High… association; both roles alike.

    `secret` for mechanisms 2, 3, 4 and 6; `security` for 5; `private_key` and `peer_key` for 7.
    Raises: SecurityError if the peer's challenge cannot be one.
    """

    __slots__ = (
        "_mechanism",
        "_own_challenge",
        "_own_title",
        "_peer_challenge",
        "_peer_key",
        "_peer_title",
        "_private_key",
        "_secret",
        "_security",
    )

    def __init__(
        self,
        mechanism: int,
        own_title: bytes,
        peer_title: bytes,
        own_challenge: bytes,
        peer_challenge: bytes,
        secret: bytes = b"",
        security: SecurityContext | None = None,
        private_key: PrivateKey | None = None,
        peer_key: PublicKey | None = None,
    ) -> None:
        if not 1 <= len(peer_challenge) <= MAX_CHALLENGE:
            raise SecurityError(f"a challenge of {len(peer_challenge)} octets is none")
        if peer_challenge == own_challenge:
            raise SecurityError("the peer sent our own challenge back")
        self._mechanism = mechanism
        self._own_title = own_title
        self._peer_title = peer_title
        self._own_challenge = own_challenge
        self._peer_challenge = peer_challenge
        self._secret = secret
        self._security = security
        self._private_key = private_key
        self._peer_key = peer_key

    def __repr__(self) -> str:
        return f"Hls(mechanism {self._mechanism})"

    def reply(self) -> bytes:
        """f of the peer's challenge, which proves us. Raises: SecurityError."""
        if self._mechanism == codes.MECHANISM_GMAC:
            return self._gmac_reply()
        if self._mechanism == codes.MECHANISM_ECDSA:
            if self._private_key is None:
                raise SecurityError("private_key: HighEcdsa needs one")
            return self._private_key.sign(
                self._own_title + self._peer_title + self._peer_challenge + self._own_challenge
            )
        return self._function(self._own_title, self._peer_title, self._peer_challenge, self._own_challenge)

    def verify(self, answer: bytes) -> None:
        """Hold the peer's answer against our challenge. Raises: SecurityError if it does not prove the peer."""
        if self._mechanism == codes.MECHANISM_GMAC:
            proven = self._gmac_proves(answer)
        elif self._mechanism == codes.MECHANISM_ECDSA:
            proven = self._signature_proves(answer)
        else:
            expected = self._function(self._peer_title, self._own_title, self._own_challenge, self._peer_challenge)
            proven = answer == expected
        if not proven:
            raise SecurityError("the meter did not prove that it knows the secret")

    def _function(self, title: bytes, other_title: bytes, challenge: bytes, other_challenge: bytes) -> bytes:
        from hashlib import md5, sha1, sha256

        if self._mechanism == codes.MECHANISM_HIGH:
            return _aes(self._secret, challenge)
        if self._mechanism == codes.MECHANISM_MD5:
            return md5(challenge + self._secret, usedforsecurity=False).digest()
        if self._mechanism == codes.MECHANISM_SHA1:
            return sha1(challenge + self._secret, usedforsecurity=False).digest()
        if self._mechanism == codes.MECHANISM_SHA256:
            return sha256(self._secret + title + other_title + challenge + other_challenge).digest()
        raise SecurityError(f"authentication mechanism {self._mechanism} has no challenge")

    def _context(self) -> SecurityContext:
        if self._security is None:
            raise SecurityError("encryption_key, authentication_key: HighGmac needs them")
        return self._security

    def _gmac_reply(self) -> bytes:
        security = self._context()
        counter = security.spend()
        head = bytes((security.suite | AUTHENTICATION,)) + counter.to_bytes(4, "big")
        return head + security.gmac(self._peer_challenge, counter, self._own_title)

    def _gmac_proves(self, answer: bytes) -> bool:
        # The counter needs no replay check: the answer is bound to our challenge, which is new.
        security = self._context()
        if len(answer) != 5 + TAG_LENGTH or answer[0] != security.suite | AUTHENTICATION:
            return False
        counter = int.from_bytes(answer[1:5], "big")
        return answer[5:] == security.gmac(self._own_challenge, counter, self._peer_title)

    def _signature_proves(self, answer: bytes) -> bool:
        if self._peer_key is None:
            raise SecurityError("peer_public_key: HighEcdsa needs one")
        message = self._peer_title + self._own_title + self._own_challenge + self._peer_challenge
        return self._peer_key.verifies(message, answer)


def _aes(secret: bytes, challenge: bytes) -> bytes:
    if len(secret) > _BLOCK:
        raise SecurityError("password: at most 16 octets with auth High")
    aes = cryptodome("Cipher.AES")
    filled = challenge + bytes(-len(challenge) % _BLOCK)
    encrypted: bytes = aes.new(secret.ljust(_BLOCK, b"\x00"), aes.MODE_ECB).encrypt(filled)
    return encrypted
