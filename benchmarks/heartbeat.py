"""For how long nobody else has his turn: the longest gap of a meter that is read every 20 ms, beside 3,000 lines.

The daemon is the real one, `meterd run` in a process of its own; the meters are another process, which notes when the
heartbeat meter was asked. What is done to the daemon meanwhile is what grows with its lines: it starts, all are traced,
somebody looks at the status, everything is configured anew, 2,000 are dead, the names of 3,000 are asked for and no
name server answers. On a machine with other work each of these gaps holds that machine's own as well, so beside each
stands the longest gap of a process that only sleeps for 20 ms; `longest turn` is the daemon's own figure.

    METERD_BENCH_LINES=300 python -m benchmarks --only heartbeat
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from multiprocessing import Pipe, Process
from multiprocessing.connection import Connection
from pathlib import Path

from ._machine import Row
from ._meters import hosts

LINES = int(os.environ.get("METERD_BENCH_LINES", "3000"))
PERIOD_MS = 20
MOST_MS = 50.0
QUIET_S = 3.0
BEGIN_S = 8.0
LIMIT_S = 60.0
SHUT = 1  # nobody listens there
# A meter of M-Bus: a confirmation, and one telegram with an energy (EN 13757-2, -3).
CONFIRMED = b"\xe5"
BODY = bytes.fromhex("080172 78563412 24230107 55000000 0413 15cd5b07")
TELEGRAM = bytes((0x68, len(BODY), len(BODY), 0x68)) + BODY + bytes((sum(BODY) & 0xFF, 0x16))
SHORT_FRAME = 5
ASKS_FOR_DATA = 0x0B
# The daemon with a name server that is dead: a question takes long and is never answered.
DEAF = (
    "import time\nfrom meterd.ports import resolver\n"
    "def dead(*_):\n    time.sleep(3.0)\n    raise OSError(-3, 'Temporary failure in name resolution')\n"
    "resolver.getaddrinfo = dead\n"
    "import sys\nfrom meterd.cli.main import main\nsys.exit(main())"
)


def play(pipe: Connection) -> None:
    """The meters, until the pipe ends: says its three ports, then when the heartbeat was asked, whenever it is told."""
    listeners = [socket.create_server(("0.0.0.0", 0), backlog=4096) for _ in range(3)]
    heartbeat, answering, silent = (listener.fileno() for listener in listeners)
    pipe.send([listener.getsockname()[1] for listener in listeners])
    poll = select.epoll()
    for fd in (heartbeat, answering, silent, pipe.fileno()):
        poll.register(fd, select.EPOLLIN)
    kind: dict[int, int] = {}
    asked: list[float] = []
    while True:
        for fd, _ in poll.poll():
            if fd == pipe.fileno():
                try:
                    pipe.recv()
                except EOFError:
                    return
                pipe.send(asked)
                asked = []
            elif fd in (heartbeat, answering, silent):
                connection = next(each for each in listeners if each.fileno() == fd).accept()[0].detach()
                kind[connection] = fd
                poll.register(connection, select.EPOLLIN)
            elif not _answer(fd, kind[fd] == silent, asked if kind[fd] == heartbeat else None):
                os.close(fd)


def tick(pipe: Connection) -> None:
    """Nothing but a sleep of a period, again and again: the longest time between two of them is the machine's own."""
    last, longest = time.monotonic(), 0.0
    while True:
        time.sleep(PERIOD_MS / 1000.0)
        now = time.monotonic()
        last, longest = now, max(longest, now - last)
        if pipe.poll():
            try:
                pipe.recv()
            except EOFError:
                return
            pipe.send(longest)
            longest = 0.0


def _answer(fd: int, silent: bool, asked: list[float] | None) -> bool:
    """One frame of a connection; False where it has ended."""
    try:
        data = os.read(fd, 4096)
        if data and not silent:
            wants_data = len(data) >= SHORT_FRAME and data[-SHORT_FRAME + 1] & 0x0F == ASKS_FOR_DATA
            if wants_data and asked is not None:
                asked.append(time.monotonic())
            os.write(fd, TELEGRAM if wants_data else CONFIRMED)
    except OSError:
        return False
    return bool(data)


