"""What is not of one meter: ports, sinks, the daemon itself, the configuration as it takes effect."""

from __future__ import annotations

from ..config.effective import general, masked, row_of, secrets_of
from ..daemon.overview import line_row, programs, sink_row
from ..sinks.status import COUNTERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..daemon.daemon import Daemon
    from ..ports.work import Work


def ports(daemon: Daemon) -> Work[list[dict[str, Any]]]:
    """Each line with its load, its settings and what passed on it, the busiest first."""
    rows = []
    for key, line in list(daemon.lines.items()):
        row = line_row(key, line, daemon.loop.time)
        row["path"] = line.path
        row["meters"] = [job.alias() for job in line.jobs[:20]]
        counted = [job.status.counters() for job in line.jobs]
        row.update((name, sum(counters[name] for counters in counted)) for name in COUNTERS)
        away = [job for job in line.jobs if job.status.reason == "disconnected"]
        row["trouble"] = away[0].status.sentence() if away else ""
        parameters = line.jobs[0].plan.device.parameters if line.jobs else {}
        row["settings"] = _settings(parameters) if line.path is not None else "over the network"
        rows.append(row)
        yield
    return sorted(rows, key=lambda row: -(row["load"] or 0.0))


def _settings(parameters: Mapping[str, Any]) -> str:
    """As `300 7E1`; of a line whose devices differ, the first one's."""
    parity = str(parameters.get("parity") or "none")[:1].upper()
    bits, stop = parameters.get("databits") or 8, parameters.get("stopbits") or 1
    return f"{parameters.get('baudrate') or '?'} {bits}{parity}{stop}"


def sinks(daemon: Daemon) -> list[dict[str, Any]]:
    """The broken ones first."""
    rows = [sink_row(sink) for sink in daemon.hub.sinks]
    return sorted(rows, key=lambda row: (row["state"] == "good", -int(str(row["lost"])), -int(str(row["waiting"]))))


def own(daemon: Daemon) -> dict[str, Any]:
    """How the daemon is."""
    return {
        "longest_turn_ms": round(daemon.loop.longest_turn_s * 1000.0, 1),
        "clock_jumps": daemon.hub.clock_jumps,
        "running": programs({job.plan.device.protocol for job in daemon.jobs.values()}),
        "stopped": programs(daemon.stopped_protocols),
        "meters": len(daemon.jobs),
    }


def configuration(daemon: Daemon, alias: str) -> dict[str, Any]:
    """As it takes effect, secrets masked: of one device with its signals, or what is of none."""
    if daemon.configuration is None:
        return {}
    if not alias:
        return general(daemon.configuration)
    device = next((each for each in daemon.configuration.devices if each.alias == alias), None)
    if device is None:
        return {}
    secrets = secrets_of(device.protocol)
    signals = daemon.configuration.signals.get(alias, [])
    return {
        "device": masked(device.parameters, secrets),
        "signals": [row_of(signal, secrets) for signal in signals],
    }
