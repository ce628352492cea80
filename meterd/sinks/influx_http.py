"""Lines to an InfluxDB over HTTP, in a thread: one request after another on one connection, every refusal in words.

v1: POST /write?db=…, v2: POST /api/v2/write?bucket=…&org=… with a token. What the server takes in part, or refuses for
what a line says, is tried again by halves, until it is known which lines it will never take; the others are there.
(How many it dropped it says too: InfluxDB 1.6 counts conflicts of type, and not lines that it could not parse.)
A line that comes twice replaces itself, so what broke off is sent again.
Dirt it must survive: servers that hang or drip (`break_off`, which the loop's thread may call), that close between two
requests, send pages of other servers, redirect (never followed: the token would go there), ask for patience
(Retry-After, bounded).
"""

from __future__ import annotations

from email.utils import mktime_tz, parsedate_tz
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from time import monotonic
from urllib.parse import quote, urlsplit

from .._clock import wall_clock_ms
from ..gateway.json_text import loads
from .batch_thread import Delivered, Postponed
from .influx_faults import of_answer, of_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from http.client import HTTPResponse
    from typing import Any

    from .batch_thread import Batch
    from .influx_lines import Writer

MAX_ANSWER = 1 << 16  # bytes of a body that is looked at
MAX_PAUSE_S = 3600.0
GZIP = 31
PORTS = {"http": 8086, "https": 443}
TOO_LARGE = 413
UNTIL_LATER = (429, 503)
OF_A_LINE = (400, 422)
# Of a refusal that is about lines, and not about who sends them where.
LINE_WORDS = (
    "partial write",
    "unable to parse",
    "type conflict",
    "invalid",
    "unprocessable",
    "timestamp",
    "points beyond",
)
DROPPED = "dropped="


class Refused(Exception):
    """Some of these lines will never be taken as they are; `dropped` of them, says the server, which may be too few."""

    def __init__(self, words: str, dropped: int = 0) -> None:
        super().__init__(words)
        self.dropped = dropped


class Server:
    """The far end of the sink; `settings` as `influx.PARAMETERS` have them."""

    def __init__(self, settings: dict[str, Any], writer: Writer) -> None:
        self.say: Callable[[str], None] = lambda sentence: None
        self._settings = settings
        self._writer = writer
        place = urlsplit(settings["url"])
        self.is_secure = place.scheme == "https"
        self.host = place.hostname or ""
        self.port = place.port or PORTS[place.scheme]
        self.name = f"InfluxDB {self.host}:{self.port}"
        self.patience_s = 2.0 * settings["timeout_s"]
        self._path = place.path.rstrip("/") + _target(settings)
        self._headers = _headers(settings)
        self._connection: HTTPConnection | None = None
        self._since = 0.0  # of the present request
        self._is_broken_off = False

    # ---- what the thread asks for

    def deliver(self, batch: Batch) -> Delivered:
        lines = self._writer.lines(batch, wall_clock_ms())
        if not lines:
            return Delivered()
        found = Delivered()
        waiting = [lines]
        while waiting:
            some = waiting.pop()
            try:
                self._post(some)
            except Refused as error:
                found.words = str(error)
                if len(some) == 1 or error.dropped == len(some):
                    found.refused += len(some)
                else:
                    half = len(some) // 2
                    waiting += [some[half:], some[:half]]
        return found

    def spare(self) -> bool:
        return False

    def words(self, error: Exception) -> str:
        if self._is_broken_off:
            return f"{self.host} port {self.port} has not answered in full within {self.patience_s:g} s"
        return of_error(error, self.host, self.port, self.is_secure, self._settings)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    # ---- what the loop's thread may ask for

    def break_off(self) -> None:
        """End a request that takes for ever: one that says a little within each wait."""
        if monotonic() - self._since < self.patience_s:
            return
        self._is_broken_off = True
        sock = getattr(self._connection, "sock", None)
        if sock is not None:
            try:
                sock.shutdown(2)
            except OSError:
                pass

    # ---- one request

    def _post(self, lines: list[bytes]) -> None:
        body = b"\n".join(lines) + b"\n"
        if self._settings["compress"]:
            from zlib import compressobj

            packer = compressobj(6, wbits=GZIP)
            body = packer.compress(body) + packer.flush()
        try:
            status, answer, response = self._exchange(body)
        except BaseException:
            self.close()
            raise
        if 200 <= status < 300:
            return
        said = _said(answer, response)
        words = of_answer(status, said, response.getheader("Location") or "", self._settings)
        if status == TOO_LARGE:
            if len(lines) == 1:
                raise Refused(words)
            raise Postponed(words, 0.0, is_too_much=True)
        if status in OF_A_LINE and any(word in said.lower() for word in LINE_WORDS):
            raise Refused(words, _dropped(said))
        raise Postponed(words, _pause(response.getheader("Retry-After")) if status in UNTIL_LATER else 0.0)

    def _exchange(self, body: bytes) -> tuple[int, bytes, HTTPResponse]:
        is_old = self._connection is not None
        try:
            return self._ask(body)
        except (ConnectionError, HTTPException):
            if not is_old or self._is_broken_off:
                raise
        self.close()  # the server has closed a connection that was idle: once more, on a new one
        return self._ask(body)

    def _ask(self, body: bytes) -> tuple[int, bytes, HTTPResponse]:
        if self._connection is None:
            self._connection = self._connect()
        connection = self._connection
        self._since = monotonic()
        self._is_broken_off = False
        connection.request("POST", self._path, body, self._headers)
        response = connection.getresponse()
        answer = response.read(MAX_ANSWER)
        if response.read(1):
            self.close()  # of the rest nobody wants to know
        if self._is_broken_off:  # http.client takes a head that breaks off for a whole one
            raise TimeoutError
        return response.status, answer, response

    def _connect(self) -> HTTPConnection:
        timeout = self._settings["timeout_s"]
        if not self.is_secure:
            return HTTPConnection(self.host, self.port, timeout=timeout)
        from .trust import believing

        return HTTPSConnection(self.host, self.port, timeout=timeout, context=believing(self._settings["ca_file"]))


