"""`meterd top` on a pty, against a daemon of canned answers: keys, sizes, and a terminal that is always restored."""

from __future__ import annotations

import codecs
import fcntl
import json
import os
import pty
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from meterd.cli.main import main
from meterd.cli.top import SORTS
from meterd.cli.top_questions import Trace
from meterd.cli.top_terminal import keys_of
from meterd.daemon import glance
from tools.pictures import ESCAPE, Screen

from .test_top_view import device, page, reading

ROOT = Path(__file__).parents[2]
LIMIT_S = 60.0


class Daemon:
    """Answers requests as a daemon of 60 devices does; `broken` ends each connection at once."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.requests: list[str] = []
        self.broken = False
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen(16)
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(LIMIT_S)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                try:
                    self._answer(connection)
                except OSError:
                    pass  # it did not wait for its answer

    def _answer(self, connection: socket.socket) -> None:
        connection.settimeout(LIMIT_S)
        words = connection.recv(300).decode().split()
        self.requests.append(" ".join(words))
        if self.broken:
            connection.sendall(b'{"ok":tr')
        elif words[0] == "trace":
            connection.sendall(b"# meterd wire log 1\n@ PORT1\n> 10.0 7e a0\n")
        else:
            connection.sendall(json.dumps({"ok": True, **self._content(words)}).encode() + b"\n")

    def _content(self, words: list[str]) -> dict:
        asked = dict(word.split("=") for word in words[1:] if "=" in word)
        if words[0] == "page":
            match = asked.get("match", "")
            rows = [device(f"meter{number:02}", "good" if number else "timeout") for number in range(60)]
            rows = [row for row in rows if match in row["device"]]
            start, count = int(asked["from"]), int(asked["count"])
            return page(rows[start : start + count], matching=len(rows), devices_all=60, **{"from": start})
        if words[0] == "readings":
            rows = [reading(f"energy{number}", "41.50") for number in range(40)]
            start, count = int(asked["from"]), int(asked["count"])
            row = device(asked["device"])
            return {"readings": rows[start : start + count], "signals_all": 40, "from": start, "device": row}
        return {"error": "", "read": True}


KERNEL_CHARACTERS = 19  # NCCS of include/uapi/asm-generic/termbits.h


class Played:
    """The command on a pty of its own, and what a terminal would show of it."""

    def __init__(self, *words: str, columns: int = 80, rows: int = 24, **environment: str) -> None:
        self.fd, slave = pty.openpty()
        self.resize(columns, rows)
        self.before = self.terminal()
        command = [sys.executable, "-m", "meterd", "top", *words]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            env={**os.environ, "TERM": "xterm-256color", **environment},
        )  # fmt: skip
        os.close(slave)
        self.written = self._held = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self.screen = Screen(columns, rows)

    def terminal(self) -> list:
        """Its attributes. Of its 32 characters musl leaves those that the kernel does not know as memory was."""
        found = termios.tcgetattr(self.fd)
        return [*found[:-1], found[-1][:KERNEL_CHARACTERS]]

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def press(self, keys: str) -> None:
        os.write(self.fd, keys.encode())

    def until(self, seen: Callable[[str], bool]) -> str:
        """What is on the screen once that is so."""
        limit = time.monotonic() + LIMIT_S
        while not seen("\n".join(self.screen.lines())):
            assert time.monotonic() < limit, "\n".join(self.screen.lines())
            if select.select([self.fd], [], [], 0.2)[0]:
                self._take()
        return "\n".join(self.screen.lines())

    def _take(self) -> None:
        try:
            text = self._decoder.decode(os.read(self.fd, 1 << 16))
        except OSError:  # Linux: nobody has the other side any more
            text = ""
        self.written += text
        text = self._held + text
        escape = text.rfind("\x1b")
        whole = len(text) if escape < 0 or ESCAPE.match(text, escape) else escape
        self._held = text[whole:]
        self.screen.write(text[:whole])

    def end(self) -> int:
        code = self.process.wait(LIMIT_S)
        while select.select([self.fd], [], [], 0)[0]:
            before = len(self.written)
            self._take()
            if len(self.written) == before:
                break
        return code

    def is_restored(self) -> bool:
        return self.written.rstrip().endswith("\x1b[?7h\x1b[?25h\x1b[?1049l") and (self.terminal() == self.before)

    def close(self) -> None:
        self.process.kill()
        self.process.wait(LIMIT_S)
        os.close(self.fd)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    made = Daemon(str(tmp_path / "c.sock"))
    yield made
    made.close()


@pytest.fixture
def play(daemon: Daemon) -> Iterator[Callable[..., Played]]:
    made: list[Played] = []

    def start(*words: str, **how) -> Played:
        made.append(Played("--control", daemon.path, *words, **how))
        return made[-1]

    yield start
    for one in made:
        one.close()


def has(*texts: str) -> Callable[[str], bool]:
    return lambda screen: all(text in screen for text in texts)


def test_keys(play, daemon: Daemon) -> None:
    top = play()
    top.until(has("> meter00", "timeout", "q quit"))
    top.press("\x1b[B\x1b[B")
    top.until(has("> meter02"))
    top.press("\x1b[6~")
    top.until(lambda screen: "> meter02" not in screen and "meter00" not in screen)
    top.press("\x1b[F")
    top.until(has("> meter59"))
    top.press("\r")
    top.until(has("energy0", "41.50", "of 40 signals", "Esc back"))
    top.press("\x1b[F")
    top.until(has("energy39"))
    top.press("t")
    top.until(has("the wire of meter59", "> "))
    top.press("\x1b")
    top.until(has("> meter59", "s sort"))
    top.press("r")
    top.until(has("meter59: was read"))
    assert "read meter59 PORT1" in daemon.requests
    top.press("/meter1x\x7f7\r")
    top.until(has("> meter17", "'meter17'"))
    top.press("/\x1b")
    top.until(has("> meter00"))
    top.press("s")
    top.until(lambda screen: "by device" in screen)
    top.press("h")
    top.until(has("what each reason means"))
    top.press("q")
    assert top.end() == 0 and top.is_restored()
    assert any("sort=device" in request for request in daemon.requests)


def test_it_follows_the_size(play) -> None:
    top = play()
    top.until(has("> meter00"))
    top.screen = Screen(160, 45)
    top.resize(160, 45)
    top.process.send_signal(signal.SIGWINCH)
    top.until(has("meter20", "energy0", "line  "))
    top.screen = Screen(50, 12)
    top.resize(50, 12)
    top.process.send_signal(signal.SIGWINCH)
    top.until(lambda screen: "> meter00" in screen and "meter09" not in screen and len(screen.split("\n")) <= 12)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_leaves_the_terminal_as_it_was(play, number: int, code: int) -> None:
    top = play()
    top.until(has("> meter00"))
    assert top.terminal() != top.before
    top.process.send_signal(number)
    assert top.end() == code and top.is_restored()


def test_an_error_leaves_the_terminal_as_it_was(play, daemon: Daemon, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "def broken(*_): raise RuntimeError('a defect')\n"
        "import meterd.cli.top_view as view\n"
        "view.screen = broken\n"
    )
    top = play(PYTHONPATH=f"{tmp_path}:{ROOT}")
    assert top.end() == 1
    assert top.terminal() == top.before
    assert top.written.index("\x1b[?1049l") < top.written.index("a defect"), "it must be read where it stays"


def test_it_stops_and_goes_on(play) -> None:
    top = play()
    top.until(has("> meter00"))
    top.process.send_signal(signal.SIGTSTP)
    limit = time.monotonic() + LIMIT_S
    while not os.waitid(os.P_PID, top.process.pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT):
        assert time.monotonic() < limit
        time.sleep(0.01)
    while not top.is_restored():
        assert time.monotonic() < limit
        top._take()
    top.screen = Screen()
    top.process.send_signal(signal.SIGCONT)
    top.until(has("> meter00"))
    assert top.terminal() != top.before
    top.press("q")
    assert top.end() == 0 and top.is_restored()


def test_a_daemon_that_ends_is_told_and_one_that_is_back_is_seen(play, daemon: Daemon) -> None:
    top = play()
    top.until(has("> meter00"))
    daemon.broken = True
    top.until(has("no daemon answers", "> meter00"))
    daemon.broken = False
    top.until(lambda screen: "no daemon answers" not in screen)


def test_a_terminal_that_has_no_blocks(play) -> None:
    top = play(PYTHONIOENCODING="ascii", NO_COLOR="1")
    top.until(has("> meter00", "@@@@@"))
    top.press("q")
    assert top.end() == 0
    assert "\x1b[31m" not in top.written and "█" not in top.written


def test_no_daemon_is_told_with_what_to_do(tmp_path: Path, capsys) -> None:
    assert main(["top", "--control", str(tmp_path / "none")]) == 1
    said = capsys.readouterr().err
    assert "no daemon answers at" in said and "meterd run -c FILE" in said and "--control" in said


def test_without_a_terminal_it_is_shown_once(daemon: Daemon, capsys) -> None:
    assert main(["top", "--control", daemon.path, "-n", "3", "-s", "age", "met er"]) == 0
    said = capsys.readouterr().out
    assert "meter02" in said and "and 57 more devices" in said and "\x1b" not in said
    assert daemon.requests == ["page sort=age from=0 count=3 match=meter"]
    assert main(["top", "--control", daemon.path, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["matching"] == 60


@pytest.mark.parametrize("words", [["-s", "up"], ["-n", "many"], ["--colour"]])
def test_a_wrong_command_line(words: list[str]) -> None:
    assert main(["top", *words, "--control", "/nowhere"]) == 2


def test_the_orders_are_those_of_the_daemon() -> None:
    assert SORTS == glance.SORTS


def test_keys_come_as_bytes() -> None:
    assert keys_of("q\x1b[A\x1bOB\x1b[5~\x1b[1;5C\x01é\r\x7f") == [
        "q",
        "up",
        "down",
        "page up",
        "é",
        "enter",
        "backspace",
    ]
    assert keys_of("\x1b") == ["escape"] and keys_of("") == []


def test_a_trace_is_bounded(daemon: Daemon) -> None:
    trace = Trace(daemon.path, "meter00")
    for _ in range(3):
        if not trace.ended:
            select.select([trace.fd], [], [], LIMIT_S)
            trace.take()
    trace.lines.extend("x" for _ in range(10_000))
    assert len(trace.lines) == 500 and trace.ended
    trace.close()
