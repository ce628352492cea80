"""The readings of a daemon that runs already, from its local socket (`publish.socket` of its configuration).

They come as msgpack maps, or as JSON lines from a gateway without msgpack; the first byte tells.
"""

from __future__ import annotations

import asyncio
import json
import socket
from decimal import Decimal
from os import PathLike, fspath

from ..errors import DecodeError, PortGone
from .readings import Reading, from_socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
    from types import TracebackType
    from typing import Any, Self

BLOCK = 65536
MAX_READING = 1 << 20  # bytes of one


def connect(path: str | PathLike[str], after: tuple[int, int] | None = None) -> Connection:
    """To the daemon that listens at `path`. Raises: PortGone where none does.

    `after`, the `position` of an earlier connection, first gives what came since, as far as the daemon keeps it
    (`publish.socket.keep_readings`); `lost` of the connection then has the ranges of numbers that it does not.
    """
    return Connection(fspath(path), after)


class Connection:
    """Readings as they come, by `for` or `async for`, until the daemon ends or `close` is called.

    `position` is where it stands, for `connect(path, after=…)` later on; None where the daemon keeps no readings.
    """

    def __init__(self, path: str, after: tuple[int, int] | None = None) -> None:
        self._path = path
        self.position: tuple[int, int] | None = None
        self.lost: list[tuple[int, int]] = []
        self._awaits_replay = after is not None
        self._first_live = 0
        self._early: list[Mapping[str, Any]] = []  # came while what came before them is still to come
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.connect(path)
        except OSError as error:
            self._socket.close()
            raise PortGone(f"{path}: no daemon serves readings here: {error.strerror or error}") from None
        if after is not None:
            self._socket.sendall(b"%d %d\n" % after)
        self._decode: Callable[[bytes], Iterable[Mapping[str, Any]]] | None = None

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
        if self._decode is None:
            self._decode = _Lines().decode if data.startswith(b"{") else _maps()
        for fields in self._decode(data):
            if "device" not in fields:
                yield from map(self._reading, self._told(fields))
            elif self._awaits_replay and self._is_live(fields):
                self._early.append(fields)
            else:
                yield self._reading(fields)

    def _reading(self, fields: Mapping[str, Any]) -> Reading:
        if self.position is not None and "sequence" in fields:
            self.position = (self.position[0], fields["sequence"])
        return from_socket(fields)

    def _told(self, fields: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """What the daemon says about the readings. Returns: those that may follow now."""
        if "begun_ms" in fields:
            self.position = (fields["begun_ms"], fields["next"] - 1)
            self._first_live = fields["next"]
        elif "lost" in fields:
            first, last = fields["lost"]
            self.lost.append((first, last))
        elif "replayed" in fields:
            early, self._early = self._early, []
            self._awaits_replay = False
            return early
        return []

    def _is_live(self, fields: Mapping[str, Any]) -> bool:
        if self.position is None:
            self.close()
            raise DecodeError(f"{self._path}: this daemon keeps no readings: set publish.socket.keep_readings")
        return bool(fields["sequence"] >= self._first_live)


class _Lines:
    """JSON lines; numbers keep their digits."""

    def __init__(self) -> None:
        self._rest = b""

    def decode(self, data: bytes) -> Iterator[Mapping[str, Any]]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_READING:
            raise DecodeError("a reading without end came from the local socket")
        for line in lines:
            yield json.loads(line, parse_float=Decimal)


def _maps() -> Callable[[bytes], Iterable[Mapping[str, Any]]]:
    from msgpack import Unpacker

    unpacker = Unpacker(max_buffer_size=MAX_READING)

    def decode(data: bytes) -> Iterable[Mapping[str, Any]]:
        unpacker.feed(data)
        maps: Iterable[Mapping[str, Any]] = unpacker
        return maps

    return decode
