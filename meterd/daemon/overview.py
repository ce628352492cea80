"""What `meterd status` shows: a row for each device, line and sink, and the daemon itself. Loaded when somebody asks.

Each row says what is so now and, where it is not good, the last sentence that was said of it.
"""

from __future__ import annotations

from ..protocols import registry
from ..sinks.status import COUNTERS
from .not_read import not_read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, Protocol

    from ..config.files import Configuration
    from ..ports._loop import Loop
    from ..sinks.hub import Hub
    from .job import Job

    class Daemon(Protocol):
        """What of the daemon is shown."""

        loop: Loop
        hub: Hub
        jobs: dict[str, Job]
        stopped_protocols: set[str]

        @property
        def lines(self) -> Mapping[str, Any]: ...

        def left_out(self) -> tuple[Configuration | None, Configuration | None, dict[str, str], set[str]]: ...


def overview(daemon: Daemon, protocol: str | None) -> dict[str, object]:
    """Everything; or the devices of one protocol (its package) and their lines."""
    now_s = daemon.loop.time
    jobs = [job for job in daemon.jobs.values() if protocol is None or job.plan.device.protocol == protocol]
    running = {job.plan.device.protocol for job in daemon.jobs.values()}
    return {
        "running": _programs(running),
        "stopped": _programs(daemon.stopped_protocols),
        "not_read": not_read(*daemon.left_out()),
        "devices": [_device(job, now_s) for job in jobs],
        "lines": _lines(daemon, {job.plan.device.line for job in jobs}),
        "sinks": [_sink(sink) for sink in daemon.hub.sinks],
        "daemon": {
            "longest_turn_ms": round(daemon.loop.longest_turn_s * 1000.0, 1),
            "clock_jumps": daemon.hub.clock_jumps,
        },
    }


def _device(job: Job, now_s: float) -> dict[str, object]:
    device, status = job.plan.device, job.status
    row: dict[str, object] = {"device": device.alias, "protocol": registry.program(device.protocol)}
    row["line"] = device.line
    row.update(connected=status.connected, reason=status.reason or "good", last_good_age_s=status.age_s(now_s))
    row.update(signals=status.signals, signals_ok=status.signals_ok, trouble=status.sentence())
    row["trouble_age_s"] = max(0, int(now_s - status.trouble_s)) if status.sentence() else None
    row["failing"] = status.failing_signals()
    row.update((name, getattr(status, name)) for name in COUNTERS)
    return row


def _lines(daemon: Daemon, wanted: set[str]) -> list[dict[str, object]]:
    rows = []
    for key, line in daemon.lines.items():
        if key in wanted:
            load = getattr(line, "load", None)  # a line that listens is never busy
            share = None if load is None else round(load.share(daemon.loop.time), 3)
            rows.append({"line": key, "devices": len(line.jobs), "open": line.port.is_open(), "load": share})
    return rows


def _sink(sink: object) -> dict[str, object]:
    """`state` is 'good' or a sentence; `waiting` in what the sink counts in, `lost` readings since the start."""
    condition = getattr(sink, "condition", None)
    name, state, waiting, lost = condition() if condition is not None else (type(sink).__name__, "", 0, 0)
    return {"sink": name, "state": state or "good", "waiting": waiting, "lost": lost}


def _programs(packages: Iterable[str]) -> list[str]:
    return sorted(registry.program(package) for package in packages)
