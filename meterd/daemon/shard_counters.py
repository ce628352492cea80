"""Invocation counters that the shards of a machine have in common, each held by one process at a time.

They belong to (system title, key), and a device that goes to another shard takes its key along: so they lie where they
would without shards, in the common state folder, one file each. Holding one is a lock on one octet of the file
`counters.held` (fcntl), which ends with the process, however that ends; what is held is read from the record first, so
whatever another shard has reserved is not spent again. A shard whose reload took a device away lets its counter go once
the goodbyes are over; until then the other shard's reads fail with reason `key`, and say why.
Shards on several machines have no folder in common: docs/shards.md says what that means for keys.
"""

from __future__ import annotations

from fcntl import LOCK_EX, LOCK_NB, LOCK_UN, lockf
from posix import O_CLOEXEC, O_CREAT, O_RDWR
from posix import open as open_descriptor

from ..counter import Counter
from ..errors import SecurityError
from .counters import KeptCounters
from .state import FILE_MODE, StateFolder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HELD = "counters.held"
INDEX_OCTET = 0


class ShardCounters(KeptCounters):
    """Counters of which each is held by one process at a time."""

    LET_GO_S = 10.0  # goodbyes are over by then, or ended with their line

    def __init__(self, folder: StateFolder, old_folders: Sequence[str] = ()) -> None:
        super().__init__(folder, old_folders)
        self._folder = folder
        self._fd = -1
        self._held: set[str] = set()

    def counter(self, name: str) -> Counter:
        trouble = "" if name in self._held else self._hold(name)
        if trouble:
            known = self._known.get(name)
            if known is None:
                known = self._known[name] = self._troubled(name, trouble)
            known.trouble = trouble
            return known
        return super().counter(name)

    def keep_only(self, names: Iterable[str]) -> None:
        """Let the others go. Who still has one in hand can spend nothing of it."""
        for name in self._held - {*names}:
            known = self._known.get(name)
            if known is not None:
                known.trial, known.trouble = None, "its invocation counter was let go: another shard may use it"
            self._held.discard(name)
            lockf(self._fd, LOCK_UN, 1, _octet(name))

    def _hold(self, name: str) -> str:
        """'' where it is ours from now on, else why not."""
        trouble = self._folder.own()
        if trouble:
            return trouble
        try:
            if self._fd < 0:
                self._fd = open_descriptor(self._folder.file(HELD), O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE)
        except OSError as error:
            return f"{self._folder.file(HELD)}: {error.strerror}, and without it shards might spend one number twice"
        try:
            lockf(self._fd, LOCK_EX | LOCK_NB, 1, _octet(name))
        except OSError:
            return (
                "its invocation counter is held by another shard, which read this meter before: reload that one too; "
                f"it lets go within {self.LET_GO_S:.0f} s"
            )
        self._held.add(name)
        known = self._known.get(name)
        if known is not None:  # what it is by now stands on record
            known.trouble = known.trouble or "it was another shard's meanwhile"
        return ""

    def _begin(self, name: str, place: str) -> Counter:
        """Others write the index too: it is read anew, and made by one."""
        self._seen = None
        lockf(self._fd, LOCK_EX, 1, INDEX_OCTET)
        try:
            return super()._begin(name, place)
        finally:
            lockf(self._fd, LOCK_UN, 1, INDEX_OCTET)

    def _keep(self, name: str, reserved: int | None, tried: tuple[int, ...]) -> None:
        if name not in self._held:
            raise SecurityError("no invocation counter is used that another shard may use")
        super()._keep(name, reserved, tried)


def _octet(name: str) -> int:
    """Where in the file a counter is held; 60 bits of its name, and never the index's place."""
    return (int(name[:15], 16) if name else 0) + 1
