"""Which path is answered by whom, and what of it needs a password.

Bounds: BURST requests at once and one more every PACE_S; MOST_ASKED scans that somebody waits for, one for a meter.
"""

from __future__ import annotations

from ..gateway.json_text import dumps
from ..ports.http_server import PLAIN, Answer
from ..protocols import registry
from ..sinks.metrics import KIND as METRICS
from . import events, files, meters, place, wcclite
from .forms import json_object, query
from .frames import Frames
from .guard import JSON, Bucket, Guard, equal, said
from .live import Live, event

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..daemon.daemon import Daemon
    from ..model import Reading
    from ..ports.http_server import Request
    from ..ports.work import Work
    from ..sinks.page import Page

    Reload = Callable[[Callable[[], None]], None]

BURST, PACE_S = 300, 0.02
MOST_ASKED = 8
ASKED_S = 120.0  # a scan that somebody asked for has come to its end by then, or is forgotten
CSV = "text/csv; charset=utf-8"


class _Asker:
    """Waits for the end of a scan."""

    def __init__(self, alias: str, then: Callable[[_Asker, Exception | None], object]) -> None:
        self.alias = alias
        self._then = then

    def accept(self, reading: Reading) -> None:
        """The sinks have it, the page among them."""

    def ended(self, error: Exception | None) -> None:
        self._then(self, error)


