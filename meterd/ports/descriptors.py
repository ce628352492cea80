"""More meters behind network connections than this process may have descriptors: they share, each in its turn.

A connection is kept between scans where that costs nobody anything. Where descriptors are short, the connection that
has been idle for longest is given up for the next that is needed; where none is idle, whoever asked waits. A RESERVE is
left for files, sockets of consumers, and modules that are loaded when they are first needed.
Loaded where there are many network lines; until the loop has a `budget`, `tcp_port` asks nobody.
"""

from __future__ import annotations

from resource import RLIM_INFINITY, RLIMIT_NOFILE, getrlimit, setrlimit

from ._timers import Timer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ._loop import Loop
    from ._port import Port


# Files of state and sinks, control socket and local socket with all their clients, resolver, imports.
RESERVE = 64


def needed(network_lines: int, serial_lines: int = 0) -> int:
    """Descriptors with which every line keeps its connection."""
    return RESERVE + network_lines + serial_lines


def limit() -> int:
    """What this process may have at most; the soft limit, which exists for select(), is raised to it."""
    soft, hard = getrlimit(RLIMIT_NOFILE)
    if soft != hard:
        setrlimit(RLIMIT_NOFILE, (hard, hard))
    return 1 << 20 if hard == RLIM_INFINITY else hard


class Budget:
    """`most` connections at a time, of ports that `ask`, say when they are `idle` and `busy`, and what is `closed`."""

    def __init__(self, loop: Loop, most: int) -> None:
        self.most = most
        self._loop = loop
        self._admission = Timer(self._admit)
        self._open: set[Port] = set()
        self._idle: dict[Port, None] = {}  # in the order in which they became it
        self._waiting: dict[Port, Callable[[], None]] = {}

    def ask(self, port: Port, admitted: Callable[[], None]) -> bool:
        """Whether the port may connect now; where not, `admitted()` is called when it may."""
        if port in self._open:
            return True
        if len(self._open) >= self.most and self._idle:
            next(iter(self._idle)).close()
        if len(self._open) < self.most and not self._waiting:
            self._open.add(port)
            return True
        self._waiting[port] = admitted
        return False

    def idle(self, port: Port) -> None:
        """Nobody needs the connection until the next scan."""
        if self._waiting:
            port.close()
        elif port in self._open:
            self._idle[port] = None

    def busy(self, port: Port) -> None:
        self._idle.pop(port, None)

    def closed(self, port: Port) -> None:
        """The port has no connection any more, or wants none."""
        self._idle.pop(port, None)
        self._waiting.pop(port, None)
        self._open.discard(port)
        if self._waiting:
            self._loop.arm(self._admission, self._loop.time)  # not from here: the next one may fail at once, too

    def _admit(self) -> None:
        """Whoever waits, in the order in which they came."""
        while self._waiting and len(self._open) < self.most:
            port = next(iter(self._waiting))
            admitted = self._waiting.pop(port)
            self._open.add(port)
            admitted()

    def is_waiting(self, port: Port) -> bool:
        return port in self._waiting
