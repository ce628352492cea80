"""One who calls: listened to, and read over its own connection where one of its devices is to be read.

Most of the time a call plays the protocol's `talk`, which takes what the caller sends. When a device of the caller is
due to be read, the talk is put aside between two telegrams, its driver's conversation is played over the same port, and
then the talk goes on. To `outcome` a call is a line.
"""

from __future__ import annotations

from .. import log
from ..errors import Aborted, LineError, MeterdError, PortGone
from ..ports._timers import Timer
from ..ports.player import Player
from .goodbye import goodbye_of
from .outcome import note_signal, settle, tell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Protocol

    from ..conversation import Conversation, MeterTime, Tell
    from ..model import Memory, Plan, Reading
    from ..ports._loop import Loop
    from ..ports._port import Port
    from ..sinks.hub import Hub
    from .job import Asker, Job, Rounds

    Entry = tuple[Plan, Memory]

    class Owner(Protocol):
        """The line of all who call at one address."""

        loop: Loop
        key: str
        hub: Hub
        once: bool
        rounds: Rounds | None
        by_alias: dict[str, Job]
        player: Any

        def hold(self, count: int) -> None: ...
        def talk_with(self, call: Call) -> Conversation: ...
        def is_stream(self) -> bool: ...
        def is_known(self, call: Call, job: Job) -> None: ...
        def stranger(self, call: Call, name: str, said: str, pushed: Any, apdu: bytes) -> None: ...
        def refused(self, plan: Plan | None, error: Exception) -> None: ...
        def heard_of(self, job: Job) -> None: ...
        def was_read(self, job: Job, error: Exception | None) -> None: ...
        def done(self) -> None: ...
        def forget(self, call: Call) -> None: ...


MIDST_S = 0.2  # where a telegram is coming in, a reading waits so long and looks again


class Overhearing:
    """What comes while a device is read goes to what joins the caller's telegrams, too; it is an observer of the
    player."""

    def __init__(self, call: Call, ciphered: bool) -> None:
        self._call = call
        self._ciphered = ciphered

    def received(self, data: bytes) -> None:
        if self._call.apdus is not None:
            self._call.apdus.overhear(data, self._ciphered)

    def sent(self, data: bytes) -> None: ...
    def framed(self, frame: Any) -> None: ...
    def settings(self, settings: Any) -> None: ...
    def ended(self, error: BaseException | None) -> None: ...


