"""Answers to browsers and scrapers on the one loop: a request is read whole, answered, and the connection ends.

HTTP/1.1 by h11, which knows the grammar; this knows time and bounds. What is asked is looked at a portion in each turn
(`portions`), so that no crowd keeps a meter waiting; an answer that grows with the meters is made in portions, too.
Bounds: MOST_CLIENTS at a time, MAX_HEAD bytes of a request's head and MAX_BODY of its body, REQUEST_S until it is
whole, ANSWER_S until the other side has taken the answer, MAX_ANSWER bytes of one answer and MAX_WAITING of all that
are not taken yet. A client beyond them is sent away, the others notice nothing.
The dirt to survive: requests cut anywhere, that never end, that are none; who reads slowly or never; other sites' pages
that have a browser ask here under their own name (DNS rebinding), which the Host header gives away.
"""

from __future__ import annotations

import posix
from _socket import socket
from time import gmtime, strftime

import h11

from ._timers import Timer
from .listener import Listener
from .portions import Portions
from .stream import Stream
from .tcp_port import address_family

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ._loop import Loop
    from .work import Work

    Answering = Callable[["Request"], "Answer | Work[Answer]"]

MOST_CLIENTS = 32
UNKNOWN_NAME = b"this server is not known under that name: use its address; publish.page takes names, too, in hosts\n"
MAX_HEAD = 8192
MAX_BODY = 16384
REQUEST_S = 10.0
PORTION_S = 0.001  # of a turn: a conversation takes several of them, and a crowd is there in each
ANSWER_S = 30.0
MAX_ANSWER = 8 << 20
MAX_WAITING = 8 << 20
MAX_LIVE = 1 << 16  # bytes that wait for one who follows; whoever has more of them does not read

FETCHES = (b"GET", b"HEAD")
PLAIN = "text/plain; charset=utf-8"
NOTHING_LOADED = "default-src 'none'"
_REASONS = {200: "OK", 202: "Accepted", 303: "See Other", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden",
            404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable", 409: "Conflict",
            413: "Content Too Large", 414: "URI Too Long", 415: "Unsupported Media Type", 429: "Too Many Requests",
            431: "Request Header Fields Too Large", 500: "Internal Server Error",
            503: "Service Unavailable"}  # fmt: skip


class Request:
    """`path` and `query` as they were sent, `headers` by their names in small letters, the first of each."""

    __slots__ = ("body", "headers", "method", "path", "peer", "query")

    def __init__(self, method: bytes, target: str, headers: dict[str, str], peer: Callable[[], str]) -> None:
        self.method = method.decode("ascii", "replace")
        self.path, _, self.query = target.partition("?")
        self.headers = headers
        self.body = b""
        self.peer = peer  # the address that asks, '' on a Unix socket


class Answer:
    """`follow` of an answer without end: it is given the one who follows."""

    __slots__ = ("body", "follow", "headers", "kind", "status")

    def __init__(self, status: int, kind: str, body: bytes, headers: tuple[tuple[str, str], ...] = ()) -> None:
        self.status = status
        self.kind = kind
        self.body = body
        self.headers = headers
        self.follow: Callable[[Follower], object] | None = None


