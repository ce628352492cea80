"""A port of ours at which meters call: TCP or UDP, many meters at one address, known by what they tell of themselves.

What they push is taken as it comes; a device that is asked is read over the connection that its meter has opened, when
its time has come, or, where the meter was not there then, when it calls. One that does not call is told so, and stale.

Whoever is no configured meter is remembered with what it said (`unknown_callers`), and all have bounds (`call_room`).
Dirt: an address that is not ours, meters that call twice, or hang up in the midst of anything.
"""

from __future__ import annotations

from time import gmtime, strftime

from .. import log
from ..errors import PortGone, Silence
from ..model import LISTENS
from ..ports._loop import Loop
from ..ports._port import Counts
from ..ports._timers import Timer
from ..ports.calls import Entrance
from ..protocols import registry
from .call import Call
from .call_room import Room
from .goodbye import FAREWELLS_S
from .heard import Heard
from .job import PORT_RETRY_S
from .listening import MISSED
from .outcome import settle
from .pace import Pace
from .unknown_callers import UnknownCallers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..conversation import Conversation
    from ..model import Device, Plan
    from ..ports._port import Port
    from ..ports.player import Observer
    from ..sinks.hub import Hub
    from .job import Job, Rounds

FIRST_S = 1.0  # before one who has just called is read: it may have something to say by itself
ONCE_S = 60.0  # where one scan is asked for, a call is waited for so long


class Observers(list["Observer"]):
    """Of all who call, those who call already as well."""

    def __init__(self, room: Room) -> None:
        super().__init__()
        self._room = room

    def append(self, observer: Observer) -> None:
        super().append(observer)
        self._tell()

    def remove(self, observer: Observer) -> None:
        super().remove(observer)
        self._tell()

    def _tell(self) -> None:
        for call in self._room.calls:
            call.observe()


class Everybody:
    """In place of the one player that other lines have: what is observed is observed of every call."""

    def __init__(self, room: Room) -> None:
        self.observers = Observers(room)
        self.counts = Counts()  # nothing passes where nobody calls
        self.reported: set[Any] = set()


