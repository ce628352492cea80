"""A part of what there is, over the control socket: for whoever looks again and again, and shows no more than fits.

    page [sort=KEY] [from=N] [count=N] [match=TEXT] [line=LINE]
        rows of devices in that order, as `status` has them but for the signals that fail; how many there are of each
        state; the busiest lines; what this answer cost
    readings [device=DEVICE] [from=N] [count=N]
        last values of signals and why those that fail do; of all devices, or of one, with its row as in `page`

The problem: the status of a thousand meters is a megabyte, and a screen shows twenty of them. Each device is looked at
(the order hangs on all), but only what is shown is put into words; that costs as many looks as there are devices, in
portions, so that no meter waits.
Bounds: MAX_ROWS rows, MAX_LINES lines, MAX_WORDS characters of a sentence or a text; numbers of up to MAX_DIGITS.
"""

from __future__ import annotations

from heapq import merge
from time import monotonic, thread_time

from ..errors import ConfigError
from ..model import GOOD, INVALID, STALE
from ..sinks.status import WORST_FIRST
from .overview import device_row, line_row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from ..model import Reading, Signal
    from ..ports.work import Work
    from .job import Job
    from .overview import Daemon

MAX_ROWS = 200
MAX_LINES = 40
MAX_WORDS = 400
MAX_DIGITS = 9
PORTION = 20  # devices between two moments at which others may have their turn
SORTS = ("state", "device", "age", "line", "signals")
WORDS = {"page": ("sort", "from", "count", "match", "line"), "readings": ("device", "from", "count")}
DEFAULT_ROWS = 50
NEVER_S = 1 << 40


def glance(daemon: Daemon, command: str, words: list[str]) -> Work[dict[str, object]]:
    """The answer to one of these requests. Raises: ConfigError, in words, where it is none."""
    asked: dict[str, str] = {}
    for word in words:
        name, _, value = word.partition("=")
        if name not in WORDS[command] or not value:
            raise ConfigError("", f"{command} takes {'=, '.join(WORDS[command])}=, not {word!r}")
        asked[name] = value
    start = _number(asked, "from", 0, 10**MAX_DIGITS)
    count = _number(asked, "count", DEFAULT_ROWS, MAX_ROWS)
    if command == "readings":
        alias = asked.get("device")
        if alias is not None and alias not in daemon.jobs:
            raise ConfigError("", f"no device that is read here is called {alias!r}")
        return _readings(daemon, alias, start, count)
    sort = asked.get("sort", SORTS[0])
    if sort not in SORTS:
        raise ConfigError("", f"sort is one of {', '.join(SORTS)}, not {sort!r}")
    return _page(daemon, sort, start, count, (asked.get("match", "").lower(), asked.get("line")))


def _number(asked: dict[str, str], name: str, default: int, most: int) -> int:
    text = asked.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS):
        raise ConfigError("", f"{name} takes a whole number, not {text!r}")
    return min(int(text), most)


class _Cost:
    """The processor time that one answer took of the daemon's thread, and the longest portion of it."""

    def __init__(self) -> None:
        self._since_s = thread_time()
        self.spent_s = 0.0
        self.longest_s = 0.0

    def pause(self) -> None:
        took_s = thread_time() - self._since_s
        self.spent_s += took_s
        self.longest_s = max(self.longest_s, took_s)

    def go_on(self) -> None:
        self._since_s = thread_time()


def _page(daemon: Daemon, sort: str, start: int, count: int, only: tuple[str, str | None]) -> Work[dict[str, object]]:
    cost = _Cost()
    jobs = list(daemon.jobs.values())
    reasons: dict[str, int] = {}
    pieces: list[list[tuple[Any, str, Job]]] = []
    for at in range(0, len(jobs), PORTION):
        pieces.append(sorted(_keyed(jobs[at : at + PORTION], sort, only, reasons, daemon.loop.time)))
        cost.pause()
        yield
        cost.go_on()
    matching = sum(map(len, pieces))
    rows: list[dict[str, object]] = []
    for number, (_, _, job) in enumerate(_in_order(pieces)):
        if number >= start + count:
            break
        if number >= start:
            rows.append(_brief(device_row(job, daemon.loop.time)))
        if number % PORTION == PORTION - 1:
            cost.pause()
            yield
            cost.go_on()
    lines = yield from _lines(daemon, cost)
    cost.pause()
    return {
        "ok": True, "devices_all": len(jobs), "matching": matching, "from": start, "devices": rows,
        "states": {reason: reasons[reason] for reason in sorted(reasons, key=rank)},
        "lines_all": len(daemon.lines), "lines": lines,
        "sinks": [name for name, wrong in map(_trouble, daemon.hub.sinks) if wrong],
        "daemon": {
            "cost_ms": round(cost.spent_s * 1000.0, 3), "longest_portion_ms": round(cost.longest_s * 1000.0, 3),
            "longest_turn_ms": round(daemon.loop.longest_turn_s * 1000.0, 1),
            "cpu_s": round(thread_time(), 3), "monotonic_s": round(monotonic(), 3),
        },
    }  # fmt: skip


