"""The xDLMS InitiateRequest and InitiateResponse that travel inside AARQ and AARE (Green Book 9.4.6.1, 9.5).

Dirt: the conformance block's tag is [APPLICATION 31], two octets 5F 1F; meters of the first generation send 5F alone.
"""

from __future__ import annotations

from ....errors import DecodeError
from .. import enumerations as codes
from . import conformance as conformance_block
from .apdu import Cursor, Record, octet_string
from .refusals import raise_refusal

DLMS_VERSION = 6
_CONFORMANCE_TAG = b"\x5f\x1f\x04\x00"


class InitiateRequest(Record):
    """What a client proposes.

    `conformance` names of bits; `max_pdu` largest APDU it takes, octets, 0 = no limit; `dedicated_key` for the
    ciphering of this association only; `version` of DLMS, 6.
    """

    __slots__ = ("conformance", "dedicated_key", "max_pdu", "quality_of_service", "response_allowed", "version")
    _hidden = ("dedicated_key",)

    def __init__(
        self,
        conformance: frozenset[str],
        max_pdu: int,
        dedicated_key: bytes = b"",
        response_allowed: bool = True,
        quality_of_service: int | None = None,
        version: int = DLMS_VERSION,
    ) -> None:
        self.conformance = conformance
        self.max_pdu = max_pdu
        self.dedicated_key = dedicated_key
        self.response_allowed = response_allowed
        self.quality_of_service = quality_of_service
        self.version = version

    def encode(self) -> bytes:
        key = b"\x01" + octet_string(self.dedicated_key) if self.dedicated_key else b"\x00"
        # response-allowed DEFAULT TRUE: absent (00) where it is true.
        allowed = b"\x00" if self.response_allowed else b"\x01\x00"
        return (
            bytes((codes.INITIATE_REQUEST,)) + key + allowed + _optional(self.quality_of_service)
            + bytes((self.version,)) + _CONFORMANCE_TAG + conformance_block.encode(self.conformance)
            + self.max_pdu.to_bytes(2, "big")
        )  # fmt: skip


class InitiateResponse(Record):
    """What the meter grants.

    `conformance` names of bits; `max_pdu` largest APDU it takes, octets, 0 = no limit; `vaa_name` 0x0007 under
    logical names, 0xFA00 under short names.
    """

    __slots__ = ("conformance", "max_pdu", "quality_of_service", "vaa_name", "version")

    def __init__(
        self,
        conformance: frozenset[str],
        max_pdu: int,
        vaa_name: int = codes.LN_VAA_NAME,
        quality_of_service: int | None = None,
        version: int = DLMS_VERSION,
    ) -> None:
        self.conformance = conformance
        self.max_pdu = max_pdu
        self.vaa_name = vaa_name
        self.quality_of_service = quality_of_service
        self.version = version

    def encode(self) -> bytes:
        return (
            bytes((codes.INITIATE_RESPONSE,)) + _optional(self.quality_of_service) + bytes((self.version,))
            + _CONFORMANCE_TAG + conformance_block.encode(self.conformance) + self.max_pdu.to_bytes(2, "big")
            + self.vaa_name.to_bytes(2, "big")
        )  # fmt: skip


def decode(apdu: bytes) -> InitiateRequest | InitiateResponse:
    """Raises: Refused for a ConfirmedServiceError in its place, DecodeError."""
    raise_refusal(apdu)
    cursor = Cursor(apdu)
    tag = cursor.octet()
    if tag == codes.INITIATE_REQUEST:
        return _request(cursor)
    if tag == codes.INITIATE_RESPONSE:
        return _response(cursor)
    raise DecodeError(f"APDU {tag:#04x} is no initiate request or response")


def _request(cursor: Cursor) -> InitiateRequest:
    key = cursor.octet_string() if _present(cursor) else b""
    allowed = cursor.octet() != 0 if _present(cursor) else True
    quality = cursor.octet() if _present(cursor) else None
    version = cursor.octet()
    granted = _conformance(cursor)
    max_pdu = cursor.number(2)
    cursor.end()
    return InitiateRequest(granted, max_pdu, key, allowed, quality, version)


def _response(cursor: Cursor) -> InitiateResponse:
    quality = cursor.octet() if _present(cursor) else None
    version = cursor.octet()
    granted = _conformance(cursor)
    max_pdu = cursor.number(2)
    vaa_name = cursor.number(2)
    cursor.end()
    return InitiateResponse(granted, max_pdu, vaa_name, quality, version)


def _optional(octet: int | None) -> bytes:
    return b"\x00" if octet is None else bytes((1, octet))


def _present(cursor: Cursor) -> bool:
    flag = cursor.octet()
    if flag not in (0, 1):
        raise DecodeError(f"presence flag {flag:#04x} is neither 0 nor 1")
    return flag == 1


def _conformance(cursor: Cursor) -> frozenset[str]:
    for expected in _CONFORMANCE_TAG:
        # First-generation meters leave the 1F out.
        if cursor.data[cursor.offset : cursor.offset + 1] != bytes((expected,)) and expected == 0x1F:
            continue
        found = cursor.octet()
        if found != expected:
            raise DecodeError(f"conformance block: {expected:#04x} expected, {found:#04x} came")
    return conformance_block.decode(cursor.take(conformance_block.WIDTH))
