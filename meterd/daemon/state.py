"""What drivers remember over a restart: one small JSON file per device, replaced atomically.

On a gateway the directory may be on flash, so drivers save only what they must; on a read-only or full disk meterd
runs on with what it has in memory and says so once. So it does where a named directory is not there and the one above
it is missing or empty, as a mount point is whose card was removed: one made in its place would begin invocation
counters anew.
"""

from __future__ import annotations

from posix import O_DIRECTORY, O_RDONLY, close, fsync, listdir, rename, unlink, urandom
from posix import open as open_descriptor

from .. import log
from ..gateway.json_text import dumps, loads
from ..model import Memory
from ..paths import is_folder, join, make_folders, parent, read_up_to

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

DEFAULT_DIRECTORY = "/var/lib/meterd"
MAX_STATE_BYTES = 4 * 1024 * 1024


class StateDirectory:
    """`path` None keeps everything in memory only. The default directory is made with all above it, another one where
    it can be told that no card is missing.
    """

    def __init__(self, path: str | None) -> None:
        self.path = path
        # Devices of which it is not known what they had to remember: the card may come back with higher counters on it.
        self._unknown: set[str] = set()
        self._was_there = False  # then one that is missing has been taken away

    def memory(self, device_alias: str, known: Memory | None = None) -> Memory:
        """The memory of a device, with what an earlier run left of it; or anew what `known` keeps over a restart."""
        content = self._load(device_alias) if known is None else known.persistent
        return Memory(content, lambda content: self._save(device_alias, content), urandom, _warn)

    def _file(self, device_alias: str) -> str:
        return join(self.path or "", f"{device_alias}.state")

    def _load(self, device_alias: str) -> dict[str, Any]:
        if self.path is None:
            return {}
        self._unknown.discard(device_alias)
        self._was_there = self._was_there or is_folder(self.path)
        try:
            data = read_up_to(self._file(device_alias), MAX_STATE_BYTES)
        except FileNotFoundError:
            if not self._may_be_made() and not is_folder(self.path):
                self._unknown.add(device_alias)
                log.warning(
                    f"the folder {self.path} is not there: what meterd remembers is not kept over a restart; make it, "
                    "or mount what it is on, and start meterd again",
                    fold="state",
                )
            return {}
        except OSError as error:
            log.warning(f"{self._file(device_alias)}: {error.strerror}", fold="state")
            return {}
        try:
            content = loads(data)
        except (ValueError, TypeError, OverflowError, RecursionError):
            content = None  # ujson raises each of these, depending on where the damage is
        if isinstance(content, dict):
            return content
        log.warning(f"{self._file(device_alias)}: not readable as state, begun anew", fold="state")
        return {}

    def _may_be_made(self) -> bool:
        """Whether a missing directory is surely not on a missing card."""
        if self.path == DEFAULT_DIRECTORY:
            return True
        return not self._was_there and _holds_something(parent(self.path or ""))

    def _save(self, device_alias: str, content: dict[str, Any]) -> bool:
        if self.path is None or device_alias in self._unknown:
            return False
        name = self._file(device_alias)
        try:
            if not is_folder(self.path) and self._may_be_made():
                make_folders(self.path, 0o750)
            self._was_there = True
            with open(name + ".new", "wb") as file:
                file.write(dumps(content).encode())
                file.flush()
                fsync(file.fileno())
            rename(name + ".new", name)
            _sync_directory(self.path)
        except (OSError, ValueError, TypeError, OverflowError) as error:  # the latter: what no JSON can hold
            cause = getattr(error, "strerror", None) or error
            log.error(f"{name}: what must survive a restart cannot be kept: {cause}", fold="state")
            _remove(name + ".new")
            return False
        log.recovered("state", f"{name}: kept again")
        return True


def _warn(words: str, fold: str) -> None:
    log.warning(words, fold=fold)


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


def _remove(name: str) -> None:
    try:
        unlink(name)
    except OSError:
        pass  # it was never made
