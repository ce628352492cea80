"""What meters push, as whole APDUs: plain, ciphered in each form, with a profile or without: values or an error."""

from __future__ import annotations

from meterd.errors import MeterdError
from meterd.model import Memory
from meterd.protocols.dlms.security.pushed import Sealed
from meterd.protocols.dlms_push.lists import Pushed
from meterd.protocols.dlms_push.profile import Profile
from meterd.simulate import dlms_push as simulated

KEY, AUTH, TITLE = bytes(16), b"\x11" * 16, b"SIM\0\0\0\0\6"
CODE = "1.0.1.7.0.255"
PROFILE = Profile({
    "profile": "fuzz",
    "codes": {CODE: {"scaler": -1, "unit": "W"}, "1.0.1.8.0.255": {"scaler": 63}},
    "lists": {str(count): {"values": [CODE] + [None] * (count - 1)} for count in (1, 2, 3, 13)},
})  # fmt: skip


def _apdu(**chosen: str) -> bytes:
    return simulated.Pusher({**simulated.DEFAULTS, **chosen}).apdu()


_PLAIN = [_apdu(form=form) for form in ("codes", "pairs", "objects", "values", "event")]
_KEYS = {"encryption_key": KEY.hex(), "authentication_key": AUTH.hex()}
_GENERAL = _apdu(**_KEYS)
_GLO = b"\xca" + _apdu(form="event", **_KEYS)[10:]
_IDENTIFIED = b"\xdd\x01\x07\x08" + TITLE + b"\x08RECEIVER\0\0\x01\0\0" + _GENERAL[10:]
SEEDS = [bytes((profile,)) + apdu for apdu in _PLAIN for profile in (0, 1)]
SEEDS += [b"\x02" + apdu for apdu in (_GENERAL, _GLO, _IDENTIFIED)]


def one(data: bytes) -> None:
    if not data:
        return
    how, apdu = data[0], data[1:]
    try:
        if how & 2:
            apdu = Sealed(apdu, KEY, AUTH if how & 4 else b"", Memory(), TITLE if how & 8 else b"").plain
        pushed = Pushed(apdu, PROFILE if how & 1 else None)
    except MeterdError:
        return
    assert pushed.found
    pushed.names()
    for key in pushed.found:
        try:
            found = pushed.value(key, -2 if how & 16 else None)
            assert found is not None and not isinstance(found[0], (bytes, list, tuple))
        except MeterdError:
            pass
    try:
        pushed.numbers()
    except MeterdError:
        pass