class Call:
    """`jobs` by alias: the devices that it is known to be, none as long as it is anonymous. `held` octets came since
    its last whole telegram, the first of them at `begun`; the last at `heard`. `apdus` joins its telegrams."""

    __slots__ = (
        "_askers", "_current", "_ending", "_goodbyes", "_look", "_said", "_settled", "_waiting", "address", "apdus",
        "begun", "called", "calls", "heard", "held", "jobs", "key", "loop", "player", "port", "started",
    )  # fmt: skip

    def __init__(self, calls: Owner, port: Port) -> None:
        self.calls = calls
        self.loop: Loop = calls.loop
        self.key = calls.key
        self.port = port
        self.address = port.carrier.peer[0]
        self.called = self.heard = self.started = self.loop.time
        self.begun = 0.0
        self.held = 0
        self.jobs: dict[str, Job] = {}
        self.apdus: Any = None
        self._said: set[Job] = set()  # who got readings of the telegram at hand
        self._settled = Timer(self._tell_settled)
        self._look = Timer(self._switch)
        self._waiting: list[Job] = []  # to be read
        self._current: Job | None = None  # is being read
        self._askers: Sequence[Asker] = ()
        self._goodbyes: list[Conversation] = []
        self._ending = ""
        self.player = Player(self.loop, port, self._report, self._ended, self._note, self._tell, strips_echo=False)
        port.carrier.on_octets = self._took
        self._listen()

    @property
    def hub(self) -> Hub:
        return self.calls.hub

    @property
    def rounds(self) -> Rounds | None:
        return self.calls.rounds

    def _listen(self) -> None:
        self.started = self.loop.time
        self._play(self.calls.talk_with(self))

    def _play(self, conversation: Conversation, poll_delay_s: float = 0.0) -> None:
        self.observe()
        self.player.start(conversation, poll_delay_s)

    def observe(self) -> None:
        """Let all see this who see the listener."""
        self.player.observers[:] = self.calls.player.observers
        if self._current is not None:
            parameters = self._current.plan.device.parameters
            self.player.observers.append(Overhearing(self, not parameters.get("general_ciphering")))

    # ---- what the talk tells

    def _took(self, count: int) -> None:
        self.heard = self.loop.time
        if self._current is None:
            if not self.held:
                self.begun = self.heard
            self._hold(count)

    def _hold(self, count: int) -> None:
        self.held += count
        self.calls.hold(count)

    def whole(self) -> None:
        """A telegram is over, and what it reported."""
        self._hold(-self.held)
        if self._is_in_midst():
            self.begun = self.loop.time
            self._hold(1)
        said, self._said = self._said, set()
        for job in said:
            settle(self, job, None)
            self.calls.heard_of(job)
        self.player.forget_reported()
        if said and self.calls.once:
            self.loop.arm(self._settled, self.loop.time)

    def _tell_settled(self) -> None:
        self.calls.done()

    def is_known(self) -> bool:
        return bool(self.jobs)

    def known(self, entries: list[Entry]) -> None:
        for plan, _ in entries:
            job = self.calls.by_alias.get(plan.device.alias)
            if job is not None and job.plan is plan:
                self.calls.is_known(self, job)

    def refused(self, plan: Plan | None, error: Exception) -> None:
        """What it sent is not taken."""
        self.player.counts.bad_frames += 1
        if isinstance(error, MeterdError):
            name = plan.device.alias if plan is not None else self.port.name
            fold = name if plan is not None else self.key
            log.warning(f"{name}: a telegram from {self.address} is refused: {error}", fold=f"{fold} telegrams")
        self.calls.refused(plan, error)

    def stranger(self, name: str, said: str, pushed: Any, apdu: bytes) -> None:
        self.calls.stranger(self, name, said, pushed, apdu)

    def _report(self, reading: Reading) -> None:
        job = self.calls.by_alias.get(reading.signal.device_alias)
        if job is None:
            return  # it is configured no more, or has had its turn
        if self._current is None:
            self._said.add(job)
        self.publish(reading)

    def publish(self, reading: Reading) -> None:
        """To the sinks, and to whoever asked for the device."""
        self.hub.publish(reading)
        job = self.calls.by_alias.get(reading.signal.device_alias)
        for asker in self._askers or (job.askers if job is not None and self._current is None else ()):
            asker.accept(reading)

    def is_asked(self) -> bool:
        return bool(self._askers)

    def _note(self, reading: Reading) -> None:
        note_signal(self, self.calls.by_alias.get(reading.signal.device_alias), reading)

    def _tell(self, step: Tell | MeterTime) -> None:
        job = self._current or self.calls.by_alias.get(getattr(step, "device_alias", ""))
        if job is not None:
            tell(self, job, step)

    # ---- reading

    def read(self, job: Job) -> None:
        """Read this device as soon as nothing else is under way."""
        if job is not self._current and job not in self._waiting and not self._ending:
            self._waiting.append(job)
            self._switch()

    def _is_in_midst(self) -> bool:
        """Whether a telegram is coming in."""
        return self.apdus is not None and bool(self.apdus.has_begun())

    def _switch(self) -> None:
        """Put the talk aside, unless a telegram is coming in or something else is being read."""
        if self._current is not None or not self._waiting or self._ending:
            return
        if self._is_in_midst():
            self.loop.arm(self._look, self.loop.time + MIDST_S)
        else:
            self.player.abort("a device is to be read")

    def _next(self) -> None:
        if not self._waiting or self._is_in_midst():
            self._listen()
            self._switch()
            return
        job = self._current = self._waiting.pop(0)
        self._askers, job.askers = job.askers, ()
        self.started = self.loop.time
        try:
            conversation = job.driver.conversation(job.plan, job.memory)
        except Exception as error:  # a defect of one protocol is no reason to stop the others
            self._ended(error)
            return
        log.debug(f"{job.alias()}: scan begins over the connection from {self.port.name}", port=self.key)
        job.memory.brief, job.memory.started_s = False, self.started
        self._play(conversation, job.poll_delay_s)

    def _ended(self, error: Exception | None) -> None:
        job, self._current = self._current, None
        if job is not None:
            self._was_read(job, error)
        elif error is not None and not isinstance(error, Aborted):
            self._talk_failed(error)
        if self._goodbyes and self.port.is_open() and not isinstance(error, LineError):
            self._play(self._goodbyes.pop(0))
        elif self._ending or not self.port.is_open() or self._is_doubtful(job, error):
            self._finish()
        else:
            self._next()

    def _is_doubtful(self, job: Job | None, error: Exception | None) -> bool:
        """Whether the connection may be half open, or out of step: only a new one tells."""
        if isinstance(error, PortGone) or (error is not None and not isinstance(error, MeterdError)):
            return True
        lost = isinstance(error, LineError) or (job is not None and isinstance(error, Aborted))
        return lost and self.calls.is_stream()

    def _talk_failed(self, error: Exception) -> None:
        self._hold(-self.held)
        if isinstance(error, PortGone):
            return  # it has hung up, as is its right
        if isinstance(error, MeterdError):
            self.refused(next(iter(self.jobs.values())).plan if len(self.jobs) == 1 else None, error)
        else:
            log.bug(f"{self.port.name}: listening failed on a defect of meterd", error, fold=self.key, port=self.key)

    def _was_read(self, job: Job, error: Exception | None) -> None:
        if isinstance(error, Aborted):
            log.info(f"{job.alias()}: scan ended early: {error}", port=self.key)
        else:
            settle(self, job, error)
        askers, self._askers = self._askers, ()
        for asker in askers:
            asker.ended(error)
        self.player.forget_reported()
        self.calls.was_read(job, error)

    # ---- the end

    def listens_anew(self) -> None:
        """Other devices are configured."""
        if self._current is not None and self.calls.by_alias.get(self._current.alias()) is not self._current:
            self.player.abort("its configuration changed")
        elif self._current is None:
            self.player.abort("the configuration changed")
        self._waiting = [job for job in self._waiting if self.calls.by_alias.get(job.alias()) is job]

    def lose(self, job: Job) -> None:
        """Its meter calls from elsewhere now: with this connection the association has ended that was left open."""
        self.jobs.pop(job.alias(), None)
        if job is not self._current:
            _drop(job)

    def end(self, why: str, politely: bool = False) -> None:
        """Hang up; `politely` after the goodbyes that are owed."""
        if self._ending:
            return
        self._ending = why
        self._look.deadline = None
        log.debug(f"{self.port.name}: {why}", port=self.key)
        if politely:
            self._goodbyes = self._owed()
        if self._current is None and not self._goodbyes:
            self.port.close()
        self.player.abort(why)

    def _owed(self) -> list[Conversation]:
        owed = [goodbye_of(job.driver, job.plan, job.memory) for job in self.jobs.values()]
        return [goodbye for goodbye in owed if goodbye is not None]

    def _finish(self) -> None:
        self._look.deadline = None
        self._hold(-self.held)
        self.port.close()
        for job in self.jobs.values():
            _drop(job)  # with the connection the association has ended
        self.calls.forget(self)


def _drop(job: Job) -> None:
    """What was left open is no more, and nobody is to go on with it."""
    goodbye = goodbye_of(job.driver, job.plan, job.memory)
    if goodbye is not None:
        goodbye.close()
