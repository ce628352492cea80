"""The endpoints of a WCC Lite that only show something, in its shapes, for programs that asked one (its manual, "API").

POST with a form; the header `apiKey`. All scalars are texts. Values keep the meter's own digits where a WCC Lite prints
17 of a double: they are the same number. Not documented by the maker, and so ours: what /api/devices and /api/tags
answer (the shapes of one device, for all), and that what is not known is a 404 with an error in words.
"""

from __future__ import annotations

from ..gateway.json_text import dumps
from ..protocols import registry
from ..sinks.format import tag_message
from .forms import form
from .guard import JSON, equal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from ..daemon.daemon import Daemon
    from ..daemon.job import Job
    from ..model import Signal
    from ..ports.http_server import Request
    from ..ports.work import Work
    from ..sinks.page import Page

VERSION = {"api_version": "2", "api_patch": "1", "sync_version": "lite1"}
UNAUTHORIZED = '{"error":"Unauthorized access."}'
PREFIX = "/api/"


def answer(request: Request, daemon: Daemon, page: Page, api_key: str | None) -> Work[tuple[int, str, str]]:
    """Status, media type, text."""
    if api_key is None:
        return 404, JSON, _error("set publish.page.api_key to have these endpoints")
    if not equal(api_key, request.headers.get("apikey", "")):
        return 401, JSON, UNAUTHORIZED
    path = request.path
    if path == "/api/version":
        return 200, JSON, dumps(VERSION)
    if path == "/api/devices":
        return 200, JSON, (yield from _devices(daemon.jobs.values()))
    if path == "/api/tags":
        return 200, JSON, (yield from _tags(list(daemon.jobs.values())))
    if path.startswith("/api/device/"):
        return (yield from _of_one(path, form(request), daemon, page))
    return 404, JSON, _error("here is no such endpoint")


def _of_one(path: str, fields: dict[str, str], daemon: Daemon, page: Page) -> Work[tuple[int, str, str]]:
    job = daemon.jobs.get(fields.get("device_alias", ""))
    if job is None:
        return 404, JSON, _error("no device has this device_alias")
    if path == "/api/device/info":
        return 200, JSON, (yield from _devices([job]))
    if path == "/api/device/tags":
        return 200, JSON, (yield from _tags([job]))
    if path == "/api/device/tag/value":
        return _value(job, page, fields.get("signal_alias", ""))
    return 404, JSON, _error("here is no such endpoint")


def _error(words: str) -> str:
    return dumps({"error": words})


def _devices(jobs: Iterable[Job]) -> Work[str]:
    rows = []
    for job in list(jobs):
        device = job.plan.device
        name = device.parameters.get("name") or device.alias
        rows.append({"device_alias": device.alias, "name": name, "protocol": registry.program(device.protocol)})
        yield
    return dumps({"Devices": rows})


def _tags(jobs: list[Job]) -> Work[str]:
    rows: list[dict[str, Any]] = []
    for job in jobs:
        for signal in job.signals:
            topic = f"tag/{signal.device_alias}/{signal.alias}"
            rows.append({
                "signal_name": _name(signal), "source_device_alias": "", "input_topic": f"{topic}/rin",
                "output_topic": f"{topic}/out", "signal_alias": signal.alias,
            })  # fmt: skip
            yield
    return dumps({"total_signals": str(len(rows)), "signals": rows})


def _value(job: Job, page: Page, alias: str) -> tuple[int, str, str]:
    signal = next((each for each in job.signals if each.alias == alias), None)
    if signal is None:
        return 404, JSON, _error("the device has no signal of this signal_alias")
    kept = page.shown.kept.get((job.alias(), alias))
    rows: list[dict[str, Any]] = []
    if kept is not None:
        value, timestamp, flags = tag_message(kept.reading).rsplit(",", 2)
        rows.append({"signal_name": _name(signal), "value": value, "timestamp": timestamp, "flags": flags})
    return 200, JSON, dumps({"total_signals": str(len(rows)), "signal_values": rows})


def _name(signal: Signal) -> str:
    return str(signal.parameters.get("signal_name") or signal.alias)
