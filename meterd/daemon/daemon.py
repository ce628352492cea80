"""Wires everything: configuration to drivers, devices to lines, readings to sinks; obeys the control socket.

A protocol whose configuration is wrong does not start, the others do. A reload changes only what differs: a device
whose parameters and signals are as before keeps its conversation, its memory and its place in the schedule.
"""

from __future__ import annotations

from .. import log
from ..config.files import loading
from ..ports._loop import Loop
from ..ports._timers import Timer
from ..ports.portions import Portions
from ..ports.work import at_once
from ..protocols import registry
from ..sinks.hub import Hub
from .job import Job, Rounds
from .line import Line
from .planning import Plans
from .state import StateDirectory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeAlias

    from ..config.files import Configuration
    from ..model import Device
    from ..ports.player import Observer
    from ..ports.work import Work
    from .calls import Calls
    from .job import Asker
    from .listening import Listening
    from .shard import Shard

    AnyLine: TypeAlias = "Line | Listening | Calls"

MANY_LINES = 100  # with fewer, no limit of descriptors is near

# A site's first lines begin at once, those of a large one so far apart: else all of them would be due together, in
# each period anew, and the last would wait for all others every time.
AT_ONCE = 16
APART_S = 0.002
# Lines that end within this time are looked at together: thousands do when a site is renumbered.
REGROUP_S = 0.05
# All goodbyes and the last readings must be out by then.
STOP_S = 5.0


