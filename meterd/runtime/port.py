"""What a line knows of its port: bytes out, bytes in, and that it may vanish at any moment.

A port owns one file descriptor in the loop. Whoever uses it sets `on_data(bytes)`, `on_sent()` and `on_gone(error)`.
Reads take a block at a time; after a partial frame the reader may `hush` a serial port until the missing bytes can
have come, so that a slow line does not wake the process for every few of them.
"""

from __future__ import annotations

from os import read, write
from select import POLLIN, POLLOUT

from ..errors import PortGone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..conversation import LineSettings
    from .loop import Loop

READ_SIZE = 4096


def _nobody(*_: object) -> None:
    """Stands where no callback is set."""


class Port:
    """Base of all ports. `name` is for messages; `character_s` is how long one character takes, 0 where unknown."""

    __slots__ = ("_unsent", "character_s", "fd", "loop", "name", "on_data", "on_gone", "on_sent", "settings")

    def __init__(self, loop: Loop, name: str) -> None:
        self.loop = loop
        self.name = name
        self.fd = -1
        self.character_s = 0.0
        self.settings: LineSettings | None = None
        self.on_data: Callable[[bytes], None] = _nobody
        self.on_sent: Callable[[], None] = _nobody
        self.on_gone: Callable[[PortGone], None] = _nobody
        self._unsent = b""

    def is_open(self) -> bool:
        return self.fd >= 0

    def attach(self, fd: int) -> None:
        """Take an open, non-blocking descriptor into the loop."""
        self.fd = fd
        self._unsent = b""
        self.loop.register(fd, POLLIN, self._on_event)

    def close(self) -> None:
        """Let go of the descriptor; may be called at any time, also twice."""
        if self.fd >= 0:
            self.loop.unregister(self.fd)
            self._close_descriptor()
            self.fd = -1
            self._unsent = b""

    def _close_descriptor(self) -> None:
        raise NotImplementedError

    def apply(self, settings: LineSettings) -> None:
        """Put line settings in force. Raises: PortGone."""
        self.settings = settings

    def hush(self, characters: int, limit_s: float) -> None:
        """Do not wake for input while so many characters come, 1 standing for an unknown number, nor beyond `limit_s`;
        the base has no reason to."""

    def send(self, data: bytes) -> bool:
        """Put `data` out. True if it has left already; else `on_sent` is called once it has. Raises: PortGone."""
        if self._write(self._unsent + data if self._unsent else data):
            return True
        self.loop.modify(self.fd, POLLIN | POLLOUT)
        return False

    def _write(self, data: bytes) -> bool:
        try:
            written = write(self.fd, data)
        except BlockingIOError:
            written = 0
        except OSError as error:
            raise self._gone(error) from None
        self._unsent = data[written:]
        return not self._unsent

    def drain_input(self) -> bytes:
        """All that has come in and was not read yet. Raises: PortGone."""
        taken = b""
        while len(taken) < 16 * READ_SIZE:
            data = self._read()
            if not data:
                break
            taken += data
        return taken

    def _read(self) -> bytes:
        """One block, or nothing where none is there. Raises: PortGone."""
        try:
            data = read(self.fd, READ_SIZE)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise self._gone(error) from None
        if not data:
            raise PortGone(f"{self.name}: the other side closed the connection")
        return data

    def is_sending(self) -> bool:
        """Whether bytes that were to be sent are still here."""
        return bool(self._unsent)

    def _lose(self, error: PortGone) -> None:
        """The port is of no use any more: close it and tell."""
        self.close()
        self.on_gone(error)

    def _gone(self, error: OSError) -> PortGone:
        return PortGone(f"{self.name}: {error.strerror or error}")

    def _on_event(self, revents: int) -> None:
        try:
            if revents != POLLIN:
                self._on_other_event(revents)
                return
            data = self._read()
        except PortGone as error:
            self._lose(error)
            return
        if data:
            self.on_data(data)

    def _on_other_event(self, revents: int) -> None:
        """The descriptor takes more bytes, or is in trouble, which reading tells. Raises: PortGone."""
        if revents & POLLOUT and self._write(self._unsent):
            self.loop.modify(self.fd, POLLIN)
            self.on_sent()
        if revents & ~POLLOUT and self.fd >= 0:
            data = self._read()
            if data:
                self.on_data(data)
