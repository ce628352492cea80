"""Profile files of meters that push: any JSON is told its faults, and what has none names values or refuses a list."""

from __future__ import annotations

import json

from meterd.errors import MeterdError
from meterd.protocols.dlms_push.lists import Pushed
from meterd.protocols.dlms_push.parameters import profile_faults, profile_merge
from meterd.protocols.dlms_push.profile import Profile

CODE, OTHER = "1.0.1.7.0.255", "1-0:31.7.0*255"
APDU = "0F40000000000203060000000706000000080600000390"
WHOLE = {
    "profile": "p", "codes": {CODE: {"scaler": -2, "unit": "A"}, OTHER: None},
    "lists": {"a": {"values": [CODE, None, OTHER]}, "_b": 1, "c": {"values": [None]}},
    "telegrams": {"t": {"apdu": APDU, "readings": {CODE: "0.07 A", "_": "x"}}},
}  # fmt: skip
SEEDS = [json.dumps(WHOLE).encode(), json.dumps({"profile": "p", "codes": {OTHER: {"unit": "W"}}}).encode()]


def one(data: bytes) -> None:
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        return
    if not isinstance(content, dict):
        return
    if profile_faults(content, False):
        return
    merged = profile_merge({}, content)
    faults = profile_faults(merged, True)
    assert all(isinstance(words, str) for _, words in faults)
    if faults:
        return
    try:
        assert Pushed(bytes.fromhex(APDU), Profile(merged)).found
    except MeterdError:
        pass
