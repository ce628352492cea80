"""The connection to one Redis server: last values, written in one go at the end of each turn.

The problem: what counts there is the last value of each signal. So what waits is one reading per key, the newest; one
that another replaced before it left is counted as lost. After each reconnect the last value of every key is sent again,
for the server may have lost what it had.
Assumptions: replies come in the order of the requests. A server that owes replies for ANSWER_S hangs.
Bounds: one reading per signal; MAX_UNDER_WAY requests whose replies are to come; one line of a reply.
Dirt it must survive: a server that is away, hangs, is full (OOM), loads its data (LOADING), may not write (MISCONF,
READONLY), wants a password (NOAUTH), or is none.
"""

from __future__ import annotations

from collections import deque
from posix import urandom
from select import POLLIN, poll
from time import monotonic

from .. import log
from ..errors import Garbled, PortGone
from ..ports._timers import Timer
from ..ports.tcp_port import TcpCarrier
from .format import tag_message
from .resp import Replies, request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..model import Device, Reading, Signal
    from ..ports._loop import Loop
    from ..ports._port import Port

CONNECT_S = 10.0
ANSWER_S = 10.0
LOADING_S = 1.0
CLOSE_S = 2.0
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
MAX_UNDER_WAY = 1024

# How a request that was not about a value begins its reply's story.
_SIGN_ON, _VALUE, _PUBLISHED = "", "value", "published"

# First word of a refusal → what it means and what to do.
_WORDS = {
    "OOM": "has no memory left (maxmemory) and takes no values; give it more, or let it evict old keys",
    "LOADING": "is still loading its data; values are sent again",
    "MISCONF": "may not write, for it cannot save to its disk (see its log)",
    "READONLY": "is a replica and may not write; name the master",
    "NOAUTH": "wants a password: publish.redis.password",
    "WRONGPASS": "refuses this user or password",
    "NOPERM": "does not permit this user to set these keys or to publish",
    "MOVED": "is part of a cluster, and keys belong to others of it; name a server that stands alone",
}