def device(alias: str, place: str, port: int, scan_rate_ms: int) -> dict[str, object]:
    return {
        "name": alias, "device_alias": alias, "protocol": "mbus tcp", "ip": place, "port": port, "address": "1",
        "timeout_ms": 1000, "scan_rate_ms": scan_rate_ms, "poll_delay_ms": 0, "retry_counter": 0,
    }  # fmt: skip


class Site:
    """The meters, one daemon beside them, and what is seen of both. `ports`: heartbeat, answering, silent."""

    def __init__(self) -> None:
        self._pipe, theirs = Pipe()
        self._meters = Process(target=play, args=(theirs,), daemon=True)
        self._meters.start()
        theirs.close()
        self._clock, theirs = Pipe()
        self._ticker = Process(target=tick, args=(theirs,), daemon=True)
        self._ticker.start()
        theirs.close()
        self.ports: list[int] = self._pipe.recv()
        self._folder = tempfile.TemporaryDirectory(prefix="meterd-heartbeat-")
        self._path = os.path.join(self._folder.name, "meterd.json")
        self._control = os.path.join(self._folder.name, "control.sock")
        self._daemon: subprocess.Popen[bytes] | None = None
        self._asked: list[float] = []

    def begin(self, *words: str) -> None:
        """Start the daemon on what is configured, and wait for the first heartbeat."""
        command = [*(words or (sys.executable, "-m", "meterd")), "run", "-c", self._path, "-d2"]
        command += ["--state", self._folder.name, "--control", self._control]
        self._daemon = subprocess.Popen(command)
        self.wait_until(self._seen, "the heartbeat meter is read")

    def end(self) -> None:
        if self._daemon is not None:
            self._daemon.send_signal(signal.SIGTERM)
            self._daemon.wait(20)
            self._daemon = None
        self._seen()
        self._asked = []

    def close(self) -> None:
        self.end()
        self._pipe.close()
        self._clock.close()
        self._meters.join(10)
        self._ticker.join(10)
        self._folder.cleanup()

    def configure(self, places: list[tuple[str, int]]) -> None:
        rows = [device("heartbeat", "127.0.0.1", self.ports[0], PERIOD_MS)]
        rows += [device(f"m{number}", place, port, 10_000) for number, (place, port) in enumerate(places)]
        signals = [
            {"signal_name": "E", "device_alias": row["device_alias"], "signal_alias": "E", "number_type": "DOUBLE",
             "tag_job_todo": "0"}
            for row in rows
        ]  # fmt: skip
        publish = {"file": {"path": os.path.join(self._folder.name, "readings")}}
        self.write(json.dumps({"devices": rows, "signals": signals, "publish": publish}))

    def write(self, configuration: str) -> None:
        Path(self._path).write_text(configuration, "utf-8")

    def ask(self, words: str) -> bytes:
        """One request to the control socket, and all of its answer."""
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(self._control)
            control.sendall(f"{words}\n".encode())
            return b"".join(iter(lambda: control.recv(1 << 20), b""))

    def status(self) -> dict[str, object]:
        answer: dict[str, object] = json.loads(self.ask("status"))
        return answer

    def pid(self) -> int:
        if self._daemon is None:
            raise RuntimeError("there is no daemon")
        return self._daemon.pid

    def is_well(self) -> bool:
        """Whether all sinks are."""
        sinks = self.status()["sinks"]
        assert isinstance(sinks, list)
        return all(row["state"] == "good" for row in sinks)

    def waiting(self) -> int:
        """Readings that wait in all sinks."""
        sinks = self.status()["sinks"]
        assert isinstance(sinks, list)
        return max(int(row["waiting"]) for row in sinks)

    def follow(self, seconds: float) -> None:
        """Trace all lines for so long, from a thread that reads as fast as it comes."""
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(self._control)
            control.sendall(b"trace\n")
            reader = threading.Thread(target=lambda: list(iter(lambda: control.recv(1 << 20), b"")))
            reader.start()
            time.sleep(seconds)
            control.shutdown(socket.SHUT_RDWR)
            reader.join()

    def wait_until(self, seen: Callable[[], object], what: str) -> None:
        limit = time.monotonic() + LIMIT_S
        while not seen():
            if time.monotonic() > limit:
                raise RuntimeError(f"not seen in {LIMIT_S:g} s: {what}")
            time.sleep(0.1)

    def longest_gap_ms(self, what: Callable[[], object]) -> float:
        """The longest time between two questions to the heartbeat meter while `what` is done, and a little longer."""
        self._seen()
        self.machine_ms()
        what()
        time.sleep(0.3)
        asked = self._seen()
        if not asked:
            raise RuntimeError("the heartbeat meter was not read at all")
        asked = [*asked, time.monotonic()]  # what was not asked until now may have been forgotten
        return max(later - earlier for earlier, later in pairwise(asked)) * 1000.0

    def machine_ms(self) -> float:
        """The longest time between two sleeps of a process that does nothing else, since this was last asked."""
        self._clock.send(None)
        longest_s: float = self._clock.recv()
        return longest_s * 1000.0

    def _seen(self) -> list[float]:
        """When it was asked: the last time of those told before, and all since."""
        self._pipe.send(None)
        self._asked = self._asked[-1:] + self._pipe.recv()
        return self._asked


