"""The store's file: SQLite, set for flash, in which rows of readings wait until every sink has them.

The figures behind the settings (`docs/figures.md`; `python -m benchmarks.store`): pages of 512 bytes, for a commit
writes whole pages, and of the sizes these cost the fewest bytes per reading; WAL, which syncs once a commit and writes
forward, where a rollback journal writes each page twice; `synchronous=FULL`, or a commit would not be one when the
power goes; checkpoints at 256 kB, which bounds the WAL; no vacuum, for what is freed is used again and the file's bound
is its size anyway; `locking_mode=EXCLUSIVE`, which spares the shared-memory file that JFFS2 cannot have, and keeps a
second meterd out; `secure_delete` off, for overwriting what is deleted wears the card.

The state (numbers, epochs, cursors) is one JSON text with a CRC in two places by turns, in the same commit as the rows
that it is about. Dirt it must survive: power cuts anywhere; flipped and missing bytes (each row and state has a CRC;
what SQLite itself finds damaged is set aside as `.damaged`, and what can be read in it is taken over); a folder that is
not there: it is never made, for it may be a card's.
"""

from __future__ import annotations

import sqlite3
from binascii import crc32
from posix import O_DIRECTORY, O_RDONLY, R_OK, W_OK, access, close, fsync, replace, stat, unlink
from posix import open as open_descriptor

from ..gateway.json_text import dumps, encode, loads
from ..paths import exists, parent
from .ranges import Ranges
from .store_rows import Names, base_ms, unpack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from .ranges import Range
    from .store_rows import Clock, Row

PAGE = 512
WAL_BYTES = 256 << 10
PRAGMAS = (
    f"page_size={PAGE}",
    "locking_mode=EXCLUSIVE",
    "secure_delete=OFF",
    "journal_mode=WAL",
    "synchronous=FULL",
    f"wal_autocheckpoint={WAL_BYTES // PAGE}",
    f"journal_size_limit={WAL_BYTES}",
    "cache_size=-512",
    "temp_store=MEMORY",
)
TABLES = (
    "create table if not exists rows(first integer primary key, last integer not null, data blob not null)",
    "create table if not exists names(number integer primary key, name text not null)",
    "create table if not exists state(slot integer primary key, text text not null)",
)
DAMAGED, STRANGE = ".damaged", ".other"
ENDINGS = ("", "-wal", "-journal")
FULL_SHARE, TRIM_SHARE = 0.95, 0.90  # of the size: past the first it is trimmed down to the second
TRIM_ROWS = 64
MAX_ROW = 1000  # readings of a row that can be one
# What may pass by itself: no damage of the file.
MAY_PASS = (
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_AUTH,
)  # fmt: skip


class Damaged(Exception):
    """The file is not what was written, and was set aside; `words` of SQLite."""


