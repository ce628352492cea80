"""Files that are whole or not there, and that outlive a power cut: written beside, synced, renamed, the folder synced.

On a gateway root writes them and the daemon's group reads them, which is the group of their folder.
"""

from __future__ import annotations

from os import (
    O_CREAT,
    O_DIRECTORY,
    O_EXCL,
    O_RDONLY,
    O_WRONLY,
    close,
    fchmod,
    fchown,
    fdopen,
    fsync,
    replace,
    rmdir,
    stat,
    unlink,
)
from os import open as open_descriptor

from ..paths import parent

MODE = 0o640
NEW = ".new"


def put(path: str, data: bytes, mode: int = MODE) -> str:
    """'' where it is on the disk, else why not."""
    try:
        write(path, data, mode)
    except OSError as error:
        return error.strerror or str(error)
    return ""


def write(path: str, data: bytes, mode: int = MODE) -> None:
    """Raises: OSError, and then all is as it was."""
    new = path + NEW
    remove(new)
    create(new, data, mode)
    try:
        replace(new, path)
        sync_folder(path)
    except OSError:
        remove(new)
        raise


def create(path: str, data: bytes, mode: int = MODE) -> None:
    """A file that was not there; never wider open than `mode`, from its first moment. Raises: OSError."""
    fd = open_descriptor(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
    with fdopen(fd, "wb") as file:
        group = stat(parent(path) or ".").st_gid
        try:
            fchown(file.fileno(), -1, group)
        except OSError:
            pass  # not root: its group is the user's own
        fchmod(file.fileno(), mode)
        file.write(data)
        file.flush()
        fsync(file.fileno())


def sync_folder(path: str) -> None:
    """The folder in which `path` is. Raises: OSError."""
    fd = open_descriptor(parent(path) or ".", O_RDONLY | O_DIRECTORY)
    try:
        fsync(fd)
    finally:
        close(fd)


def remove(path: str) -> None:
    try:
        unlink(path)
    except FileNotFoundError:
        pass


def remove_folder(path: str, names: list[str]) -> None:
    """A folder with these files, as far as they are there."""
    for name in names:
        remove(f"{path}/{name}")
    try:
        rmdir(path)
    except OSError:
        pass  # it was never made
