"""A configuration on trial: in force at once, and taken back unless it is confirmed in time, as routers do it.

`target` is the one file that may be exchanged. Beside it lie, while a trial lasts, `target.before` (what was in force,
if anything) and `target.trial` (the hash of what is on trial). The journal `target.trial` is on the disk before the
target changes and goes when the trial is over, so whoever finds it there knows: not confirmed. A process that begins
takes it back at once, so a power cut, a crash and a gateway that hangs end as a time that ran out does.
"""

from __future__ import annotations

from hashlib import sha256
from os import replace

from ..gateway.json_text import dumps, loads
from ..paths import exists, read_up_to
from .whole_files import remove, sync_folder, write

MAX_CONFIGURATION = 262_144


def hash_of(data: bytes) -> str:
    return sha256(data).hexdigest()


class Trial:
    def __init__(self, target: str) -> None:
        self.target = target
        self._before = target + ".before"
        self._journal = target + ".trial"

    def present(self) -> str:
        """The hash of what is in force; '' where there is nothing. Raises: OSError."""
        try:
            return hash_of(read_up_to(self.target, MAX_CONFIGURATION + 1))
        except FileNotFoundError:
            return ""

    def pending(self) -> str:
        """The hash of what is on trial; '' where nothing is."""
        if not exists(self._journal):
            return ""
        try:
            content = loads(read_up_to(self._journal, 1000))
            return str(content["hash"])
        except (OSError, ValueError, TypeError, KeyError):
            return "?"  # there is one, whatever it says

    def begin(self, data: bytes) -> None:
        """Raises: OSError, and then all is as it was."""
        had = exists(self.target)
        if had:
            write(self._before, read_up_to(self.target, MAX_CONFIGURATION + 1))
        write(self._journal, dumps({"hash": hash_of(data), "had": had}).encode())
        try:
            write(self.target, data)
        except OSError:
            self.take_back()
            raise

    def confirm(self) -> None:
        """It stays. Raises: OSError."""
        remove(self._journal)
        sync_folder(self._journal)
        remove(self._before)

    def take_back(self) -> bool:
        """What was in force before is so again; False where nothing is on trial. Raises: OSError."""
        if not exists(self._journal):
            remove(self._before)  # of a trial that never began, or is confirmed
            return False
        if exists(self._before):
            replace(self._before, self.target)
        elif not self._had():
            remove(self.target)
        sync_folder(self.target)
        remove(self._journal)
        sync_folder(self._journal)
        return True

    def _had(self) -> bool:
        """Whether there was something before; where the journal does not tell, what is there stays."""
        try:
            return bool(loads(read_up_to(self._journal, 1000))["had"])
        except (OSError, ValueError, TypeError, KeyError):
            return True
