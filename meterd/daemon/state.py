"""What must survive a restart: a folder that one process owns, files that are whole or not there, and who keeps what.

What drivers remember is one small JSON file per device, replaced atomically. On a gateway the folder may be on flash,
so drivers save only what they must; on a read-only or full disk meterd runs on with what it has in memory and says so
once. What must never repeat is another matter, and lives in `counters`: what is not on record there is not used.

One process owns the folder while it keeps anything in it: a lock (flock) on the folder itself, which ends with the
process, however that ends, and needs no file and no room on a full or read-only disk. `owner` in it says who that is
and at which control socket it is to be asked; nothing depends on it.

The dirt: a folder on a card that was removed (one made in its place would begin counters anew), exchanged for another
under the same name, full, read-only, or another user's.
"""

from __future__ import annotations

from posix import (
    O_DIRECTORY,
    O_RDONLY,
    close,
    fchown,
    fstat,
    fsync,
    geteuid,
    getpid,
    listdir,
    rename,
    stat,
    unlink,
    urandom,
)
from posix import open as open_descriptor
from time import monotonic, sleep

from .. import log
from ..gateway.json_text import dumps, loads
from ..model import Memory
from ..paths import is_folder, join, make_folders, parent, read_up_to

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ..counter import Counter
    from .behind import Behind
    from .counters import KeptCounters

DEFAULT_DIRECTORY = "/var/lib/meterd"
OWNER = "owner"
MAX_OWNER_BYTES = 4096
MAX_STATE_BYTES = 4 * 1024 * 1024
# For its owner, and a group that may look (systemd and procd make it so too).
FOLDER_MODE = 0o750
FILE_MODE = 0o600
PAUSE_S = 0.05
PATIENCE_S = 10.0  # for another command that runs once
NO_FOLDER = "no folder is named for it (--state), and an invocation counter that is not on record is not used"


