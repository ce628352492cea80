"""Wires everything: configuration to drivers, devices to lines, readings to sinks; obeys signals and control socket.

A protocol whose configuration is wrong does not start, the others do. A reload changes only what differs: a device
whose parameters and signals are as before keeps its conversation, its memory and its place in the schedule.
"""

from __future__ import annotations

import _signal as signals  # type: ignore[import-not-found]  # the signal module imports enum, which a gateway would feel

from .. import log
from ..config.files import load
from ..errors import ConfigError
from ..model import failed
from ..ports._loop import Loop
from ..ports._timers import Timer
from ..protocols import registry
from ..sinks.hub import Hub
from ..sinks.status import DeviceStatus
from .job import Job
from .line import Line
from .state import StateDirectory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..config.files import Configuration
    from ..model import Device, Signal
    from ..ports.player import Observer
    from .job import Asker
    from .listening import Listening

    AnyLine = Line | Listening

MANY_LINES = 100  # with fewer, no limit of descriptors is near

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
        self.observe: Callable[[AnyLine], Iterable[Observer]] = lambda line: ()
        self.followers: list[Callable[[AnyLine], None]] = []  # told of every line that begins or has other devices
        self.once = False
        self.status_interval_s: float | None = None
        self._closing: set[AnyLine] = set()  # they say goodbye still
        self._regroup = Timer(self._begin_what_waited)
        self._reload_asked = False
        self._stop_timer = Timer(loop.stop)

    # ---- configuration

    def configure(self, configuration: Configuration) -> int:
        """Put a configuration in force; returns how many devices are read."""
        if self._is_stopping():
            return 0
        self.configuration = configuration
        self._unplanned.clear()
        self._tell_stopped(configuration)
        by_line: dict[str, list[Job]] = {}
        jobs: dict[str, Job] = {}
        for device in configuration.devices:
            if not self._wanted(device):
                continue
            job = self._job(device, configuration.signals.get(device.alias, []))
            if job is not None:
                jobs[device.alias] = job
                by_line.setdefault(device.line, []).append(job)
        self._forget_statuses(jobs)
        self.jobs = jobs
        served = {key: self._servable(one_line) for key, one_line in by_line.items()}
        self.hub.configured([(job.plan.device, job.signals) for job in self.jobs.values()])
        self._set_lines(served, configuration.ports)
        return len(jobs)

    def _servable(self, jobs: list[Job]) -> list[Job]:
        """Those of a line that can be served together; the others are told why not."""
        served = _of_one_kind(jobs)
        for job in jobs:
            if job not in served:
                why = (
                    f"{served[0].alias()} sends unasked on {job.plan.device.line}, which therefore only listens, and "
                    "to one protocol; put one of them on a port of its own"
                )
                log.error(f"{job.alias()}: is not read: {why}")
                self._unplanned[job.alias()] = why
                self.jobs.pop(job.alias()).let_go()
        return served

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
        """Whether a device is configured that is not read only because its protocol is stopped."""
        devices = self.configuration.devices if self.configuration is not None else []
        return any(device.protocol in self.stopped_protocols for device in devices)

    def _job(self, device: Device, device_signals: list[Signal]) -> Job | None:
        known = self.jobs.get(device.alias)
        if known is not None and _same(known, device, device_signals):
            return known
        try:
            driver = registry.driver(device.protocol)
            plan = driver.plan(device, device_signals)
        except (ConfigError, ImportError) as error:
            log.error(f"{device.alias}: {error}")
            self._unplanned[device.alias] = str(error)
            return None
        except Exception as error:  # no device may keep the others from being read
            log.bug(f"{device.alias}: cannot be planned on a defect of meterd", error)
            self._unplanned[device.alias] = "cannot be planned on a defect of meterd; see its log"
            return None
        log.hide(plan.secrets)
        describe = getattr(driver, "describe", None)
        if describe is not None:
            log.info(f"{device.alias}: {describe(plan)}")
        for signal, message in plan.refused:
            log.warning(f"{device.alias}/{signal.alias}: {message}")
            self.hub.publish(failed(signal, "not_found" if signal in plan.unknown else "type"))
        status = known.status if known is not None else DeviceStatus(device.alias)
        if known is not None and known.plan.device.line == device.line:
            memory = known.memory
        else:  # on another line nothing is open, and on the old one a goodbye may be under way
            memory = self.state.memory(device.alias, known.memory if known is not None else None)
        return Job(driver, plan, device_signals, memory, status, self.loop.time)

    def _forget_statuses(self, jobs: dict[str, Job]) -> None:
        for alias, job in self.jobs.items():
            if jobs.get(alias) is not job:
                job.let_go()
            if alias not in jobs:
                self.hub.forget(alias)

    def _set_lines(self, by_line: dict[str, list[Job]], ports: dict[str, str]) -> None:
        leaving: list[AnyLine] = []
        for key, line in list(self.lines.items()):
            jobs = by_line.get(key)
            if jobs is None or line.path != _path_of(jobs[0], ports) or line.jobs[0].listens != jobs[0].listens:
                leaving.append(self.lines.pop(key))
            else:
                self._serve(line, jobs)
        self._closing.update(leaving)
        self._share_descriptors(by_line)
        taken = {place for line in self._closing for place in (line.key, line.path)}
        for key, jobs in by_line.items():
            path = _path_of(jobs[0], ports)
            # A port on which an old line still says goodbye gets its new line when that is over.
            if key not in self.lines and key not in taken and (path is None or path not in taken):
                self._begin_line(key, jobs, path)
        for line in leaving:
            line.stop(self._line_closed)

    def _share_descriptors(self, by_line: dict[str, list[Job]]) -> None:
        """Where there are many lines, before any of them opens."""
        if len(by_line) >= MANY_LINES:
            from .sharing import share_descriptors  # most sites have few

            share_descriptors(self.loop, [jobs[0].plan.device for jobs in by_line.values()])

    def _begin_line(self, key: str, jobs: list[Job], path: str | None) -> None:
        line: AnyLine
        if jobs[0].listens:
            from .listening import Listening

            line = Listening(self.loop, key, path, self.hub, self._line_done)
        else:
            line = Line(self.loop, key, path, self.hub, self._line_done)
        self.lines[key] = line
        line.once = self.once
        line.status_interval_s = self.status_interval_s
        line.player.observers[:] = self.observe(line)
        self._serve(line, jobs)

    def _serve(self, line: AnyLine, jobs: list[Job]) -> None:
        line.set_jobs(jobs)
        for follow in self.followers:
            follow(line)

    def _line_closed(self, line: AnyLine) -> None:
        self._closing.discard(line)
        if self._is_stopping():
            if not self._closing:
                self.loop.stop()
        elif self._regroup.deadline is None:
            self.loop.arm(self._regroup, self.loop.time + REGROUP_S)

    def _begin_what_waited(self) -> None:
        """Ports have become free: whoever waited for one begins."""
        if self.configuration is not None and not self._is_stopping():
            by_line: dict[str, list[Job]] = {}
            for job in self.jobs.values():
                by_line.setdefault(job.plan.device.line, []).append(job)
            self._set_lines(by_line, self.configuration.ports)

    def _line_done(self, line: AnyLine) -> None:
        """One scan of everything was asked for, and this line has done its part."""
        del self.lines[line.key]
        if not self.lines:
            self.loop.stop()

    # ---- life

    def reload(self, paths: list[str]) -> None:
        """Read the files again. What is wrong in them is said, and what runs of a wrong protocol is stopped.

        A file that cannot be understood at all ends nothing: what runs goes on as before.
        """
        if self._is_stopping():
            return
        configuration = load(paths)
        for error in configuration.errors:
            log.error(str(error))
        for warning in configuration.warnings:
            log.warning(warning)
        self._refused = None if configuration.legible else configuration
        if not configuration.legible:
            log.error(f"configuration not reloaded, what runs goes on as before; devices: {len(self.jobs)}")
            return
        count = self.configure(configuration)
        log.notice(f"configuration reloaded; devices: {count}, lines: {len(self.lines)}")

    def stop(self) -> None:
        """End all conversations politely, then the loop, within STOP_S."""
        if self._is_stopping():
            return
        self.loop.arm(self._stop_timer, self.loop.time + STOP_S)
        lines, self.lines = list(self.lines.values()), {}
        self._closing.update(lines)  # those that say goodbye already go on with it
        for line in lines:
            line.stop(self._line_closed)
        if not self._closing:
            self.loop.stop()

    def _is_stopping(self) -> bool:
        return self._stop_timer.deadline is not None

    def catch_signals(self, on_reload: Callable[[], None]) -> None:
        """SIGTERM and SIGINT end the daemon politely, SIGHUP reloads; both in the loop's next turn."""
        signals.set_wakeup_fd(self.loop.wakeup_fd(), warn_on_full_buffer=False)
        for number in (signals.SIGTERM, signals.SIGINT):
            signals.signal(number, lambda *_: self.loop.call_soon_from_thread(self.stop))
        signals.signal(signals.SIGHUP, lambda *_: self._ask_for_reload(on_reload))
        signals.signal(signals.SIGPIPE, signals.SIG_IGN)

    def _ask_for_reload(self, on_reload: Callable[[], None]) -> None:
        """A storm of signals is one reload."""

        def reload() -> None:
            self._reload_asked = False
            on_reload()

        if not self._reload_asked:
            self._reload_asked = True
            self.loop.call_soon_from_thread(reload)

    # ---- what the control socket may ask

    def status(self, protocol: str | None = None) -> dict[str, object]:
        """What runs and how it is; protocols by the names that start and stop take."""
        from .overview import overview  # nobody may ever ask

        return overview(self, protocol)

    def left_out(self) -> tuple[Configuration | None, Configuration | None, dict[str, str], set[str]]:
        """What is configured and not read, for `not_read`."""
        return self.configuration, self._refused, self._unplanned, self.stopped_protocols

    def set_protocol(self, package: str, running: bool) -> int:
        """Start or stop one protocol within the daemon; returns how many devices are read now."""
        if running and package in self.stopped_protocols:
            self.stopped_protocols.remove(package)
            self._told_stopped.discard(package)
            log.notice(f"{registry.program(package)} is started")
        elif not running and package not in self.stopped_protocols:
            self.stopped_protocols.add(package)
            self._told_stopped.add(package)
            log.notice(f"{registry.program(package)} is stopped")
        return self.configure(self.configuration) if self.configuration is not None else 0

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
        job.askers.append(asker)
        line.hasten(job)
        return ""

    def secrets_of(self, line: AnyLine) -> list[bytes]:
        """What no trace of that line may show, the longest first."""
        return sorted(line.secrets(), key=len, reverse=True)


def _of_one_kind(jobs: list[Job]) -> list[Job]:
    """Those of a line that can be served together: on a port that listens nothing may be sent."""
    listening = [job for job in jobs if job.listens]
    return [job for job in listening if job.driver is listening[0].driver] if listening else jobs


def _path_of(job: Job, ports: dict[str, str]) -> str | None:
    """The device node of a job's line, None over TCP."""
    device = job.plan.device
    return None if device.over_tcp() else ports.get(device.line, device.line)


def _same(job: Job, device: Device, device_signals: list[Signal]) -> bool:
    """Whether a job would be planned as it is from this configuration."""
    old = job.plan.device
    return (
        old.protocol == device.protocol
        and old.line == device.line
        and old.parameters == device.parameters
        and old.profile == device.profile
        and [(one.alias, one.log, one.parameters) for one in job.signals]
        == [(one.alias, one.log, one.parameters) for one in device_signals]
    )