class StoreFile:
    """One open file. All of it belongs to one thread. Raises: sqlite3.Error, OSError; Damaged where it says so."""

    def __init__(self, path: str, size: int) -> None:
        """`size`: bytes that it may have, the WAL aside. Raises: Damaged."""
        self.path = path
        self._size = size
        self.state: dict[str, Any] | None = None  # None: there is none, or it cannot be read
        self.is_new = not exists(path)
        self._was_cut_off = exists(path + "-wal")  # SQLite takes it away when it is closed
        self._slot = 0
        self.names = Names(self._keep_name)
        try:
            self._db = sqlite3.connect(path, timeout=0.0, isolation_level=None, check_same_thread=False)
            self._db.text_factory = _text
            self._begin()
            found = stat(path)
            self._inode = (found.st_dev, found.st_ino)
        except Exception as error:
            self.close()
            if self.is_damage(error):
                raise Damaged(str(error)) from error
            raise

    def _begin(self) -> None:
        for pragma in PRAGMAS:
            self._db.execute(f"pragma {pragma}").fetchall()
        for table in TABLES:
            self._db.execute(table)
        if self.is_new:
            sync_folder(self.path)
        for number, name in self._db.execute("select number, name from names"):
            if isinstance(name, str):
                self.names.load(number, name)
        self._read_state()
        if self.state is not None and self._was_cut_off:
            self.state["clean"] = 0  # whatever the state says: a newer one may be lost with the WAL

    def _read_state(self) -> None:
        newest = -1
        for slot, text in self._db.execute("select slot, text from state"):
            found = _checked(text)
            if found is not None and found["turn"] > newest:
                newest, self._slot, self.state = found["turn"], slot, found

    def check(self) -> Ranges:
        """Look through the tree, and leave the rows until they are fetched: there may be many. Returns: the places of
        readings that are there. Raises: Damaged.
        """
        present = Ranges()
        try:
            said = self._db.execute("pragma quick_check(1)").fetchone()[0]
            if said != "ok":
                raise Damaged(said)
            for first, last in self._db.execute("select first, last from rows order by first"):
                if isinstance(last, int) and first <= last < first + MAX_ROW:
                    present.add(first, last)
        except (sqlite3.DatabaseError, TypeError, ValueError) as error:
            if self.is_damage(error):
                raise Damaged(str(error)) from error
            raise
        return present

    def is_damage(self, error: Exception) -> bool:
        """Whether it will not pass by itself. What SQLite calls read-only may be a byte that changed."""
        if not isinstance(error, sqlite3.DatabaseError):
            return isinstance(error, (TypeError, ValueError))  # what SQLite gave cannot be, not even its own words
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
            return access(self.path, R_OK | W_OK) and access(parent(self.path) or ".", W_OK)
        return code not in MAY_PASS

    def is_there(self) -> bool:
        """Whether the path still leads to this file; a card that was pulled leaves it open and lost."""
        try:
            found = stat(self.path)
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == self._inode

    # ---- what is kept

    def begin(self) -> None:
        """What is put from here on is there after `commit`, or never was; after an error the file is closed."""
        self._db.execute("begin immediate")

    def put(self, first: int, last: int, data: bytes) -> None:
        self._db.execute("insert or replace into rows values(?, ?, ?)", (first, last, data))

    def commit(self, state: dict[str, Any], low: int) -> None:
        """With the state; and away with all rows that end at or before `low`."""
        self._db.execute("delete from rows where first <= ? and last <= ?", (low, low))
        self._put_state(state)
        self._db.execute("commit")

    def settle(self) -> None:
        """Bring all that is in the WAL into the file itself."""
        self._db.execute("pragma wal_checkpoint(TRUNCATE)").fetchall()

    def _put_state(self, state: dict[str, Any]) -> None:
        turn = self.state["turn"] + 1 if self.state is not None else 1
        slot = 1 - self._slot
        text = dumps({**state, "turn": turn})
        whole = f"{crc32(encode(text)):08x}{text}"
        self._db.execute("insert or replace into state values(?, ?)", (slot, whole))
        self.state = {**state, "turn": turn}
        self._slot = slot

    def _keep_name(self, number: int, name: str) -> None:
        self._db.execute("insert or replace into names values(?, ?)", (number, name))

    def fetch(self, first: int, last: int, most: int, clock: Clock | None) -> tuple[list[Row], int]:
        """Rows with any of these places, up to `most` of them. Returns them, and the place from which to go on."""
        begin = self._db.execute("select max(first) from rows where first <= ?", (first,)).fetchone()[0]
        query = (
            "select first, last, data from rows where first >= ? and first <= ? and last >= ? order by first limit ?"
        )
        begin = first if begin is None else begin
        rows = self._db.execute(query, (begin, last, first, most)).fetchall()
        found = [unpack(place, end, data, self.names, clock) for place, end, data in rows]
        next_place = last + 1
        if len(rows) == most:
            next_place = rows[-1][0] + (len(found[-1].readings) if found[-1] is not None else 1)
        whole = [row for row in found if row is not None]
        return whole, next_place

    # ---- bounds

    def trim(self, older_than_ms: int) -> list[Range]:
        """Let go of the oldest, down to the size, and of what was taken before that time. Returns: their places."""
        gone = Ranges()
        if self._used() > FULL_SHARE * self._size:
            while self._used() > TRIM_SHARE * self._size and self._let_go(TRIM_ROWS, gone):
                pass
        while older_than_ms and self._oldest_is_before(older_than_ms) and self._let_go(1, gone):
            pass
        return list(gone)

    def _used(self) -> int:
        pages = self._db.execute("pragma page_count").fetchone()[0]
        return int(pages - self._db.execute("pragma freelist_count").fetchone()[0]) * PAGE

    def _oldest_is_before(self, time_ms: int) -> bool:
        oldest = self._db.execute("select data from rows order by first limit 1").fetchone()
        return oldest is not None and 0 < base_ms(oldest[0]) < time_ms

    def _let_go(self, count: int, gone: Ranges) -> bool:
        rows = self._db.execute("select first, last from rows order by first limit ?", (count,)).fetchall()
        for first, last in rows:
            gone.add(first, last)
        if rows:
            self._db.execute("delete from rows where first <= ?", (rows[-1][0],))
        return bool(rows)

    # ---- the end, and what comes after damage

    def close(self) -> None:
        db = getattr(self, "_db", None)
        if db is not None:
            try:
                db.close()
            except sqlite3.Error:
                pass  # nothing more can be done for it

    def save_from(self, damaged: str) -> int:
        """Take over what can be read in a damaged file. Returns: how many readings that was."""
        try:
            other = sqlite3.connect(damaged, timeout=0.0, isolation_level=None)
        except sqlite3.Error:
            return 0
        saved = Ranges()
        self._db.execute("begin immediate")
        for number, name in _as_far_as_it_goes(other, "select number, name from names"):
            if isinstance(name, str):
                self.names.load(number, name)
                self._keep_name(number, name)
        for order in ("asc", "desc"):  # around the damage, from either side
            for first, last, data in _as_far_as_it_goes(
                other, f"select first, last, data from rows order by first {order}"
            ):
                if unpack(first, last, data, self.names) is not None:
                    saved.add(first, last)
                    self._db.execute("insert or replace into rows values(?, ?, ?)", (first, last, data))
        for slot, text in _as_far_as_it_goes(other, "select slot, text from state"):
            if _checked(text) is not None:
                self._db.execute("insert or replace into state values(?, ?)", (slot, text))
        self._db.execute("commit")
        other.close()
        self._read_state()
        return sum(last - first + 1 for first, last in saved)


def set_aside(path: str, ending: str) -> None:
    """The file with what belongs to it, under another name; one that lay there goes. Raises: OSError."""
    for part in ENDINGS:
        if exists(path + part):
            replace(path + part, path + ending + part)
        elif exists(path + ending + part):
            unlink(path + ending + part)


def sync_folder(path: str) -> None:
    """A new name survives a power cut only then. Raises: OSError."""
    fd = open_descriptor(parent(path) or ".", O_RDONLY | O_DIRECTORY)
    try:
        fsync(fd)
    finally:
        close(fd)


def _text(data: bytes) -> str:
    """Bytes that are no text any more are found by their CRC."""
    return data.decode("utf-8", "replace")


def _checked(text: Any) -> dict[str, Any] | None:
    """The state in a text, if that is whole."""
    if not isinstance(text, str) or text[:8] != f"{crc32(encode(text[8:])):08x}":
        return None
    try:
        found = loads(text[8:])
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _as_far_as_it_goes(db: sqlite3.Connection, query: str) -> Iterator[tuple[Any, ...]]:
    try:
        yield from db.execute(query)
    except (sqlite3.Error, UnicodeDecodeError):
        return
