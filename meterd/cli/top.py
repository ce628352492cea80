"""`meterd top`: what the daemon reads at present, live: lines, devices the worst first, values, the wire of a device.

It asks for no more than the screen shows, so what it costs the daemon is a look at each device and a page of rows;
the first line says how much that was. Where there is no terminal it shows the same once and ends.
"""

from __future__ import annotations

import os
import sys
from time import monotonic

from ..daemon.control import default_path
from ..gateway.json_text import dumps
from ..log import printable
from . import top_view as view
from .control import no_daemon
from .exit_codes import FAILED, OK
from .options import CONTROL, FLAG, HELP, JSON, SHARD, VALUE, Option, UsageError, parse, shard_number, usage
from .top_questions import PATIENCE_S, NoDaemon, Question, Trace, asked, read_now

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .options import Arguments
    from .top_terminal import Terminal

SORTS = ("state", "device", "age", "line", "signals")  # what the daemon orders by
BATCH = Option(("-b", "--batch"), FLAG, "show it once, as where there is no terminal")
EVERY = Option(("-i", "--interval"), VALUE, "ask again after so many seconds (2)", "SECONDS")
COUNT = Option(("-n", "--count"), VALUE, "with -b or --json: so many devices at most (50; 200 are the most)", "COUNT")
SORT = Option(("-s", "--sort"), VALUE, f"the order: {', '.join(SORTS)}", "ORDER")
OPTIONS = (BATCH, JSON, EVERY, COUNT, SORT, CONTROL, SHARD, HELP)
ABOUT = (
    "What the running daemon reads, live: lines with their load, devices (the worst first), values and what they were "
    "lately; sort, filter, read now, follow one device's wire. TEXT shows only what has it in name, line or state."
)
EVERY_S = 2.0
RETRY_S = 2.0
IDLE_S = 0.5  # a trace in which nothing has come for so long is shown as far as it is
MATCH_MOST = 60


def main(words: list[str]) -> int:
    arguments = parse(words[1:], OPTIONS)
    if arguments.has("help"):
        print(usage("meterd top", "[TEXT]", ABOUT, OPTIONS))
        return OK
    path = arguments.value("control") or default_path(shard_number(arguments))
    shown = view.Shown(path, _blocks())
    shown.sort = arguments.value("sort") or SORTS[0]
    if shown.sort not in SORTS:
        raise UsageError(f"--sort takes one of {', '.join(SORTS)}, not {shown.sort!r}")
    shown.match = _one_word(" ".join(arguments.operands))
    try:
        if arguments.has("json") or arguments.has("batch") or not _is_interactive():
            return _once(shown, arguments)
        first = asked(path, _request(shown, 0))
    except NoDaemon as error:
        print(no_daemon("top", path, str(error)), file=sys.stderr)
        return FAILED
    if not first["ok"]:
        print(f"meterd top: {first['error']}", file=sys.stderr)
        return FAILED
    return _live(shown, float(max(1, arguments.number("interval", int(EVERY_S)))))


def _is_interactive() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def _blocks() -> str:
    """Columns of eight heights, where the terminal's encoding has them."""
    try:
        view.BLOCKS.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
        return view.PLAIN_BLOCKS
    return view.BLOCKS


def _one_word(text: str) -> str:
    """The daemon's requests are words of ASCII."""
    return "".join(one for one in text if one.isascii() and one.isprintable() and one != " ")[:MATCH_MOST]


def _request(shown: view.Shown, count: int) -> str:
    match = f" match={shown.match}" if shown.match else ""
    return f"page sort={shown.sort} from={shown.offset} count={count}{match}"


def _once(shown: view.Shown, arguments: Arguments) -> int:
    count = arguments.number("count", 50)
    answer = asked(shown.path, _request(shown, count))
    if not answer["ok"]:
        print(f"meterd top: {answer['error']}", file=sys.stderr)
        return FAILED
    if arguments.has("json"):
        print(dumps(answer))
        return OK
    shown.take_page(answer)
    shown.chosen = -1
    for line in view.report(shown):
        print(line)
    return OK


def _live(shown: view.Shown, every_s: float) -> int:
    from .ends import end_in_order
    from .top_terminal import Terminal

    end_in_order()
    top = Top(shown, every_s)
    try:
        with Terminal() as terminal:
            top.run(terminal)
    except (KeyboardInterrupt, EOFError):
        pass
    finally:
        top.close()
    return OK


