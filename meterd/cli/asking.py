"""Devices whose keys a running daemon uses are read by that daemon: it is asked for a scan at its control socket.

Two processes that seal under one key would use one invocation counter twice. The state folder tells who owns it. Meters
that call are connected to the daemon, and to nobody else.
"""

from __future__ import annotations

from _socket import AF_UNIX, SOCK_STREAM, socket

from ..daemon.control import SCAN_S, default_path
from ..daemon.state import StateFolder
from ..gateway.json_text import loads
from ..paths import files_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..daemon.daemon import Daemon
    from ..daemon.job import Job
    from ..daemon.state import StateDirectory

BLOCK = 65536


def ask_owner(state: StateDirectory, daemon: Daemon, take: Callable[[str, dict[str, Any]], None]) -> set[str]:
    """Have the owner of the state folder read what is read under keys or calls; the devices that it has read.

    `take(line, reading)` gets each reading, as the line of JSON that it is and as what that says.
    """
    jobs = [job for job in daemon.jobs.values() if job.plan.counter_names is not None or job.plan.device.calls()]
    if state.folder is None:
        return set()
    if not state.folder.is_taken():  # a daemon that keeps nothing has taken none
        jobs = [job for job in jobs if job.plan.device.calls()]
    paths = _sockets(state.folder)
    return {job.alias() for job in jobs if any(_ask(path, job, take) for path in paths)}


def _sockets(folder: StateFolder) -> list[str]:
    """Where the owner answers; shards, which own a folder together, each have one within it that tells."""
    shards = [StateFolder(path).owner()[1] for path in files_of(folder.path, "") if "/shard-" in path]
    return [path for path in (folder.owner()[1] or default_path(), *shards) if path]


def _ask(path: str, job: Job, take: Callable[[str, dict[str, Any]], None]) -> bool:
    """Whether the daemon at `path` has read the device."""
    wanted = {signal.alias for signal in job.signals}
    connection = socket(AF_UNIX, SOCK_STREAM)
    connection.settimeout(SCAN_S + 5.0)
    waiting = b""
    try:
        connection.connect(path)
        connection.sendall(f"read {job.alias()} {job.plan.device.line}\n".encode())
        while block := connection.recv(BLOCK):
            *lines, waiting = (waiting + block).split(b"\n")
            for line in lines:
                content = loads(line)
                if "ok" in content:
                    return bool(content.get("read"))
                if content["signal"] in wanted:
                    take(line.decode("utf-8", "replace"), content)
    except (OSError, ValueError):  # it went away in the middle of a line
        return False
    finally:
        connection.close()
    return False
