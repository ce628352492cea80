"""What `meterd status` shows: a row for each device, line and sink, and the daemon itself. Loaded when somebody asks.

Each row says what is so now and, where it is not good, the last sentence that was said of it.
"""

from __future__ import annotations

from ..protocols import registry
from .not_read import not_read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, Protocol

    from ..config.files import Configuration
    from ..ports._loop import Loop
    from ..ports.work import Work
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


def overview(daemon: Daemon, protocol: str | None) -> Work[dict[str, object]]:
    """All; or the devices of one protocol (its package) and their lines. In portions, so each row has its moment."""
    running, devices, keys = set(), [], set()
    for job in list(daemon.jobs.values()):
        yield
        package = job.plan.device.protocol
        running.add(package)
        if protocol in (None, package):
            devices.append({**device_row(job, daemon.loop.time), "failing": job.status.failing_signals()})
            keys.add(job.plan.device.line)
    lines = []
    for key, line in list(daemon.lines.items()):
        yield
        if key in keys:
            lines.append(line_row(key, line, daemon.loop.time))
    return {
        "running": programs(running),
        "stopped": programs(daemon.stopped_protocols),
        "not_read": not_read(*daemon.left_out()),
        "devices": devices,
        "lines": lines,
        "callers": [
            row for key, line in daemon.lines.items() if key in keys for row in _callers(line, daemon.loop.time)
        ],
        "sinks": [sink_row(sink) for sink in daemon.hub.sinks],
        "daemon": {
            "longest_turn_ms": round(daemon.loop.longest_turn_s * 1000.0, 1),
            "clock_jumps": daemon.hub.clock_jumps,
        },
    }


def device_row(job: Job, now_s: float) -> dict[str, object]:
    device, status = job.plan.device, job.status
    row: dict[str, object] = {"device": device.alias, "protocol": registry.program(device.protocol)}
    row["line"] = device.line
    row.update(connected=status.connected, reason=status.reason or "good", last_good_age_s=status.age_s(now_s))
    row.update(signals=status.signals, signals_ok=status.signals_ok, trouble=status.sentence())
    row["trouble_age_s"] = max(0, int(now_s - status.trouble_s)) if status.sentence() else None
    row.update(status.counters())
    return row


def line_row(key: str, line: Any, now_s: float) -> dict[str, object]:
    load = getattr(line, "load", None)  # a line that listens is never busy
    share = None if load is None else round(load.share(now_s), 3)
    return {"line": key, "devices": len(line.jobs), "open": line.port.is_open(), "load": share}


def _callers(line: Any, now_s: float) -> list[dict[str, object]]:
    """Who called there and is no configured device."""
    unknown = getattr(line, "unknown", None)
    rows: list[dict[str, object]] = [] if unknown is None else unknown.rows(now_s)
    return rows


def sink_row(sink: object) -> dict[str, object]:
    """`state` is 'good' or a sentence; `waiting` in what the sink counts in, `lost` readings since the start."""
    condition = getattr(sink, "condition", None)
    name, state, waiting, lost = condition() if condition is not None else (type(sink).__name__, "", 0, 0)
    return {"sink": name, "state": state or "good", "waiting": waiting, "lost": lost}


def programs(packages: Iterable[str]) -> list[str]:
    return sorted(registry.program(package) for package in packages)
