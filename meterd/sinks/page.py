"""What the page is made of: the last reading of each signal, its course, and what has changed since it was last told.

The server stands here, for a place that cannot be had is a mistake of the configuration; what it says is the room
`page`, which sees the daemon and takes the server over (`attend`).
Assumptions: only this machine may ask unless somebody says otherwise; nobody may change anything unless a password is
set, and then nobody without it may even look.
Bounds: those of the HTTP server and of the history; one reading for each signal.
"""

from __future__ import annotations

from .. import log
from ..errors import ConfigError
from ..parameters import INTEGER, STRING, Parameter
from ..ports.http_server import PLAIN, Answer, HttpServer
from ..ports.listener import tcp_socket, unix_socket
from .history import History
from .local_socket import MAX_PATH
from .metrics import LOOPBACK, Exposition, ipv4, open_to

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..model import Device, Reading, Signal
    from ..ports._loop import Loop
    from ..ports.http_server import Answering, Request

EVERYONE = "everyone who can reach this address, for there is no password"
LEAST_PASSWORD, LEAST_KEY = 8, 12
METHODS = (b"GET", b"HEAD", b"POST")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def _names(value: str) -> str:
    plain = value.replace(",", "").replace(" ", "").replace(".", "").replace("-", "")
    if not (plain.isascii() and plain.isalnum()):
        raise ValueError("host names with commas between them, such as gateway.lan, meters.example.com")
    return value.lower()


def _header(value: str) -> str:
    if not (value.isascii() and value.isprintable() and " " not in value):
        raise ValueError("letters, digits and signs of ASCII without a blank")
    return value


PARAMETERS = (
    Parameter(
        "address", STRING, "IPv4 address on which the page is served", default=LOOPBACK, origin="meterd", check=ipv4
    ),
    Parameter("port", INTEGER, "Its TCP port", default=9585, low=1, high=65535, origin="meterd"),
    Parameter(
        "path", STRING, "Unix socket on which it is served instead", low=1, high=MAX_PATH, origin="meterd"
    ),
    Parameter(
        "hosts",
        STRING,
        "Names under which it may be asked for, besides addresses and localhost, with commas between them",
        high=1000,
        origin="meterd",
        check=_names,
    ),
    Parameter(
        "password",
        STRING,
        "Without one the page is for reading only; with one nobody sees it who does not know it",
        low=LEAST_PASSWORD,
        high=200,
        origin="meterd",
        secret=True,
    ),
    Parameter(
        "api_key",
        STRING,
        "What the header apiKey must say to WCC Lite's endpoints, which are not served without one",
        low=LEAST_KEY,
        high=200,
        origin="meterd",
        secret=True,
        check=_header,
    ),
    Parameter(
        "history_signals", INTEGER, "Signals whose course is kept", default=200, low=0, high=10000, origin="meterd"
    ),
    Parameter(
        "history_points",
        INTEGER,
        "Points of a course, 16 octets each; it reaches back a day at most",
        default=120,
        low=16,
        high=5000,
        origin="meterd",
    ),
)  # fmt: skip


def doubts(parameters: dict[str, Any]) -> list[str]:
    """What is allowed and yet not always meant, for the start and for `check`."""
    who = "whoever has the password" if parameters["password"] else EVERYONE
    return open_to(parameters, "", f"meters and readings are shown to {who}; nothing on the way is encrypted")


class Page:
    """Raises: ConfigError where the place is not to be had."""

    def __init__(self, parameters: dict[str, Any], loop: Loop) -> None:
        self.loop = loop
        self.parameters = parameters
        self.shown = Exposition(loop)
        self.history = History(parameters["history_signals"], parameters["history_points"])
        self.changed: dict[str, set[str]] = {}  # device → signals, since it was last told; while anybody is told
        self.events = 0  # how many were seen
        self.is_followed = False
        self.on_change: Callable[[], object] = lambda: None
        self.on_configured: Callable[[], object] = lambda: None
        self._answering: Answering = lambda request: Answer(
            503, PLAIN, b"nothing is served here: the page is that of `meterd run`\n"
        )
        path, address, port = parameters["path"], parameters["address"], parameters["port"]
        hosts = frozenset((parameters["hosts"] or "").replace(",", " ").split())
        try:
            listening = unix_socket(path) if path else tcp_socket(address, port)
        except OSError as error:
            raise ConfigError(
                path or f"{address}:{port}", f"the page cannot be served there: {error.strerror}"
            ) from error
        self.server = HttpServer(loop, listening, self._answer, hosts, POLICY, METHODS)
        self.name = path or f"http://{address}:{port}/"
        for secret in (parameters["password"], parameters["api_key"]):
            if secret:
                log.hide([secret.encode()])
        for doubt in doubts(parameters):
            log.notice(doubt)

    def attend(self, answering: Answering) -> None:
        """From now on this says what is asked."""
        self._answering = answering

    def _answer(self, request: Request) -> Any:
        return self._answering(request)

    # ---- a sink

    def accept(self, reading: Reading) -> None:
        signal = reading.signal
        self.events += signal.log > 0
        if signal.alias == "_event":
            return
        self.shown.accept(reading)
        if signal.alias[:1] != "_":
            self.history.add(reading)
        if self.is_followed:
            self.changed.setdefault(signal.device_alias, set()).add(signal.alias)

    def flush(self) -> None:
        if self.changed:
            self.on_change()

    def beside(self, sinks: list[Any]) -> None:
        """All sinks, whose states are shown."""
        self.shown.sinks = sinks

    def configured(self, devices: list[tuple[Device, list[Signal]]]) -> None:
        self.shown.configured(devices)
        self.history.keep_only({device.alias: {signal.alias for signal in signals} for device, signals in devices})
        self.on_configured()

    def condition(self) -> tuple[str, str, int, int]:
        away = self.server.turned_away
        return self.name, f"turned away, for too many asked at once: {away}" if away else "", 0, 0

    def reopen(self) -> None:
        """The place stays over a reload."""

    def close(self) -> None:
        self.server.close()


def open_sink(parameters: dict[str, Any], loop: Loop) -> Page:
    return Page(parameters, loop)
