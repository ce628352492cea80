"""Octets as people write them: keys, titles and passwords in a configuration."""

from __future__ import annotations


def octets(text: str) -> bytes:
    """Octets written as hex digits; blanks, colons and a leading 0x are allowed. Raises: ValueError."""
    digits = text.replace(":", " ").strip()
    if digits[:2].lower() == "0x":
        digits = digits[2:]
    try:
        return bytes.fromhex(digits)
    except ValueError:
        raise ValueError("an even number of hex digits") from None


def secret_octets(text: str) -> bytes:
    """A password: text as typed, or the octets behind 0x. Raises: ValueError."""
    return octets(text) if text[:2].lower() == "0x" else text.encode()
