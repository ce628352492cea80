"""One port on which meters send unasked: nothing is ever sent there, and what comes in is taken as it comes.

The devices of the port share one talk without end, their driver's `listen`, which reports for whichever of them it
recognises. A device is as good as its last telegram: where none came for `MISSED` times the interval at which it is
expected (`scan_rate_ms`, or learnt: `pace`), its signals go stale, with the reason, and are said so again at that pace;
the next telegram makes it good again. What ends the talk (a damaged telegram, the port) is what the devices fail with
when their time comes, and the talk begins anew.
"""

from __future__ import annotations

from .. import log
from ..conversation import MeterTime
from ..errors import Aborted, Garbled, MeterdError, PortGone, Silence
from ..ports._loop import Loop
from ..ports._timers import Timer
from ..ports.opening import make_port
from ..ports.player import Player
from .heard import Heard
from .job import PORT_RETRY_S
from .outcome import note_signal, settle, tell
from .pace import Pace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..conversation import Tell
    from ..model import Reading
    from ..sinks.hub import Hub
    from .job import Job, Rounds

MISSED = 2.0  # so many intervals without a telegram: one may be lost to noise
# A talk that ends at once, for a defect or on a line that only babbles, must not take the whole processor.
LEAST_TALK_S = 0.2


class Listening(Heard):
    """A line of devices that are listened to; it has the face of `line.Line` as far as daemon and control know it."""

    def __init__(
        self, loop: Loop, key: str, path: str | None, hub: Hub, on_idle: Callable[[Listening], None] | None = None
    ) -> None:
        super().__init__(hub)
        self.loop = loop
        self.key = key
        self.path = path
        self.on_idle = on_idle
        self.once = False
        self.rounds: Rounds | None = None
        self.started = loop.time
        self.port = make_port(loop, key, path)
        self.player = Player(loop, self.port, self._report, self._ended, self._note, self._tell, strips_echo=False)
        self._watches: dict[Job, Timer] = {}
        self._paces: dict[Job, Pace] = {}
        self._heard: set[Job] = set()  # of the telegram at hand
        self._error: Exception | None = None  # what ended the talk since the last telegram
        self._bytes_since = 0  # came in since the last telegram
        self._is_opening = False
        self._settling = Timer(self._settle)
        self._opening = Timer(self._open)
        self._stopped: Callable[[Listening], None] | None = None

    def set_jobs(self, jobs: list[Job]) -> None:
        """Listen for these devices from now on."""
        if jobs == self.jobs:
            return
        for job in set(self._watches).difference(jobs):
            self._watches.pop(job).deadline = None
            del self._paces[job]
        self.jobs = jobs
        self.by_alias = {job.alias(): job for job in jobs}
        self._heard.intersection_update(jobs)
        for job in set(jobs).difference(self._watches):
            self._watch(job)
        if self.player.is_playing():
            self.player.abort("its configuration changed")
        else:
            self.loop.arm(self._opening, self.loop.time)

    def _watch(self, job: Job) -> None:
        self._watches[job] = watch = Timer(lambda: self._missed(job))
        self._paces[job] = pace = Pace(job.plan.device.parameters["scan_rate_ms"] / 1000.0)
        self.loop.arm(watch, self.loop.time + MISSED * pace.interval_s)

    def hasten(self, job: Job) -> None:
        """Somebody asks for the device: its next telegram cannot be hastened, and is handed to them when it comes."""

    def stop(self, stopped: Callable[[Listening], None]) -> None:
        """Close the port, then call `stopped(self)`: there is nobody to say goodbye to."""
        self._stopped = stopped
        for timer in (self._opening, self._settling, *self._watches.values()):
            timer.deadline = None
        if self.player.is_playing():
            self.player.abort("meterd is ending")
        else:
            self._finish_stop()

    def _finish_stop(self) -> None:
        stopped, self._stopped = self._stopped, None
        self.port.close()
        if stopped is not None:
            stopped(self)

    # ---- the talk

    def _open(self) -> None:
        if self._is_opening:
            return
        self.started = self.loop.time
        if self.port.is_open():
            self._begin()
        else:
            self._is_opening = True
            self.port.open(self.jobs[0].timeout_s, self._opened)

    def _opened(self, error: PortGone | None) -> None:
        self._is_opening = False
        if error is not None:
            self._ended(error)
            return
        if isinstance(self._error, PortGone):
            self._error = None
        self._begin()

    def _begin(self) -> None:
        log.debug(f"{', '.join(self.by_alias)}: listening begins", port=self.key)
        try:
            talk = self.jobs[0].driver.listen([(job.plan, job.memory) for job in self.jobs])
        except Exception as defect:  # a defect of one protocol is no reason to stop the others
            self._ended(defect)
            return
        self.player.start(talk)

    def _ended(self, error: Exception | None) -> None:
        if self._heard:
            self._settle()
        self._count(error)
        if self._stopped is not None:
            self._finish_stop()
            return
        if isinstance(error, Aborted):
            if self.path is None:
                self.port.close()  # it may be half open: only a new connection tells
            self.loop.arm(self._opening, self.loop.time)
            return
        self._error = error
        pause_s = max(LEAST_TALK_S - (self.loop.time - self.started), 0.0)
        if isinstance(error, PortGone):
            self.port.close()
            pause_s = min([PORT_RETRY_S, *(self._paces[job].interval_s for job in self.jobs)])
            for job in self.jobs:
                self._fail(job, error)
        elif isinstance(error, MeterdError):
            log.info(f"{self.key}: {error}", fold=f"{self.key} telegrams", port=self.key)
        elif error is not None:
            log.bug(f"{self.key}: listening failed on a defect of meterd", error, fold=self.key, port=self.key)
        self.loop.arm(self._opening, self.loop.time + pause_s)

    def _count(self, error: Exception | None) -> None:
        """What passed since the last telegram, now that the talk has ended."""
        counts = self.player.counts
        if isinstance(error, MeterdError) and not isinstance(error, (Aborted, PortGone)):
            counts.bad_frames += not (counts.timeouts or counts.bad_frames)
        self._bytes_since += counts.bytes_received
        if self.jobs:
            counts.move_to(self.jobs[0].status.passed)

    # ---- what comes of it

    def _note(self, reading: Reading) -> None:
        note_signal(self, self.by_alias.get(reading.signal.device_alias), reading)

    def _tell(self, step: Tell | MeterTime) -> None:
        alias = step.device_alias if isinstance(step, MeterTime) else ""
        job = self.by_alias.get(alias) or (self.jobs[0] if len(self.jobs) == 1 else None)
        if job is not None:
            tell(self, job, step)

    def _report(self, reading: Reading) -> None:
        job = self.by_alias.get(reading.signal.device_alias)
        if job is None:
            return  # it has had its turn, or is configured no more
        if job not in self._heard:
            self._heard.add(job)
            self.loop.arm(self._settling, self.loop.time)  # once the whole telegram has been reported
        self.publish(reading)

    def _settle(self) -> None:
        """A telegram is over."""
        heard, self._heard = self._heard, set()
        self._settling.deadline = None
        self._bytes_since, self._error = 0, None
        for job in heard:
            self._conclude(job, None)
            self._paces[job].heard(self.loop.time)
            self.loop.arm(self._watches[job], self.loop.time + MISSED * self._paces[job].interval_s)
        self.player.forget_reported()
        self._done(heard)

    def _missed(self, job: Job) -> None:
        """No telegram of this device has come in time."""
        self.started = self.loop.time
        self._bytes_since += self.player.counts.bytes_received
        seconds = MISSED * self._paces[job].interval_s
        self._paces[job].missed()
        why: Exception
        if self._error is not None:
            why = self._error
        elif self._bytes_since:
            why = Garbled(f"{self._bytes_since} bytes came in {seconds:g} s, and no telegram of this meter")
        else:
            why = Silence(f"nothing was sent for {seconds:g} s (scan_rate_ms says how often the meter should)")
        self._fail(job, why)
        if self.path is None and not self._bytes_since and self.player.is_playing():
            self.player.abort("nothing comes; a new connection may tell more")
        self._done({job})

    def _fail(self, job: Job, error: Exception) -> None:
        self._conclude(job, error)
        self.loop.arm(self._watches[job], self.loop.time + self._paces[job].interval_s)

    def _conclude(self, job: Job, error: Exception | None) -> None:
        settle(self, job, error)
        askers, job.askers = job.askers, ()
        for asker in askers:
            asker.ended(error)

    def _done(self, jobs: set[Job]) -> None:
        """Where one telegram of each device was asked for, these have had their turn."""
        if not self.once or self._stopped is not None:
            return
        for job in jobs:
            self._watches.pop(job).deadline = None
        self.jobs = [job for job in self.jobs if job not in jobs]
        self.by_alias = {job.alias(): job for job in self.jobs}
        if not self.jobs and self.on_idle is not None:
            self.stop(self.on_idle)
