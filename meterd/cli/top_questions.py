"""What `meterd top` asks the daemon, without ever waiting for it: a connection for each question, a few at a time.

Dirt to survive: no daemon, one that ends in the middle of an answer or does not answer, one that was updated and knows
other requests. Bounds: MAX_ANSWER bytes of an answer, MAX_TRACE lines of a trace, PATIENCE_S for a page.
"""

from __future__ import annotations

from _socket import AF_UNIX, SOCK_STREAM, socket
from collections import deque
from time import monotonic

from ..daemon.control import SCAN_S
from ..gateway.json_text import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..explain.one_line import Telling

PATIENCE_S = 10.0
MAX_ANSWER = 4 << 20
MAX_TRACE = 500
BLOCK = 65536


class NoDaemon(Exception):
    """Nobody answers there; the message says why, in words."""


def connected(path: str, request: str) -> socket:
    """Raises: NoDaemon."""
    connection = socket(AF_UNIX, SOCK_STREAM)
    try:
        connection.settimeout(PATIENCE_S)
        connection.connect(path)
        connection.sendall(request.encode() + b"\n")
        connection.setblocking(False)
    except OSError as error:
        connection.close()
        raise NoDaemon(error.strerror or str(error)) from error
    return connection


class Question:
    """One request whose answer is the last line of what comes. Raises: NoDaemon."""

    def __init__(self, path: str, request: str, patience_s: float = PATIENCE_S) -> None:
        self._connection = connected(path, request)
        self.fd = self._connection.fileno()
        self._data = bytearray()
        self.limit = monotonic() + patience_s
        self.answer: dict[str, Any] | None = None

    def take(self) -> bool:
        """What has come; whether that is all. `answer` is then there, be it that there is none."""
        try:
            block = self._connection.recv(BLOCK)
        except BlockingIOError:
            return False
        except OSError:
            block = b""
        self._data += block
        if block and len(self._data) <= MAX_ANSWER:
            return False
        self._end()
        return True

    def is_late(self) -> bool:
        return monotonic() > self.limit

    def _end(self) -> None:
        self._connection.close()
        last = bytes(self._data).rstrip(b"\n").rpartition(b"\n")[2]
        try:
            answer = loads(last.decode())
        except ValueError:
            answer = None
        if not isinstance(answer, dict) or not isinstance(answer.get("ok"), bool):
            answer = {"ok": False, "error": "the daemon ended before it had answered"}
        self.answer = answer

    def close(self) -> None:
        self._connection.close()


def asked(path: str, request: str) -> dict[str, Any]:
    """An answer that is waited for. Raises: NoDaemon."""
    from select import select

    question = Question(path, request)
    while not question.is_late():
        if select([question.fd], [], [], 1.0)[0] and question.take():
            assert question.answer is not None
            return question.answer
    question.close()
    raise NoDaemon(f"it has not answered for {PATIENCE_S:g} s")


def read_now(path: str, device: str, line: str) -> Question:
    """One scan of a device; its readings come to every sink as well."""
    return Question(path, f"read {device} {line}", SCAN_S + PATIENCE_S)


class Trace:
    """The wire of one device from now on, the last lines of it: in words where meterd-explain is there."""

    def __init__(self, path: str, device: str) -> None:
        self.device = device
        self.lines: deque[str] = deque(maxlen=MAX_TRACE)
        self._waiting = b""
        self._connection = connected(path, f"trace {device}")
        self.fd = self._connection.fileno()
        self._telling = _telling(self.lines.append)
        self.ended = False

    def take(self) -> None:
        try:
            block = self._connection.recv(BLOCK)
        except BlockingIOError:
            return
        except OSError:
            block = b""
        if not block:
            if self._telling is not None:
                self._telling.end()
            self.lines.append("# the daemon ended the trace")
            self.close()
            return
        *rows, self._waiting = (self._waiting + block).split(b"\n")
        for row in rows:
            self._row(row.decode("ascii", "replace"))
        self._waiting = self._waiting[-BLOCK:]  # no row is as long

    def _row(self, row: str) -> None:
        if row.startswith("# meterd wire log"):
            return
        if self._telling is None or row.startswith("#"):
            self.lines.append(row)
        else:
            self._telling.row(row)

    def idle(self) -> None:
        """Nothing more comes at present: what was held back, to be joined with that, is shown."""
        if self._telling is not None:
            self._telling.idle()

    def close(self) -> None:
        self.ended = True
        self._connection.close()


def _telling(say: Callable[[str], None]) -> Telling | None:
    try:
        from ..explain.one_line import Telling
    except ModuleNotFoundError:
        return None
    return Telling(say)
