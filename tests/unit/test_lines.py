"""Lines on stdout and in files: whole, in order, never blocking, never fatal."""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import select
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from meterd import log
from meterd.model import Reading, Signal
from meterd.ports._loop import Loop
from meterd.sinks.file import FileSink
from meterd.sinks.format import json_line, wcc_line
from meterd.sinks.hub import Hub
from meterd.sinks.lines import LineSink
from tests.virtual_clock import VirtualClock

ENERGY = Signal("M1", "E", {})


@pytest.fixture
def said() -> Iterator[list[str]]:
    found: list[str] = []
    log.configure(log.DEBUG, lambda level, text: found.append(text), clock=lambda: 0.0)
    yield found
    log.configure()


def publish(sink: LineSink, *values: int) -> None:
    for value in values:
        sink.accept(Reading(ENERGY, value, time_ms=1))
    sink.flush()


def wanted(*values: int) -> str:
    return "".join(f"tag/M1/E/rin {value},1,\n" for value in values)


def test_lines_leave_once_a_turn() -> None:
    read_end, write_end = os.pipe()
    sink = LineSink(write_end, json_line)
    sink.accept(Reading(ENERGY, 1, time_ms=1))
    sink.accept(Reading(ENERGY, 2, time_ms=1))
    assert not select.select([read_end], [], [], 0)[0]
    sink.flush()
    assert os.read(read_end, 4096).count(b"\n") == 2
    sink.reopen()
    sink.close()
    os.close(read_end)
    os.close(write_end)


def test_the_first_line_leaves_at_once_and_what_follows_soon_after_it_together() -> None:
    read_end, write_end = os.pipe()
    os.set_blocking(read_end, False)
    clock = VirtualClock()
    begun = clock.now_us()
    loop = Loop(clock)
    sink = LineSink(write_end, json_line, loop)
    hub = Hub([sink], lambda: 1)
    loop.turn_ends.append(hub.flush)
    written: list[int] = []

    def turn(after_us: int) -> None:
        clock.pass_until(clock.now_us() + after_us)
        loop.turn(wait=False)
        with contextlib.suppress(BlockingIOError):
            written.append(os.read(read_end, 4096).count(b"\n"))

    for _ in range(4):
        hub.publish(Reading(ENERGY, 1))
        turn(30_000)
    assert written == [1], "a write in a tenth of a second is enough"
    turn(10_000)
    assert written == [1, 3]
    hub.publish(Reading(ENERGY, 1))
    turn(10_000)
    assert written == [1, 3]
    assert loop.next_deadline() is not None, "what is held back leaves, whether there is another turn or not"
    loop.turn()
    loop.turn(wait=False)
    assert os.read(read_end, 4096).count(b"\n") == 1
    assert clock.now_us() <= begun + 140_000 + 200_000
    hub.publish(Reading(ENERGY, 1))
    hub.flush()
    hub.publish(Reading(ENERGY, 1))
    hub.close()
    assert os.read(read_end, 4096).count(b"\n") == 2, "nothing is held back at the end"
    os.close(read_end)
    os.close(write_end)


def test_a_slow_reader_blocks_nobody_and_gets_whole_lines(said: list[str]) -> None:
    read_end, write_end = os.pipe()
    fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, 4096)
    loop = Loop()
    sink = LineSink(write_end, wcc_line, loop)
    for value in range(70_000):
        publish(sink, value)
    assert sink.lost
    received = b""
    while sink.waiting:
        received += os.read(read_end, 65536)
        loop.turn(wait=False)
    received += os.read(read_end, 65536)
    text = received.decode()
    count = text.count("\n")
    assert text == wanted(*range(count))
    assert said == [f"stdout: {70_000 - count} readings were lost while it took none"]
    os.close(read_end)
    os.close(write_end)


def test_a_reader_that_has_gone_ends_the_output_not_the_daemon(said: list[str]) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    sink = LineSink(write_end, wcc_line)
    publish(sink, 1)
    publish(sink, 2)
    sink.close()
    assert said == ["stdout: Broken pipe; readings are no longer written there"]
    os.close(write_end)


def test_files_are_appended_to_and_reopened_after_rotation(tmp_path: Path) -> None:
    path = tmp_path / "readings"
    path.write_text("before\n")
    sink = FileSink(str(path), wcc_line)
    publish(sink, 1)
    assert path.read_text() == "before\n" + wanted(1)
    path.rename(tmp_path / "old")
    publish(sink, 2)
    sink.reopen()
    publish(sink, 3)
    sink.close()
    assert (tmp_path / "old").read_text() == "before\n" + wanted(1, 2)
    assert path.read_text() == wanted(3)
    assert path.stat().st_mode & 0o137 == 0


def test_a_missing_directory_is_told_once_and_nothing_is_lost(tmp_path: Path, said: list[str]) -> None:
    path = tmp_path / "card" / "readings"
    sink = FileSink(str(path), wcc_line)
    publish(sink, 1)
    publish(sink, 2)
    path.parent.mkdir()
    publish(sink, 3)
    assert path.read_text() == wanted(1, 2, 3)
    assert said[0] == f"{path}: No such file or directory; readings wait"
    assert len(said) == 2
    assert "readings are written again" in said[1]
    sink.close()


def test_a_disk_that_takes_half_a_line_tears_none(tmp_path: Path, said: list[str]) -> None:
    path = tmp_path / "readings"
    sink = FileSink(str(path), wcc_line)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (7, limits[1]))
        publish(sink, 1, 2)
        publish(sink, 3)
        assert len(path.read_text()) == 7
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    publish(sink, 4)
    sink.close()
    assert path.read_text() == wanted(1, 2, 3, 4)
    assert said[0] == f"{path}: File too large; readings wait"


def test_a_full_device_is_survived(said: list[str]) -> None:
    sink = FileSink("/dev/full", wcc_line)
    publish(sink, 1)
    sink.close()
    assert said == ["/dev/full: No space left on device; readings wait"]


def test_a_fifo_that_nobody_reads_does_not_block(tmp_path: Path, said: list[str]) -> None:
    path = str(tmp_path / "fifo")
    os.mkfifo(path)
    sink = FileSink(path, wcc_line)
    publish(sink, 1)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    publish(sink, 2)
    assert os.read(reader, 4096).decode() == wanted(1, 2)
    os.close(reader)
    publish(sink, 3)
    assert len(said) == 3
    sink.close()
