"""Pictures of the terminal for the documentation: `python -m tools.pictures` makes docs/pictures/*.svg anew.

Each scene is a command run on a pty of 80 × 24 against simulated meters; what it writes is laid out as a terminal does
it, as far as meterd's commands ask for that: text, CR, LF, home, erase, colours. A picture shows what was there in the
end, and no more: an escape that is not known here is an error. tests/system/test_pictures.py runs them again.
"""

from __future__ import annotations

import contextlib
import fcntl
import html
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from meterd.ports._loop import Loop
from meterd.simulate import iec62056_21
from meterd.simulate.meter_host import MeterHost

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
COLUMNS, ROWS = 80, 24
LIMIT_S = 120.0
ESCAPE = re.compile(r"\x1b\[(\??[0-9;]*)([A-Za-z])")
COLOURS = {"31": "#ff7b72", "32": "#7ee787", "33": "#e3b341", "2": "#8b949e", "1": "#ffffff"}
CHOSEN = "7"
CELL_W, CELL_H, EDGE = 8.4, 18, 12
SHOWN_PORT = "/dev/ttyUSB0"


class Screen:
    """What a terminal would show of the bytes written to it."""

    def __init__(self, columns: int = COLUMNS, height: int = ROWS) -> None:
        self.columns, self.height = columns, height
        self.rows: list[list[tuple[str, str]]] = [[]]
        self.row = self.column = 0
        self.style = ""
        self.left = False

    def write(self, text: str) -> None:
        at = 0
        while at < len(text) and not self.left:
            if text[at] == "\x1b":
                found = ESCAPE.match(text, at)
                if found is None:
                    raise ValueError(f"no escape that is known: {text[at : at + 8]!r}")
                self._escape(found[1], found[2])
                at = found.end()
            else:
                self._character(text[at])
                at += 1

    def _escape(self, numbers: str, letter: str) -> None:
        if letter == "m":
            self.style = "" if numbers in ("", "0") else numbers
        elif numbers == "?1049":
            self.left = letter == "l"  # what a program shows on a screen of its own is the picture
            if letter == "h":
                self.rows, self.row, self.column = [[]], 0, 0
        elif numbers in ("?25", "?7"):
            pass  # the cursor is not drawn, and no line of a full screen is longer than that
        elif letter == "H":
            self.row = self.column = 0
        elif letter == "K":
            del self.rows[self.row][self.column :]
        elif letter == "J":
            del self.rows[self.row][self.column :]
            del self.rows[self.row + 1 :]
        else:
            raise ValueError(f"no escape that is known: {numbers}{letter}")

    def _character(self, character: str) -> None:
        if character == "\r":
            self.column = 0
            return
        if character == "\n" or self.column == self.columns:
            self.row += 1
            self.column = 0
            if self.row == len(self.rows):
                self.rows.append([])
            if self.row == self.height:
                del self.rows[0]
                self.row -= 1
        if character == "\n":
            return
        row = self.rows[self.row]
        row += [(" ", "")] * (self.column - len(row) + 1)
        row[self.column] = (character, self.style)
        self.column += 1

    def lines(self) -> list[str]:
        return ["".join(character for character, _ in row).rstrip() for row in self.rows]


def drawn(screen: Screen) -> str:
    """The screen as SVG."""
    width, height = COLUMNS * CELL_W + 2 * EDGE, ROWS * CELL_H + 2 * EDGE
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}">',
        f'<rect width="{width:.0f}" height="{height}" rx="6" fill="#0d1117"/>',
        '<g font-family="ui-monospace, DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14" fill="#c9d1d9">',
    ]
    for number, row in enumerate(screen.rows):
        chosen = [at for at, (_, style) in enumerate(row) if style == CHOSEN]
        if chosen:
            x, y, wide = EDGE + chosen[0] * CELL_W, EDGE + number * CELL_H - 2, len(chosen) * CELL_W
            out.append(f'<rect x="{x:.1f}" y="{y}" width="{wide:.1f}" height="{CELL_H}" fill="#30363d"/>')
        for start, style, text in _runs(row):
            x, y = EDGE + start * CELL_W, EDGE + number * CELL_H + 13
            colour = f' fill="{COLOURS[style.split(";")[-1]]}"' if style not in ("", CHOSEN) else ""
            out.append(
                f'<text x="{x:.1f}" y="{y}" textLength="{len(text) * CELL_W:.1f}"{colour}>{html.escape(text)}</text>'
            )
    return "\n".join([*out, "</g>", "</svg>", ""])


