"""The terminal while `meterd top` has it: keys at once, a screen of its own, and all as it was afterwards.

Nothing may leave a terminal without echo, or on the other screen: not an error, Ctrl-C, `kill`, or a terminal that is
closed; Ctrl-Z gives it back until the job goes on (`fg`). `kill -9` cannot be met; `reset` helps there.
Keys come as bytes, some as sequences that begin with ESC; one that a slow line delivers in pieces is waited for, a
moment, and an ESC alone is the key itself.
"""

from __future__ import annotations

import os
import re
import select
import signal
import sys
import termios

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l"  # the other screen, no cursor, lines that end at the edge
LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l"
ESCAPE_S = 0.05  # within this the rest of a sequence follows
MAX_KEYS = 1024  # bytes that are taken at once
SEQUENCE = re.compile(r"\x1b(?:\[[0-9;]*[A-Za-z~]|O[A-Za-z])")
NAMED = {
    "\x1b[A": "up", "\x1bOA": "up", "\x1b[B": "down", "\x1bOB": "down", "\x1b[C": "right", "\x1bOC": "right",
    "\x1b[D": "left", "\x1bOD": "left", "\x1b[5~": "page up", "\x1b[6~": "page down", "\x1b[H": "home",
    "\x1bOH": "home", "\x1b[1~": "home", "\x1b[F": "end", "\x1bOF": "end", "\x1b[4~": "end", "\x1b": "escape",
    "\r": "enter", "\n": "enter", "\x7f": "backspace", "\b": "backspace",
}  # fmt: skip


def keys_of(text: str) -> list[str]:
    """The keys that a piece of input stands for: a name, or the character itself; unknown sequences are none."""
    keys = []
    at = 0
    while at < len(text):
        found = SEQUENCE.match(text, at)
        piece = found[0] if found else text[at]
        at += len(piece)
        if piece in NAMED:
            keys.append(NAMED[piece])
        elif len(piece) == 1 and piece.isprintable():
            keys.append(piece)
    return keys


class Terminal:
    """Use it as a context. `wait` returns the keys that were pressed, and wakes for a new size too."""

    def __init__(self) -> None:
        self._fd = sys.stdin.fileno()
        self._found: list[Any] | None = None  # how the terminal was
        self._woken, self._wake = os.pipe()
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Terminal:
        for end in (self._woken, self._wake):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        for number, action in ((signal.SIGWINCH, lambda *_: None), (signal.SIGTSTP, self._stop)):
            self._before[number] = signal.signal(number, action)
        self._take()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._give_back()
        finally:
            for number, action in self._before.items():
                signal.signal(number, action)
            signal.set_wakeup_fd(-1)
            os.close(self._woken)
            os.close(self._wake)

    def _take(self) -> None:
        self._found = termios.tcgetattr(self._fd)
        ours = termios.tcgetattr(self._fd)
        ours[3] &= ~(termios.ICANON | termios.ECHO)  # Ctrl-C and Ctrl-Z stay what they are
        termios.tcsetattr(self._fd, termios.TCSADRAIN, ours)
        sys.stdout.write(ENTER)
        sys.stdout.flush()

    def _give_back(self) -> None:
        """A terminal that is gone needs nothing back."""
        found, self._found = self._found, None
        try:
            sys.stdout.write(LEAVE)
            sys.stdout.flush()
        except OSError:
            pass
        try:
            if found is not None:
                termios.tcsetattr(self._fd, termios.TCSADRAIN, found)
        except termios.error:
            pass

    def _stop(self, number: int, frame: object) -> None:
        self._give_back()
        os.kill(os.getpid(), signal.SIGSTOP)
        self._take()  # here again: `fg`

    def size(self) -> tuple[int, int]:
        """Columns and rows, as they are now: COLUMNS in the environment does not know of a window that is resized."""
        try:
            columns, rows = os.get_terminal_size(sys.stdout.fileno())
        except OSError:
            columns, rows = 0, 0
        return max(columns or 80, 20), max(rows or 24, 5)  # a serial console says 0 by 0

    def wait(self, others: Iterable[int], seconds: float) -> tuple[list[str], set[int]]:
        """Until a key, something to read on one of the others, a signal, or for so long."""
        ready = set(select.select([self._fd, self._woken, *others], [], [], max(0.0, seconds))[0])
        if self._woken in ready:
            os.read(self._woken, MAX_KEYS)
        keys = self._keys() if self._fd in ready else []
        return keys, ready - {self._fd, self._woken}

    def _keys(self) -> list[str]:
        data = os.read(self._fd, MAX_KEYS)
        if not data:  # nobody can press a key any more
            raise EOFError
        while data.endswith((b"\x1b", b"\x1b[", b"\x1bO")) and select.select([self._fd], [], [], ESCAPE_S)[0]:
            more = os.read(self._fd, MAX_KEYS)
            if not more:
                break
            data += more
        return keys_of(data.decode("utf-8", "ignore"))

    def draw(self, lines: list[str]) -> None:
        """The whole screen, no line of it wider than that; what differs only in colour is drawn anew all the same."""
        sys.stdout.write("\x1b[H" + "\n".join(f"{line}\x1b[K" for line in lines) + "\x1b[J")
        sys.stdout.flush()
