"""What changed, told once a second to those who follow (server-sent events).

Events: `meters`, rows of meters that are another now; `values`, signals of the meter that a follower looks at; `pulse`,
that ports, sinks and the log may have changed; `read`, how a scan ended that somebody asked for.
Bounds: MOST_FOLLOWERS; MOST_ROWS meters and MOST_VALUES signals a second, the rest in the next ones; what waits for one
follower (`http_server.MAX_LIVE`), who is let go beyond it and comes back by himself.
"""

from __future__ import annotations

from ..gateway.json_text import dumps
from ..ports._timers import Timer
from ..ports.http_server import PLAIN, PORTION_S, Answer
from ..ports.portions import Portions
from .meters import meter_row, signal_row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..daemon.daemon import Daemon
    from ..ports.http_server import Follower
    from ..ports.work import Work
    from ..sinks.page import Page
    from .guard import Guard, Session

KIND = "text/event-stream; charset=utf-8"
MOST_FOLLOWERS = 8
MOST_ROWS = 50
MOST_VALUES = 100
TICK_S = 1.0
PULSE_S = 3.0
QUIET_S = 15.0
BEGINNING = b"retry: 2000\n\n"


def event(name: str, value: object) -> bytes:
    return f"event: {name}\ndata: {dumps(value)}\n\n".encode("utf-8", "backslashreplace")


class _Viewer:
    __slots__ = ("follower", "meter", "session")

    def __init__(self, follower: Follower, meter: str, session: Session | None) -> None:
        self.follower = follower
        self.meter = meter
        self.session = session


class Live:
    """Everybody who follows, and the clock that tells them."""

    def __init__(self, daemon: Daemon, page: Page, guard: Guard) -> None:
        self._daemon = daemon
        self._page = page
        self._guard = guard
        self._loop = daemon.loop
        self._viewers: list[_Viewer] = []
        self._work = Portions(self._loop, portion_s=PORTION_S)
        self._tick = Timer(self._tell)
        self._quiet = Timer(self._ping)
        self._pulsed_s = 0.0
        page.on_change = self._arm

    def answer(self, meter: str, session: Session | None) -> Answer:
        if len(self._viewers) >= MOST_FOLLOWERS:
            return Answer(503, PLAIN, b"enough others follow already\n")
        answer = Answer(200, KIND, b"")
        answer.follow = lambda follower: self._begin(follower, meter, session)
        return answer

    def _begin(self, follower: Follower, meter: str, session: Session | None) -> None:
        viewer = _Viewer(follower, meter, session)
        follower.on_end = lambda: self._gone(viewer)
        self._viewers.append(viewer)
        self._page.is_followed = True
        follower.tell(BEGINNING)
        self._loop.arm(self._quiet, self._loop.time + QUIET_S)

    def _gone(self, viewer: _Viewer) -> None:
        self._viewers.remove(viewer)
        if not self._viewers:
            self._page.is_followed = False
            self._page.changed.clear()
            self._tick.deadline = self._quiet.deadline = None
            self._work.abandon()

    def _arm(self) -> None:
        if self._viewers and self._tick.deadline is None:
            self._loop.arm(self._tick, self._loop.time + TICK_S)

    def _tell(self) -> None:
        self._work.begin(self._telling(), lambda _: self._arm_again())

    def _arm_again(self) -> None:
        if self._page.changed:
            self._arm()

    def _ping(self) -> None:
        self.send(b": still here\n\n")
        if self._viewers:
            self._loop.arm(self._quiet, self._loop.time + QUIET_S)

    def _telling(self) -> Work[None]:
        changed = self._page.changed
        rows: list[dict[str, object]] = []
        told: dict[str, set[str]] = {}
        for alias in list(changed)[:MOST_ROWS]:
            told[alias] = changed.pop(alias)
            job = self._daemon.jobs.get(alias)
            if job is not None:
                rows.append(meter_row(job, self._loop.time))
            yield
        if rows:
            self.send(event("meters", rows))
        for alias in {viewer.meter for viewer in self._viewers} & set(told):
            yield from self._values(alias, told[alias])
        if self._loop.time >= self._pulsed_s + PULSE_S:
            self._pulsed_s = self._loop.time
            self.send(event("pulse", {"events": self._page.events}))

    def _values(self, alias: str, changed: set[str]) -> Work[None]:
        job = self._daemon.jobs.get(alias)
        if job is None:
            return
        failing = job.status.failing_signals()
        rows: list[dict[str, object]] = []
        for signal in job.signals:
            if signal.alias in changed:
                if len(rows) >= MOST_VALUES:
                    self._page.changed.setdefault(alias, set()).update(changed)
                    break
                changed.discard(signal.alias)
                rows.append(signal_row(self._page, signal, failing, spark=False))
                yield
        if rows:
            self.send(event("values", {"device": alias, "values": rows}), alias)

    def send(self, data: bytes, meter: str = "") -> None:
        """To all, or to those who look at that meter; whoever's session is over is let go."""
        for viewer in list(self._viewers):
            if viewer.session is not None and not self._guard.knows(viewer.session):
                viewer.follower.end()
            elif not meter or viewer.meter == meter:
                viewer.follower.tell(data)