class StateFolder:
    """`control` is the socket at which whoever finds the folder taken may ask; `patience_s` how long to wait for an
    owner that is no daemon. The default folder is made with all
    above it, another one where it can be told that no card is missing.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.control = ""
        self.patience_s = 0.0
        self.generation = 0  # another one each time that the folder is taken: what was read before may not hold
        self._lock = -1
        self._was_there = False  # then one that is missing has been taken away

    def file(self, name: str) -> str:
        return join(self.path, name)

    def look(self) -> bool:
        """Whether it is there now."""
        there = is_folder(self.path)
        self._was_there = self._was_there or there
        return there

    def may_be_made(self) -> bool:
        """Whether a missing folder is surely not on a missing card."""
        if self.path == DEFAULT_DIRECTORY:
            return True
        return not self._was_there and _holds_something(parent(self.path))

    def missing(self) -> str:
        """What is to be said of a folder that is not there and may not be made."""
        return (
            f"the folder {self.path} is not there: what meterd remembers is not kept over a restart; make it, "
            "or mount what it is on, and start meterd again"
        )

    def own(self) -> str:
        """Take the folder for this process, made if need be; '' where it is ours, else why not, in words."""
        if self._lock >= 0 and self._is_same():
            return ""
        self.release()
        if not self.look():
            if not self.may_be_made():
                return self.missing()
            try:
                make_folders(self.path, FOLDER_MODE)
            except OSError as error:
                return f"the folder {self.path} cannot be made: {error.strerror}"
        return self._take()

    def _is_same(self) -> bool:
        """Whether the folder that is locked is still the one of that name."""
        try:
            named, held = stat(self.path), fstat(self._lock)
        except OSError:
            return False
        return (named.st_dev, named.st_ino) == (held.st_dev, held.st_ino)

    def _take(self) -> str:
        try:
            fd = open_descriptor(self.path, O_RDONLY | O_DIRECTORY)
        except OSError as error:
            return f"the folder {self.path} cannot be opened: {error.strerror}"
        trouble = self._lock_in_time(fd)
        if trouble:
            close(fd)
            return trouble
        self._lock = fd
        self._was_there = True
        self.generation += 1
        self._write_owner()
        return ""

    def _lock_in_time(self, fd: int) -> str:
        """A command that runs once lets another such end first; a daemon does not end."""
        from fcntl import LOCK_EX, LOCK_NB, flock

        limit = monotonic() + self.patience_s
        while True:
            try:
                flock(fd, LOCK_EX | LOCK_NB)
                return ""
            except BlockingIOError:
                pass
            except OSError as error:
                return f"the folder {self.path} cannot be locked: {error.strerror}"
            if not self.owner()[1] and monotonic() < limit:
                sleep(PAUSE_S)
                continue
            return (
                f"the folder {self.path} is in use by another meterd{self.who()}, and two with the same keys would "
                "use the same invocation counters: ask that one (meterd read does), or stop it first"
            )

    def is_taken(self) -> bool:
        """Whether another process owns it now."""
        if self._lock >= 0:
            return False
        from fcntl import LOCK_EX, LOCK_NB, flock

        try:
            fd = open_descriptor(self.path, O_RDONLY | O_DIRECTORY)
        except OSError:
            return False
        try:
            flock(fd, LOCK_EX | LOCK_NB)
        except OSError:
            return True
        finally:
            close(fd)
        return False

    def release(self) -> None:
        if self._lock >= 0:
            close(self._lock)
            self._lock = -1

    def owner(self) -> tuple[str, str]:
        """Process and control socket of the last owner, as far as they are told."""
        try:
            words = read_up_to(self.file(OWNER), MAX_OWNER_BYTES).decode("utf-8", "surrogateescape").split("\n")
        except OSError:
            return "", ""
        return words[0], words[1] if len(words) > 1 else ""

    def who(self) -> str:
        process = self.owner()[0]
        return f" (process {process})" if process.isdigit() else ""

    def _write_owner(self) -> None:
        text = f"{getpid()}\n{self.control}\n".encode("utf-8", "surrogateescape")
        try:
            self._write(self.file(OWNER), text)
        except OSError:
            pass  # a full or read-only disk: whoever finds the folder taken is told so without it

    def _write(self, path: str, data: bytes, safely: bool = False) -> None:
        """A file of the folder's own user: what root's commands leave here, the service must be able to replace."""
        with open(path, "wb", opener=_for_its_owner) as file:
            if geteuid() == 0:
                folder = fstat(self._lock)
                fchown(file.fileno(), folder.st_uid, folder.st_gid)
            file.write(data)
            file.flush()
            if safely:
                fsync(file.fileno())

    def put(self, name: str, data: bytes) -> str:
        """Replace a file at once and for good; '' where it is on the disk, else the cause in words."""
        path = self.file(name)
        try:
            self._write(path + ".new", data, safely=True)
            rename(path + ".new", path)
            _sync_directory(self.path)
        except OSError as error:
            remove(path + ".new")
            return error.strerror or str(error)
        return ""


class KeptMemory(Memory):
    """One that the folder keeps for its device."""

    __slots__ = ("_alias", "_state")

    def __init__(self, state: StateDirectory, alias: str, content: dict[str, Any]) -> None:
        super().__init__(content, None, urandom, state.counting)
        self._state = state
        self._alias = alias

    def save(self, lore: bool = False) -> bool:
        return self._state.save(self._alias, self.persistent, lore)


class StateDirectory:
    """`path` None keeps everything in memory only. `brief` is the state of a command that runs once: it leaves no file
    for what only spares questions. `old_folders` are those in which other versions or commands may have kept counters.
    """

    def __init__(self, path: str | None, brief: bool = False, old_folders: Sequence[str] = ()) -> None:
        self.folder = StateFolder(path) if path is not None else None
        self.brief = brief
        if self.folder is not None and brief:
            self.folder.patience_s = PATIENCE_S
        self.old_folders = old_folders
        self.counting = self.counter  # once for all memories
        self._counters: KeptCounters | None = None
        self._behind: Behind | None = None
        # Devices of which it is not known what they had to remember: the card may come back with it.
        self._unknown: set[str] = set()

    def memory(self, device_alias: str, known: Memory | None = None) -> Memory:
        """The memory of a device, with what an earlier run left of it; or anew what `known` keeps over a restart."""
        content = self._load(device_alias) if known is None else known.persistent
        return KeptMemory(self, device_alias, content)

    def counter(self, name: str) -> Counter:
        """The invocation counter of a title and key."""
        if self.folder is None:
            from ..counter import Counter

            return Counter(trouble=NO_FOLDER)
        return self.counters(self.folder).counter(name)

    def counters(self, folder: StateFolder) -> KeptCounters:
        """Those of the folder, whose module only a site with keys needs."""
        if self._counters is None:
            from .counters import KeptCounters

            self._counters = KeptCounters(folder, self.old_folders)
        return self._counters

    def _load(self, device_alias: str) -> dict[str, Any]:
        if self.folder is None:
            return {}
        self._unknown.discard(device_alias)
        there = self.folder.look()
        name = self.folder.file(f"{device_alias}.state")
        try:
            data = read_up_to(name, MAX_STATE_BYTES)
        except FileNotFoundError:
            if not there and not self.folder.may_be_made() and not self.brief:
                self._unknown.add(device_alias)
                log.warning(self.folder.missing(), fold="state")
            return {}
        except OSError as error:
            log.warning(f"{name}: {error.strerror}", fold="state")
            return {}
        try:
            content = loads(data)
        except (ValueError, TypeError, OverflowError, RecursionError):
            content = None  # ujson raises each of these, depending on where the damage is
        if isinstance(content, dict):
            return content
        log.warning(f"{name}: not readable as state, begun anew", fold="state")
        return {}

    def save(self, device_alias: str, content: dict[str, Any], lore: bool) -> bool:
        if self.folder is None or device_alias in self._unknown or (lore and self.brief):
            return False
        cause = self.folder.own()
        name = self.folder.file(f"{device_alias}.state")
        if not cause:
            try:
                cause = self._put(f"{device_alias}.state", dumps(content).encode(), lore)
            except (ValueError, TypeError, OverflowError) as error:  # what no JSON can hold
                cause = str(error)
        if cause:
            log.error(f"{name}: what must survive a restart cannot be kept: {cause}", fold="state")
            return False
        log.recovered("state", f"{name}: kept again")
        return True

    def _put(self, name: str, data: bytes, lore: bool) -> str:
        if self._behind is not None:
            return self._behind.put_later(name, data) if lore else self._behind.put_now(name, data)
        return self.folder.put(name, data) if self.folder is not None else NO_FOLDER

    def write_behind(self) -> None:
        """From now on a thread writes what only spares questions: there is a loop that must not wait for it."""
        if self.folder is not None:
            from .behind import Behind

            self._behind = Behind(self.folder.put)

    def finish(self) -> None:
        """All that is to be kept is on the disk when this returns."""
        if self._behind is not None:
            self._behind.finish()


def _for_its_owner(path: str, flags: int) -> int:
    return open_descriptor(path, flags, FILE_MODE)


def _holds_something(path: str) -> bool:
    try:
        return bool(listdir(path or "."))
    except OSError:
        return False


def _sync_directory(path: str) -> None:
    """Only then does the new name survive a power cut; the file's content alone is on the disk already."""
    fd = open_descriptor(path, O_RDONLY | O_DIRECTORY)
    try:
        fsync(fd)
    finally:
        close(fd)


def remove(name: str) -> None:
    try:
        unlink(name)
    except OSError:
        pass  # it was never made
