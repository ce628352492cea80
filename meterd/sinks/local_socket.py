"""A local Unix socket on which every client gets the readings as they come, one msgpack map after the other.

Clients only listen; what one sends is thrown away. The dirt to survive: a client that stops reading (its buffer is
bounded, then it is dropped with one log line), one that vanishes, a crowd of them, a socket file left behind by a
meterd that was killed. `socket` is not imported, for it costs a small gateway half a start-up; `_socket` is its C part.
msgpack is imported when the first client comes.
"""

from __future__ import annotations

import _socket
import errno
import posix
import select
import stat

from .. import log
from ..errors import ConfigError
from .format import msgpack_fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..model import Reading
    from .lines import Loop

MAX_CLIENTS = 16
MAX_WAITING = 256 * 1024  # bytes per client: hours of a slow gateway's readings
MODE = 0o660
# poll tells these two whether they were asked for or not.
GONE = select.POLLHUP | select.POLLERR | select.POLLNVAL


class _Client:
    """One listener: its descriptor, what it has not taken yet, and the poll mask that is in force."""

    __slots__ = ("events", "fd", "waiting")

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.waiting = bytearray()
        self.events = select.POLLIN


class LocalSocket:
    """Listens at `path` from the moment it is made. Raises: ConfigError where it cannot."""

    def __init__(self, path: str, loop: Loop) -> None:
        self.path = path
        self.clients: list[_Client] = []
        self._loop = loop
        self._pack: Callable[[Any], bytes] | None = None
        self._listener = listen(path)
        self._identity = _identity(path)
        loop.register(self._listener.fileno(), select.POLLIN, self._on_knock)

    def accept(self, reading: Reading) -> None:
        if not self.clients:
            return
        if self._pack is None:
            from msgpack import packb

            self._pack = packb
        packed = self._pack(msgpack_fields(reading))
        for client in self.clients.copy():
            if len(client.waiting) + len(packed) > MAX_WAITING:
                log.warning(f"{self.path}: a client reads too slowly and is dropped", fold=f"sink {self.path}")
                self._drop(client)
            else:
                client.waiting += packed

    def flush(self) -> None:
        for client in self.clients.copy():
            if client.waiting:
                self._write(client)

    def reopen(self) -> None:
        """Clients keep their connection over a reload."""

    def close(self) -> None:
        self.flush()
        for client in self.clients.copy():
            self._drop(client)
        if self._listener.fileno() < 0:
            return
        self._loop.unregister(self._listener.fileno())
        self._listener.close()
        # A successor may have put its own socket there by now.
        if _identity(self.path) == self._identity:
            posix.unlink(self.path)

    def _on_knock(self, revents: int) -> None:
        try:
            fd, _ = self._listener._accept()
        except OSError:
            return  # the client left again, or descriptors are short: the next knock tells
        if len(self.clients) >= MAX_CLIENTS:
            log.warning(f"{self.path}: more than {MAX_CLIENTS} clients; one is turned away", fold=f"sink {self.path}")
            posix.close(fd)
            return
        posix.set_blocking(fd, False)
        client = _Client(fd)
        self.clients.append(client)
        self._loop.register(fd, select.POLLIN, lambda revents: self._on_client(client, revents))

    def _on_client(self, client: _Client, revents: int) -> None:
        if revents & GONE:
            self._drop(client)
            return
        if revents & select.POLLIN:
            self._skip_input(client)
        if revents & select.POLLOUT and client in self.clients:
            self._write(client)

    def _skip_input(self, client: _Client) -> None:
        try:
            ended = not posix.read(client.fd, 4096)
        except BlockingIOError:
            return
        except OSError:
            self._drop(client)
            return
        if ended:
            # It will say no more but may listen on (`nc -U … </dev/null`); that it hung up poll tells unasked.
            self._poll_for(client, client.events & ~select.POLLIN)

    def _write(self, client: _Client) -> None:
        try:
            del client.waiting[: posix.write(client.fd, client.waiting)]
        except BlockingIOError:
            pass
        except OSError:
            self._drop(client)
            return
        more = select.POLLOUT if client.waiting else 0
        self._poll_for(client, (client.events & ~select.POLLOUT) | more)

    def _poll_for(self, client: _Client, events: int) -> None:
        if events != client.events:
            client.events = events
            self._loop.modify(client.fd, events)

    def _drop(self, client: _Client) -> None:
        if client in self.clients:
            self.clients.remove(client)
            self._loop.unregister(client.fd)
            posix.close(client.fd)


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = posix.stat(path)
    except OSError:
        return None
    return (found.st_dev, found.st_ino)


def listen(path: str) -> Any:
    """A listening socket at `path`, mode 0660 from its first moment."""
    _clear_away(path)
    listener = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_NONBLOCK | _socket.SOCK_CLOEXEC, 0)
    before = posix.umask(0o777 & ~MODE)
    try:
        listener.bind(path)
        listener.listen(MAX_CLIENTS)
    except OSError as error:
        listener.close()
        raise ConfigError(path, f"the local socket cannot be opened: {error.strerror or error}") from error
    finally:
        posix.umask(before)
    return listener


def _clear_away(path: str) -> None:
    """Remove the socket file of a process that is no more; refuse to touch anything else."""
    try:
        mode = posix.stat(path).st_mode
    except OSError:
        return  # nothing there, or bind will say why
    if not stat.S_ISSOCK(mode):
        raise ConfigError(path, "the local socket cannot be opened: something that is no socket has this name")
    probe = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC, 0)
    try:
        probe.setblocking(False)
        probe.connect(path)
    except OSError as error:
        if error.errno == errno.ECONNREFUSED:
            posix.unlink(path)
            return
        if error.errno != errno.EAGAIN:
            return
    finally:
        probe.close()
    raise ConfigError(path, "the local socket cannot be opened: another process listens there")
