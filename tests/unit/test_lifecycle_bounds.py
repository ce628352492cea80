"""Bounds of what comes and goes: how long a goodbye lasts, how often a dead port is told of, what is forgotten when.

Each of these was changed once, in one line, without any other test noticing.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator

import pytest

from meterd import log
from meterd.daemon import farewell
from meterd.ports import player
from meterd.ports._loop import Loop
from meterd.simulate.iec62056_21 import meter as iec_meter
from meterd.sinks.format import wcc_line
from meterd.sinks.lines import LineSink

from .iec62056_21_case import printed, scan, signal
from .runtime_rig import Rig, counting_meter, tcp_device
from .test_daemon_lines import free_port
from .test_lines import publish


@pytest.fixture
def said() -> Iterator[list[str]]:
    found: list[str] = []
    log.configure(log.NOTICE, lambda level, text: found.append(text), clock=lambda: 0.0)
    yield found
    log.configure()


# ---- sinks


def fill(sink: LineSink) -> int:
    """Publish until readings are lost; returns how many are."""
    while not sink.lost:
        publish(sink, *range(1000))
    return sink.lost


def drain(read_end: int, loop: Loop, sink: LineSink) -> None:
    while sink.waiting:
        os.read(read_end, 1 << 16)
        loop.turn(wait=False)
    os.read(read_end, 1 << 16)


def test_each_outage_of_a_reader_tells_its_own_loss(said: list[str]) -> None:
    read_end, write_end = os.pipe()
    fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, 4096)
    loop = Loop()
    sink = LineSink(write_end, wcc_line, loop)
    first = fill(sink)
    drain(read_end, loop, sink)
    assert sink.lost == 0
    publish(sink, 1)
    second = fill(sink)
    drain(read_end, loop, sink)
    lost = [f"stdout: {count} readings were lost while it took none" for count in (first, second)]
    assert [text for text in said if "lost" in text] == lost
    os.close(read_end)
    os.close(write_end)


# ---- IEC 62056-21


def torn(seconds: float) -> Callable[[str, int, bytes], list[tuple[float, bytes]]]:
    """The meter's list in two halves: the second is begun so much later, and is 177 ms on its way."""

    def fault(who: str, count: int, data: bytes) -> list[tuple[float, bytes]]:
        half = len(data) // 2
        return [(0.0, data[:half]), (seconds, data[half:])] if (who, count) == ("meter", 1) else [(0.0, data)]

    return fault


@pytest.mark.parametrize(("gap_s", "whole"), [(1.25, True), (1.4, False)])
def test_a_short_time_out_allows_the_gaps_of_the_standard(gap_s: float, whole: bool) -> None:
    """Clause 6.4.3: up to 1.5 s between two characters, however short the time-out for an answer is."""
    settings = {"timeout_ms": 500, "retry_counter": 0}
    outcome = scan([signal("0.2.0", "DOUBLE")], iec_meter(reaction_ms="50")(), fault=torn(gap_s), **settings)
    assert (outcome.error is None) == whole
    assert bool(printed(outcome)) == whole


# ---- goodbyes


def test_a_second_abort_does_not_begin_the_goodbyes_time_anew(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(player, "GOODBYE_S", 0.4)
    port = rig.host.on_tcp(0, counting_meter(silent=("a",)))
    rig.toy.goodbye_ms = 20000
    rig.configure(tcp_device("a", port, timeout_ms=20000))
    line = next(iter(rig.daemon.lines.values()))
    rig.run(5.0, lambda: line.player.counts.bytes_sent > 0)
    ended: list[float] = []
    monkeypatch.setattr(line.player, "on_end", lambda error: ended.append(rig.loop.time))
    begun = rig.loop.time
    for _ in range(3):
        line.player.abort("enough")
        rig.run(0.2)
    rig.run(5.0, lambda: bool(ended))
    assert 0.35 < ended[0] - begun < 0.6, "the first abort set the time"


def test_what_a_line_says_at_the_end_stays_within_the_daemons_end() -> None:
    """An interrupted scan's goodbye, then those that are owed: `STOP_S` promises their sum."""
    from meterd.daemon.daemon import STOP_S

    assert player.GOODBYE_S + farewell.FAREWELLS_S <= STOP_S


# ---- ports


def test_a_port_that_is_gone_is_told_at_the_pace_of_the_scans(
    rig: Rig, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tried again and again, its signals fail once in half a period at the most: neither a flood nor silence."""
    rig.configure(tcp_device("a", free_port(), scan_rate_ms=400, reconnect_time=0))
    tries: list[float] = []
    kind = type(rig.daemon.jobs["a"].status)
    failed = kind.failed
    monkeypatch.setattr(kind, "failed", lambda self, *what: (tries.append(rig.loop.time), failed(self, *what)))
    rig.run(2.0)
    told = [reading for reading in rig.readings.of("a") if reading.reason == "disconnected"]
    assert len(tries) > 8
    assert 4 <= len(told) <= 11


# ---- protocols


def test_a_protocol_that_is_stopped_again_is_told_of_again(rig: Rig, said: list[str]) -> None:
    port = rig.host.on_tcp(0, counting_meter())
    waits = "toy is stopped: devices that wait for `meterd start toy`: 1"
    rig.daemon.stopped_protocols.add("toy")
    rig.configure(tcp_device("a", port))
    assert said == [waits]
    rig.daemon.set_protocol("toy", True)
    rig.daemon.stopped_protocols.add("toy")  # as a reload of the service's own configuration does
    rig.configure(tcp_device("a", port))
    assert said == [waits, "toy is started", waits]