class Site:
    """Takes the page over. `reload(then)` reads the configuration again."""

    def __init__(self, daemon: Daemon, page: Page, reload: Reload, version: str) -> None:
        self._version = version
        self._daemon = daemon
        self._page = page
        self._reload = reload
        self._loop = daemon.loop
        self._guard = Guard(page.parameters["password"], lambda: self._loop.time)
        self._frames = Frames(daemon)
        self._live = Live(daemon, page, self._guard)
        self._pace = Bucket(BURST, PACE_S, self._loop.time)
        self._asked: dict[str, tuple[_Asker, float]] = {}
        self._views: dict[str, Callable[[Request, dict[str, str]], Any]] = {
            "/data/meters": lambda request, wanted: self._meters(),
            "/data/meter": lambda request, wanted: self._meter(wanted),
            "/data/history": lambda request, wanted: self._history(wanted),
            "/data/frames": lambda request, wanted: self._last_frames(wanted),
            "/data/place": lambda request, wanted: self._place(),
            "/data/configuration": lambda request, wanted: self._configuration(wanted),
            "/data/events": lambda request, wanted: self._events(wanted),
            "/data/events.csv": lambda request, wanted: self._csv(wanted),
            "/live": lambda request, wanted: self._live.answer(wanted.get("meter", ""), self._guard.session(request)),
        }
        self._changes: dict[str, Callable[[dict[str, Any]], Answer]] = {
            "/data/read": self._read,
            "/data/reload": self._reload_now,
            "/data/protocol": self._set_protocol,
        }
        page.on_configured = self._frames.configured
        page.attend(self.answer)

    def answer(self, request: Request) -> Answer | Work[Answer]:
        if not self._pace.take(self._loop.time):
            return Answer(429, PLAIN, b"too many requests: ask again in a moment\n", (("Retry-After", "1"),))
        path = request.path
        if path in files.FILES:
            return files.answer(path, request.headers.get("accept-encoding", ""))
        if path.startswith(wcclite.PREFIX):
            return self._wcclite(request)
        if path == "/metrics":
            return self._metrics(request)
        if path == "/data/login":
            return self._guard.log_in(request)
        if path == "/data/logout":
            return self._guard.log_out(request)
        if path in self._changes:
            refusal = self._guard.refuses_change(request)
            return refusal if refusal is not None else self._changes[path](json_object(request))
        return self._view(request)

    def _view(self, request: Request) -> Answer | Work[Answer]:
        known = request.path == "/data/site" or request.path in self._views
        if not known:
            return Answer(404, PLAIN, b"here is nothing; the page is at /\n")
        if request.method == "POST":
            return said(405, "this is only fetched", (("Allow", "GET, HEAD"),))
        if self._guard.foreign(request):
            return said(403, "another site's page may not ask for this")
        if request.path == "/data/site":
            return self._site(request)
        if not self._guard.may_look(request):
            return said(401, "give the password first")
        answer: Answer | Work[Answer] = self._views[request.path](request, query(request.query))
        return answer

    # ---- what is shown

    def _site(self, request: Request) -> Answer:
        session = self._guard.session(request)
        needed = self._guard.has_password and session is None
        return _json({
            "version": "" if needed else self._version, "has_password": self._guard.has_password, "needed": needed,
            "token": session.token if session is not None else "", "chart": files.is_there(files.CHART),
        })  # fmt: skip

    def _meters(self) -> Work[Answer]:
        rows = yield from meters.all_meters(self._daemon)
        from ..daemon.not_read import not_read

        own = {**place.own(self._daemon), "not_read": not_read(*self._daemon.left_out())}
        pieces = []
        for row in rows:
            pieces.append(dumps(row))
            yield
        return _text(f'{{"ok":true,"own":{dumps(own)},"meters":[{",".join(pieces)}]}}')

    def _meter(self, wanted: dict[str, str]) -> Answer | Work[Answer]:
        job = self._daemon.jobs.get(wanted.get("meter", ""))
        if job is None:
            return said(404, "no meter that is read here has this name")
        return _later(meters.one_meter(self._daemon, self._page, job))

    def _history(self, wanted: dict[str, str]) -> Answer:
        course = self._page.history.courses.get((wanted.get("meter", ""), wanted.get("signal", "")))
        times, values = course.points() if course is not None else ([], [])
        return _json({"ok": True, "times": times, "values": values})

    def _last_frames(self, wanted: dict[str, str]) -> Answer | Work[Answer]:
        if wanted.get("meter", "") not in self._daemon.jobs:
            return said(404, "no meter that is read here has this name")
        return _later(self._frames.told(wanted["meter"]))

    def _place(self) -> Work[Answer]:
        lines = yield from place.ports(self._daemon)
        return _json({"ok": True, "own": place.own(self._daemon), "ports": lines, "sinks": place.sinks(self._daemon)})

    def _configuration(self, wanted: dict[str, str]) -> Answer:
        return _json({"ok": True, "configuration": place.configuration(self._daemon, wanted.get("meter", ""))})

    def _events(self, wanted: dict[str, str]) -> Work[Answer]:
        return _text((yield from events.page_of(events.log_of(self._daemon.hub.sinks), wanted)))

    def _csv(self, wanted: dict[str, str]) -> Work[Answer]:
        text = yield from events.csv_of(events.log_of(self._daemon.hub.sinks), wanted)
        name = ("Content-Disposition", 'attachment; filename="meterd-events.csv"')
        return Answer(200, CSV, text.encode("utf-8", "backslashreplace"), (name,))

    def _metrics(self, request: Request) -> Answer | Work[Answer]:
        if request.method == "POST":
            return said(405, "this is only fetched", (("Allow", "GET, HEAD"),))
        key = self._page.parameters["api_key"]
        has_key = key is not None and equal(key, request.headers.get("apikey", ""))
        if self._guard.foreign(request) or not (has_key or self._guard.may_look(request)):
            return Answer(401, PLAIN, b"the header apiKey must say publish.page.api_key\n")
        return self._telling_metrics()

    def _telling_metrics(self) -> Work[Answer]:
        text = yield from self._page.shown.telling()
        return Answer(200, METRICS, text.encode("utf-8", "backslashreplace"))

    def _wcclite(self, request: Request) -> Work[Answer]:
        key = self._page.parameters["api_key"]
        status, kind, text = yield from wcclite.answer(request, self._daemon, self._page, key)
        return Answer(status, kind, text.encode("utf-8", "backslashreplace"))

    # ---- what is changed

    def _read(self, wanted: dict[str, Any]) -> Answer:
        """Have a meter scanned now; how it ended is told to those who follow."""
        alias, now_s = str(wanted.get("meter", "")), self._loop.time
        self._asked = {name: row for name, row in self._asked.items() if row[1] > now_s - ASKED_S}
        job = self._daemon.jobs.get(alias)
        if job is None:
            return said(404, "no meter that is read here has this name")
        if job.listens:
            return said(409, "this meter sends by itself: nobody can ask it")
        if alias in self._asked:
            return said(409, "it is being asked already")
        if len(self._asked) >= MOST_ASKED:
            return said(429, "enough others are being asked already")
        asker = _Asker(alias, self._has_read)
        refusal = self._daemon.ask(alias, job.plan.device.line, asker)
        if refusal:
            return _json({"ok": False, "error": refusal}, 409)
        self._asked[alias] = (asker, now_s)
        return _json({"ok": True}, 202)

    def _has_read(self, asker: _Asker, error: Exception | None) -> None:
        if self._asked.get(asker.alias, (None,))[0] is asker:
            del self._asked[asker.alias]
        from .. import log

        words = "" if error is None else log.masked(str(error))
        self._live.send(event("read", {"device": asker.alias, "ok": error is None, "error": words}))

    def _reload_now(self, wanted: dict[str, Any]) -> Answer:
        self._reload(lambda: self._live.send(event("reloaded", {"meters": len(self._daemon.jobs)})))
        return _json({"ok": True}, 202)

    def _set_protocol(self, wanted: dict[str, Any]) -> Answer:
        package = registry.PROGRAMS.get(str(wanted.get("protocol")))
        running = wanted.get("running")
        if package is None or not isinstance(running, bool):
            return said(400, "say which protocol, and whether it runs")
        self._daemon.set_protocol(package, running, lambda count: self._live.send(event("reloaded", {"meters": count})))
        return _json({"ok": True}, 202)


def _json(value: dict[str, Any], status: int = 200) -> Answer:
    return _text(dumps(value), status)


def _text(text: str, status: int = 200) -> Answer:
    return Answer(status, JSON, text.encode("utf-8", "backslashreplace"))


def _later(work: Work[dict[str, Any]]) -> Work[Answer]:
    return _json({"ok": True, **(yield from work)})
