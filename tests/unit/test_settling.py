"""The garbage collector rests while a site begins or changes, and what is there afterwards is put aside."""

from __future__ import annotations

import gc
import os
import platform
from collections.abc import Iterator
from pathlib import Path

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


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="musl keeps nothing that is to be given back")
def test_what_a_beginning_leaves_in_the_heap_goes_back_to_the_kernel() -> None:
    texts = [bytes(3000) for _ in range(20_000)]
    last = texts.pop()  # above all others, so that the heap does not shrink by itself
    full = resident_mb()
    texts.clear()
    loop = Loop(VirtualClock())
    Settling(loop).begin()
    loop.close()
    assert resident_mb() < full - 40
    assert len(last) == 3000
