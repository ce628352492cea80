"""Keys as a configuration holds them: symmetric keys and system titles in hex, ECDSA keys in hex, PEM or a certificate.

Sources: Green Book 9.2.3 (security suites: 0 and 1 AES-128, 2 AES-256; 1 P-256, 2 P-384). An error names the parameter
and what is allowed, never what was found; nothing that holds a key prints it.
"""

from __future__ import annotations

from ....errors import ConfigError
from .cryptodome import cryptodome, elliptic_curves

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Security suite → octets of a symmetric key; suite → curve of its signatures.
KEY_LENGTHS = {0: 16, 1: 16, 2: 32}
CURVES = {1: "P-256", 2: "P-384"}
SYSTEM_TITLE_LENGTH = 8
_COORDINATE_LENGTHS = {"P-256": 32, "P-384": 48}


class PrivateKey:
    """An ECDSA private key; signs with SHA-256 on P-256, SHA-384 on P-384 (Green Book 9.2.3.4.5)."""

    __slots__ = ("_key", "curve")

    def __init__(self, key: Any, curve: str) -> None:
        self._key = key
        self.curve = curve

    def sign(self, message: bytes) -> bytes:
        """r and s, as long as the curve's coordinates each; the same for the same message (RFC 6979)."""
        signer = cryptodome("Signature.DSS").new(self._key, "deterministic-rfc6979")
        signature: bytes = signer.sign(_digest(self.curve, message))
        return signature

    def public(self) -> PublicKey:
        return PublicKey(self._key.public_key(), self.curve)

    def __repr__(self) -> str:
        return f"PrivateKey({self.curve})"


class PublicKey:
    """An ECDSA public key."""

    __slots__ = ("_key", "curve")

    def __init__(self, key: Any, curve: str) -> None:
        self._key = key
        self.curve = curve

    def verifies(self, message: bytes, signature: bytes) -> bool:
        verifier = cryptodome("Signature.DSS").new(self._key, "deterministic-rfc6979")
        try:
            verifier.verify(_digest(self.curve, message), signature)
        except ValueError:
            return False
        return True

    def __repr__(self) -> str:
        return f"PublicKey({self.curve})"


def _digest(curve: str, message: bytes) -> Any:
    return cryptodome("Hash.SHA256" if curve == "P-256" else "Hash.SHA384").new(message)


def symmetric_key(text: str, name: str, suite: int = 0) -> bytes:
    """The octets of an encryption, authentication or dedicated key in hex. Raises: ConfigError."""
    length = KEY_LENGTHS[suite]
    key = _from_hex(text)
    if key is None or len(key) != length:
        found = "what is not hex" if key is None else f"{2 * len(key)} hex digits"
        raise ConfigError("", f"{name}: found {found}, allowed: {2 * length} hex digits for security_suite {suite}")
    return key


def system_title(text: str, name: str) -> bytes:
    """Eight octets, written as 16 hex digits or as 8 characters. Raises: ConfigError."""
    title = _from_hex(text)
    if title is None or len(title) != SYSTEM_TITLE_LENGTH:
        title = text.encode("ascii", "replace")
    if len(title) != SYSTEM_TITLE_LENGTH:
        raise ConfigError("", f"{name}: allowed: 16 hex digits or 8 characters, no other length")
    return title


def private_key(text: str, name: str, suite: int) -> PrivateKey:
    """An ECDSA private key: hex digits of its number, or PEM without a passphrase. Raises: ConfigError."""
    curve = _curve(name, suite)
    octets = _from_hex(text)
    if octets is None:
        key = _from_pem(text, name)
    else:
        key = _private_from_octets(octets, curve)
    if key is None or not key.has_private() or _curve_of(key) != curve:
        digits = 2 * _COORDINATE_LENGTHS[curve]
        raise ConfigError("", f"{name}: allowed: a {curve} private key for suite {suite}: {digits} hex digits or PEM")
    return PrivateKey(key, curve)


def public_key(text: str, name: str, suite: int) -> PublicKey:
    """An ECDSA public key: hex digits of its point (with or without the leading 04), PEM, or an X.509 certificate in
    PEM. Raises: ConfigError.
    """
    curve = _curve(name, suite)
    octets = _from_hex(text)
    if octets is None:
        key = _from_pem(text, name)
    else:
        key = _public_from_octets(octets, curve)
    if key is None or key.has_private() or _curve_of(key) != curve:
        digits = 4 * _COORDINATE_LENGTHS[curve]
        raise ConfigError(
            "", f"{name}: allowed: a {curve} public key for suite {suite}: {digits} hex digits, PEM, X.509"
        )
    return PublicKey(key, curve)


def _from_hex(text: str) -> bytes | None:
    """Octets from hex digits, which may be grouped by blanks, colons or hyphens and begin with 0x; None if not hex."""
    digits = text.strip().removeprefix("0x").removeprefix("0X")
    try:
        return bytes.fromhex(digits.replace(":", "").replace("-", "")) or None
    except ValueError:
        return None


def _curve(name: str, suite: int) -> str:
    if suite not in CURVES:
        raise ConfigError("", f"{name}: signatures need security_suite 1 or 2")
    return CURVES[suite]


def _curve_of(key: Any) -> str:
    """The library spells a curve as 'NIST P-256' or 'p256', by its version."""
    name = str(key.curve).upper()
    return next((curve for curve in CURVES.values() if curve in name or curve.replace("-", "") in name), name)


def _from_pem(text: str, name: str) -> Any:
    pem = text.strip().replace("\\n", "\n")
    if not pem.startswith("-----BEGIN"):
        return None
    try:
        return elliptic_curves().import_key(pem)
    except (ValueError, IndexError, TypeError, NotImplementedError):
        raise ConfigError("", f"{name}: its PEM holds no elliptic curve key that can be read (no passphrase)") from None


def _private_from_octets(octets: bytes, curve: str) -> Any:
    if len(octets) != _COORDINATE_LENGTHS[curve]:
        return None
    try:
        return elliptic_curves().construct(curve=curve, d=int.from_bytes(octets, "big"))
    except ValueError:
        return None


def _public_from_octets(octets: bytes, curve: str) -> Any:
    width = _COORDINATE_LENGTHS[curve]
    if len(octets) == 2 * width + 1 and octets[0] == 4:
        octets = octets[1:]
    if len(octets) != 2 * width:
        return None
    x, y = int.from_bytes(octets[:width], "big"), int.from_bytes(octets[width:], "big")
    try:
        return elliptic_curves().construct(curve=curve, point_x=x, point_y=y)
    except ValueError:
        return None
