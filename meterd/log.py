"""What meterd says about itself: one line per event on stderr (which procd hands to the system log) or to syslog.

The problem: Python's own logging costs a small gateway nearly as many instructions as a whole start-up may take, and a
meter that is dead for a week must not fill the log. So: the eight levels of syslog (-d0 to -d7), no handlers and no
formatters, and faults that know a `fold` key. A fault is told when it begins and when it ends; while it lasts it is
told once an hour, with the number of times it was seen; a key that flaps spends at most `LINES_AN_HOUR`. Identical
lines in a row are folded as syslog does. What was registered with `hide` never appears, in text or in hex.
"""

from __future__ import annotations

from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .masking import Masks

EMERGENCY, ALERT, CRITICAL, ERROR, WARNING, NOTICE, INFO, DEBUG = range(8)

HOUR_S = 3600.0
LINES_AN_HOUR = 6  # of one fold key: a fault, its end, and a few changes of its nature
# Two keys a device; beyond that number the older half is forgotten, and what it stood for is news again.
MAX_FOLDS = 1 << 16
MAX_MESSAGE = 4096

_DIGITS = dict.fromkeys(map(ord, "0123456789"))


class _Fold:
    """What was said under one fold key in the hour that began at `since`."""

    __slots__ = ("lines", "open", "shapes", "since", "unsaid")

    def __init__(self, now: float) -> None:
        self.since = now
        self.lines = 0
        self.unsaid = 0
        self.open = False
        self.shapes: set[str] = set()

    def admits(self, shape: str, now: float) -> bool:
        """Whether a message is news; `shape` is its text without digits, for counts and times vary in one fault."""
        if now - self.since >= HOUR_S:
            self.since = now
            self.lines = 0
            self.shapes.clear()
        if shape in self.shapes or self.lines >= LINES_AN_HOUR:
            self.unsaid += 1
            return False
        self.shapes.add(shape)
        self.lines += 1
        return True


def to_stderr(level: int, message: str) -> None:
    """The usual way out. A command that goes well has nothing to say, and need not load what says it."""
    from .log_outputs import to_stderr as say

    say(level, message)


