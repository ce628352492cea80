"""A disk that remembers every write of a process, and what a power cut could have left of them.

`record` runs a process under strace and keeps what it did to the files of one folder: writes, cuts, new names, names
that went, and syncs. `Disk` plays that back operation by operation; between two syncs of a file its writes are
pending, and a power cut may leave any of them, in any order, the last one torn at a sector: `images` are such leavings.
The same for names: they are sure when their folder was synced (a file's own sync is not taken to be enough).
"""

from __future__ import annotations

import random
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

SECTOR = 512
UNFINISHED = " <unfinished ...>"  # another thread came between; it counts where it ended
OF_NAMES = ("new", "gone", "name")
CALLS = "openat,open,write,pwrite64,ftruncate,fsync,fdatasync,unlink,unlinkat,rename,renameat,renameat2,lseek,pwritev"
_LINE = re.compile(r"^\d+ +(\w+)\((.*)\) += (-?\d+)")
_RESUMED = re.compile(r"^\d+ +<\.\.\. \w+ resumed>(.*)")
_PATH = re.compile(r"<([^<>]*)>")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')

Operation = tuple[str, str, bytes, int]  # what, file, data (or the other name), where
Image = dict[str, bytes]


def record(words: Sequence[str], folder: Path, told: str) -> list[Operation]:
    """What a process does in a folder; a write to the file `told` becomes ("told", …, data, 0). Raises: OSError."""
    log = folder.parent / "strace"
    trace = ["strace", "-f", "-y", "-xx", "-s", "1000000", "-e", f"trace={CALLS}", "-o", str(log), *words]
    done = subprocess.run(trace, capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise OSError(done.returncode, done.stderr[-2000:])
    found = []
    begun: dict[str, str] = {}  # by thread
    for line in log.read_text("ascii", "replace").splitlines():
        thread = line.partition(" ")[0]
        if line.endswith(UNFINISHED):
            begun[thread] = line.removesuffix(UNFINISHED)
            continue
        resumed = _RESUMED.match(line)
        match = _LINE.match(begun.pop(thread, "") + resumed[1] if resumed else line)
        if match and int(match[3]) >= 0:
            found += _operation(match[1], match[2], str(folder), told)
    return found


def _operation(call: str, arguments: str, folder: str, told: str) -> list[Operation]:
    texts = [bytes.fromhex(text.replace("\\x", "")) for text in _TEXT.findall(arguments)]
    hexed = _PATH.search(arguments)
    target = bytes.fromhex(hexed[1].replace("\\x", "")).decode() if hexed and hexed[1][:2] == "\\x" else ""
    if call in ("openat", "open", "unlink", "unlinkat", "rename", "renameat", "renameat2"):
        target = texts[0].decode()
    if not target.startswith(folder):
        return []
    name = target[len(folder) + 1 :]
    if call in ("write", "pwrite64") and name == told:
        return [("told", name, texts[0], 0)]
    if call == "pwrite64":
        return [("write", name, texts[0], int(arguments.rpartition(",")[2]))]
    if call == "ftruncate":
        return [("cut", name, b"", int(arguments.rpartition(",")[2]))]
    if call in ("fsync", "fdatasync"):
        return [("sync", name, b"", 0)]
    if call.startswith("open"):
        return [("new", name, b"", 0)] if "O_CREAT" in arguments and name != told else []
    if call.startswith("unlink"):
        return [("gone", name, b"", 0)]
    if call.startswith("rename"):
        return [("name", name, texts[1][len(folder) + 1 :], 0)]
    raise OSError(0, f"not expected: {call} of {name}")


class Disk:
    """`pending` is what a power cut may take, in the order in which it was asked for. A file is what a name leads to:
    its bytes may be sure before its name is.
    """

    def __init__(self) -> None:
        self.pending: list[Operation] = []
        self._names: dict[str, str] = {}  # which file each leads to now
        self._sure_names: dict[str, str] = {}
        self._sure_files: Image = {}
        self._made = 0

    def take(self, operation: Operation) -> None:
        kind, name, data, where = operation
        if kind == "sync":
            self._sync(self._names.get(name, "") if name else "")
        elif kind in OF_NAMES:
            self._take_name(kind, name, data.decode())
        elif name in self._names:
            self.pending.append((kind, self._names[name], data, where))

    def _take_name(self, kind: str, name: str, other: str) -> None:
        if kind == "new":
            if name in self._names:
                return
            self._made += 1
            other = f"#{self._made}"
        operation = (kind, name, other.encode(), 0)
        self.pending.append(operation)
        _apply(self._names, {}, operation)

    def _sync(self, file: str) -> None:
        """'' is the folder."""
        settled = [one for one in self.pending if (one[0] in OF_NAMES if not file else one[1] == file)]
        self.pending = [one for one in self.pending if one not in settled]
        for one in settled:
            _apply(self._sure_names, self._sure_files, one)

    def images(self, chance: random.Random, many: int) -> Iterator[Image]:
        """None and all of what is pending; each alone, and all but each; then `many` more, shuffled and torn."""
        pending = self.pending
        yield self._left([])
        yield self._left(pending)
        for at in range(len(pending)):
            yield self._left(pending[at : at + 1])
            yield self._left(pending[:at] + pending[at + 1 :])
        for _ in range(many if len(pending) > 1 else 0):
            some = chance.sample(pending, chance.randint(1, len(pending)))
            kind, name, data, where = some[-1]
            if kind == "write" and len(data) > 1:
                some[-1] = (kind, name, data[: chance.choice((SECTOR, chance.randrange(len(data))))], where)
            yield self._left(some)

    def _left(self, operations: Sequence[Operation]) -> Image:
        names, files = dict(self._sure_names), dict(self._sure_files)
        for one in operations:
            _apply(names, files, one)
        return {name: files.get(file, b"") for name, file in names.items()}


def _apply(names: dict[str, str], files: Image, operation: Operation) -> None:
    kind, name, data, where = operation
    if kind == "new":
        names[name] = data.decode()
    elif kind == "gone":
        names.pop(name, None)
    elif kind == "name":
        if name in names:
            names[data.decode()] = names.pop(name)
    else:
        held = files.get(name, b"")[: where if kind == "cut" else None]
        begin = held[:where].ljust(where, b"\0")
        files[name] = begin + data + held[where + len(data) :]
