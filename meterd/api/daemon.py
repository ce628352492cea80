"""The daemon within a program: all meters of a configuration on one thread, readings by callback, loop or `async for`.

In asyncio the daemon's own loop is one descriptor and one timer of asyncio's: two hundred meters need no thread.
"""

from __future__ import annotations

import asyncio
from collections import deque

from .. import log
from .._clock import wall_clock_ms
from ..daemon.daemon import Daemon as Wired
from ..daemon.state import StateDirectory
from ..ports._loop import Loop
from ..sinks.hub import Hub
from ..sinks.registry import open_sinks
from .configured import configuration_of
from .logs import use_logging
from .readings import Reading, public

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
    from types import TracebackType
    from typing import Any, Self

    from ..model import Reading as Internal
    from .configured import Path

MAX_WAITING = 100_000  # readings that wait for a program which is slower than its meters


class _Collected:
    """A sink that keeps readings until the program takes them; past the bound the oldest are lost, and said so."""

    def __init__(self) -> None:
        self.waiting: deque[Internal] = deque()
        self.lost = 0
        self.on_flush: Callable[[], object] = lambda: None

    def accept(self, reading: Internal) -> None:
        self.waiting.append(reading)
        if len(self.waiting) > MAX_WAITING:
            self.waiting.popleft()
            self.lost += 1

    def flush(self) -> None:
        if self.waiting:
            self.on_flush()
        if self.lost:
            log.warning(f"the program is slower than its meters: {self.lost} readings were lost", fold="program")
            self.lost = 0

    def reopen(self) -> None:
        """Nothing is open."""

    def close(self) -> None:
        """What waits may still be taken."""

    def take(self) -> Iterator[Reading]:
        while self.waiting:
            yield public(self.waiting.popleft())


class Daemon:
    """Reads the meters of `configuration`: a file's path, several, or what would stand in one as a dictionary.

    `state` is the folder for what must survive the process (invocation counters of ciphered DLMS). With `publish` the
    readings also leave by the configuration's sinks. Raises: ConfigError.
    Use it once, in one of three ways: `run(callback)`, `for reading in daemon`, `async for reading in daemon`; best
    within `with` or `async with`, which stop it politely. Meters are read from then on, at their `scan_rate_ms`.
    """

    def __init__(
        self,
        configuration: Path | Iterable[Path] | Mapping[str, Any],
        *,
        state: str | None = None,
        publish: bool = False,
    ) -> None:
        use_logging()
        self._configuration = configuration_of(configuration)
        self._collected = _Collected()
        self._loop = Loop()
        sinks = open_sinks(self._configuration.publish, self._loop) if publish else []
        self._hub = Hub([*sinks, self._collected], wall_clock_ms)
        self._wired = Wired(self._loop, self._hub, StateDirectory(state))
        self._loop.turn_ends.append(self._hub.flush)
        self._loop.running = False
        self._closed = False
        self._done: asyncio.Event | None = None

    def run(self, callback: Callable[[Reading], object]) -> None:
        """Call `callback` with every reading, until `stop`. What the callback raises ends the daemon and is raised."""
        for reading in self:
            callback(reading)

    def stop(self) -> None:
        """End all conversations politely, within five seconds; from any thread, or from within a callback."""
        if not self._closed:
            self._loop.call_soon_from_thread(self._wired.stop)

    def status(self) -> dict[str, Any]:
        """Every device with its counters, as `meterd status` has it; from the daemon's own thread."""
        return dict(self._wired.status())

    def reload(self, configuration: Path | Iterable[Path] | Mapping[str, Any]) -> None:
        """Read these from now on; a device that is as before is not disturbed. Raises: ConfigError; then all stays."""
        self._configuration = configuration_of(configuration)
        self._wired.configure(self._configuration)

    def __iter__(self) -> Iterator[Reading]:
        self._begin()
        try:
            while self._loop.running:
                self._loop.turn()
                yield from self._collected.take()
        finally:
            self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end()

    def _begin(self) -> None:
        if self._loop.running or self._closed:
            raise RuntimeError("a Daemon runs once")
        self._loop.running = True
        self._wired.configure(self._configuration)

    def _end(self) -> None:
        """Goodbyes, then let go of everything."""
        if self._closed:
            return
        self._closed = True
        if self._loop.running:
            self._wired.stop()
        while self._loop.running:
            self._loop.turn()
        self._hub.close()
        self._loop.close()

    # ---- asyncio

    async def __aiter__(self) -> AsyncIterator[Reading]:
        self._begin()
        news = asyncio.Event()
        self._collected.on_flush = news.set
        self._done = asyncio.Event()
        bridge = _Bridge(self._loop, news)
        try:
            while self._loop.running:
                await news.wait()
                news.clear()
                for reading in self._collected.take():
                    yield reading
        finally:
            if self._loop.running:
                self._wired.stop()
            while self._loop.running:  # the goodbyes, while asyncio goes on with what else it has
                news.clear()
                await news.wait()
            bridge.close()
            self._end()
            self._done.set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._done is not None and not self._closed:
            self._wired.stop()
            await self._done.wait()
        else:
            self._end()


class _Bridge:
    """Turns the daemon's loop whenever asyncio sees that there is something for it; `news` is set when it has ended."""

    def __init__(self, loop: Loop, news: asyncio.Event) -> None:
        self._loop = loop
        self._news = news
        self._outer = asyncio.get_running_loop()
        self._alarm: asyncio.TimerHandle | None = None
        self._outer.add_reader(loop.fileno(), self._turn)
        self._set_alarm()

    def close(self) -> None:
        self._outer.remove_reader(self._loop.fileno())
        if self._alarm is not None:
            self._alarm.cancel()

    def _turn(self) -> None:
        self._loop.turn(wait=False)
        if self._loop.running:
            self._set_alarm()
        else:
            self._news.set()

    def _ring(self) -> None:
        self._alarm = None
        self._turn()

    def _set_alarm(self) -> None:
        """Both loops have the monotonic clock. An alarm that is too early does no harm."""
        due = self._loop.next_deadline()
        if due is None or (self._alarm is not None and self._alarm.when() <= due):
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = self._outer.call_at(due, self._ring)