class HttpServer:
    """Serves what `answer(request)` says on a bound socket (`listener.tcp_socket`, `unix_socket`).

    `hosts` are the names under which it may be asked for, besides addresses; a request for any other is refused.
    `policy` is the Content-Security-Policy; `methods` those that are served.
    """

    def __init__(
        self, loop: Loop, listening: socket, answer: Answering, hosts: frozenset[str] = frozenset(),
        policy: str = NOTHING_LOADED, methods: tuple[bytes, ...] = FETCHES,
    ) -> None:  # fmt: skip
        self.loop = loop
        self._answer = answer
        self._hosts = hosts
        self.policy = policy
        self._methods = methods
        self.clients: set[_Client] = set()
        self.turned_away = 0
        self.portions = Portions(loop, portion_s=PORTION_S)
        self._listener = Listener(loop, listening, self._serve)
        self.name = self._listener.name

    @property
    def port(self) -> int:
        return self._listener.port

    def close(self) -> None:
        self._listener.close()
        self.portions.abandon()
        for client in tuple(self.clients):
            client.close()

    def _serve(self, fd: int) -> None:
        if len(self.clients) >= MOST_CLIENTS:
            self.turned_away += 1
            posix.close(fd)
            return
        self.clients.add(_Client(self, fd))

    def refusal(self, request: h11.Request) -> Answer | None:
        """What is said at once to a request whose head is there, whatever its body."""
        if request.method not in self._methods:
            allowed = b", ".join(self._methods)
            return Answer(405, PLAIN, b"only %s are answered here\n" % allowed, (("Allow", allowed.decode()),))
        if not self._is_asked_for(request):
            return Answer(403, PLAIN, UNKNOWN_NAME)
        if len(request.target) + sum(len(name) + len(value) + 4 for name, value in request.headers) > MAX_HEAD:
            return Answer(431, PLAIN, b"a request's head may have %d bytes here\n" % MAX_HEAD)
        for name, value in request.headers:
            if name == b"content-length" and int(value) > MAX_BODY:
                return Answer(413, PLAIN, b"a request's body may have %d bytes here\n" % MAX_BODY)
        return None

    def answer(self, request: Request) -> Work[Answer]:
        """What is said to one whole request."""
        answer = self._answer(request)
        if not isinstance(answer, Answer):
            answer = yield from answer
        waiting = sum(client.waiting for client in self.clients)
        if len(answer.body) > MAX_ANSWER or waiting + len(answer.body) > MAX_WAITING:
            return Answer(503, PLAIN, b"too much waits to be taken already: ask again later\n")
        return answer

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

    def __init__(self, server: HttpServer, fd: int) -> None:
        self._server = server
        self._loop = loop = server.loop
        self._connection = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
        self._request: Request | None = None
        self._unread = bytearray()
        self._is_over = False  # no more is asked
        self._is_worked_on = False
        self._follower: Follower | None = None
        self._limit = Timer(self.close)
        loop.arm(self._limit, loop.time + REQUEST_S)
        self._stream = Stream(loop, fd, MAX_LIVE, self._take, lambda error: self._gone())

    @property
    def waiting(self) -> int:
        return self._stream.waiting

    def close(self) -> None:
        self._stream.close()
        self._gone()

    def _gone(self) -> None:
        self._limit.deadline = None
        self._server.clients.discard(self)
        follower, self._follower = self._follower, None
        if follower is not None:
            follower.on_end()

    def _take(self, data: bytes) -> None:
        if self._is_over:
            if not data and self._follower is not None:
                self.close()
            return
        if not data:
            self.close()
            return
        self._unread += data
        if len(self._unread) > MAX_HEAD + MAX_BODY:
            self._refuse(413)
        elif not self._is_worked_on:
            self._is_worked_on = True
            self._server.portions.begin(self._working(), lambda _: None)

    def _working(self) -> Work[None]:
        """Look at what has come; the answer where it is whole."""
        self._is_worked_on = False
        try:
            request = self._whole()
        except h11.RemoteProtocolError as error:
            self._refuse(error.error_status_hint)
            return
        if request is None or self._is_over:
            return
        self._is_over = True
        yield
        try:
            answer = yield from self._server.answer(request)
        except Exception as error:  # one page's fault is not the daemon's end
            from .. import log

            log.bug(f"{self._server.name}: an answer failed", error, fold=f"http {self._server.name}")
            answer = Answer(500, PLAIN, b"this failed; the log says why\n")
        self._say(answer, request.method != "HEAD")

    def _whole(self) -> Request | None:
        """The request, once it is there. Raises: h11.RemoteProtocolError."""
        data, self._unread = bytes(self._unread), bytearray()
        if not self._stream.is_open():
            return None
        self._connection.receive_data(data)
        while True:
            event = self._connection.next_event()
            if isinstance(event, h11.Request):
                refusal = self._server.refusal(event)
                if refusal is not None:
                    self._say(refusal, event.method != b"HEAD")
                    return None
                self._request = _request(event, self._peer)
            elif isinstance(event, h11.Data) and self._request is not None:
                self._request.body += bytes(event.data)
                if len(self._request.body) > MAX_BODY:
                    self._refuse(413)
                    return None
            elif isinstance(event, h11.EndOfMessage):
                return self._request
            else:
                return None

    def _peer(self) -> str:
        return _address_of_peer(self._stream.fd)

    def _refuse(self, status: int) -> None:
        status = status if status in _REASONS else 400
        self._say(Answer(status, PLAIN, _REASONS[status].encode() + b"\n"), True)

    def _say(self, answer: Answer, with_body: bool) -> None:
        self._is_over = True
        if not self._stream.is_open():
            return
        lines = [
            f"HTTP/1.1 {answer.status} {_REASONS[answer.status]}",
            f"Date: {strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime())}",
            f"Content-Type: {answer.kind}",
            "X-Content-Type-Options: nosniff",
            "Referrer-Policy: no-referrer",
            "Cross-Origin-Resource-Policy: same-origin",
            f"Content-Security-Policy: {self._server.policy}",
            "Connection: close",
            *(f"{name}: {value}" for name, value in answer.headers),
        ]
        if not any(name == "Cache-Control" for name, _ in answer.headers):
            lines.append("Cache-Control: no-store")
        if answer.follow is None or not with_body:
            lines.insert(1, f"Content-Length: {len(answer.body)}")
        head = "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")
        if answer.follow is not None and with_body:
            self._limit.deadline = None
            self._stream.put(head)
            self._stream.flush()
            self._follower = Follower(self._stream, self.close)
            answer.follow(self._follower)
            return
        self._loop.arm(self._limit, self._loop.time + ANSWER_S)
        self._stream.finish(head + (answer.body if with_body else b""))


class Follower:
    """Somebody to whom an answer has no end. `on_end()` is called when he is gone."""

    __slots__ = ("_close", "_stream", "on_end")

    def __init__(self, stream: Stream, close: Callable[[], None]) -> None:
        self._stream = stream
        self._close = close
        self.on_end: Callable[[], object] = lambda: None

    def end(self) -> None:
        """Let him go."""
        self._close()

    def tell(self, data: bytes) -> bool:
        """False where he has not taken what was sent before, and is let go."""
        if self._stream.waiting + len(data) > MAX_LIVE or not self._stream.put(data):
            self._close()
            return False
        self._stream.flush()
        return True


def _address_of_peer(fd: int) -> str:
    """Of who is connected there; '' on a Unix socket, and where he is gone."""
    own = socket(fileno=posix.dup(fd))
    try:
        name = own.getpeername()
    except OSError:
        return ""
    finally:
        own.close()
    return str(name[0]) if isinstance(name, tuple) else ""


def _request(event: h11.Request, peer: Callable[[], str]) -> Request:
    headers: dict[str, str] = {}
    for name, value in event.headers:
        headers.setdefault(name.decode("ascii", "replace"), value.decode("latin-1"))
    return Request(event.method, event.target.decode("ascii", "replace"), headers, peer)