class RedisSink:
    """Connects by itself, again and again; `directions` are the ends of the keys."""

    def __init__(self, parameters: dict[str, Any], directions: tuple[str, ...], loop: Loop) -> None:
        host = parameters["host"]
        self._name = f"Redis {host}" if host.startswith("/") else f"Redis {host}:{parameters['port']}"
        self._parameters = parameters
        self._directions = directions
        self._loop = loop
        self._port = self._make_port()
        self._stands = False
        self._trouble = "not connected yet"
        self._lost = 0
        self._pause_s = SHORTEST_PAUSE_S
        self._last: dict[tuple[str, str], Reading] = {}  # of every signal
        self._waiting: dict[tuple[str, str], Reading] = {}
        self._under_way: deque[str] = deque()
        self._replies = Replies()
        self._reconnect = Timer(self._open)
        self._overdue = Timer(self._hangs)
        self._resend = Timer(self._send_all)
        self._open()

    # ---- a sink

    def accept(self, reading: Reading) -> None:
        key = (reading.signal.device_alias, reading.signal.alias)
        if key in self._waiting:
            self._lost += 1
        self._waiting[key] = self._last[key] = reading

    def flush(self) -> None:
        if self._stands and self._waiting and self._is_signed_on() and len(self._under_way) < MAX_UNDER_WAY:
            self._write()

    def configured(self, devices: list[tuple[Device, list[Signal]]]) -> None:
        """What is no longer configured is not sent again."""
        known = {device.alias for device, _ in devices}
        for kept in (self._last, self._waiting):
            for key in [key for key in kept if key[0] not in known]:
                del kept[key]

    def condition(self) -> tuple[str, str, int, int]:
        """Signals whose last value waits; readings that never left."""
        return self._name, self._trouble, len(self._waiting), self._lost

    def reopen(self) -> None:
        """The connection outlives a reload."""

    def close(self) -> None:
        """Hand over what waits, within CLOSE_S; the loop turns no more."""
        limit = monotonic() + CLOSE_S
        self.flush()
        while self._stands and self._under_way and monotonic() < limit:
            poller = poll()
            poller.register(self._port.fd, POLLIN)
            if poller.poll(100):
                self._heard_at_last()
        for timer in (self._reconnect, self._overdue, self._resend):
            timer.deadline = None
        self._port.close()
        self._stands = False

    def _heard_at_last(self) -> None:
        try:
            self._heard(self._port.drain_input())
        except PortGone:
            self._stands = False

    # ---- the connection

    def _make_port(self) -> Port:
        host = self._parameters["host"]
        if host.startswith("/"):
            from ..ports.unix_port import UnixCarrier

            port = UnixCarrier(self._loop, host).port
        else:
            port = TcpCarrier(self._loop, f"{host}:{self._parameters['port']}").port
        port.on_data = self._heard
        port.on_gone = self._gone
        return port

    def _open(self) -> None:
        self._port.open(CONNECT_S, self._opened)

    def _opened(self, error: PortGone | None) -> None:
        if error is not None:
            self._gone(error)
            return
        self._under_way.clear()
        self._replies = Replies()
        self._stands = True
        words = []
        if self._parameters["password"]:
            user = (self._parameters["user"],) if self._parameters["user"] else ()
            words.append(request("AUTH", *user, self._parameters["password"]))
        words.append(request("SELECT", str(self._parameters["database"])))
        self._put(b"".join(words), [_SIGN_ON] * len(words))

    def _gone(self, error: PortGone) -> None:
        self._end(str(error).removeprefix(f"{self._port.name}: "))

    def _end(self, why: str) -> None:
        """The connection is over, or never stood: say why, and try again later."""
        self._port.close()
        self._stands = False
        self._overdue.deadline = self._resend.deadline = None
        self._under_way.clear()
        self._trouble = why
        log.warning(f"{self._name}: {why}", fold=self._name)
        self._loop.arm(self._reconnect, self._loop.time + self._pause_s * (0.5 + urandom(1)[0] / 256))
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)

    def _hangs(self) -> None:
        self._end(f"has not answered for {ANSWER_S:g} s")

    # ---- what is said

    def _send_all(self) -> None:
        """The last value of every signal, but where a newer one waits already."""
        self._waiting = {**self._last, **self._waiting}
        self.flush()

    def _write(self) -> None:
        room = MAX_UNDER_WAY - len(self._under_way)
        parts: list[bytes] = []
        kinds: list[str] = []
        while self._waiting and len(kinds) < room:
            key = next(iter(self._waiting))
            self._add(self._waiting.pop(key), parts, kinds)
        self._put(b"".join(parts), kinds)

    def _add(self, reading: Reading, parts: list[bytes], kinds: list[str]) -> None:
        signal = reading.signal
        for direction in self._directions:
            key = f"{self._parameters['prefix']}/{signal.device_alias}/{signal.alias}/{direction}"
            message = tag_message(reading if direction == "out" else reading.raw or reading)
            parts.append(request("SET", key, message))
            kinds.append(_VALUE)
            if self._parameters["publish"]:
                parts.append(request("PUBLISH", key, message))
                kinds.append(_PUBLISHED)

    def _put(self, data: bytes, kinds: list[str]) -> None:
        try:
            self._port.send(data)
        except PortGone as error:
            self._gone(error)
            return
        if not self._under_way:
            self._loop.arm(self._overdue, self._loop.time + ANSWER_S)
        self._under_way.extend(kinds)

    # ---- what is heard

    def _heard(self, data: bytes) -> None:
        try:
            replies = self._replies.take(data)
        except Garbled as error:
            self._end(f"is no Redis server: {error}")
            return
        for refusal in replies:
            if not self._under_way:
                self._end("is no Redis server: it answers what was not asked")
                return
            self._answered(self._under_way.popleft(), refusal)
            if not self._stands:
                return
        if self._under_way:
            self._loop.arm(self._overdue, self._loop.time + ANSWER_S)
        else:
            self._overdue.deadline = None
        self.flush()

    def _answered(self, kind: str, refusal: str) -> None:
        if refusal:
            self._refused(kind, refusal)
        elif kind == _VALUE:
            if self._trouble:
                self._trouble = ""
                log.recovered(self._name, f"{self._name}: takes values")
        elif kind == _SIGN_ON and self._is_signed_on():
            self._pause_s = SHORTEST_PAUSE_S
            self._trouble = ""
            log.recovered(self._name, f"{self._name}: connected")
            self._send_all()

    def _is_signed_on(self) -> bool:
        """Before that no value leaves: all of them follow it, and one that went ahead would leave twice."""
        return not self._under_way or self._under_way[0] != _SIGN_ON

    def _refused(self, kind: str, refusal: str) -> None:
        code = refusal.partition(" ")[0]
        # What Redis says of a refused sign-on may hold what was sent.
        words = _WORDS.get(code) or ("refuses to be signed on to" if kind == _SIGN_ON else f"refuses: {refusal}")
        if code == "ERR" and kind == _SIGN_ON:
            words = "refuses the password or the database number"
        if code == "LOADING":
            self._loop.arm(self._resend, self._loop.time + LOADING_S)
        if kind == _VALUE:
            self._lost += code != "LOADING"
        self._trouble = words
        if kind == _SIGN_ON or code in ("NOAUTH", "MOVED"):
            self._end(words)
        else:
            log.warning(f"{self._name}: {words}", fold=self._name)
