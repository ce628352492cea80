"""Rows of meters and of their signals, the worst first, each with its reason and what to try."""

from __future__ import annotations

from ..daemon.overview import device_row
from ..names.signals import name_of
from ..sinks.status import WORST_FIRST
from .advice import SLIP, advice, headline

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..daemon.daemon import Daemon
    from ..daemon.job import Job
    from ..model import Reading, Signal
    from ..ports.work import Work
    from ..sinks.page import Page

    Row = dict[str, Any]

CODES = ("obis_job", "tag_job_todo", "job_todo")  # what of a signal is asked for
SPARK = 60  # points of a small picture


def meter_row(job: Job, now_s: float) -> Row:
    """One meter: how it is and, where it is not well, why and what to try."""
    row: Row = dict(device_row(job, now_s))
    device, reason = job.plan.device, str(row["reason"])
    row["name"] = str(device.parameters.get("name") or device.alias)
    row["rank"] = WORST_FIRST.index(reason) if reason in WORST_FIRST else len(WORST_FIRST)
    why = SLIP if reason == "type" and _is_slip(job, str(row["trouble"])) else reason
    row["headline"] = headline(why)
    row["try"] = "" if reason == "good" else advice(why, device.protocol, device.over_tcp())
    row["failing"] = len(job.status.failing_signals())
    row["listens"] = job.listens
    return row


def _is_slip(job: Job, trouble: str) -> bool:
    """Whether what was said is of a signal that the driver would not take as it is configured: no meter's answer."""
    return any(trouble.startswith(f"{signal.alias}: ") for signal, _ in job.plan.refused)


def all_meters(daemon: Daemon) -> Work[list[Row]]:
    rows = []
    for job in list(daemon.jobs.values()):
        rows.append(meter_row(job, daemon.loop.time))
        yield
    rows.sort(key=lambda row: (row["rank"], row["device"]))
    return rows


def one_meter(daemon: Daemon, page: Page, job: Job) -> Work[Row]:
    """The meter with its signals."""
    signals = []
    failing = job.status.failing_signals()
    for signal in job.signals:
        signals.append(signal_row(page, signal, failing))
        yield
    row = meter_row(job, daemon.loop.time)
    row["why"] = failing
    row["values"] = signals
    row["history_left_out"] = page.history.left_out
    return row


def signal_row(page: Page, signal: Signal, failing: dict[str, str], spark: bool = True) -> Row:
    """One signal with its last reading, in plain words as far as there are any."""
    key = (signal.device_alias, signal.alias)
    kept = page.shown.kept.get(key)
    reading = None if kept is None else kept.reading
    row: Row = {"signal": signal.alias, "why": failing.get(signal.alias, "")}
    row.update(words(signal, None if reading is None else reading.unit))
    row.update(_said(reading))
    course = page.history.courses.get(key) if spark else None
    if course is not None:
        times, values = course.points()
        row["spark"] = [times[-SPARK:], values[-SPARK:]]
    return row


def _said(reading: Reading | None) -> Row:
    if reading is None:
        return {"value": None, "unit": None, "time_ms": None, "meter_time": None, "quality": "none", "reason": None}
    value = reading.value
    return {
        "value": None if value is None else str(int(value) if type(value) is bool else value)[:500],
        "unit": reading.unit,
        "time_ms": reading.time_ms,
        "meter_time": reading.meter_time,
        "quality": reading.quality,
        "reason": reading.reason,
    }


def words(signal: Signal, unit: str | None) -> Row:
    """`name` as it is configured, `says` in plain words where they are known, `code` what is asked for."""
    parameters = signal.parameters
    code = next((str(parameters[column]) for column in CODES if parameters.get(column)), "")
    name = str(parameters.get("signal_name") or signal.alias)
    found = name_of(signal, unit)
    return {"name": name, "says": found.words if found is not None else "", "code": code}
