"""What a reading costs on the local socket, to one subscriber and to sixteen, against a JSON line in a file.

CPU of the process that publishes, in turns of a scan of forty readings, less what the same turns cost without any
sink; subscribers are another process on the same core, which takes everything in between. Sinks are made as the daemon
makes them, on the daemon's own loop, and are flushed once a turn.
"""

from __future__ import annotations

import multiprocessing
import os
import select
import socket
import statistics
import tempfile
import time
from typing import Any

from meterd._clock import wall_clock_ms
from meterd._number import Number
from meterd._reading import Inlet
from meterd.model import Reading, Signal
from meterd.ports._loop import Loop
from meterd.sinks import file, local_socket
from meterd.sinks.hub import Hub

from ._machine import Row, one_core, ratio

ROUNDS = 61
TURNS = 12  # what they say fits into a socket's buffer
READINGS = 40
SUBSCRIBERS = (1, 16)
TIME_MS = 1_795_000_000_000
SIGNALS = [Signal("meter", f"energy_{number}", {}) for number in range(READINGS)]


def subscribe(path: str, count: int) -> None:
    """Takes all that comes, and does nothing with it."""
    poll = select.epoll()
    sockets = []
    for _ in range(count):
        client = socket.socket(socket.AF_UNIX)
        client.connect(path)
        poll.register(client.fileno(), select.EPOLLIN)
        sockets.append(client)
    while True:
        for fd, _ in poll.poll():
            if not os.read(fd, 1 << 16):
                return


class Way:
    """A hub with one sink, or none, on a loop of its own."""

    def __init__(self, sink: Any, loop: Loop) -> None:
        self.sink = sink
        self._loop = loop
        self._hub = Hub([sink] if sink is not None else [], wall_clock_ms)
        loop.turn_ends.append(self._hub.flush)

    def micros(self) -> float:
        """CPU for each reading of a round."""
        publish, turn = self._hub.publish, self._loop.turn
        begun = time.process_time()
        for scan in range(TURNS):
            for number, signal in enumerate(SIGNALS):
                publish(Reading(signal, Number(14723800 + 7 * scan + number, -2), "kWh", TIME_MS + scan))
            turn(False)
        spent = time.process_time() - begun
        self._settle()
        return spent / TURNS / READINGS * 1e6

    def _settle(self) -> None:
        """Subscribers take what is there."""
        limit = time.monotonic() + 10
        time.sleep(0.002)
        while self.sink is not None and self.sink.condition()[2]:
            assert time.monotonic() < limit, "the subscribers take nothing"
            self._loop.turn(False)
            time.sleep(0.001)


def socket_way(folder: str, subscribers: int) -> Way:
    loop = Loop()
    path = os.path.join(folder, f"socket-{subscribers}")
    sink = local_socket.open_sink({"path": path, "clients": subscribers, "keep_readings": 0}, loop)
    multiprocessing.get_context("fork").Process(target=subscribe, args=(path, subscribers), daemon=True).start()
    limit = time.monotonic() + 10
    while f"clients: {subscribers}" != sink.condition()[1]:
        assert time.monotonic() < limit, "the subscribers did not come"
        loop.turn(False)
        time.sleep(0.005)
    return Way(sink, loop)


def run() -> list[Row]:
    with one_core(), tempfile.TemporaryDirectory(prefix="meterd-socket-") as folder:
        loop = Loop()
        line = Way(file.open_sink({"path": os.path.join(folder, "readings"), "format": "json"}, loop), loop)
        ways = [Way(None, Loop()), line, *(socket_way(folder, count) for count in SUBSCRIBERS)]
        rounds = [[way.micros() for way in ways] for _ in range(ROUNDS)]
        compiled = isinstance(getattr(ways[-1].sink, "inlet", None), Inlet)
        for way in ways[1:]:
            way.sink.close()
    beyond = [[figure - one[0] for figure in one[1:]] for one in rounds]
    lines, *sockets = zip(*beyond, strict=True)
    rows: list[Row] = [
        (f"a JSON line in a file, {READINGS} a turn: CPU per reading", statistics.median(lines), "µs", None)
    ]
    for count, figures, most in zip(SUBSCRIBERS, sockets, (3.0, 10.0), strict=True):
        what = f"local socket ({'compiled' if compiled else 'interpreted'}), subscribers: {count}"
        rows.append((f"{what}: CPU per reading", statistics.median(figures), "µs", None))
        rows.append((what, ratio(figures, lines), "× a JSON line", -most))
    return rows