class Daemon:
    """Reads the devices of `configuration`; `packages` restricts it to some protocols (the debug programs)."""

    def __init__(self, loop: Loop, hub: Hub, state: StateDirectory, packages: tuple[str, ...] | None = None) -> None:
        self.loop = loop
        self.hub = hub
        self.state = state
        self.packages = packages
        self.lines: dict[str, AnyLine] = {}
        self.jobs: dict[str, Job] = {}
        self.stopped_protocols: set[str] = set()
        self._told_stopped: set[str] = set()  # protocols of which the log says already that they are stopped
        self.configuration: Configuration | None = None
        self._refused: Configuration | None = None  # by the last reload
        self._unplanned: dict[str, str] = {}  # device alias → why
        self.shard: Shard | None = None  # reads a part of the configuration
        self.observe: Callable[[AnyLine], Iterable[Observer]] = lambda line: ()
        self.followers: list[Callable[[AnyLine], None]] = []  # told of every line that begins or has other devices
        self.once = False
        self.status_interval_s: float | None = None
        self._rounds: Rounds | None = None
        self._done = self._line_done  # once for all lines
        self._large = False  # so many lines that they are spread over their period
        self._closing: set[AnyLine] = set()  # they say goodbye still
        self._regroup = Timer(self._begin_what_waited)
        self._after_reload: list[Callable[[], None]] = []  # who waits for the reload that is to begin
        self._work = Portions(loop)
        self._stop_timer = Timer(loop.stop)

    # ---- configuration

    def configure(self, configuration: Configuration) -> int:
        """Put a configuration in force, now; returns how many devices are read."""
        self._work.finish()
        return at_once(self._configuring(configuration))

    def _configuring(self, configuration: Configuration) -> Work[int]:
        """The same in portions: what runs goes on until all is planned, then line after line changes."""
        if self.is_stopping():
            return 0
        plans = Plans(self.jobs, self.loop, self.hub, self.state)
        for place, device in enumerate(configuration.devices):
            if self._wanted(device):
                plans.add(device, configuration.signals.get(device.alias, []))
                plans.hold_once(configuration, place)
            yield
        for key in plans.by_line:
            plans.agree(key)
            yield
        if plans.mistakes:
            yield from self._telling(plans, configuration)
        before, self.jobs = self.jobs, plans.jobs
        self.configuration, self._unplanned = configuration, plans.unplanned
        self._tell_stopped(configuration)
        self.hub.configured([(job.plan.device, job.signals) for job in self.jobs.values()])
        yield from self._setting_lines(plans.by_line, configuration.ports)
        for alias, job in before.items():
            if self.jobs.get(alias) is not job:
                job.let_go()
            if alias not in self.jobs:
                self.hub.forget(alias)
            yield
        return len(self.jobs)

    def _telling(self, plans: Plans, configuration: Configuration) -> Work[None]:
        """Say what the drivers found, as `meterd check` says it."""
        from .mistakes import placing  # most sites are in order
        from .not_read import say

        errors = yield from placing(configuration, plans.mistakes)
        say(errors, log.error)
        for (_, device, signal), error in zip(plans.mistakes, errors, strict=True):
            if signal is None:
                plans.unplanned[device.alias] = str(error)

    def _wanted(self, device: Device) -> bool:
        if self.packages is not None and device.protocol not in self.packages:
            return False
        return device.protocol not in self.stopped_protocols

    def _tell_stopped(self, configuration: Configuration) -> None:
        """Say once of each stopped protocol that devices wait for its start."""
        for package in sorted(self.stopped_protocols - self._told_stopped):
            waiting = sum(device.protocol == package for device in configuration.devices)
            if waiting:
                from .not_read import waiting_for_start

                log.notice(waiting_for_start(package, waiting))
                self._told_stopped.add(package)

    def is_waiting(self) -> bool:
        """Whether what is configured is not read only because its protocol is stopped, or it is another shard's."""
        if self.shard is not None and self.shard.waits:
            return True
        devices = self.configuration.devices if self.configuration is not None else []
        return any(device.protocol in self.stopped_protocols for device in devices)

    def _setting_lines(self, by_line: dict[str, list[Job]], ports: dict[str, str]) -> Work[None]:
        for key, line in list(self.lines.items()):
            jobs = by_line.get(key)
            if self.lines.get(key) is not line:
                continue
            if jobs is None or line.path != _path_of(jobs[0], ports) or line.jobs[0].listens != jobs[0].listens:
                self._closing.add(self.lines.pop(key))
                line.stop(self._line_closed)
            elif line.jobs != jobs:
                self._serve(line, jobs)
            yield
        self._share_descriptors(by_line)
        self._large = len(by_line) > AT_ONCE
        taken = {place for line in self._closing for place in (line.key, line.path)}
        begun = 0
        for key, jobs in by_line.items():
            path = _path_of(jobs[0], ports)
            # A port on which an old line still says goodbye gets its new line when that is over.
            if key not in self.lines and key not in taken and (path is None or path not in taken):
                self._begin_line(key, jobs, path, max(0, begun - AT_ONCE) * APART_S)
                begun += 1
            yield

    def _share_descriptors(self, by_line: dict[str, list[Job]]) -> None:
        """Where there are many lines, before any of them opens."""
        if len(by_line) >= MANY_LINES:
            from .sharing import share_descriptors  # most sites have few

            share_descriptors(self.loop, [jobs[0].plan.device for jobs in by_line.values()])

    def _begin_line(self, key: str, jobs: list[Job], path: str | None, after_s: float) -> None:
        line: AnyLine
        if jobs[0].plan.device.calls():
            from .calls import Calls

            line = Calls(self.loop, key, path, self.hub, self._done)
        elif jobs[0].listens:
            from .listening import Listening

            line = Listening(self.loop, key, path, self.hub, self._done)
        else:
            line = Line(self.loop, key, path, self.hub, self._done)
        self.lines[key] = line
        line.once = self.once
        if self.status_interval_s is not None:
            line.rounds = self._rounds = self._rounds or Rounds(self.hub, self.loop, self.status_interval_s)
        line.player.observers[:] = self.observe(line)
        if not self.once:
            for job in jobs:
                job.due = max(job.due, self.loop.time + after_s)
        self._serve(line, jobs)

    def _serve(self, line: AnyLine, jobs: list[Job]) -> None:
        for job in jobs:
            if self._large or job.plan.device.parameters.get("scan_align"):
                from .rhythm import keep_time  # small sites need not

                keep_time(job, self._large)
        line.set_jobs(jobs)
        for follow in self.followers:
            follow(line)

    def _line_closed(self, line: AnyLine) -> None:
        self._closing.discard(line)
        if self.is_stopping():
            if not self._closing:
                self.loop.stop()
        elif self._regroup.deadline is None:
            self.loop.arm(self._regroup, self.loop.time + REGROUP_S)

    def _begin_what_waited(self) -> None:
        """Ports have become free: whoever waited for one begins."""
        if not self.is_stopping():
            self._work.begin(self._beginning(), lambda _: None)

    def _beginning(self) -> Work[None]:
        by_line: dict[str, list[Job]] = {}
        for job in self.jobs.values():
            by_line.setdefault(job.plan.device.line, []).append(job)
        yield
        if self.configuration is not None:
            yield from self._setting_lines(by_line, self.configuration.ports)

    def _line_done(self, line: AnyLine) -> None:
        """One scan of everything was asked for, and this line has done its part."""
        del self.lines[line.key]
        if not self.lines:
            self.loop.stop()

    # ---- life

    def reload(self, paths: list[str], then: Callable[[], None] = lambda: None) -> None:
        """Read the files again, in portions, then call `then`. What is wrong in them is said, and what runs of a wrong
        protocol is stopped.

        A file that cannot be understood at all ends nothing: what runs goes on as before.
        """
        if self.is_stopping():
            then()
            return
        self._after_reload.append(then)
        if len(self._after_reload) == 1:  # else one waits that has not begun: it is theirs, too
            self._work.begin(self._reloading(paths), lambda _: None)

    def _reloading(self, paths: list[str]) -> Work[None]:
        asked, self._after_reload = self._after_reload, []
        configuration = yield from loading(paths)
        if self.shard is not None:
            self.shard.narrow(configuration)
        if configuration.errors or configuration.warnings:
            from .not_read import say_problems

            say_problems(configuration)
        self._refused = None if configuration.legible else configuration
        if configuration.legible:
            count = yield from self._configuring(configuration)
            log.notice(f"configuration reloaded; devices: {count}, lines: {len(self.lines)}")
        else:
            log.error(f"configuration not reloaded, what runs goes on as before; devices: {len(self.jobs)}")
        if self.shard is not None:
            self.shard.reloaded(self)
        for then in asked:
            then()

    def stop(self) -> None:
        """End all conversations politely, then the loop, within STOP_S."""
        if self.is_stopping():
            return
        self.loop.arm(self._stop_timer, self.loop.time + STOP_S)
        self._work.abandon()
        lines, self.lines = list(self.lines.values()), {}
        self._closing.update(lines)  # those that say goodbye already go on with it
        for line in lines:
            line.stop(self._line_closed)
        if not self._closing:
            self.loop.stop()

    def is_stopping(self) -> bool:
        """Whether it was told to end, and says its goodbyes."""
        return self._stop_timer.deadline is not None

    def is_closing(self) -> bool:
        """Whether a line says goodbye."""
        return bool(self._closing)

    # ---- what the control socket may ask

    def status(self, protocol: str | None = None) -> dict[str, object]:
        """What runs and how it is; protocols by the names that start and stop take."""
        return at_once(self.looking(protocol))

    def looking(self, protocol: str | None = None) -> Work[dict[str, object]]:
        """The same in portions."""
        from .overview import overview  # nobody may ever ask

        return overview(self, protocol)

    def left_out(self) -> tuple[Configuration | None, Configuration | None, dict[str, str], set[str]]:
        """What is configured and not read, for `not_read`."""
        return self.configuration, self._refused, self._unplanned, self.stopped_protocols

    def set_protocol(self, package: str, running: bool, then: Callable[[int], None] = lambda devices: None) -> None:
        """Start or stop one protocol within the daemon, in portions; `then(how many devices are read)`."""
        if running and package in self.stopped_protocols:
            self.stopped_protocols.remove(package)
            self._told_stopped.discard(package)
            log.notice(f"{registry.program(package)} is started")
        elif not running and package not in self.stopped_protocols:
            self.stopped_protocols.add(package)
            self._told_stopped.add(package)
            log.notice(f"{registry.program(package)} is stopped")
        self._work.begin(self._configuring_anew(), then)

    def _configuring_anew(self) -> Work[int]:
        yield
        return (yield from self._configuring(self.configuration)) if self.configuration is not None else 0

    def ask(self, alias: str, line_key: str, asker: Asker) -> str:
        """Have a device scanned once for somebody, as soon as its line is free; '' or why it cannot be, in words.

        `line_key` where the asker's configuration has the device: elsewhere than here it is another one.
        """
        job = self.jobs.get(alias)
        line = None if job is None else self.lines.get(job.plan.device.line)
        if job is None or line is None:
            return f"no device that is read here is called {alias!r}"
        if line_key != line.key:
            return f"{alias!r} is read on {line.key} here, not on {line_key}"
        job.askers = (*job.askers, asker)
        line.hasten(job)
        return ""

    def secrets_of(self, line: AnyLine) -> list[bytes]:
        """What no trace of that line may show, the longest first."""
        return sorted(line.secrets(), key=len, reverse=True)


def _path_of(job: Job, ports: dict[str, str]) -> str | None:
    """The device node of a job's line, None over TCP."""
    device = job.plan.device
    return None if device.over_tcp() else ports.get(device.line, device.line)
