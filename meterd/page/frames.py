"""The last conversation with each meter, kept as it passed, and explained when somebody looks.

Secrets pass on the wire, so what is kept is masked when it is shown, with the secrets of the time at which it was said:
those of the meter's own plan, and of its line. What the configuration changes is forgotten with its meter.
Bounds: MAX_BYTES and MAX_ENTRIES of one conversation, the newest of it; MOST_KEPT of them, those of meters that failed
before those that are well. A line that listens keeps what came last.
"""

from __future__ import annotations

from ..ports.wire_log import WireObserver

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from ..conversation import LineSettings
    from ..daemon.daemon import AnyLine, Daemon
    from ..daemon.job import Job
    from ..explain.one_line import Telling
    from ..ports.work import Work

    Entry = tuple[str, float, bytearray | LineSettings]

MAX_BYTES = 4096
MAX_ENTRIES = 80
MOST_KEPT = 40
JOIN_S = 0.05


class Tape:
    """What passed, oldest first; `secrets` are those of its meter."""

    __slots__ = ("_size", "entries", "error", "secrets")

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.secrets: tuple[bytes, ...] = ()
        self.error = ""
        self._size = 0

    def put(self, sign: str, time_s: float, data: bytes) -> None:
        last = self.entries[-1] if self.entries else None
        if last is not None and last[0] == sign == "<" and time_s < last[1] + JOIN_S and len(last[2]) < MAX_BYTES:  # type: ignore[arg-type]
            last[2].extend(data)  # type: ignore[union-attr]
        else:
            self.entries.append((sign, time_s, bytearray(data)))
        self._size += len(data)
        self._trim()

    def _trim(self) -> None:
        while len(self.entries) > 1 and (self._size > MAX_BYTES or len(self.entries) > MAX_ENTRIES):
            gone = self.entries.pop(0)[2]
            self._size -= len(gone) if isinstance(gone, bytearray) else 0

    def note(self, time_s: float, settings: LineSettings) -> None:
        self.entries.append(("~", time_s, settings))
        self._trim()


class _Recorder:
    """Among the observers of one line's player."""

    def __init__(self, frames: Frames, line: AnyLine) -> None:
        self._frames = frames
        self.line = line
        # A line on which meters send unasked, or call, has no scans.
        self._being_read: Callable[[], Job | None] | None = getattr(line, "being_read", None)
        self.tape = Tape()

    def has_no_scans(self) -> bool:
        return self._being_read is None

    def sent(self, data: bytes) -> None:
        self.tape.put(">", self.line.loop.time, data)

    def received(self, data: bytes) -> None:
        self.tape.put("<", self.line.loop.time, data)

    def framed(self, frame: Any) -> None:
        """What it is made of was received."""

    def settings(self, settings: LineSettings) -> None:
        self.tape.note(self.line.loop.time, settings)

    def ended(self, error: Exception | None) -> None:
        if self._being_read is None:
            return
        job = self._being_read()
        if job is not None:
            tape, self.tape = self.tape, Tape()
            tape.secrets = job.plan.secrets
            self._frames.keep(job.alias(), tape, error is not None)
        else:
            self.tape = Tape()  # a goodbye, of a meter that may be configured no more


class Frames:
    """Of every line of the daemon, from its beginning."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._telling = _what_explains()
        self._well: dict[str, Tape] = {}
        self._failed: dict[str, Tape] = {}
        self._recorders: dict[str, _Recorder] = {}
        for line in daemon.lines.values():
            self._follow(line)
        daemon.followers.append(self._follow)

    def _follow(self, line: AnyLine) -> None:
        known = self._recorders.get(line.key)
        if known is None or known.line is not line:
            recorder = self._recorders[line.key] = _Recorder(self, line)
            line.player.observers.append(recorder)

    def keep(self, alias: str, tape: Tape, failed: bool) -> None:
        self._well.pop(alias, None)
        self._failed.pop(alias, None)
        (self._failed if failed else self._well)[alias] = tape
        if len(self._well) + len(self._failed) > MOST_KEPT:
            kept = self._well or self._failed
            del kept[next(iter(kept))]

    def configured(self) -> None:
        """Other secrets may be in force: what was said under the ones before is forgotten."""
        self._well.clear()
        self._failed.clear()
        lines = self._daemon.lines
        for key in [key for key, recorder in self._recorders.items() if lines.get(key) is not recorder.line]:
            del self._recorders[key]
        for recorder in self._recorders.values():
            recorder.tape = Tape()

    def told(self, alias: str) -> Work[dict[str, object]]:
        """The last conversation with a meter: `words` by frames, `raw` as a wire log, `note` where there is none."""
        job = self._daemon.jobs[alias]
        line = self._daemon.lines.get(job.plan.device.line)
        recorder = self._recorders.get(job.plan.device.line)
        tape = self._failed.get(alias) or self._well.get(alias)
        if tape is None and recorder is not None and recorder.has_no_scans():
            tape = recorder.tape
        if tape is None or not tape.entries:
            note = "nothing has been exchanged with this meter yet, or it was too long ago to be kept"
            return {"words": [], "raw": [], "note": note}
        secrets = {*tape.secrets, *job.plan.secrets, *(line.secrets() if line is not None else ())}
        yield
        rows = _wire_rows(tape, sorted(secrets, key=len, reverse=True))
        yield
        told, note = yield from self._explained(rows, job.plan.device.line)
        return {"words": told, "raw": rows, "note": note}

    def _explained(self, rows: list[str], line: str) -> Work[tuple[list[str], str]]:
        """Frame by frame, where what explains them is installed."""
        if self._telling is None:
            return [], "install meterd-explain to have this in words"
        told: list[str] = []
        telling = self._telling(_collector(told, line))
        telling.row(f"@ {line}")
        for row in rows:
            telling.row(row)
            yield
        telling.end()
        return told, ""


def _wire_rows(tape: Tape, secrets: Iterable[bytes]) -> list[str]:
    """As a wire log has them, secrets masked; milliseconds since its beginning."""
    rows: list[str] = []
    now = [tape.entries[0][1]]
    began = now[0]

    def write(sign: str, time_s: float, text: str) -> None:
        rows.append(f"{sign} {(time_s - began) * 1e3:.1f} {text}")

    observer = WireObserver(lambda: now[0], lambda: secrets, write)
    for sign, time_s, data in tape.entries:
        now[0] = time_s
        if not isinstance(data, bytearray):
            observer.settings(data)
        elif sign == ">":
            observer.sent(bytes(data))
        else:
            observer.received(bytes(data))
    observer.flush()
    return rows


def _what_explains() -> type[Telling] | None:
    """What puts frames into words, where it is installed. Loaded while no meter waits yet, for it takes its time."""
    try:
        from ..explain.one_line import Telling
    except ModuleNotFoundError:
        return None
    return Telling


def _collector(told: list[str], line: str) -> Callable[[str], object]:
    """Without the line's name, which all of them would bear."""
    return lambda text: told.append(text.replace(f" {line}  ", "  ", 1).strip())
