"""A local Unix socket on which every client gets the readings as they come, one msgpack map after the other.

Clients only listen; what one sends is thrown away. The dirt to survive: a client that stops reading (its buffer is
bounded, then it is dropped with one log line), one that vanishes, a crowd of them. msgpack is imported when the first
client comes.
"""

from __future__ import annotations

import posix

from .. import log
from ..errors import ConfigError
from ..gateway.json_text import encode
from ..parameters import BOTH, STRING, Parameter
from ..ports.listener import Listener, unix_socket
from ..ports.stream import Stream
from .format import json_line, msgpack_fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..model import Reading
    from ..ports._loop import Loop

MAX_CLIENTS = 16
MAX_WAITING = 256 * 1024  # bytes per client: hours of a slow gateway's readings
MAX_BATCH = 16 * 1024  # bytes of a turn's readings that are handed to the clients together

MAX_PATH = 107  # sockaddr_un holds 108 bytes, the last of them 0

PARAMETERS = (
    Parameter(
        "path",
        STRING,
        "Local Unix socket that streams readings: msgpack maps, or JSON lines where msgpack is not installed",
        low=1,
        high=MAX_PATH,
        origin="meterd",
        **BOTH,
    ),
)


def _packer(path: str) -> Callable[[Reading], bytes]:
    """What a reading becomes on the socket. A small gateway may do without msgpack, which pulls a C++ library in."""
    try:
        from msgpack import packb
    except ImportError:
        log.notice(f"{path}: JSON lines, for msgpack is not installed (opkg install python3-msgpack)")
        return lambda reading: encode(json_line(reading)) + b"\n"
    return lambda reading: packb(msgpack_fields(reading))


class LocalSocket:
    """Listens at `path` from the moment it is made. Raises: ConfigError where it cannot."""

    def __init__(self, path: str, loop: Loop) -> None:
        self.path = path
        self.clients: list[Stream] = []
        self._loop = loop
        self._pack: Callable[[Reading], bytes] | None = None
        self._batch: list[bytes] = []
        self._batch_size = 0
        self._dropped = 0  # clients that read too slowly
        try:
            self._listener = Listener(loop, unix_socket(path), self._serve)
        except OSError as error:
            raise ConfigError(path, f"the local socket cannot be opened: {error.strerror}") from error

    def accept(self, reading: Reading) -> None:
        if not self.clients:
            return
        if self._pack is None:
            self._pack = _packer(self.path)
        packed = self._pack(reading)
        self._batch.append(packed)
        self._batch_size += len(packed)
        if self._batch_size > MAX_BATCH:
            self.flush()

    def flush(self) -> None:
        if not self._batch:
            return
        data = b"".join(self._batch)
        self._batch.clear()
        self._batch_size = 0
        for client in self.clients.copy():
            if not client.send(data):
                log.warning(f"{self.path}: a client reads too slowly and is dropped", fold=f"sink {self.path}")
                client.close()
                self.clients.remove(client)
                self._dropped += 1

    def condition(self) -> tuple[str, str, int, int]:
        """Who connects late has missed what was before: nothing is kept for nobody, and nothing counted as lost."""
        state = f"clients: {len(self.clients)}" if self.clients else "nobody is connected"
        if self._dropped:
            state += f"; dropped, for they read too slowly: {self._dropped}"
        return self.path, state, sum(client.waiting for client in self.clients), 0

    def reopen(self) -> None:
        """Clients keep their connection over a reload."""

    def close(self) -> None:
        self.flush()
        for client in self.clients:
            client.close()
        self.clients.clear()
        self._listener.close()

    def _serve(self, fd: int) -> None:
        if len(self.clients) >= MAX_CLIENTS:
            log.warning(f"{self.path}: more than {MAX_CLIENTS} clients; one is turned away", fold=f"sink {self.path}")
            posix.close(fd)
            return
        client = Stream(self._loop, fd, MAX_WAITING)
        client.on_end = lambda error: self.clients.remove(client)
        self.clients.append(client)


def open_sink(parameters: dict[str, Any], loop: Loop) -> LocalSocket:
    return LocalSocket(parameters["path"], loop)
