"""The readings of a daemon that runs already, from its local socket (`publish.socket` of its configuration)."""

from __future__ import annotations

import asyncio
import socket
from os import PathLike, fspath

from ..errors import PortGone
from .readings import Reading, from_socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from types import TracebackType
    from typing import Any, Self

BLOCK = 65536
MAX_READING = 1 << 20  # bytes of one


def connect(path: str | PathLike[str]) -> Connection:
    """To the daemon that listens at `path`. Raises: PortGone where none does."""
    return Connection(fspath(path))


class Connection:
    """Readings as they come, by `for` or `async for`, until the daemon ends or `close` is called."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.connect(path)
        except OSError as error:
            self._socket.close()
            raise PortGone(f"{path}: no daemon serves readings here: {error.strerror or error}") from None
        self._unpacker = _unpacker()

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Reading]:
        while data := self._socket.recv(BLOCK):
            yield from self._readings(data)

    async def __aiter__(self) -> AsyncIterator[Reading]:
        self._socket.setblocking(False)
        loop = asyncio.get_running_loop()
        while data := await loop.sock_recv(self._socket, BLOCK):
            for reading in self._readings(data):
                yield reading

    def _readings(self, data: bytes) -> Iterator[Reading]:
        self._unpacker.feed(data)
        for fields in self._unpacker:
            yield from_socket(fields)


def _unpacker() -> Any:
    from msgpack import Unpacker

    return Unpacker(max_buffer_size=MAX_READING)
