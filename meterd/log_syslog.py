"""The local syslog, for the log of those who ask for it; as with standard error (`log_outputs`), nobody waits for it.

The dirt to survive: a syslog that takes none, is not there yet, or was started anew.
"""

from __future__ import annotations

from _socket import AF_UNIX, MSG_DONTWAIT, SOCK_DGRAM, socket
from errno import EAGAIN
from posix import getpid
from time import localtime, strftime

_LOG_DAEMON = 3 << 3
_SYSLOG = "/dev/log"


class Syslog:
    """The local syslog, facility daemon (RFC 3164 as local programs speak it), a datagram a line."""

    __slots__ = ("_connection", "_lost")

    def __init__(self) -> None:
        self._connection: socket | None = None
        self._lost = 0

    def __call__(self, level: int, message: str) -> None:
        if self._lost and self._send(4, f"log lines were lost while syslog took none: {self._lost}"):
            self._lost = 0
        if not self._send(level, message):
            self._lost += 1

    def flush(self) -> None:
        """Nothing waits here."""

    def _send(self, level: int, message: str) -> bool:
        stamp = strftime("%b %e %H:%M:%S", localtime())
        line = f"<{_LOG_DAEMON | level}>{stamp} meterd[{getpid()}]: {message}".encode("utf-8", "backslashreplace")
        try:
            self._connected().send(line, MSG_DONTWAIT)
        except OSError as error:
            if error.errno != EAGAIN:
                self.close()  # it was started anew, or is not there yet
            return False
        return True

    def _connected(self) -> socket:
        if self._connection is None:
            self._connection = connection = socket(AF_UNIX, SOCK_DGRAM)
            connection.connect(_SYSLOG)
        return self._connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


to_syslog = Syslog()
