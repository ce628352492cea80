"""Encryption mode 5: AES-128-CBC with a key per meter and a start vector from the meter's own header.

The problem: the values of an encrypted telegram may only be trusted once the key has proved right, and a meter whose
key is configured must not be believed in the clear: anybody on the bus could speak for it.
Standard: EN 13757-7 clause 7.6.4 (mode 5), configuration field of EN 13757-3 clause 5.12.
Dirt it must survive: a block count beyond the telegram, a wrong key (the plain text must begin with 2F 2F), a
"signature" of old meters where the configuration field stands today.
"""

from __future__ import annotations

from ...errors import DecodeError, SecurityError

KEY_SIZE = 16
BLOCK = 16
PROOF = b"\x2f\x2f"
AES_CBC = 5
# Modes of EN 13757-7 that hide the records and that are not done here. Other numbers are no modes: old meters keep a
# "signature" of their own in the field, and send plain records.
UNSUPPORTED = (2, 3, 4, 6, 7, 8, 9, 10, 13, 15)


def mode_of(configuration: int) -> int:
    """The encryption mode, bits 8 to 12 of the configuration field."""
    return configuration >> 8 & 0x1F


def encrypted_size(configuration: int) -> int:
    """Bytes that are encrypted, bits 4 to 7 of the configuration field (mode 5)."""
    return (configuration >> 4 & 0x0F) * BLOCK


def start_vector(identity: bytes, access_number: int) -> bytes:
    """`identity`: the 8 bytes identification, manufacturer, version, medium in the order of the long header."""
    return identity[4:6] + identity[:4] + identity[6:8] + bytes([access_number]) * 8


def clear_text(data: bytes, configuration: int, access_number: int, identity: bytes | None, key: bytes | None) -> bytes:
    """The records of a telegram in the clear; `data` begins behind the header.

    Raises: SecurityError where key and telegram do not fit together, DecodeError where the block count is wrong.
    """
    mode, size = mode_of(configuration), encrypted_size(configuration)
    if mode in UNSUPPORTED:
        raise SecurityError(f"the telegram is encrypted in mode {mode}; modes 0 and 5 are supported")
    if mode != AES_CBC or not size:
        if key:
            raise SecurityError("the telegram is not encrypted, though a key is configured")
        return data
    if not key:
        raise SecurityError("the telegram is encrypted (mode 5) and no key is configured")
    if identity is None:
        raise SecurityError("a short header does not tell the meter's identity, which decryption needs")
    if size > len(data):
        raise DecodeError(f"{size} bytes should be encrypted and only {len(data)} are there")
    plain = _decrypt(key, start_vector(identity, access_number), data[:size])
    if plain[:2] != PROOF:
        raise SecurityError("the key does not fit")
    return plain + data[size:]


def _decrypt(key: bytes, vector: bytes, data: bytes) -> bytes:
    try:
        from Cryptodome.Cipher import AES
    except ImportError:
        raise SecurityError("encrypted telegrams need the package pycryptodomex") from None
    return bytes(AES.new(key, AES.MODE_CBC, vector).decrypt(data))
