"""From configured devices to jobs: each is planned by its driver, and those of one line are held against each other.

A device whose parameters and signals are as before keeps its job, and with it its conversation, its memory and its
place in the schedule. One that cannot be planned keeps no other from being read.
"""

from __future__ import annotations

from .. import log
from ..errors import ConfigError
from ..model import failed
from ..protocols import registry
from ..sinks.status import DeviceStatus
from .job import Job

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType
    from typing import Protocol, TypeVar

    from ..config.files import Configuration
    from ..model import Device, Plan, Signal
    from ..ports._loop import Loop
    from ..sinks.hub import Hub
    from .state import StateDirectory

    class Planned(Protocol):
        """A device with its plan."""

        driver: ModuleType
        plan: Plan
        listens: bool

    AnyPlanned = TypeVar("AnyPlanned", bound=Planned)
    # What a driver says of a device, or of a signal of it.
    Mistake = tuple[str, Device, Signal | None]


class Plans:
    """Of one configuration. `known` are the jobs that run now; `jobs` those to be, by alias; `by_line` the same by
    line; `unplanned` says of each other device why not; `mistakes` are what drivers say of devices and signals.
    """

    def __init__(self, known: Mapping[str, Job], loop: Loop, hub: Hub, state: StateDirectory) -> None:
        self._known = known
        self._loop = loop
        self._hub = hub
        self._state = state
        self.jobs: dict[str, Job] = {}
        self.by_line: dict[str, list[Job]] = {}
        self.unplanned: dict[str, str] = {}
        self.mistakes: list[Mistake] = []

    def add(self, device: Device, signals: list[Signal]) -> None:
        known = self._known.get(device.alias)
        job = known if known is not None and is_same(known, device, signals) else self._planned(device, signals, known)
        if job is not None:
            self.jobs[device.alias] = job
            if device.line in self.by_line:
                self.by_line[device.line].append(job)
            else:
                self.by_line[device.line] = [job]  # most lines have no more

    def hold_once(self, configuration: Configuration, place: int) -> None:
        """Where a device goes on as it is, its configuration takes the place of the new one, which is equal."""
        alias = configuration.devices[place].alias
        job = self.jobs.get(alias)
        if job is not None and job is self._known.get(alias):
            configuration.devices[place], configuration.signals[alias] = job.plan.device, job.signals

    def _planned(self, device: Device, signals: list[Signal], known: Job | None) -> Job | None:
        try:
            driver = registry.driver(device.protocol)
            plan = planned(driver, device, signals)
        except ConfigError as error:
            self.mistakes.append((error.message, device, None))
            return None
        except ImportError as error:
            log.error(f"{device.alias}: {error}")
            self.unplanned[device.alias] = str(error)
            return None
        except Exception as error:  # no device may keep the others from being read
            log.bug(f"{device.alias}: cannot be planned on a defect of meterd", error)
            self.unplanned[device.alias] = "cannot be planned on a defect of meterd; see its log"
            return None
        self._tell(driver, plan)
        status = known.status if known is not None else DeviceStatus(device.alias)
        if known is not None and known.plan.device.line == device.line:
            memory = known.memory
        else:  # on another line nothing is open, and on the old one a goodbye may be under way
            memory = self._state.memory(device.alias, known.memory if known is not None else None)
        return Job(driver, plan, signals, memory, status, self._loop.time)

    def _tell(self, driver: ModuleType, plan: Plan) -> None:
        alias = plan.device.alias
        log.hide(plan.secrets)
        describe = getattr(driver, "describe", None)
        if describe is not None:
            log.info(f"{alias}: {describe(plan)}")
        for signal, message in plan.refused:
            self.mistakes.append((message, plan.device, signal))
            self._hub.publish(failed(signal, "not_found" if signal in plan.unknown else "type"))

    def agree(self, line: str) -> None:
        """Leave those of a line that can be served together; the others are told why not."""
        jobs = self.by_line[line]
        served = self.by_line[line] = of_one_kind(jobs)
        if served is jobs:
            return
        chosen = set(served)
        for job in jobs:
            if job not in chosen:
                self.mistakes.append((not_together(served[0].plan.device), job.plan.device, None))
                del self.jobs[job.alias()]


def planned(driver: ModuleType, device: Device, signals: list[Signal]) -> Plan:
    """What the driver makes of a device for which there is a port. Raises: ConfigError, in words."""
    if "://" in device.line:
        from ..ports.network import kind_of  # few sites need more than bytes as they are

        kind_of(device.line)
    plan: Plan = driver.plan(device, signals)
    return plan


def of_one_kind(jobs: list[AnyPlanned]) -> list[AnyPlanned]:
    """Those of a line that can be served together: on a port that listens nothing may be sent; at one where meters call
    all telegrams come in one framing."""
    if jobs[0].plan.device.calls():
        framings = [registry.calls().framing_of(job.plan.device) for job in jobs]
        alike = [job for job, framing in zip(jobs, framings, strict=True) if framing == framings[0]]
        return jobs if len(alike) == len(jobs) else alike
    listening = [job for job in jobs if job.listens]
    return [job for job in listening if job.driver is listening[0].driver] if listening else jobs


def not_together(first: Device) -> str:
    """Why others are not read on the line of a device that sends unasked, or calls."""
    if first.calls():
        return (
            f"is not read: the meter of {first.alias} calls there too, in another framing (framing, mode); give one of "
            "both a port of its own"
        )
    return (
        f"is not read: {first.alias} sends unasked on {first.line}, which therefore only listens, and to one protocol; "
        "put one of them on a port of its own"
    )


def is_same(job: Job, device: Device, device_signals: list[Signal]) -> bool:
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
