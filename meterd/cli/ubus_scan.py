"""The search for meters that a web page starts: `meterd scan PLACE` in a process of its own, one at a time.

A search takes from seconds to many minutes, and a call of ubus half a minute at the most: so a call starts it, or tells
how far it is, or ends it. What it finds is a configuration, which is handed back as text and changed nowhere.
Bounds: SEARCH_S, after which the search is ended by an alarm it cannot miss; MAX_TEXT of what it said and found.
Dirt: two pages that start at once; a place that is no place but an option; another's folder under our name in /tmp.
"""

from __future__ import annotations

import posix
from _signal import SIG_DFL, SIGINT, alarm, signal  # type: ignore[import-not-found]  # as in daemon.daemon

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FOLDER = "/tmp/meterd-scan"
PROGRAM = ("/usr/bin/meterd", "scan")
SEARCH_S = 1800
MAX_TEXT = 200_000
MAX_PLACE = 200
NODES = ("ttyS", "ttyUSB", "ttyACM", "ttyATH", "ttyAMA", "ttySC")
POLITENESS = 10


def scan(arguments: dict[str, Any], folder: str = FOLDER, program: tuple[str, ...] = PROGRAM) -> dict[str, Any]:
    """`place` starts a search there, `stop` ends the one that runs; how far it is, in any case.

    Raises: ValueError, in words.
    """
    place = arguments.get("place") or ""
    ours = _folder(folder)
    try:
        _lock(ours)
        running = _running(folder)
        if running and arguments.get("stop"):
            posix.killpg(running, SIGINT)  # as Ctrl-C: what was found is kept
        elif place:
            if running:
                raise ValueError(f"a search at {_text(folder, 'place')} runs already: wait for it, or stop it")
            running = _begin(folder, _checked(place), program)
        return {
            "ok": True, "running": bool(running), "place": _text(folder, "place"), "said": _text(folder, "said"),
            "found": "" if running else _text(folder, "found"), "ports": _ports(),
        }  # fmt: skip
    finally:
        posix.close(ours)


def _folder(folder: str) -> int:
    """A descriptor of it; nobody else can have put it there, or anything into it."""
    try:
        posix.mkdir(folder, 0o700)
    except FileExistsError:
        pass
    fd = posix.open(folder, posix.O_RDONLY | posix.O_DIRECTORY | posix.O_NOFOLLOW | posix.O_CLOEXEC)
    found = posix.fstat(fd)
    if found.st_uid != posix.geteuid() or found.st_mode & 0o077:
        posix.close(fd)
        raise ValueError(f"{folder} is another user's: take it away")
    return fd


def _lock(fd: int) -> None:
    from fcntl import LOCK_EX, flock

    flock(fd, LOCK_EX)  # held for as long as it takes to start a process


def _running(folder: str) -> int:
    """The process of the search that runs, 0 where none does; a number may be another process's by now."""
    number = _text(folder, "process")
    if not number.isdigit():
        return 0
    try:
        with open(f"/proc/{number}/environ", "rb") as file:
            ours = f"METERD_SCAN={folder}\0".encode() in file.read(MAX_TEXT) + b"\0"
        with open(f"/proc/{number}/stat", "rb") as file:
            ended = file.read(4096).rpartition(b") ")[2][:1] in (b"Z", b"X")
    except OSError:
        return 0
    return int(number) if ours and not ended else 0


def _checked(place: Any) -> str:
    """A port's name, a device node, or HOST:PORT."""
    if not isinstance(place, str) or len(place) > MAX_PLACE or not place.isascii():
        raise ValueError("place is a port such as PORT1 or /dev/ttyUSB0, or HOST:PORT")
    if place.startswith("-") or not all(letter.isalnum() or letter in "/._:-[]" for letter in place):
        raise ValueError(f"{place!r} is no port such as PORT1 or /dev/ttyUSB0, and no HOST:PORT")
    return place


def _begin(folder: str, place: str, program: tuple[str, ...]) -> int:
    for name, text in (("place", place), ("said", ""), ("found", ""), ("process", "")):
        _write(folder, name, text)
    ready, told = posix.pipe()  # ends when the program has been begun: then it can be known by its environment
    number = posix.fork()
    if number == 0:
        try:
            _become(folder, [*program, place])
        finally:
            posix._exit(127)
    posix.close(told)
    posix.read(ready, 1)
    posix.close(ready)
    _write(folder, "process", str(number))
    return number


def _become(folder: str, words: list[str]) -> None:
    posix.setsid()
    signal(SIGINT, SIG_DFL)  # whoever started us may have ignored it
    posix.nice(POLITENESS)
    nothing = posix.open("/dev/null", posix.O_RDONLY)
    found = posix.open(f"{folder}/found", posix.O_WRONLY | posix.O_TRUNC)
    said = posix.open(f"{folder}/said", posix.O_WRONLY | posix.O_TRUNC)
    for number, fd in enumerate((nothing, found, said)):
        posix.dup2(fd, number)
    alarm(SEARCH_S)  # stays with the program that this process becomes
    posix.execve(words[0], words, {**posix.environ, b"METERD_SCAN": folder.encode()})


def _write(folder: str, name: str, text: str) -> None:
    with open(f"{folder}/{name}", "w", encoding="utf-8") as file:
        file.write(text)


def _text(folder: str, name: str) -> str:
    """The end of it."""
    try:
        with open(f"{folder}/{name}", "rb") as file:
            file.seek(max(0, file.seek(0, 2) - MAX_TEXT))
            return file.read(MAX_TEXT).decode("utf-8", "replace")
    except OSError:
        return ""


def _ports() -> list[str]:
    """The device nodes that may be serial ports."""
    return sorted(f"/dev/{name}" for name in posix.listdir("/dev") if name.startswith(NODES))
