"""gurux_dlms as a meter that calls: its push setup messages, plain and ciphered, over TCP, UDP and HDLC, are read."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ..unit.calls_rig import PUSH, CallsRig

SCRIPT = Path(__file__).with_name("gurux_caller.py")
KEYS = {"key": "000102030405060708090A0B0C0D0E0F", "authentication_key": "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF"}
TITLE = "4755525558123456"


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[CallsRig]:
    made = CallsRig(tmp_path)
    yield made
    made.close()


def sent(**order: Any) -> list[bytes]:
    """What gurux's meter sends."""
    whole = {"framing": "wrapper", "title": "", "counter": 1, "security": "AUTHENTICATION_ENCRYPTION", **KEYS, **order}
    done = subprocess.run(
        [sys.executable, SCRIPT], input=json.dumps(whole), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [bytes.fromhex(line) for line in done.stdout.split()]


@pytest.mark.parametrize(("framing", "transport"), [("wrapper", "tcp"), ("wrapper", "udp"), ("HDLC", "tcp")])
def test_a_plain_push_setup_message_is_read_and_confirmed(rig: CallsRig, framing: str, transport: str) -> None:
    row = {**PUSH, "framing": framing, "transport": transport}
    rig.use({**row, "device_alias": "other", "serialnumber": "KFM1200000041"},
            {**row, "device_alias": "m", "serialnumber": "KFM1200000042"})  # fmt: skip
    caller = rig.call(*sent(name="KFM1200000042", value=123_456, framing=framing))
    rig.run(10.0, lambda: rig.values("m"))
    assert (rig.values("m"), rig.values("other")) == (["1234560"], [])
    if framing == "wrapper":  # gurux asks for it
        rig.run(10.0, lambda: caller.heard)
        assert caller.heard[8:9] == b"\x10"


@pytest.mark.parametrize("security", ["AUTHENTICATION_ENCRYPTION", "ENCRYPTION"])
def test_a_ciphered_one_is_opened_and_not_taken_twice(rig: CallsRig, security: str) -> None:
    keys = {"encryption_key": KEYS["key"]}
    if security != "ENCRYPTION":
        keys["authentication_key"] = KEYS["authentication_key"]
    rig.use({**PUSH, **keys, "device_alias": "m", "serialnumber": TITLE})
    first = sent(name="X", value=7, title=TITLE, counter=40, security=security)
    second = sent(name="X", value=8, title=TITLE, counter=41, security=security)
    rig.call(*first, *first, *second)
    rig.run(10.0, lambda: len(rig.values("m")) == 2)
    rig.run(0.2)
    assert rig.values("m") == ["70", "80"]