def _runs(row: list[tuple[str, str]]) -> Iterator[tuple[int, str, str]]:
    """Words of one style, with where they begin: a font of another width cannot shift what follows."""
    text = "".join(character for character, _ in row)
    for word in re.finditer(r"\S+", text):
        start = word.start()
        for at in range(word.start(), word.end() + 1):
            if at == word.end() or row[at][1] != row[start][1]:
                yield start, row[start][1], text[start:at]
                start = at


def shown(words: list[str], folder: str, screen: Screen, port: str, shown_as: str, until: str = "") -> None:
    """Runs meterd on a pty and writes what it says to `screen`, below the line that was typed.

    What goes on until it is ended gets a `q` when it has said `until`.
    """
    screen.write(f"$ {shown_as}\r\n")
    environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment, TERM="xterm-256color", PYTHONPATH=str(PICTURES.parents[1]))
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        os.execv(sys.executable, [sys.executable, "-m", "meterd", *words])
    said = b""
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline and select.select([terminal], [], [], deadline - time.monotonic())[0]:
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # Linux: the other side is closed
            break
        said += piece
        if until and until in said.decode("utf-8", "ignore"):
            os.write(terminal, b"q")
            until = ""
    os.close(terminal)
    os.waitpid(pid, 0)
    screen.write(said.decode().replace(port, SHOWN_PORT))


@contextlib.contextmanager
def head() -> Iterator[str]:
    """An optical head with a meter; its node has a name as long as the one that the picture shows."""
    loop = Loop()
    host = MeterHost(loop)
    link = f"/tmp/{os.getpid() % 10**7:07}"
    host.on_pty(link, iec62056_21.meter(serial="12345678", reaction_ms="20"), iec62056_21.LINE)
    thread = threading.Thread(target=loop.run)
    thread.start()
    try:
        yield link
    finally:
        loop.call_soon_from_thread(loop.stop)
        thread.join(20)
        host.close()
        loop.close()


def scan(folder: str, screen: Screen, port: str) -> None:
    shown(["scan", port, "-o", "site.json"], folder, screen, port, f"meterd scan {SHOWN_PORT} -o site.json")


def read(folder: str, screen: Screen, port: str) -> None:
    codes = ["0.0.0", "1.8.0", "2.8.0", "32.7.0", "1.8.9"]
    typed = f"meterd read iec62056-21 device={SHOWN_PORT} -- {' '.join(codes)}"
    shown(["read", "iec62056-21", f"device={port}", "--", *codes], folder, screen, port, typed)


def status(folder: str, screen: Screen, port: str) -> None:
    """A house that is read, and a meter in the cellar that is switched off."""
    line = {"device": port, "baudrate": 300, "databits": 7, "parity": "even", "serialnumber": 0, "scan_rate_ms": 3000}
    away = {"ip": "127.0.0.1", "port": 1, "serialnumber": 0}
    devices = [
        {"name": alias, "device_alias": alias, "protocol": "IEC 62056-21", **rest}
        for alias, rest in (("house", line), ("cellar", away))
    ]
    codes = [("house", "1.8.0"), ("house", "2.8.0"), ("cellar", "1.8.0")]
    signals = [
        {
            "signal_name": code,
            "device_alias": alias,
            "signal_alias": code.replace(".", "_"),
            "number_type": "DOUBLE",
            "job_todo": code,
            "tag_job_todo": code,
        }
        for alias, code in codes
    ]
    (Path(folder) / "site.json").write_text(
        json.dumps({"devices": devices, "signals": signals, "publish": {"stdout": "json"}})
    )
    with daemon(folder, {("house", "_connected", 1), ("cellar", "_connected", 0)}) as control:
        shown(["status", "--control", control], folder, screen, port, "meterd status")


