"""More connections than descriptors: all meters are read in turn, and nobody waits for ever."""

from __future__ import annotations

import pytest

from meterd.config.files import Configuration
from meterd.daemon import sharing
from meterd.ports.descriptors import RESERVE, Budget

from .runtime_rig import Rig, counting_meter, tcp_device


@pytest.fixture
def rig(monkeypatch):
    made = Rig(monkeypatch)
    yield made
    made.close()


def open_lines(rig) -> int:
    return sum(line.port.is_open() for line in rig.daemon.lines.values())


def test_all_are_read_in_turn_through_few_connections(rig):
    rig.loop.budget = Budget(rig.loop, 3)
    names = [f"m{number}" for number in range(12)]
    rig.configure(*(tcp_device(name, rig.host.on_tcp(0, counting_meter())) for name in names))
    most = []

    def over() -> bool:
        most.append(open_lines(rig))
        return all(len(rig.readings.of(name, "good")) >= 4 for name in names)

    rig.run(30.0, over)
    assert max(most) == 3
    assert all(one.quality == "good" for name in names for one in rig.readings.of(name))


def test_a_meter_that_waits_for_a_descriptor_may_be_removed(rig):
    budget = Budget(rig.loop, 1)
    rig.loop.budget = budget
    silent = rig.host.on_tcp(0, counting_meter(silent=("a",)))
    other = tcp_device("b", rig.host.on_tcp(0, counting_meter()))
    rig.configure(tcp_device("a", silent, timeout_ms=60000), other)
    rig.run(5.0, lambda: budget.is_waiting(rig.daemon.lines[other.line].port))
    rig.configure(tcp_device("a", silent, timeout_ms=60000))
    assert not budget._waiting
    rig.configure(other)
    rig.run(10.0, lambda: len(rig.readings.of("b", "good")) >= 1)


def test_the_limit_that_is_needed_is_said_and_kept(rig, monkeypatch):
    devices = [tcp_device(f"m{number}", 1000 + number) for number in range(40)]
    monkeypatch.setattr(sharing, "limit", lambda: RESERVE + 30)
    [sentence] = sharing.shortage(devices)
    assert f"40 connections need {RESERVE + 40} descriptors" in sentence and "30 are open at a time" in sentence
    assert sharing.shortage(devices[:30]) == []
    assert sharing.shortage(Configuration().devices) == []
    sharing.share_descriptors(rig.loop, devices)
    assert rig.loop.budget is not None and rig.loop.budget.most == 30
