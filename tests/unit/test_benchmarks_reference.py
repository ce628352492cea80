"""The C programs that benchmarks are held against do the work that they are there for: a check left out would flatter
nobody but them, and be noticed by none.
"""

from __future__ import annotations

import shutil
import subprocess
import time

import pytest

from benchmarks._machine import ratio
from benchmarks._meters import dlms_meters
from benchmarks._reference import built
from meterd.simulate.faults import Fault

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc")
ANSWER = 23  # octets of an answer with one register


def exchange(port: int, registers: int, items: int, connections: int = 1, period_us: int = 0):
    words = [str(built("dlms_exchange")), *map(str, (port, connections, registers, items, period_us))]
    return subprocess.run(words, input="3\n1\n", capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(("registers", "items", "connections"), [(7, 1, 1), (12, 4, 3)])
def test_every_register_is_asked_for_and_answered(registers, items, connections):
    with dlms_meters(registers=str(registers), lists="no" if items == 1 else "yes") as meter:
        done = exchange(meter.port, registers, items, connections)
    assert done.returncode == 0, done.stderr
    three, one = (int(line.split()[1]) for line in done.stdout.splitlines())
    assert one == registers // items * connections
    assert three == 3 * one


def test_rounds_that_have_a_period_begin_so_long_after_each_other():
    with dlms_meters(registers="4") as meter:
        begun = time.monotonic()
        done = exchange(meter.port, 4, 4, period_us=50_000)
    assert time.monotonic() - begun >= 4 * 0.05  # three rounds and one
    assert [int(line.split()[1]) for line in done.stdout.splitlines()] == [3, 1]


@pytest.mark.parametrize("place", range(ANSWER))
def test_no_octet_of_an_answer_may_be_another(place):
    with dlms_meters(fault=Fault("flip", 4, place), registers="9", lists="no") as meter:  # the fourth: an answer
        done = exchange(meter.port, 9, 1)
    assert done.returncode == 1
    assert "an answer is" in done.stderr


def test_a_ratio_is_the_middle_of_the_rounds_own():
    assert ratio([2.0, 30.0, 9.0], [1.0, 10.0, 1.0]) == 3.0
