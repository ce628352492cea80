"""One half-duplex line: a serial port or one ip:port, and the devices that share it, one conversation at a time.

The line opens its port when a device is due, runs the device's conversation, turns what went wrong into failed
readings, a status and one log line, and lets the port go when nobody needs it for `serial_close_delay`. A TCP
connection is kept until it fails; one that the other side dropped in the meantime is opened anew without ado.
"""

from __future__ import annotations

from .. import log
from ..errors import Aborted, LineError, PortGone
from ..ports._loop import Loop
from ..ports._timers import Timer
from ..ports.opening import make_port
from ..ports.player import Player
from .farewell import NONE_OWED
from .job import PORT_RETRY_S
from .load import Load
from .outcome import note_signal, settle, tell
from .schedule import Schedule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..conversation import MeterTime, Tell
    from ..model import Reading
    from ..sinks.hub import Hub
    from .job import Asker, Job, Rounds

# From such a period on, scans begin together with those of other lines that are due about then.
SLOW_S = 1.0


class Line:
    """`path` is the device node for a serial line; over the network the key itself says where (`ports.network`)."""

    __slots__ = (
        "_about", "_askers", "_close_timer", "_current", "_farewells", "_fresh", "_interrupted", "_schedule",
        "_stopped", "_timer", "hub", "jobs", "key", "load", "loop", "on_idle", "once", "path", "player", "port",
        "rounds", "started",
    )  # fmt: skip

    def __init__(
        self, loop: Loop, key: str, path: str | None, hub: Hub, on_idle: Callable[[Line], None] | None = None
    ) -> None:
        self.loop = loop
        self.key = key
        self.path = path
        self.hub = hub
        self.on_idle = on_idle
        self.jobs: list[Job] = []
        self.once = False
        self.rounds: Rounds | None = None
        self.port = make_port(loop, key, path)
        self.player = Player(loop, self.port, hub.outlet, self._ended, self._note, self._tell)
        self._farewells = NONE_OWED
        self._schedule = Schedule()
        self._current: Job | None = None
        self._askers: Sequence[Asker] = ()  # of the present scan
        self.started = 0.0
        self.load = Load(loop.time)
        self._fresh = False
        self._interrupted = False
        self._timer = Timer(self._consider)
        self._about = False
        self._close_timer = None if path is None else Timer(self._close_port)
        self._stopped: Callable[[Line], None] | None = None

    def set_jobs(self, jobs: list[Job]) -> None:
        """Serve these devices from now on; those that are not among them any more are let go politely."""
        before, self.jobs = self.jobs, jobs
        self._schedule.set_turns(jobs)
        self._about = all(job.period_s >= SLOW_S for job in jobs)
        self._owe_goodbyes([job for job in before if not self._schedule.has(job)])
        if self._current is not None and not self._schedule.has(self._current):
            self._interrupt("its configuration changed")
        self._plan_next()

    def hasten(self, job: Job) -> None:
        """Scan this device as soon as the line is free."""
        if self._schedule.has(job):
            self._schedule.postpone(job, self.loop.time)
            self._plan_next()

    def being_read(self) -> Job | None:
        """Whose scan is under way."""
        return self._current

    def secrets(self) -> set[bytes]:
        """What no trace of this line may show; a device that is just being let go has secrets still."""
        jobs = [*self.jobs, *self._farewells.jobs()]
        if self._current is not None:
            jobs.append(self._current)
        return {secret for job in jobs for secret in job.plan.secrets}

    def stop(self, stopped: Callable[[Line], None]) -> None:
        """End politely and close the port, then call `stopped(self)`, within the bounds of player and farewells."""
        self._stopped = stopped
        self._timer.deadline = None
        self._schedule.set_turns(())  # another line may have these jobs by now
        self._owe_goodbyes(self.jobs)
        if self._current is not None:
            self._interrupt("meterd is ending")
        else:
            self._finish_stop()

    def _owe_goodbyes(self, jobs: list[Job]) -> None:
        """One that is being read says its own, and owes only what it did not come to."""
        for job in jobs:
            if job is not self._current:
                self._farewells = self._farewells.with_that_of(job)

    def _interrupt(self, why: str) -> None:
        self._interrupted = True
        if self.player.is_playing():
            self.player.abort(why)
        else:
            self.port.close()  # it was still being opened
            self._ended(Aborted(why))

    def _finish_stop(self) -> None:
        if self._says_goodbye():
            return
        stopped, self._stopped = self._stopped, None
        self._close_port()
        if stopped is not None:
            stopped(self)

    def _says_goodbye(self) -> bool:
        """Begin the next goodbye that is owed, unless one is under way. False if there is none to be said."""
        if self._farewells.job is not None:
            return True
        if not self._farewells.jobs():
            return False
        self._stay_open()
        if self.path is not None and not self.port.is_open():
            self.port.open(0.0, self._said_why_not)
        if not self.port.is_open():  # over TCP whatever was open has ended with the connection
            self._farewells.forget()
            return False
        self._farewells.begin(self.player)
        return True

    def _said_why_not(self, error: PortGone | None) -> None:
        if error is not None:
            log.debug(f"{error}", port=self.key)

    # ---- taking turns

    def _plan_next(self) -> None:
        if self._current is not None or self._stopped is not None:
            return
        if self._farewells is not NONE_OWED and not self._farewells.are_over() and self._says_goodbye():
            return
        due = self._schedule.next_time(self.loop.time)
        if due is None:
            self._timer.deadline = None
        else:
            self.loop.arm(self._timer, due, self._about)

    def _consider(self) -> None:
        if self._current is not None or self._stopped is not None or self._farewells.job is not None:
            return
        job: Job | None = self._schedule.pick(self.loop.time)
        if job is None:
            self._plan_next()
        else:
            self._begin(job)

    def _begin(self, job: Job) -> None:
        self._current = job
        if job.askers:
            self._askers, job.askers = job.askers, ()
            self.player.report_to(self.publish)
        self.started = self.loop.time
        self._interrupted = False
        if self.path is not None:
            self._stay_open()
        if self.loop.budget is not None:
            self.loop.budget.busy(self.port)
        self._fresh = self.port.fd < 0
        if self._fresh:
            self.player.forget()  # nothing has passed in this scan, should the port not open
            self._open(job)
        else:
            self._converse(job)

    def _open(self, job: Job) -> None:
        self.port.open(job.timeout_s, self._opened)

    def _opened(self, error: PortGone | None) -> None:
        if self._current is None:
            self._close_port()
        elif error is not None:
            self._ended(error)
        else:
            self._converse(self._current)

    def _converse(self, job: Job) -> None:
        if log.is_detailed:
            log.debug(f"{job.alias()}: scan begins", port=self.key)
        try:
            conversation = job.driver.conversation(job.plan, job.memory)
        except Exception as error:  # a defect of one protocol is no reason to stop the others
            self._ended(error)
            return
        if self.path is None:
            self.port.apply(None)
        job.memory.brief, job.memory.started_s = job.brief, self.started
        self.player.start(conversation, job.poll_delay_s, at_once=True)

    # ---- what comes of it

    def _ended(self, error: Exception | None) -> None:
        job = self._current
        if job is None:
            self._parted(error)
            return
        if self._interrupted:
            self._current = None
            self._farewells = self._farewells.with_that_of(job)
            error = error if isinstance(error, Aborted) else Aborted(f"{error}")
        elif error is not None and self._opens_anew(job, error):
            return
        self._current = None
        if error is not None and isinstance(error, Aborted):
            log.info(f"{job.alias()}: scan ended early: {error}", port=self.key)
        else:
            settle(self, job, error)
        self._after(job, error)

    def _opens_anew(self, job: Job, error: Exception) -> bool:
        """Where the connection died while nobody used it, which is no fault of the meter."""
        if self._fresh or self.player.counts.bytes_received or not isinstance(error, PortGone):
            return False
        self._fresh = True
        self.port.close()
        self._open(job)
        return True

    def _parted(self, error: Exception | None) -> None:
        """A goodbye is over."""
        job = self._farewells.ended(error)
        if job is not None:
            self._keep_or_close(error)
            self._go_on(job)

    def _note(self, reading: Reading) -> None:
        note_signal(self, self._current, reading)

    def _tell(self, step: Tell | MeterTime) -> None:
        job = self._current or self._farewells.job
        if job is not None:
            tell(self, job, step)

    def publish(self, reading: Reading) -> None:
        """To the sinks, and to whoever asked for the present scan."""
        self.hub.publish(reading)
        for asker in self._askers:
            asker.accept(reading)

    def is_asked(self) -> bool:
        """Whether somebody waits for what comes of the present scan."""
        return bool(self._askers)

    def _after(self, job: Job, error: Exception | None) -> None:
        now = self.loop.time
        self.player.forget()
        self.load.used(self.started, now)
        if not self._interrupted or self._schedule.has(job):  # else it is read no more
            # Whoever refuses is there; only silence and garbage cost the line its time.
            self._schedule.finished(job, self.started, now, error is None or not isinstance(error, LineError))
            if self.once:
                self._schedule.remove(job)
            elif error is not None and job.retry_s is None and isinstance(error, PortGone):
                self._schedule.postpone(job, now + max(min(job.period_s, PORT_RETRY_S), 1.0))
        if self._askers or job.askers:
            self._answer_askers(job, error)
        if error is not None or self.path is not None or self.port.is_sending():  # else it just stays open
            self._keep_or_close(error)
        if self.once and self._schedule.is_empty() and self.on_idle is not None and self._stopped is None:
            self.stop(self.on_idle)
        else:
            self._go_on(job)

    def _answer_askers(self, job: Job, error: Exception | None) -> None:
        """Those who asked while this scan was under way want one that begins after they asked."""
        for asker in self._askers:
            asker.ended(error)
        self._askers = ()
        self.player.report_to(self.hub.outlet)
        if job.askers and self._schedule.has(job):
            self._schedule.postpone(job, self.loop.time)

    def _go_on(self, job: Job) -> None:
        """What is next, now that the line is free; `job` was the last to use it."""
        if self._stopped is not None:
            self._finish_stop()
            return
        if self._close_timer is not None and self.port.is_open():
            self.loop.arm(self._close_timer, self.loop.time + job.close_delay_s)
        self._plan_next()
        if self.loop.budget is not None and self._current is self._farewells.job is None:
            self.loop.budget.idle(self.port)

    def _keep_or_close(self, error: Exception | None) -> None:
        """A connection that may be half open, or out of step, is not used again: only a new one tells. The goodbyes
        that are owed on it are worth a try all the same.
        """
        doubtful = self.path is None and isinstance(error, (LineError, Aborted)) and not self._farewells.jobs()
        if doubtful or isinstance(error, PortGone) or self.port.is_sending():
            self.port.close()
        elif self.path is not None and self.port.carrier.shortcoming:
            log.warning(f"{self.key}: {self.port.carrier.shortcoming}", fold=f"{self.key} settings", port=self.key)

    def _stay_open(self) -> None:
        """A serial port is not let go for now; a connection never is as long as it works."""
        if self._close_timer is not None:
            self._close_timer.deadline = None

    def _close_port(self) -> None:
        self._stay_open()
        self.port.close()
