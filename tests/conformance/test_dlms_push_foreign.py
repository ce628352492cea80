"""amshan reads the lists that we read, hand-made and simulated, and the two agree on every value."""

from __future__ import annotations

from decimal import Decimal

import pytest

from meterd.conversation import Send
from meterd.model import Memory
from meterd.protocols.dlms_push import driver
from meterd.simulate import dlms_push as simulated
from tests.foreign import ask
from tests.pair import converse

from ..unit.test_dlms_push import CURRENT, ENERGY, PAIRS, POWER, TIME, device, entries, framed, notification, signal

ASK = """
import json, sys
from han.autodecoder import AutoDecoder
from han.hdlc import HdlcFrameReader
found = []
for octets in json.load(sys.stdin):
    for frame in HdlcFrameReader(False).read(bytes.fromhex(octets)):
        told = AutoDecoder().decode_message_payload(frame.payload) or {}
        found.append([frame.is_valid, {name: str(value) for name, value in told.items()}])
print(json.dumps(found))
"""
NAMES = {ENERGY: "active_power_import_total", POWER: "active_power_import", CURRENT: "current_l1"}


@pytest.mark.parametrize(
    ("frames", "jobs"),
    [
        (framed(notification(entries(4711))), (ENERGY, POWER, CURRENT)),
        (framed(notification(entries(90210, "8812345"), b"\x0c" + TIME)), (ENERGY, POWER, CURRENT)),
        (framed(PAIRS), (POWER, CURRENT)),
        (simulated.Pusher({**simulated.DEFAULTS}).frames(), (ENERGY, POWER)),
    ],
)
def test_values_agree(frames: bytes, jobs: tuple[str, ...]) -> None:
    def meter():  # type: ignore[no-untyped-def]
        yield Send(frames)

    [(valid, theirs)] = ask("amshan", ASK, [frames.hex()])
    assert valid
    plan = driver.plan(device(), [signal(job) for job in jobs])
    ours = converse(driver.conversation(plan, Memory()), meter(), limit_s=60).readings
    assert [Decimal(str(one.value)) for one in ours] == [Decimal(theirs[NAMES[job]]) for job in jobs]