def _keyed(
    jobs: list[Job], sort: str, only: tuple[str, str | None], reasons: dict[str, int], now_s: float
) -> Iterator[tuple[Any, str, Job]]:
    """What a device is put in order by; no two have the same alias, so jobs are never compared."""
    text, line = only
    for job in jobs:
        alias, status, place = job.alias(), job.status, job.plan.device.line
        reason = status.reason or GOOD
        reasons[reason] = reasons.get(reason, 0) + 1
        if (line is not None and line != place) or (
            text and not any(text in part.lower() for part in (alias, place, reason))
        ):
            continue
        key: Any = 0
        if sort == "state":
            key = rank(reason)
        elif sort == "age":
            age = status.age_s(now_s)
            key = -NEVER_S if age is None else -age
        elif sort == "line":
            key = place
        elif sort == "signals":
            key = status.signals_ok / status.signals if status.signals else 0.0
        yield key, alias, job


def _in_order(pieces: list[list[tuple[Any, str, Job]]]) -> Iterable[tuple[Any, str, Job]]:
    return merge(*pieces)


def rank(reason: str) -> int:
    """The worst first, what is good last."""
    if reason == GOOD:
        return len(WORST_FIRST) + 1
    return WORST_FIRST.index(reason) if reason in WORST_FIRST else len(WORST_FIRST)


def _brief(row: dict[str, object]) -> dict[str, object]:
    row["trouble"] = _cut(row["trouble"])
    return row


def _cut(value: Any) -> Any:
    return value[: MAX_WORDS - 1] + "…" if isinstance(value, str) and len(value) > MAX_WORDS else value


def _lines(daemon: Daemon, cost: _Cost) -> Work[list[dict[str, object]]]:
    """The busiest."""
    busiest: list[tuple[float, str, Any]] = []
    for number, (key, line) in enumerate(list(daemon.lines.items())):
        load = getattr(line, "load", None)  # a line that listens is never busy
        busiest.append((0.0 if load is None else -load.share(daemon.loop.time), key, line))
        if number % PORTION == PORTION - 1:
            busiest.sort(key=lambda one: one[:2])
            del busiest[MAX_LINES:]
            cost.pause()
            yield
            cost.go_on()
    busiest.sort(key=lambda one: one[:2])
    return [line_row(key, line, daemon.loop.time) for _, key, line in busiest[:MAX_LINES]]


def _trouble(sink: object) -> tuple[str, str]:
    condition = getattr(sink, "condition", None)
    name, state, _, _ = condition() if condition is not None else ("", "", 0, 0)
    return f"{name}: {state}", state


def _readings(daemon: Daemon, alias: str | None, start: int, count: int) -> Work[dict[str, object]]:
    jobs = list(daemon.jobs.values()) if alias is None else [daemon.jobs[alias]]
    rows: list[dict[str, object]] = []
    answer: dict[str, object] = {"ok": True, "from": start}
    if alias is not None:
        answer["device"] = _brief(device_row(jobs[0], daemon.loop.time))
    passed = 0
    for number, job in enumerate(jobs):
        signals = job.signals
        first = max(0, start - passed)
        passed += len(signals)
        wanted = signals[first : first + count - len(rows)]
        if wanted:
            rows += _of_device(daemon, job, wanted)
            yield
        elif number % PORTION == PORTION - 1:
            yield
    return {**answer, "signals_all": passed, "readings": rows}


def _of_device(daemon: Daemon, job: Job, signals: list[Signal]) -> list[dict[str, object]]:
    """A scan that failed was good as far as it came: so many signals as it read have the newest values."""
    status = job.status
    kept = daemon.hub.last_good.get(job.alias(), {})
    known = {alias: reading for alias, signal in kept.items() if (reading := signal.last_good())}
    failing = status.failing_signals()
    configured = {signal.alias for signal in job.signals}
    well = {alias for alias in known if alias in configured and alias not in failing}
    if status.reason is not None and len(well) > status.signals_ok:
        newest = sorted(well, key=lambda alias: known[alias].time_ms, reverse=True)
        well = set(newest[: status.signals_ok])
    return [
        _reading(job, signal, known.get(signal.alias), signal.alias in well, failing.get(signal.alias))
        for signal in signals
    ]


def _reading(job: Job, signal: Signal, reading: Reading | None, well: bool, words: str | None) -> dict[str, object]:
    """`quality` as it leaves: stale where the last good value is no longer to be relied on, invalid without any."""
    row: dict[str, object] = {"device": signal.device_alias, "signal": signal.alias}
    if words is None and not well:
        words = job.status.sentence() or "not read yet"
    if reading is not None and signal.recalculation is not None:
        try:
            reading = signal.recalculation.made(reading)
        except ValueError as error:
            reading, words = None, str(error)
    if reading is None:
        row.update(value=None, unit=None, time_ms=None, meter_time=None, quality=INVALID)
    else:
        row.update(value=_shown(reading.value), unit=reading.unit, time_ms=reading.time_ms)
        row.update(meter_time=reading.meter_time, quality=(GOOD if well else STALE))
    row["words"] = None if reading is not None and well else _cut(words)
    return row


def _shown(value: Any) -> Any:
    """A number as the digits that the meter gave, so that none is lost on the way."""
    return _cut(value if isinstance(value, str) else str(value))
