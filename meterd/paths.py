"""File names and the environment as the daemon needs them.

The os module would do, but it brings every abstract base class of collections: a gateway starts a fifteenth later. The
calls themselves come from posix, which is what os has them from.
"""

from __future__ import annotations

from posix import environ, listdir, mkdir, stat

_KIND = 0o170000
_FOLDER = 0o040000
_PIECE = 1 << 16


def join(folder: str, name: str) -> str:
    """`name` in `folder`; an absolute `name` stands for itself."""
    if not folder or name.startswith("/"):
        return name
    return folder + name if folder.endswith("/") else f"{folder}/{name}"


def parent(path: str) -> str:
    """The folder part of a path; empty where there is none."""
    folder, slash, _ = path.rpartition("/")
    return folder.rstrip("/") or slash


def exists(path: str) -> bool:
    return _mode(path) is not None


def is_folder(path: str) -> bool:
    mode = _mode(path)
    return mode is not None and mode & _KIND == _FOLDER


def _mode(path: str) -> int | None:
    try:
        return stat(path).st_mode
    except (OSError, ValueError):  # the latter: a name that no file can have
        return None


def make_folders(path: str, mode: int = 0o777) -> None:
    """The folder and those above it, as far as they are missing; `mode` is that of the last. Raises: OSError."""
    if not path or is_folder(path):
        return
    make_folders(parent(path))
    try:
        mkdir(path, mode)
    except FileExistsError:
        if not is_folder(path):
            raise


def read_up_to(path: str, limit: int) -> bytes:
    """A file's octets, no more than `limit`. Raises: OSError.

    Piece by piece: Python makes room for all that it is asked for before it reads, and a gateway with 64 MB has none
    for a limit that no sound file comes near.
    """
    parts = []
    with open(path, "rb") as file:
        while limit > 0 and (part := file.read(min(limit, _PIECE))):
            parts.append(part)
            limit -= len(part)
    return b"".join(parts)


def files_of(path: str, ending: str) -> list[str]:
    """The files of a folder with that ending; none where it cannot be looked into."""
    try:
        return [join(path, name) for name in listdir(path) if name.endswith(ending)]
    except OSError:
        return []


def environment(name: str) -> str | None:
    """A variable of the environment in which the process was started."""
    found: bytes | None = environ.get(name.encode())
    return None if found is None else found.decode("utf-8", "surrogateescape")
