"""Who holds a device node that cannot be opened, or why this user may not open it: for the sentence of the failure.

The problem: `Device or resource busy` sends a field engineer from program to program. The kernel knows who has the node
open (/proc/PID/fd), and programs that lock ports by the old custom write their number into /var/lock/LCK..NAME.
Assumption: it is looked for only when a port does not open. The walk has a bound in time: there are other meters.
The dirt: processes that end meanwhile; those of other users, whose descriptors only root may see; a jail without /proc;
lock files that a crash left behind.
"""

from __future__ import annotations

from errno import EACCES, EAGAIN, EBUSY, EPERM
from posix import getegid, geteuid, getgroups, getpid, listdir, readlink, stat
from time import thread_time

from ..paths import read_up_to

LIMIT_S = 0.05  # of processor time
MAX_LINKS = 40  # of a symbolic name such as /dev/serial/by-id/…
LOCKS = "/var/lock/LCK.."
IN_USE = (EAGAIN, EBUSY)  # locked (flock) or claimed for one alone (TIOCEXCL)
FORBIDDEN = (EACCES, EPERM)


def why(path: str, number: int | None) -> str:
    """What says more than the system's words for the error of that number; '' where there is nothing."""
    if number in IN_USE:
        return f"the port is in use: {_holder(real(path))}"
    if number in FORBIDDEN:
        return _forbidden(path)
    return ""


def real(path: str) -> str:
    """The node itself behind symbolic links."""
    for _ in range(MAX_LINKS):
        try:
            target = readlink(path)
        except OSError:
            return path
        path = target if target.startswith("/") else _joined(path.rpartition("/")[0], target)
    return path


def _joined(folder: str, name: str) -> str:
    parts = folder.split("/")
    for part in name.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def _holder(node: str) -> str:
    until = thread_time() + LIMIT_S
    hidden = False
    for process in _processes():
        found = _holds(process, node, until)
        if found and int(process) == getpid():
            return "meterd itself has it open under another name: one node is one port, with all its meters"
        if found:
            return f"{_named(process)} has it open; end that one, or give the port to one of the two"
        hidden = hidden or found is None
        if thread_time() > until:
            break
    locked = _locker(node)
    if locked:
        return locked
    unseen = "another user's program has it open" if hidden and geteuid() else "another program has it open"
    return f"{unseen}; as root, `ls -l /proc/[0-9]*/fd | grep {node}` (or `fuser -v {node}`) tells which"


def _processes() -> list[str]:
    """The youngest first: who took a port away was started lately."""
    try:
        numbers = [name for name in listdir("/proc") if name.isdigit()]
    except OSError:
        return []
    return sorted(numbers, key=int, reverse=True)


def _holds(process: str, node: str, until: float) -> bool | None:
    """Whether a process has the node open; None where that may not be seen."""
    folder = f"/proc/{process}/fd"
    try:
        for descriptor in listdir(folder):
            if thread_time() > until:
                return False
            try:
                if readlink(f"{folder}/{descriptor}") == node:
                    return True
            except FileNotFoundError:
                continue
    except FileNotFoundError:
        return False  # it has ended
    except OSError:
        return None
    return False


def _named(process: str) -> str:
    try:
        words = read_up_to(f"/proc/{process}/cmdline", 4096).decode("utf-8", "replace").split("\0")
    except OSError:
        words = []
    program = words[0].rpartition("/")[2]
    if program.startswith("python") and len(words) > 2:  # the script or module says more
        words = words[2:] if words[1] == "-m" else words[1:]
        program += "" if words[0].startswith("-") else f" {words[0].rpartition('/')[2]}"
    if program.endswith("meterd"):  # of what else it was told some may be secret
        program += "".join(f" {word}" for word in words[1:2] if word.isalpha())
        options = enumerate(words[:-1])
        program += "".join(f" -c {words[at + 1]}" for at, word in options if word in ("-c", "--config"))
    return f"process {process}" + (f" ({program})" if program else "")


def _locker(node: str) -> str:
    """Who says in a lock file that the port is taken, as long as that process lives."""
    name = LOCKS + node.rpartition("/")[2]
    try:
        process = read_up_to(name, 64).decode("ascii", "replace").split()[0]
        stat(f"/proc/{int(process)}")
    except (OSError, ValueError, IndexError):
        return ""
    return f"{_named(process)} has locked it by {name}; end that one, or give the port to one of the two"


def _forbidden(path: str) -> str:
    try:
        found = stat(path)
    except OSError:
        return ""
    who = f"this is user {geteuid()} in groups {', '.join(map(str, sorted({getegid(), *getgroups()})))}"
    owner = (
        f"Permission denied: it belongs to user {found.st_uid}, group {found.st_gid}, mode {found.st_mode & 0o777:03o}"
    )
    return f"{owner}, and {who}: join its group (`usermod -aG dialout USER`), and log in again"