def places(port: int, count: int) -> list[tuple[str, int]]:
    return [(host, port) for host in hosts(count)]


def _all_read(site: Site) -> bool:
    answer = site.status()
    devices = answer["devices"]
    assert isinstance(devices, list)
    return all(row["last_good_age_s"] is not None for row in devices)


def longest_turn_ms(site: Site) -> float:
    own = site.status()["daemon"]
    assert isinstance(own, dict)
    return float(own["longest_turn_ms"])


def gap_rows(site: Site, what: str, gap_ms: float) -> list[Row]:
    return [(what, gap_ms, "ms", -MOST_MS), ("  meanwhile a process that only sleeps", site.machine_ms(), "ms", None)]


def many_lines(site: Site) -> list[Row]:
    """3,000 lines that answer every ten seconds."""
    rows: list[Row] = []

    def row(what: str, gap_ms: float) -> None:
        rows.extend(gap_rows(site, f"longest gap beside {LINES:,} lines: {what}", gap_ms))

    site.configure(places(site.ports[1], LINES))
    site.begin()
    row("they begin", site.longest_gap_ms(lambda: time.sleep(BEGIN_S)))
    site.wait_until(lambda: _all_read(site), "all are read")
    row("quiet", site.longest_gap_ms(lambda: time.sleep(QUIET_S)))
    row("trace of all", site.longest_gap_ms(lambda: site.follow(2.0)))
    row("status", site.longest_gap_ms(lambda: [site.status() for _ in range(3)]))
    row("reload, nothing changed", site.longest_gap_ms(lambda: site.ask("reload")))
    site.configure([(f"127.2{place[5:]}", port) for place, port in places(site.ports[1], LINES)])
    row("reload that moves every line", site.longest_gap_ms(lambda: (site.ask("reload"), time.sleep(3.0))))
    rows.append(("longest turn of that daemon", longest_turn_ms(site), "ms", None))
    site.end()
    return rows


def dead_ones(site: Site) -> list[Row]:
    """Two thirds do not answer: half of these take no connection, the others say nothing."""
    dead = LINES * 2 // 3
    lines = places(site.ports[1], LINES)
    lines[:dead] = [(place, SHUT if number % 2 else site.ports[2]) for number, (place, _) in enumerate(lines[:dead])]
    site.configure(lines)
    site.begin()
    gap = site.longest_gap_ms(lambda: time.sleep(13.0))
    rows = gap_rows(site, f"longest gap beside {dead:,} dead meters", gap)
    rows.append(("longest turn of that daemon", longest_turn_ms(site), "ms", None))
    site.end()
    return rows


def dead_resolver(site: Site) -> list[Row]:
    site.configure([(f"meter{number}.example", 4000) for number in range(LINES)])
    site.begin(sys.executable, "-c", DEAF)
    gap = site.longest_gap_ms(lambda: time.sleep(8.0))
    rows = gap_rows(site, f"longest gap beside {LINES:,} names and a dead name server", gap)
    rows.append(("longest turn of that daemon", longest_turn_ms(site), "ms", None))
    site.end()
    return rows


def run() -> list[Row]:
    site = Site()
    try:
        return [*many_lines(site), *dead_ones(site), *dead_resolver(site)]
    finally:
        site.close()