@contextlib.contextmanager
def daemon(folder: str, awaited: set[tuple[str, str, object]]) -> Iterator[str]:
    """One that reads site.json and has said all of that; its control socket."""
    control = os.path.join(folder, "control.sock")
    command = [sys.executable, "-m", "meterd", "run", "-c", "site.json", "--control", control, "--state", folder]
    process = subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": str(PICTURES.parents[1])},
    )
    try:
        assert process.stdout is not None
        seen = set()
        for reading in map(json.loads, process.stdout):
            seen.add((reading["device"], reading["signal"], reading["value"]))
            if awaited <= seen:
                break
        yield control
    finally:
        process.terminate()
        process.communicate(timeout=30)


FLATS = ("stairs", "attic", "flat-1", "flat-2", "flat-3", "flat-4", "shop", "garage")


def top(folder: str, screen: Screen, port: str) -> None:
    """Eight meters: one is switched off, one is not who it should be, one lacks a code."""
    with houses(FLATS[1:]) as ports:
        devices, signals = [], []
        for alias in FLATS:
            serial = {"shop": "87654321"}.get(alias, 0)
            place = {"ip": "127.0.0.1", "port": ports.get(alias, 1), "scan_rate_ms": 2000, "serialnumber": serial}
            place["timeout_ms"] = 800
            devices.append({"name": alias, "device_alias": alias, "protocol": "IEC 62056-21", **place})
            codes = ["1.8.0", "2.8.0", "32.7.0", *(["96.7.21"] if alias == "attic" else [])]
            for code in codes:
                place = {"device_alias": alias, "signal_alias": code.replace(".", "_"), "number_type": "DOUBLE"}
                signals.append({"signal_name": code, **place, "job_todo": code, "tag_job_todo": code})
        site = {"devices": devices, "signals": signals, "publish": {"stdout": "json"}}
        (Path(folder) / "site.json").write_text(json.dumps(site))
        good = {(alias, "_reason", "good") for alias in FLATS[2:] if alias != "shop"}
        bad = {
            ("stairs", "_reason", "disconnected"),
            ("attic", "_reason", "not_found"),
            ("shop", "_reason", "no_bytes"),
        }
        with daemon(folder, good | bad) as control:
            shown(["top", "-i", "1", "--control", control], folder, screen, port, "meterd top", until="CPU")


@contextlib.contextmanager
def houses(names: tuple[str, ...]) -> Iterator[dict[str, int]]:
    """Meters on TCP ports."""
    loop = Loop()
    host = MeterHost(loop)
    ports = {name: host.on_tcp(0, iec62056_21.meter(serial="12345678", reaction_ms="20")) for name in names}
    thread = threading.Thread(target=loop.run)
    thread.start()
    try:
        yield ports
    finally:
        loop.call_soon_from_thread(loop.stop)
        thread.join(20)
        host.close()
        loop.close()


def demo(folder: str, screen: Screen, port: str) -> None:
    shown(["demo", "--duration", "8"], folder, screen, port, "meterd demo")


SCENES: dict[str, Callable[[str, Screen, str], None]] = {
    "scan": scan, "read": read, "status": status, "top": top, "demo": demo,
}  # fmt: skip


def play(name: str) -> Screen:
    """One scene, from the beginning."""
    screen = Screen()
    with head() as port, tempfile.TemporaryDirectory() as folder:
        SCENES[name](folder, screen, port)
    return screen


def main() -> int:
    PICTURES.mkdir(exist_ok=True)
    for name in sys.argv[1:] or SCENES:
        (PICTURES / f"{name}.svg").write_text(drawn(play(name)), encoding="utf-8")
        print(PICTURES / f"{name}.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main())
