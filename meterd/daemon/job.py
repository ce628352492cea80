"""What a device is to its line: what to read of it, what its driver remembers, when it is due, how it is.

A reload that changes nothing of a device keeps its job, and so its memory and its place in the schedule.
"""

from __future__ import annotations

from ..ports._timers import Timer
from .turns import Turn

TYPE_CHECKING = False
if TYPE_CHECKING:
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
# Without a time frame a device is read again as soon as its line is free, but no more often than this.
SHORTEST_PERIOD_S = 0.1
# Where a table has no `scan_rate_ms`.
DEFAULT_SCAN_RATE_MS = 10_000


class Job:
    """One device on its line: what to read, what it remembers, when it is due, how it is."""

    __slots__ = (
        "_report", "askers", "close_delay_s", "driver", "failure", "listens", "memory", "plan", "poll_delay_s",
        "signals", "status", "timeout_s", "turn",
    )  # fmt: skip

    def __init__(
        self, driver: ModuleType, plan: Plan, signals: list[Signal], memory: Memory, status: DeviceStatus, now: float
    ) -> None:
        parameters = plan.device.parameters
        self.driver = driver
        self.listens = plan.device.calls() or is_listened_to(driver, plan)
        self.plan = plan
        self.signals = signals
        self.memory = memory
        self.status = status
        status.plan(signals, _unreadable(plan))
        self._report: Timer | None = None
        self.askers: list[Asker] = []  # they wait for the device's next scan
        self.failure: tuple[str, float] | None = None  # the reason its signals failed with, and until when that stands
        self.poll_delay_s = (parameters.get("poll_delay_ms") or 0) / 1000.0
        self.close_delay_s = (parameters.get("serial_close_delay") or 0) / 1000.0
        self.timeout_s = (parameters.get("timeout_ms") or 5000) / 1000.0
        reconnect = parameters.get("reconnect_time")
        retry_s = None if reconnect is None else max(reconnect / 1000.0, SHORTEST_RETRY_S)
        scan_rate_ms = parameters.get("scan_rate_ms", DEFAULT_SCAN_RATE_MS)
        period_s = scan_rate_ms / 1000.0 if scan_rate_ms > 0 else SHORTEST_PERIOD_S
        self.turn = Turn(now, period_s, retry_s, self.timeout_s + BRIEF_MARGIN_S)

    def alias(self) -> str:
        return self.plan.device.alias

    def publish_status(self, hub: Hub, loop: Loop, interval_s: float) -> None:
        """What changed, at once; all of it every `interval_s` from then on, however seldom scans are."""
        hub.publish_status(self.status, loop.time)
        if self._report is None:

            def report() -> None:
                hub.publish_status(self.status, loop.time, whole=True)
                loop.arm(timer, loop.time + interval_s)

            timer = self._report = Timer(report)
            loop.arm(timer, loop.time + interval_s)

    def let_go(self) -> None:
        """The device is read no more, or as another job."""
        if self._report is not None:
            self._report.deadline = None
            self._report = None


def is_listened_to(driver: ModuleType, plan: Plan) -> bool:
    """Whether the device sends unasked."""
    listens = getattr(driver, "listens", None)
    return listens is not None and bool(listens(plan))


def _unreadable(plan: Plan) -> dict[str, tuple[str, str]]:
    """Signals that cannot be read as they are configured: reason, and why in words."""
    return {
        signal.alias: ("not_found" if signal in plan.unknown else "type", message) for signal, message in plan.refused
    }
