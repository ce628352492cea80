"""Wires everything: configuration to drivers, devices to lines, readings to sinks; obeys signals and control socket.

A protocol whose configuration is wrong does not start, the others do. A reload changes only what differs: a device
whose parameters and signals are as before keeps its conversation, its memory and its place in the schedule.
"""

from __future__ import annotations

import _signal as signals  # type: ignore[import-not-found]  # the signal module imports enum, which a gateway would feel
from functools import partial

from .. import log
from ..config.files import load
from ..errors import ConfigError
from ..model import failed
from ..protocols import registry
from ..publish.hub import Hub
from ..publish.status import COUNTERS, DeviceStatus
from .line import Job, Line
from .loop import Loop, Timer
from .state import StateDirectory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..config.files import Configuration
    from ..model import Device, Signal
    from .player import Observer

# All goodbyes and the last readings must be out by then.
STOP_S = 5.0


class Daemon:
    """Reads the devices of `configuration`; `packages` restricts it to some protocols (the debug programs)."""

    def __init__(self, loop: Loop, hub: Hub, state: StateDirectory, packages: tuple[str, ...] | None = None) -> None:
        self.loop = loop
        self.hub = hub
        self.state = state
        self.packages = packages
        self.lines: dict[str, Line] = {}
        self.jobs: dict[str, Job] = {}
        self.stopped_protocols: set[str] = set()
        self.configuration: Configuration | None = None
        self.observe: Callable[[Line], Iterable[Observer]] = lambda line: ()
        self.once = False
        self.status_interval_s: float | None = None
        self._closing: dict[str, Line] = {}
        self._stop_timer = Timer(loop.stop)

    # ---- configuration

    def configure(self, configuration: Configuration) -> int:
        """Put a configuration in force; returns how many devices are read."""
        self.configuration = configuration
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
        self._set_lines(by_line, configuration.ports)
        return len(jobs)

    def _wanted(self, device: Device) -> bool:
        if self.packages is not None and device.protocol not in self.packages:
            return False
        return device.protocol not in self.stopped_protocols

    def _job(self, device: Device, device_signals: list[Signal]) -> Job | None:
        known = self.jobs.get(device.alias)
        if known is not None and _same(known, device, device_signals):
            return known
        driver = registry.driver(device.protocol)
        try:
            plan = driver.plan(device, device_signals)
        except ConfigError as error:
            log.error(f"{device.alias}: {error}")
            return None
        log.hide(plan.secrets)
        for signal, message in plan.refused:
            log.warning(f"{device.alias}/{signal.alias}: {message}")
            self.hub.publish(failed(signal, "type"))
        status = known.status if known is not None else DeviceStatus(device.alias)
        memory = known.memory if known is not None else self.state.memory(device.alias)
        return Job(driver, plan, device_signals, memory, status, self.loop.time)

    def _forget_statuses(self, jobs: dict[str, Job]) -> None:
        for alias in self.jobs:
            if alias not in jobs:
                self.hub.forget(alias)

    def _set_lines(self, by_line: dict[str, list[Job]], ports: dict[str, str]) -> None:
        for key in list(self.lines):
            line = self.lines[key]
            if key not in by_line or (line.path is not None and line.path != ports.get(key, key)):
                del self.lines[key]
                self._closing[key] = line
                line.stop(partial(self._line_closed, key))
        for key, jobs in by_line.items():
            if key in self._closing:
                continue  # the old line still says goodbye on this port; it is begun when that is over
            if key not in self.lines:
                self.lines[key] = self._new_line(key, jobs[0], ports)
            self.lines[key].set_jobs(jobs)

    def _new_line(self, key: str, job: Job, ports: dict[str, str]) -> Line:
        path = None if job.plan.device.over_tcp() else ports.get(key, key)
        line = Line(self.loop, key, path, self.hub, self._line_done)
        line.once = self.once
        line.status_interval_s = self.status_interval_s
        line.player.observers = list(self.observe(line))
        return line

    def _line_closed(self, key: str) -> None:
        self._closing.pop(key, None)
        if self.configuration is not None and not self._stop_timer.deadline:
            jobs = [job for job in self.jobs.values() if job.plan.device.line == key]
            if jobs:
                self._set_lines(
                    {**{k: line.jobs for k, line in self.lines.items()}, key: jobs}, self.configuration.ports
                )
        elif not self._closing:
            self.loop.stop()

    def _line_done(self, line: Line) -> None:
        """One scan of everything was asked for, and this line has done its part."""
        del self.lines[line.key]
        if not self.lines:
            self.loop.stop()

    # ---- life

    def reload(self, paths: list[str]) -> None:
        """Read the files again. What is wrong in them is said, and what runs of a wrong protocol is stopped."""
        configuration = load(paths)
        for error in configuration.errors:
            log.error(str(error))
        for warning in configuration.warnings:
            log.warning(warning)
        count = self.configure(configuration)
        log.notice(f"configuration reloaded: {count} devices on {len(self.lines)} lines")

    def stop(self) -> None:
        """End all conversations politely, then the loop, within STOP_S."""
        if self._stop_timer.deadline is not None:
            return
        self.loop.arm(self._stop_timer, self.loop.time + STOP_S)
        for key, line in self.lines.items():
            self._closing[key] = line
        self.lines = {}
        for key, line in list(self._closing.items()):
            line.stop(partial(self._line_closed, key))
        if not self._closing:
            self.loop.stop()

    def catch_signals(self, on_reload: Callable[[], None]) -> None:
        """SIGTERM and SIGINT end the daemon politely, SIGHUP reloads; both in the loop's next turn."""
        signals.set_wakeup_fd(self.loop.wakeup_fd(), warn_on_full_buffer=False)
        for number in (signals.SIGTERM, signals.SIGINT):
            signals.signal(number, lambda *_: self.loop.call_soon_from_thread(self.stop))
        signals.signal(signals.SIGHUP, lambda *_: self.loop.call_soon_from_thread(on_reload))
        signals.signal(signals.SIGPIPE, signals.SIG_IGN)

    # ---- what the control socket may ask

    def status(self, protocol: str | None = None) -> dict[str, object]:
        """Protocols, lines and devices with their counters."""
        now_ms = self.hub.now_ms()
        devices = [
            _summary(job, now_ms)
            for job in self.jobs.values()
            if protocol is None or job.plan.device.protocol == protocol
        ]
        running = sorted({job.plan.device.protocol for job in self.jobs.values()})
        return {"running": running, "stopped": sorted(self.stopped_protocols), "devices": devices}

    def set_protocol(self, package: str, running: bool) -> int:
        """Start or stop one protocol within the daemon; returns how many devices are read now."""
        if running:
            self.stopped_protocols.discard(package)
        else:
            self.stopped_protocols.add(package)
        return self.configure(self.configuration) if self.configuration is not None else 0

    def secrets_of(self, line: Line) -> list[bytes]:
        """What no trace of that line may show, the longest first."""
        found = {secret for job in line.jobs for secret in job.plan.secrets}
        return sorted(found, key=len, reverse=True)


def _summary(job: Job, now_ms: int) -> dict[str, object]:
    """One device's row of `meterd status`."""
    device, status = job.plan.device, job.status
    age = (now_ms - status.last_good_ms) // 1000 if status.last_good_ms else None
    row: dict[str, object] = {"device": device.alias, "protocol": device.protocol, "line": device.line}
    row.update(connected=status.connected, reason=status.reason or "good", last_good_age_s=age)
    row.update((name, getattr(status, name)) for name in COUNTERS)
    return row


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
