"""What the benchmarks of a serial line share: meters in a process of their own on a pty that keeps to the line's pace
in both directions, and the real daemon at its other end, its readings counted and its line observed.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from meterd.config.files import load
from meterd.conversation import LineSettings
from meterd.daemon.daemon import Daemon
from meterd.daemon.line import Line
from meterd.daemon.one_scan import Evidence
from meterd.daemon.state import StateDirectory
from meterd.model import Reading
from meterd.ports._loop import Loop
from meterd.simulate.meter_host import MeterHost
from meterd.sinks.hub import Hub

if TYPE_CHECKING:
    from meterd.conversation import Conversation

WAIT_S = 10.0


@contextlib.contextmanager
def on_a_line(meter: Callable[[], Conversation], settings: LineSettings) -> Iterator[str]:
    """Serve a meter on a paced pty from a forked process; gives the pty's name for as long as the block lasts."""
    with tempfile.TemporaryDirectory(prefix="meterd-bench-") as directory:
        link = os.path.join(directory, "tty")
        pid = _serve(link, meter, settings)
        try:
            yield link
        finally:
            os.kill(pid, 9)
            os.waitpid(pid, 0)


def _serve(link: str, meter: Callable[[], Conversation], settings: LineSettings) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            loop = Loop()
            MeterHost(loop).on_pty(link, meter, settings, paced=True)
            loop.run()
        finally:
            os._exit(1)
    limit = time.monotonic() + WAIT_S
    while not os.path.islink(link):
        assert time.monotonic() < limit, "the simulated meter did not start"
        time.sleep(0.01)
    return pid


class Kept:
    """A sink that counts what becomes of each signal."""

    def __init__(self) -> None:
        self.qualities: Counter[str] = Counter()

    def accept(self, reading: Reading) -> None:
        self.qualities[reading.quality] += 1

    def flush(self) -> None:
        """Nothing waits here."""

    def reopen(self) -> None:
        """Nothing is open."""

    def close(self) -> None:
        """Nothing is open."""


def read(configuration: dict[str, object], evidence: Evidence, loop: Loop, once: bool) -> tuple[float, Counter[str]]:
    """Let the daemon read what is configured until the loop is stopped, with `once` until all has been read once.

    Returns: the seconds that it took, and readings by quality.
    """
    kept = Kept()
    daemon = Daemon(loop, Hub([kept], lambda: time.time_ns() // 1_000_000), StateDirectory(None))
    daemon.once = once

    def observe(line: Line) -> list[Evidence]:
        return [evidence]

    daemon.observe = observe
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump(configuration, file)
        file.flush()
        loaded = load([file.name])
    assert not loaded.errors, loaded.errors[0]
    assert daemon.configure(loaded)
    begun = time.monotonic()
    loop.run()
    elapsed = time.monotonic() - begun
    for line in daemon.lines.values():
        line.port.close()
    loop.close()
    return elapsed, kept.qualities
