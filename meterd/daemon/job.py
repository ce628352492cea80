"""What a device is to its line: what to read of it, what its driver remembers, when it is due, how it is.

A reload that changes nothing of a device keeps its job, and so its memory and its place in the schedule.
"""

from __future__ import annotations

from ..model import shared
from ..ports._timers import Timer
from ..protocols import registry
from ..sinks.status import NONE_FAILS
from .turns import Turn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType
    from typing import Protocol

    from ..model import Memory, Plan, Reading, Signal
    from ..ports._loop import Loop
    from ..sinks.hub import Hub
    from ..sinks.status import DeviceStatus

    class Asker(Protocol):
        """Somebody who asked for one scan of the device."""

        def accept(self, reading: Reading) -> None:
            """A reading of that scan."""

        def ended(self, error: Exception | None) -> None:
            """The scan is over; `error` is what ended it, if not its end."""


# However fast a configuration asks for it, a port that cannot be opened is not tried more often than this.
SHORTEST_RETRY_S = 0.1
# Where a table has no `reconnect_time`: a vanished port is tried again after this long at the latest.
PORT_RETRY_S = 5.0
# What a single attempt takes beyond its time-out, as long as none was measured.
BRIEF_MARGIN_S = 1.0
# How often the clocks are looked at while scans are well.
LOOK_S = 1.0
# Without a time frame a device is read again as soon as its line is free, but no more often than this.
SHORTEST_PERIOD_S = 0.1
# Where a table has no `scan_rate_ms`.
DEFAULT_SCAN_RATE_MS = 10_000
NEVER_AGAIN = -1.0
_known_seconds: dict[float, float] = {}


class Job(Turn):
    """One device on its line, and its turn there: what to read, what it remembers, when it is due, how it is."""

    __slots__ = (
        "askers", "close_delay_s", "driver", "failure", "is_well", "listens", "memory", "plan", "poll_delay_s",
        "signals", "status", "timeout_s", "told_s",
    )  # fmt: skip

    def __init__(
        self, driver: ModuleType, plan: Plan, signals: list[Signal], memory: Memory, status: DeviceStatus, now: float
    ) -> None:
        parameters = plan.device.parameters
        self.timeout_s = _seconds(parameters.get("timeout_ms") or 5000)
        reconnect = parameters.get("reconnect_time")
        retry_s = None if reconnect is None else max(reconnect / 1000.0, SHORTEST_RETRY_S)
        scan_rate_ms = parameters.get("scan_rate_ms", DEFAULT_SCAN_RATE_MS)
        period_s = _seconds(scan_rate_ms) if scan_rate_ms > 0 else SHORTEST_PERIOD_S
        super().__init__(now, period_s, retry_s, shared(_known_seconds, self.timeout_s + BRIEF_MARGIN_S))
        self.driver = driver
        self.listens = plan.device.calls() or registry.sends_unasked(driver, plan)
        self.plan = plan
        self.signals = signals
        self.memory = memory
        self.status = status
        status.plan(signals, _unreadable(plan))
        self.told_s: float | None = None  # when its whole status was; with that its rounds begin
        self.askers: Sequence[Asker] = ()  # they wait for the device's next scan
        self.failure: tuple[str, float] | None = None  # the reason its signals failed with, and until when that stands
        self.is_well = False  # its last scan and all that it was to bring were good
        self.poll_delay_s = _seconds(parameters.get("poll_delay_ms") or 0)
        self.close_delay_s = _seconds(parameters.get("serial_close_delay") or 0)

    def alias(self) -> str:
        return self.plan.device.alias

    def let_go(self) -> None:
        """The device is read no more, or as another job."""
        self.told_s = NEVER_AGAIN


class Rounds:
    """The whole status of every device, each `interval_s` after it was told last, however seldom scans are.

    All take equally long, so whoever was told first is first again: one queue and one timer are enough for thousands.
    """

    def __init__(self, hub: Hub, loop: Loop, interval_s: float) -> None:
        self._hub = hub
        self._loop = loop
        self._interval_s = interval_s
        self._waiting: list[Job] = []
        self._timer = Timer(self._tell)
        self.look_s = 0.0  # from then on the next scan is a reason to look at the clocks, though nothing is new

    def changed(self, job: Job) -> None:
        """A scan has ended: what is another thing now is told at once; all of it from now on in turn."""
        now_s = self._loop.time
        self.look_s = now_s + LOOK_S
        self._hub.publish_status(job.status, now_s)
        if job.told_s is None:
            self._add(job)
            self._arm()

    def _add(self, job: Job) -> None:
        job.told_s = self._loop.time
        self._waiting.append(job)

    def _tell(self) -> None:
        waiting, now, due = self._waiting, self._loop.time, 0
        while due < len(waiting) and (waiting[due].told_s or 0.0) + self._interval_s <= now:
            due += 1
        told = [job for job in waiting[:due] if job.told_s != NEVER_AGAIN]
        del waiting[:due]
        for job in told:
            self._hub.publish_status(job.status, now, whole=True)
            self._add(job)
        self._arm()

    def _arm(self) -> None:
        if self._waiting and self._timer.deadline is None:
            self._loop.arm(self._timer, (self._waiting[0].told_s or 0.0) + self._interval_s)


def _seconds(milliseconds: int) -> float:
    found: float = shared(_known_seconds, milliseconds / 1000.0)
    return found


def _unreadable(plan: Plan) -> dict[str, tuple[str, str]]:
    """Signals that cannot be read as they are configured: reason, and why in words."""
    if not plan.refused:
        return NONE_FAILS
    return {
        signal.alias: ("not_found" if signal in plan.unknown else "type", message) for signal, message in plan.refused
    }
