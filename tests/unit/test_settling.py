"""The garbage collector rests while a site begins or changes, and what is there afterwards is put aside."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from meterd.daemon.settling import SETTLED_S, Settling
from meterd.ports._loop import Loop
from meterd.ports._timers import Timer
from tests.virtual_clock import VirtualClock


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    yield
    gc.enable()
    gc.unfreeze()


def test_it_rests_until_all_is_quiet_again() -> None:
    loop = Loop(VirtualClock())
    settling = Settling(loop)
    gc.enable()
    began = loop.time
    settling.begin()
    assert not gc.isenabled() and not loop.turn_ends  # nothing is paid for it in any turn
    almost = Timer(settling.begin)  # a reload begins it anew
    loop.arm(almost, began + SETTLED_S - 1)
    loop.turn()
    assert not gc.isenabled()
    frozen = gc.get_freeze_count()
    loop.turn()
    assert gc.isenabled() and gc.get_freeze_count() > frozen
    assert loop.time - began >= 2 * SETTLED_S - 1
    loop.close()