def _target(settings: dict[str, Any]) -> str:
    """Path and query; secrets are in the headers."""
    if settings["api"] == "v1":
        given = (("db", settings["database"]), ("rp", settings["retention_policy"]))
        path = "/write"
    else:
        given = (("bucket", settings["bucket"]), ("org", settings["org"]))
        path = "/api/v2/write"
    return path + "?" + "&".join(f"{name}={quote(text, safe='')}" for name, text in given if text) + "&precision=ns"


def _headers(settings: dict[str, Any]) -> dict[str, str]:
    made = {"Content-Type": "text/plain; charset=utf-8", "User-Agent": "meterd"}
    if settings["compress"]:
        made["Content-Encoding"] = "gzip"
    if settings["token"]:
        made["Authorization"] = f"Token {settings['token']}"
    elif settings["user"]:
        from binascii import b2a_base64

        pair = f"{settings['user']}:{settings['password'] or ''}".encode()
        made["Authorization"] = "Basic " + b2a_base64(pair, newline=False).decode()
    return made


def _said(answer: bytes, response: HTTPResponse) -> str:
    """What the server says of it, in one line."""
    text = answer.decode("utf-8", "replace")
    try:
        content = loads(text)
    except (ValueError, TypeError, OverflowError, RecursionError):
        content = None
    if isinstance(content, dict):
        text = str(content.get("error") or content.get("message") or text)
    text = text or response.getheader("X-Influxdb-Error") or response.reason or ""
    return "".join(letter if letter.isprintable() else " " for letter in text).strip()


def _dropped(said: str) -> int:
    """How many points a server says that it did not take; 0 where it does not say."""
    count = said.rpartition(DROPPED)[2] if DROPPED in said else ""
    return int(count) if count.isascii() and count.isdigit() and len(count) < 10 else 0


def _pause(text: str | None) -> float:
    """Of Retry-After, in either of its forms (RFC 9110, 10.2.3)."""
    if not text:
        return 0.0
    if text.strip().isascii() and text.strip().isdigit():
        return min(float(text), MAX_PAUSE_S)
    moment = parsedate_tz(text)
    if moment is None:
        return 0.0
    return min(max(mktime_tz(moment) - wall_clock_ms() / 1000, 0.0), MAX_PAUSE_S)
