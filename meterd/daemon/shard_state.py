"""What a shard remembers: its own folder within the state folder that all shards of a machine have in common.

What drivers remember of devices lies in the shard's own folder, `shard-3`, which it alone owns. The common folder is
locked shared (flock): a meterd without --shard, which owns it alone, and shards do not run on one folder at once.
Invocation counters lie in the common folder and are held one by one (`shard_counters`).
The dirt: a second daemon of the same number, a card that is not there (nothing is made in its place).
"""

from __future__ import annotations

from fcntl import LOCK_NB, LOCK_SH, flock

from ..paths import join
from ..ports._timers import Timer
from .state import StateDirectory, StateFolder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..ports._loop import Loop
    from .counters import KeptCounters
    from .shard_counters import ShardCounters


class CommonFolder(StateFolder):
    """The state folder in which all shards of a machine keep their counters: owned by all of them, and by no other."""

    def _lock_in_time(self, fd: int) -> str:
        try:
            flock(fd, LOCK_SH | LOCK_NB)
        except OSError:
            return (
                f"the folder {self.path} is in use by a meterd without --shard{self.who()}, and would be used by this "
                "shard, too: stop that one first"
            )
        return ""

    def _write_owner(self) -> None:
        """There is no single one."""


class OwnFolder(StateFolder):
    """`shard-3` within the common folder, made where that one is there or may be made."""

    def __init__(self, common: StateFolder, number: int) -> None:
        super().__init__(join(common.path, f"shard-{number}"))
        self._common = common

    def may_be_made(self) -> bool:
        return not self._was_there and (self._common.look() or self._common.may_be_made())


class ShardState(StateDirectory):
    """`common` is the state as it would be without shards."""

    def __init__(self, common: StateDirectory, number: int) -> None:
        path = common.folder.path if common.folder is not None else None
        super().__init__(path, False, common.old_folders)
        self._common: CommonFolder | None = None
        self._held: ShardCounters | None = None
        self._timer = Timer(self._let_go)
        self._in_use: Callable[[], Iterable[str] | None] = lambda: None
        self._loop: Loop | None = None
        if path is not None:
            self._common = CommonFolder(path)
            self.folder = OwnFolder(self._common, number)
            self.folder.control = common.folder.control if common.folder is not None else ""

    def taken(self) -> str:
        """Why this shard cannot run: another process is the same shard, or one without shards has the common folder.

        A folder that cannot be made or read is told when something is to be kept there, as without shards.
        """
        if self.folder is None or self._common is None:
            return ""
        cause = self._common.own()
        if cause and self._common.is_taken():
            return cause
        cause = self.folder.own()
        return f"is run by another process{self.folder.who()} already" if cause and self.folder.is_taken() else ""

    def counters(self, folder: StateFolder) -> KeptCounters:
        if self._held is None:
            from .shard_counters import ShardCounters

            self._held = ShardCounters(self._common or folder, self.old_folders)
        return self._held

    def let_go_in_time(self, loop: Loop, in_use: Callable[[], Iterable[str] | None]) -> None:
        """Let counters go that no device here uses any more; `in_use` is None while goodbyes are said."""
        if self._held is not None:
            self._loop, self._in_use = loop, in_use
            loop.arm(self._timer, loop.time + self._held.LET_GO_S)

    def _let_go(self) -> None:
        names = self._in_use()
        if self._held is None or self._loop is None:
            return
        if names is None:
            self._loop.arm(self._timer, self._loop.time + self._held.LET_GO_S)
        else:
            self._held.keep_only(names)
