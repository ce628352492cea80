"""Answers to browsers and scrapers on the one loop: a request is read whole, answered at once, and the connection ends.

HTTP/1.1 by h11, which knows the grammar; this knows time and bounds. Only what fetches is served (GET, HEAD).
Bounds: MOST_CLIENTS at a time, MAX_HEAD bytes of a request, REQUEST_S until it is whole, ANSWER_S until the other side
has taken the answer. A client beyond them is sent away, the others notice nothing.
The dirt to survive: requests cut anywhere, that never end, that are none; who reads slowly or never; other sites' pages
that have a browser ask here under their own name (DNS rebinding), which the Host header gives away.
"""

from __future__ import annotations

import posix
from time import gmtime, strftime

import h11

from ._timers import Timer
from .listener import Listener
from .stream import Stream
from .tcp_port import address_family

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket
    from collections.abc import Callable

    from ._loop import Loop

    # Path with query → status, media type, body
    Answer = Callable[[str], tuple[int, str, bytes]]

MOST_CLIENTS = 32
MAX_HEAD = 8192
REQUEST_S = 10.0
ANSWER_S = 30.0
MAX_ANSWER = 8 << 20

PLAIN = "text/plain; charset=utf-8"
_REASONS = {200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
            414: "URI Too Long", 431: "Request Header Fields Too Large", 500: "Internal Server Error"}  # fmt: skip


class HttpServer:
    """Serves what `answer(target)` says on a bound socket (`listener.tcp_socket`, `unix_socket`).

    `hosts` are the names under which it may be asked for, besides addresses; a request for any other is refused.
    """

    def __init__(self, loop: Loop, listening: socket, answer: Answer, hosts: frozenset[str] = frozenset()) -> None:
        self._loop = loop
        self._answer = answer
        self._hosts = hosts
        self.clients: set[_Client] = set()
        self.turned_away = 0
        self._listener = Listener(loop, listening, self._serve)
        self.name = self._listener.name

    @property
    def port(self) -> int:
        return self._listener.port

    def close(self) -> None:
        self._listener.close()
        for client in tuple(self.clients):
            client.close()

    def _serve(self, fd: int) -> None:
        if len(self.clients) >= MOST_CLIENTS:
            self.turned_away += 1
            posix.close(fd)
            return
        self.clients.add(_Client(self, self._loop, fd))

    def answer(self, request: h11.Request) -> tuple[int, str, bytes]:
        """What is said to one whole request."""
        if request.method not in (b"GET", b"HEAD"):
            return 405, PLAIN, b"only GET and HEAD are answered here\n"
        if not self._is_asked_for(request):
            return 403, PLAIN, b"this server is not known under that name: use its address\n"
        return self._answer(request.target.decode("ascii", "replace"))

    def _is_asked_for(self, request: h11.Request) -> bool:
        hosts = [value for name, value in request.headers if name == b"host"]
        if not hosts:
            return True  # HTTP/1.0, which no browser speaks
        host = hosts[0].decode("ascii", "replace").strip().lower()
        if host.startswith("["):
            name = host[1:].partition("]")[0]
        else:
            name = host.partition(":")[0]
        return name == "localhost" or name in self._hosts or bool(address_family(name))


class _Client:
    """One connection, which asks once."""

    def __init__(self, server: HttpServer, loop: Loop, fd: int) -> None:
        self._server = server
        self._loop = loop
        self._connection = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
        self._is_answered = False
        self._limit = Timer(self.close)
        loop.arm(self._limit, loop.time + REQUEST_S)
        self._stream = Stream(loop, fd, MAX_ANSWER, self._take, lambda error: self._over())

    def close(self) -> None:
        self._stream.close()
        self._over()

    def _over(self) -> None:
        self._limit.deadline = None
        self._server.clients.discard(self)

    def _take(self, data: bytes) -> None:
        if self._is_answered:
            return
        if not data:
            self.close()
            return
        try:
            self._connection.receive_data(data)
            request = self._connection.next_event()
        except h11.RemoteProtocolError as error:
            status = error.error_status_hint if error.error_status_hint in _REASONS else 400
            self._say(status, PLAIN, _REASONS[status].encode() + b"\n", True)
            return
        if isinstance(request, h11.Request):
            try:
                status, kind, body = self._server.answer(request)
            except Exception as error:  # one page's fault is not the daemon's end
                from .. import log

                log.bug(f"{self._server.name}: an answer failed", error, fold=f"http {self._server.name}")
                status, kind, body = 500, PLAIN, b"this failed; the log says why\n"
            self._say(status, kind, body, request.method != b"HEAD")

    def _say(self, status: int, kind: str, body: bytes, with_body: bool) -> None:
        self._is_answered = True
        head = (
            f"HTTP/1.1 {status} {_REASONS[status]}\r\n"
            f"Date: {strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime())}\r\n"
            f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
            "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
            "Content-Security-Policy: default-src 'none'\r\nConnection: close\r\n\r\n"
        )
        self._loop.arm(self._limit, self._loop.time + ANSWER_S)
        self._stream.finish(head.encode("ascii") + (body if with_body else b""))
