"""The CSV files that are done: their numbers, which of them go, and packing them a piece at a time.

Assumptions: a name is `<stem>-<six digits or more>-<time of its last row>.csv`, with `.gz` once it is packed; what is
named otherwise is somebody else's and is left alone. Packing reads PIECE at a time, so a batch never waits for more,
and zlib lets the loop's thread run meanwhile.
Dirt it must survive: a power cut while a file is packed (`.part` is begun anew, the file goes only when the packed one
is on the disk), a full disk (packing is left for the next time), files that others take away.
"""

from __future__ import annotations

from errno import EINVAL
from posix import (
    O_CLOEXEC,
    O_CREAT,
    O_RDONLY,
    O_TRUNC,
    O_WRONLY,
    close,
    fsync,
    listdir,
    read,
    rename,
    unlink,
    write,
)
from posix import open as open_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

PIECE = 1 << 16
GZIP = 31  # zlib's window of 15 bits, in gzip's format
DIGITS = 6
PACKED, PART = ".gz", ".gz.part"


class DoneFiles:
    """Those beside `path`; `keep` of them at most, where it is not 0."""

    def __init__(self, path: str, keep: int, compress: bool) -> None:
        folder, _, name = path.rpartition("/")
        stem, dot, ending = name.rpartition(".")
        self._folder = folder or "/"
        self._stem = (stem if dot else name) + "-"
        self._ending = dot + ending if dot else ""
        self._keep = keep
        self._compress = compress
        self._packing: Iterator[None] | None = None
        self._is_looked_through = False  # for files to pack

    def next(self, time: str) -> str:
        """The path under which a file is kept whose last row is of this time; '' where that is not known."""
        number = max(self._numbers(), default=0) + 1
        self._is_looked_through = False
        return f"{self._folder}/{self._stem}{number:0{DIGITS}}{'-' + time if time else ''}{self._ending}"

    def drop_oldest(self) -> list[str]:
        """Returns: the names of those that are gone."""
        if not self._keep:
            return []
        dropped = []
        numbers = self._numbers()
        for number in sorted(numbers)[: -self._keep]:
            for name in numbers[number]:
                _remove(f"{self._folder}/{name}")
                dropped.append(name)
        return dropped

    def sync_folder(self, wanted: bool) -> None:
        """Have the names on the disk, too."""
        if not wanted:
            return
        fd = open_file(self._folder, O_RDONLY | O_CLOEXEC)
        try:
            fsync(fd)
        except OSError as error:
            if error.errno != EINVAL:  # there are disks that do not do it for folders
                raise
        finally:
            close(fd)

    def _numbers(self) -> dict[int, list[str]]:
        """Of the files that are done: number → names, which are two while one is packed."""
        found: dict[int, list[str]] = {}
        for name in listdir(self._folder):
            plain = name.removesuffix(PACKED)
            if plain.startswith(self._stem) and plain.endswith(self._ending):
                digits = plain[len(self._stem) :].removesuffix(self._ending).partition("-")[0]
                if len(digits) >= DIGITS and digits.isascii() and digits.isdigit():
                    found.setdefault(int(digits), []).append(name)
        return found

    # ---- packing

    def pack_a_piece(self) -> bool:
        """Returns: whether there is more to do."""
        if not self._compress or (self._packing is None and self._is_looked_through):
            return False
        if self._packing is None:
            self._packing = self._pack_all()
        try:
            next(self._packing)
        except StopIteration:
            self._packing = None
        except BaseException:
            self._packing = None
            raise
        return self._packing is not None

    def close(self) -> None:
        self._packing = None

    def _pack_all(self) -> Iterator[None]:
        self._is_looked_through = True
        numbers = self._numbers()
        for number in sorted(numbers):
            for name in numbers[number]:
                if not name.endswith(PACKED):
                    yield from self._pack(f"{self._folder}/{name}")

    def _pack(self, path: str) -> Iterator[None]:
        from zlib import compressobj

        source = open_file(path, O_RDONLY | O_CLOEXEC)
        try:
            target = open_file(path + PART, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o640)
            try:
                packer = compressobj(6, wbits=GZIP)
                while piece := read(source, PIECE):
                    _write_all(target, packer.compress(piece))
                    yield
                _write_all(target, packer.flush())
                fsync(target)
            finally:
                close(target)
        finally:
            close(source)
        rename(path + PART, path + PACKED)
        self.sync_folder(True)
        _remove(path)
        yield


def _remove(path: str) -> None:
    try:
        unlink(path)
    except FileNotFoundError:
        pass  # somebody was quicker


def _write_all(fd: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[write(fd, left) :]