class Calls(Heard):
    """A line of devices whose meters call; it has the face of `line.Line` as far as daemon and control know it."""

    def __init__(
        self, loop: Loop, key: str, path: str | None, hub: Hub, on_idle: Callable[[Calls], None] | None = None
    ) -> None:
        super().__init__(hub)
        self.loop = loop
        self.key = key
        self.path = None
        self.on_idle = on_idle
        self.once = False
        self.rounds: Rounds | None = None
        self.started = loop.time
        self.port = Entrance(loop, key.removeprefix(LISTENS), self._serve)
        self.room = Room(loop, key)
        self.hold = self.room.hold
        self.player: Any = Everybody(self.room)
        self.unknown = UnknownCallers(key)
        self.on_stranger: Callable[[Call, str, Any, bytes], None] = lambda call, name, pushed, apdu: None
        self._protocol = registry.calls()
        self._book = self._protocol.Book([])
        self._framing = "wrapper"
        self._call_of: dict[str, Call] = {}  # by alias
        self._last_s: dict[str, int] = {}  # by alias: when it last called, wall clock
        self._timers: dict[Job, Timer] = {}
        self._paces: dict[Job, Pace] = {}
        self._owed: set[Job] = set()  # to be read as soon as their meter calls
        self._errors: dict[str, Exception] = {}  # by alias: why what came last was not taken
        self._opening = Timer(self._open)
        self._parting = Timer(self._part)
        self._stopped: Callable[[Calls], None] | None = None

    # ---- devices

    def set_jobs(self, jobs: list[Job]) -> None:
        """Let these call from now on."""
        if jobs == self.jobs and self.port.is_open():
            return
        for job in set(self._timers).difference(jobs):
            self._timers.pop(job).deadline = None
            self._owed.discard(job)
            self._paces.pop(job, None)
        self.jobs = jobs
        self.by_alias = {job.alias(): job for job in jobs}
        self._book = self._protocol.Book([(job.plan, job.memory) for job in jobs])
        if jobs:
            self.framed_as(jobs[0].plan.device)
        for job in jobs:
            if job not in self._timers:
                self._watch(job)
        for call in list(self.room.calls):
            self._keep_known(call)
            call.listens_anew()
        if self.once:  # a daemon that runs may be asked instead
            self.loop.arm(self._opening, self.loop.time)
        else:
            self._open()  # at once: whoever hears that the daemon is ready may call

    def framed_as(self, device: Device) -> None:
        """What callers' telegrams come in."""
        self._framing = self._protocol.framing_of(device)

    def take_in(self, call: Call, job: Job) -> None:
        """A device more, whose meter has called already."""
        self.jobs = [*self.jobs, job]
        self.by_alias[job.alias()] = job
        self._watch(job)
        self.is_known(call, job)

    def _keep_known(self, call: Call) -> None:
        known = [alias for alias in call.jobs if alias in self.by_alias]
        for alias in set(call.jobs).difference(known):
            del self._call_of[alias]
        call.jobs = {alias: self.by_alias[alias] for alias in known}
        if not known:
            self.room.is_stranger(call)

    def _watch(self, job: Job) -> None:
        if is_read(job):
            self._timers[job] = Timer(lambda: self._due(job))
            self._owed.add(job)
            wait_s = ONCE_S if self.once else job.period_s
            call = self._call_of.get(job.alias())
            self.loop.arm(self._timers[job], self.loop.time + (0.0 if call is not None else wait_s))
        else:
            self._paces[job] = pace = Pace(job.plan.device.parameters["scan_rate_ms"] / 1000.0)
            self._timers[job] = Timer(lambda: self._missed(job))
            self.loop.arm(self._timers[job], self.loop.time + MISSED * pace.interval_s)

    def hasten(self, job: Job) -> None:
        """Read it as soon as its meter is there; what it pushes cannot be hastened."""
        if is_read(job) and job in self._timers:
            self.loop.arm(self._timers[job], self.loop.time)

    def is_stream(self) -> bool:
        """Whether what is lost or doubled puts all that follows out of step."""
        return not self.port.is_udp() and self._framing == "wrapper"

    # ---- callers

    def _open(self) -> None:
        if self.port.is_open():
            return
        try:
            self.port.open()
        except PortGone as error:
            for job in self.jobs:
                self._fail(job, error)
            self.loop.arm(self._opening, self.loop.time + PORT_RETRY_S)
        else:
            log.recovered(self.key, f"{self.key}: meters can call")
            self.room.open()

    def _serve(self, port: Port) -> None:
        if not self.room.has_place():
            port.close()
            return
        call = Call(self, port)
        self.room.add(call)
        self._by_place(call)

    def _by_place(self, call: Call) -> None:
        """One that is to be read may say nothing by itself: it is known by where it calls from."""
        for plan, _ in self._book.at(call.address):
            job = self.by_alias[plan.device.alias]
            if is_read(job) and job.alias() not in self._call_of:
                self.is_known(call, job)

    def forget(self, call: Call) -> None:
        """It has hung up."""
        self.room.let_go(call)
        for alias, job in call.jobs.items():
            if self._call_of.get(alias) is call:
                del self._call_of[alias]
                if is_read(job) and job in self._timers and self._timers[job].deadline is None:
                    self._owed.add(job)
                    self.loop.arm(self._timers[job], self.loop.time + job.period_s)
        call.jobs = {}
        if self._stopped is not None and not self.room.calls:
            self._part()

    def talk_with(self, call: Call) -> Conversation:
        talk: Conversation = self._protocol.talk(call, self._book, self._framing)
        return talk

    def is_known(self, call: Call, job: Job) -> None:
        """Whose call it is. An older one of the same meter is hung up on."""
        alias = job.alias()
        self._last_s[alias] = self.hub.now_ms() // 1000
        before = self._call_of.get(alias)
        if before is call:
            return
        self._call_of[alias] = call
        call.jobs[alias] = job
        self.room.is_known(call)
        if before is not None:
            before.lose(job)
            if not before.jobs:
                before.end("its meter has called anew")
                self.room.let_go(before)
        if job in self._owed:
            self.loop.arm(self._timers[job], self.loop.time + FIRST_S)

    def stranger(self, call: Call, name: str, said: str, pushed: Any, apdu: bytes) -> None:
        self.unknown.note(name, call.address, said, self.loop.time)
        self.on_stranger(call, name, pushed, apdu)

    def refused(self, plan: Plan | None, error: Exception) -> None:
        if plan is not None and plan.device.alias in self.by_alias:
            self._errors[plan.device.alias] = error

    # ---- what comes of it

    def heard_of(self, job: Job) -> None:
        """A telegram of a device that pushes was taken."""
        self._errors.pop(job.alias(), None)
        pace = self._paces.get(job)
        if pace is not None:
            pace.heard(self.loop.time)
            self.loop.arm(self._timers[job], self.loop.time + MISSED * pace.interval_s)
        self._answer(job, None)

    def done(self) -> None:
        """Where one telegram of each was asked for, those heard have had their turn."""
        for job in [job for job in self.jobs if not is_read(job) and job.status.connected]:
            self._had_its_turn(job)

    def _missed(self, job: Job) -> None:
        """No telegram of this device has come in time."""
        self.started = self.loop.time
        seconds = MISSED * self._paces[job].interval_s
        self._paces[job].missed()
        error = self._errors.pop(job.alias(), None)
        self._fail(job, error or Silence(f"sent nothing for {seconds:.3g} s (scan_rate_ms says how often it should)"
                                         f"; {self._absence(job)}"))  # fmt: skip
        self._had_its_turn(job)

    def _due(self, job: Job) -> None:
        call = self._call_of.get(job.alias())
        if call is not None:
            self._owed.discard(job)
            call.read(job)
            return
        self.started = self.loop.time
        self._owed.add(job)
        self._fail(job, PortGone(f"is not read: {self._absence(job)}"))
        self._had_its_turn(job)

    def _absence(self, job: Job) -> str:
        """Since when its meter is not there; or that it is."""
        if job.alias() in self._call_of:
            return f"its connection from {self._call_of[job.alias()].port.name} stands"
        last_s = self._last_s.get(job.alias())
        if last_s is None:
            return f"the meter has not called {self.key.removeprefix(LISTENS)} since meterd began"
        return f"the meter has not called since {strftime('%Y-%m-%d %H:%M:%S', gmtime(last_s))} UTC"

    def was_read(self, job: Job, error: Exception | None) -> None:
        """Its next turn."""
        timer = self._timers.get(job)
        if timer is None:
            return
        due = max(self.loop.time, job.due) if error is None else self.loop.time
        job.due = due + job.period_s
        self.loop.arm(timer, self.loop.time if job.askers else job.due)
        self._had_its_turn(job)

    def _fail(self, job: Job, error: Exception) -> None:
        settle(self, job, error)
        self._answer(job, error)
        pace = self._paces.get(job)
        wait_s = job.period_s if pace is None else pace.interval_s
        self.loop.arm(self._timers[job], self.loop.time + wait_s)

    def _answer(self, job: Job, error: Exception | None) -> None:
        askers, job.askers = job.askers, ()
        for asker in askers:
            asker.ended(error)

    def _had_its_turn(self, job: Job) -> None:
        if not self.once or self._stopped is not None or job not in self._timers:
            return
        self._timers.pop(job).deadline = None
        self.jobs = [one for one in self.jobs if one is not job]
        if not self.jobs and self.on_idle is not None:
            self.stop(self.on_idle)

    # ---- the end

    def stop(self, stopped: Callable[[Calls], None]) -> None:
        """Let nobody in, say goodbye to those who are read, and hang up; then call `stopped(self)`."""
        self._stopped = stopped
        self.room.close()
        for timer in (self._opening, *self._timers.values()):
            timer.deadline = None
        self.loop.arm(self._parting, self.loop.time + (FAREWELLS_S if self.room.calls else 0.0))
        for call in list(self.room.calls):
            call.end("meterd is ending", politely=True)
        if not self.port.is_udp():
            self.port.close()

    def _part(self) -> None:
        self._parting.deadline = None
        stopped, self._stopped = self._stopped, None
        for call in list(self.room.calls):
            call.port.close()
        self.port.close()
        if stopped is not None:
            stopped(self)


def is_read(job: Job) -> bool:
    """Whether a device is asked, and does not push."""
    return not getattr(job.driver, "listens", None) or not job.driver.listens(job.plan)