class _Log:
    """The one log of the process."""

    __slots__ = ("clock", "folds", "last", "level", "masks", "out", "port", "repeats")

    def __init__(self) -> None:
        self.clock: Callable[[], float] = monotonic
        self.out: Callable[[int, str], None] = to_stderr
        self.level = NOTICE
        self.port: str | None = None
        self.folds: dict[str, _Fold] = {}
        self.masks: Masks | None = None  # of secrets; many a site has none
        self.last: tuple[int, str] | None = None
        self.repeats = 0

    def fold(self, key: str) -> _Fold:
        found = self.folds.get(key)
        if found is None:
            if len(self.folds) >= MAX_FOLDS:
                self.folds = dict(list(self.folds.items())[MAX_FOLDS // 2 :])
            found = self.folds[key] = _Fold(self.clock())
        return found

    def emit(self, level: int, message: str) -> None:
        line = (level, _one_line(self.masked(message)))
        if line == self.last:
            self.repeats += 1
            return
        self.say_repeats()
        self.last = line
        self.out(*line)

    def masked(self, text: str) -> str:
        return text if self.masks is None else self.masks.text(text)

    def say_repeats(self) -> None:
        if self.repeats and self.last is not None:
            self.out(self.last[0], f"last message repeated {self.repeats} times")
        self.repeats = 0


def _one_line(message: str) -> str:
    return printable(message if len(message) <= MAX_MESSAGE else message[:MAX_MESSAGE] + "…")


def printable(text: str, kept: str = "") -> str:
    """A meter's or a file's text as people may be shown it: what would forge lines, drive a terminal or turn the way of
    writing round (U+202E) stands as its escape."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one in kept else one.encode("unicode_escape").decode() for one in text)


_log = _Log()
is_detailed = False  # whether there is a word for every scan: asked where one more call would be felt


def configure(
    level: int = NOTICE,
    out: Callable[[int, str], None] = to_stderr,
    port: str | None = None,
    clock: Callable[[], float] = monotonic,
) -> None:
    """Start afresh. `level` 0 to 7: nothing above it is said. `port` says only what is tagged with that port, and
    untagged errors. `out(level, message)` is `to_stderr` or `log_syslog.to_syslog`. `clock` in seconds."""
    _log.__init__()  # type: ignore[misc]
    set_level(level)
    _log.out = out
    _log.port = port
    _log.clock = clock


def set_level(level: int) -> None:
    """Another level from now on; what was hidden stays hidden, what is folded stays folded."""
    global is_detailed
    _log.level = max(EMERGENCY, min(DEBUG, level))
    is_detailed = _log.level == DEBUG


def hide(secrets: Iterable[bytes]) -> None:
    """Never show these byte strings again, as text or in hex (`masking.Masks`)."""
    secrets = [secret for secret in secrets if secret]
    if secrets:
        if _log.masks is None:
            from .masking import Masks

            _log.masks = Masks()
        _log.masks.hide(secrets)


def masked(text: str) -> str:
    """`text` as a log line would have it, for another place at which people read."""
    return _one_line(_log.masked(text))


def enabled(level: int, port: str | None = None) -> bool:
    """Whether a message of this level about this port would be said: ask before working for one that is not."""
    if level > _log.level:
        return False
    if _log.port is None or port == _log.port:
        return True
    return port is None and level <= ERROR


def message(level: int, text: str, *, fold: str | None = None, port: str | None = None, data: bytes = b"") -> None:
    """Say `text`, and `data` in hex behind it. `fold` names the fault's owner, such as the device's alias."""
    if not enabled(level, port):
        return
    if fold is not None:
        state = _log.fold(fold)
        state.open = True
        if not state.admits(text.translate(_DIGITS), _log.clock()):
            return
        if state.unsaid:
            text = f"{text} (and {state.unsaid} more times since last told)"
            state.unsaid = 0
    if data:
        shown = data if _log.masks is None else _log.masks.octets(data)
        text = f"{text} {shown.hex(' ')}"
    _log.emit(level, text)


def recovered(fold: str, text: str, *, port: str | None = None) -> None:
    """The fault under `fold` is over: said once, and only if there was one. The next one is news again."""
    state = _log.folds.get(fold)
    if state is None or not state.open:
        return
    state.open = False
    if state.admits(text.translate(_DIGITS), _log.clock()):
        unsaid, state.unsaid = state.unsaid, 0
        more = f" (the fault was seen {unsaid} more times)" if unsaid else ""
        if enabled(NOTICE, port):
            _log.emit(NOTICE, text + more)
    state.shapes.clear()


def error(text: str, *, fold: str | None = None, port: str | None = None, data: bytes = b"") -> None:
    message(ERROR, text, fold=fold, port=port, data=data)


def warning(text: str, *, fold: str | None = None, port: str | None = None, data: bytes = b"") -> None:
    message(WARNING, text, fold=fold, port=port, data=data)


def notice(text: str, *, fold: str | None = None, port: str | None = None, data: bytes = b"") -> None:
    message(NOTICE, text, fold=fold, port=port, data=data)


def info(text: str, *, fold: str | None = None, port: str | None = None, data: bytes = b"") -> None:
    message(INFO, text, fold=fold, port=port, data=data)


def debug(text: str, *, fold: str | None = None, port: str | None = None, data: bytes = b"") -> None:
    message(DEBUG, text, fold=fold, port=port, data=data)


def bug(text: str, error: BaseException, *, fold: str | None = None, port: str | None = None) -> None:
    """A defect of meterd itself: what was raised and where, for the bug report."""
    places = []
    step = error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        places.append(f"{code.co_filename.rpartition('/')[2]}:{step.tb_lineno} {code.co_name}")
        step = step.tb_next
    message(CRITICAL, f"{text}: {type(error).__name__}: {error} [{' < '.join(places[:-9:-1])}]", fold=fold, port=port)


def flush() -> None:
    """Say what is still folded and what waits for its reader: for the end of the process."""
    _log.say_repeats()
    from .log_outputs import to_stderr  # which a daemon has

    to_stderr.flush()