class Top:
    """`run` until a key ends it: asks, draws, obeys keys."""

    def __init__(self, shown: view.Shown, every_s: float) -> None:
        self.shown = shown
        self.every_s = every_s
        self.colours = not os.environ.get("NO_COLOR")
        self.over = False
        self._due = 0.0
        self._page: Question | None = None
        self._readings: tuple[str, str, Question] | None = None  # device, request
        self._reads: dict[str, Question] = {}  # by device: scans that were asked for
        self._columns, self._rows = 80, 24
        self._dirty = False  # what is shown is not what was asked for

    def close(self) -> None:
        for question in (self._page, self._readings and self._readings[2], *self._reads.values(), self.shown.trace):
            if question is not None:
                question.close()

    # ---- the loop

    def run(self, terminal: Terminal) -> None:
        while not self.over:
            self._columns, self._rows = terminal.size()
            self._ask()
            lines = view.screen(self.shown, self._columns, self._rows)
            terminal.draw([view.painted(line, self._columns, self.colours) for line in lines])
            wait_s = self._due - monotonic() if self._page is None else IDLE_S
            if self.shown.trace is not None:
                wait_s = min(wait_s, IDLE_S)
            keys, ready = terminal.wait(self._descriptors(), wait_s)
            for key in keys:
                self.press(key)
            self._take(ready)

    def _descriptors(self) -> list[int]:
        questions: list[Any] = [self._page, self._readings and self._readings[2], *self._reads.values()]
        trace = self.shown.trace
        if trace is not None and not trace.ended:
            questions.append(trace)
        return [question.fd for question in questions if question is not None]

    # ---- asking

    def _ask(self) -> None:
        """What is due, one page and one device's values at a time."""
        now = monotonic()
        if now < self._due and not self._dirty:
            return
        try:
            if self._page is None:
                self._keep_in_view()
                self._page = Question(self.shown.path, _request(self.shown, self._most()))
                self._dirty = False
                self._due = now + self.every_s
            self._ask_readings()
        except NoDaemon as error:
            self._lost(str(error))

    def _ask_readings(self) -> None:
        alias, request = self._wanted_readings()
        if self._readings is None and alias:
            self._readings = alias, request, Question(self.shown.path, request)

    def _wanted_readings(self) -> tuple[str, str]:
        """Of which device, and how they are asked for; '' where none are shown."""
        device, count = self.shown.device(), view.signal_rows(self._columns, self._rows, self.shown)
        if device is None or not count or self.shown.mode not in ("devices", "device"):
            return "", ""
        alias = device["device"]
        return alias, f"readings device={alias} from={self.shown.readings_offset} count={min(count, 200)}"

    def _most(self) -> int:
        return min(view.device_rows(self._columns, self._rows, self.shown), 200)

    def _keep_in_view(self) -> None:
        """What is chosen may have been on a larger screen."""
        over = self.shown.chosen - self._most() + 1
        if over > 0:
            self.shown.offset += over
            self.shown.chosen -= over
            self.shown.follows = False

    def _lost(self, reason: str) -> None:
        self.shown.trouble = f"no daemon answers ({reason}): what stands here is old; trying again"
        self._due = monotonic() + RETRY_S
        self._dirty = False

    # ---- answers

    def _take(self, ready: set[int]) -> None:
        self._take_page(ready)
        self._take_readings(ready)
        for device, question in list(self._reads.items()):
            if (question.fd in ready and question.take()) or question.is_late():
                answer = question.answer or {"ok": False, "error": "no answer in time"}
                question.close()
                del self._reads[device]
                self.shown.message = f"{device}: " + ("was read" if answer["ok"] else printable(answer["error"]))
                self._dirty = True
        trace = self.shown.trace
        if trace is not None and not trace.ended:
            if trace.fd in ready:
                trace.take()
            else:
                trace.idle()

    def _take_page(self, ready: set[int]) -> None:
        question = self._page
        if question is None:
            return
        if question.fd in ready and question.take() and question.answer is not None:
            self._page = None
            if question.answer["ok"]:
                self.shown.trouble = ""
                first = self.shown.page is None
                self.shown.take_page(question.answer)
                self._dirty = self._dirty or first or self._is_past_the_end()
            else:
                self._lost(question.answer["error"])
        elif question.is_late():
            question.close()
            self._page = None
            self._lost(f"nothing for {PATIENCE_S:g} s")

    def _is_past_the_end(self) -> bool:
        page = self.shown.page
        if page and page["matching"] and not page["devices"]:
            self.shown.offset = max(0, page["matching"] - self._most())
            return True
        return False

    def _take_readings(self, ready: set[int]) -> None:
        if self._readings is None:
            return
        alias, request, question = self._readings
        if (question.fd in ready and question.take()) or question.is_late():
            question.close()
            self._readings = None
            answer = question.answer
            if request != self._wanted_readings()[1]:
                self._dirty = True
            elif answer is not None and answer["ok"]:
                self.shown.take_readings(alias, answer)
            elif answer is not None and self.shown.opened is not None:
                self.shown.message = printable(answer["error"])

    # ---- keys

    def press(self, key: str) -> None:
        shown = self.shown
        shown.message = ""
        if shown.typing is not None:
            self._type(key)
        elif key == "q":
            self.over = True
        elif key in ("escape", "left", "backspace"):
            self._back()
        elif key in ("h", "?"):
            shown.mode = "help"
        elif key == " ":
            self._dirty = True
        elif key == "r":
            self._read()
        elif key == "t":
            self._follow()
        elif shown.mode in ("devices", "device"):
            self._move(key)

    def _type(self, key: str) -> None:
        shown = self.shown
        assert shown.typing is not None
        if key == "enter":
            self._show_only(shown.typing)
        elif key == "escape":
            self._show_only("")
        elif key == "backspace":
            shown.typing = shown.typing[:-1]
        elif len(key) == 1:
            shown.typing = (shown.typing + _one_word(key))[:MATCH_MOST]

    def _show_only(self, match: str) -> None:
        self.shown.typing, self.shown.match = None, match
        self._from_the_top()

    def _from_the_top(self) -> None:
        self.shown.offset = self.shown.chosen = 0
        self.shown.follows = False
        self._dirty = True

    def _back(self) -> None:
        shown = self.shown
        if shown.trace is not None and shown.mode == "trace":
            shown.trace.close()
            shown.trace = None
        shown.mode = "devices"
        shown.opened, shown.readings_offset = None, 0
        self._dirty = True

    def _read(self) -> None:
        device = self.shown.device()
        if device is None:
            return
        alias = device["device"]
        self.shown.message = f"{alias}: is being read …"
        if alias not in self._reads:
            try:
                self._reads[alias] = read_now(self.shown.path, alias, device["line"])
            except NoDaemon as error:
                self._lost(str(error))

    def _follow(self) -> None:
        device = self.shown.device()
        if device is None or self.shown.mode == "trace":
            return
        if self.shown.trace is not None:
            self.shown.trace.close()
        try:
            self.shown.trace = Trace(self.shown.path, device["device"])
            self.shown.mode, self.shown.opened = "trace", device
        except NoDaemon as error:
            self._lost(str(error))

    def _move(self, key: str) -> None:
        shown = self.shown
        if key == "/":
            self._back()
            shown.typing = shown.match
        elif key == "s":
            shown.sort = SORTS[(SORTS.index(shown.sort) + 1) % len(SORTS)]
            self._from_the_top()
        elif key in ("enter", "right") and shown.device() is not None:
            shown.mode, shown.opened = "device", shown.device()
            self._dirty = True
        elif shown.mode == "device":
            self._scroll(key)
        else:
            self._choose(key)

    def _scroll(self, key: str) -> None:
        """Through the signals of a device."""
        shown = self.shown
        rows = view.signal_rows(self._columns, self._rows, shown)
        target = _moved(key, shown.readings_offset, rows, shown.readings_all)
        target = max(0, min(target, shown.readings_all - rows))
        if target != shown.readings_offset:
            shown.readings_offset = target
            self._dirty = True

    def _choose(self, key: str) -> None:
        shown = self.shown
        if shown.page is None:
            return
        rows, count = self._most(), shown.page["matching"]
        at = shown.offset + shown.chosen
        target = max(0, min(_moved(key, at, rows, count), count - 1))
        if target == at:
            return
        if not shown.offset <= target < shown.offset + rows:
            shown.offset = max(0, target if target < shown.offset else target - rows + 1)
        shown.chosen = target - shown.offset
        shown.follows = shown.chosen < len(shown.page["devices"]) and shown.page["from"] == shown.offset
        self._dirty = True


def _moved(key: str, at: int, rows: int, count: int) -> int:
    steps = {"up": -1, "k": -1, "down": 1, "j": 1, "page up": -rows, "page down": rows, "home": -count, "end": count}
    return at + steps.get(key, 0)
