"""Any octets as a ciphered APDU: refused unless it was sealed under the key; and any answer to a challenge."""

from __future__ import annotations

from meterd.errors import MeterdError, SecurityError
from meterd.protocols.dlms import enumerations as codes
from meterd.protocols.dlms.security.context import SecurityContext
from meterd.protocols.dlms.security.hls import Hls

_EK = bytes(range(16))
_AK = bytes(range(0xD0, 0xE0))
_CLIENT = b"METERD01"
_METER = b"METERD02"
_PLAIN = bytes.fromhex("C401C1000600000064")
_CTOS = b"client challenge"
_STOC = b"meter challenge."


def _meter() -> SecurityContext:
    return SecurityContext(_METER, _EK, _AK, dedicated_key=_AK, peer_title=_CLIENT)


_GENUINE = {
    _meter().protect(_PLAIN), _meter().protect(_PLAIN, dedicated=True), _meter().protect(_PLAIN, general=True),
    _meter().protect(_PLAIN, dedicated=True, general=True),
}  # fmt: skip
_PROOFS = {
    mechanism: Hls(mechanism, _METER, _CLIENT, _STOC, _CTOS, b"secret", _meter()).reply()
    for mechanism in (2, 3, 4, 5, 6)
}
SEEDS = [*sorted(_GENUINE), *_PROOFS.values(), _PLAIN, bytes.fromhex("D80105"), bytes.fromhex("DD00"), b"\xdf\x00"]


def one(data: bytes) -> None:
    client = SecurityContext(_CLIENT, _EK, _AK, dedicated_key=_AK, peer_title=_METER)
    try:
        plain = client.unprotect(data)
    except MeterdError:
        pass
    else:
        # Only the length may be written in more octets than it needs, and the tag name another service.
        assert plain == _PLAIN, "an APDU that nobody sealed was taken"
    for mechanism, proof in _PROOFS.items():
        context = client if mechanism == codes.MECHANISM_GMAC else None
        try:
            Hls(mechanism, _CLIENT, _METER, _CTOS, _STOC, b"secret", context).verify(data)
        except SecurityError:
            continue
        assert data == proof, "a forged proof was taken"
