"""A local Unix socket on which every client gets the readings as they come, one msgpack map after the other.

With `keep_readings` the last of them are kept for clients that were away: each reading then has its number, and a
client that names the last one it had (a line `BEGUN_MS NUMBER`) gets what came since. Numbers begin anew with the
daemon, which the first map on each connection tells, `{"begun_ms": …, "next": …}`; `{"lost": [a, b]}` names what is not
kept any more, and `{"replayed": n}` ends what was asked for. Otherwise clients only listen, and what one sends is
thrown away.

The dirt to survive: a client that stops reading (its buffer is bounded, then it is dropped with one log line), one that
vanishes, a crowd of them. msgpack is imported when it is first needed.
"""

from __future__ import annotations

import posix
from collections import deque

from .. import log
from .._clock import wall_clock_ms
from ..errors import ConfigError
from ..gateway.json_text import dumps, encode
from ..parameters import BOTH, INTEGER, STRING, Parameter
from ..ports.listener import Listener, unix_socket
from ..ports.stream import Stream
from .format import json_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..model import Reading
    from ..ports._loop import Loop

MOST_CLIENTS = 16  # unless somebody says otherwise
MAX_WAITING = 256 * 1024  # bytes per client: hours of a slow gateway's readings
BATCH = 100  # of a turn's readings, that are handed to the clients together
MAX_WISH = 64  # bytes of the line that asks for a replay

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
    Parameter("clients", INTEGER, "Most clients at a time", default=MOST_CLIENTS, low=1, high=256, origin="meterd"),
    Parameter(
        "keep_readings",
        INTEGER,
        "Readings kept in memory for clients that were away, each with its number; 0: none",
        default=0,
        low=0,
        high=100000,
        origin="meterd",
    ),
)


def _packer(path: str) -> Callable[[Any], bytes] | None:
    """What packs an object for the socket; None for JSON lines. A small gateway may do without msgpack, which pulls a
    C++ library in."""
    try:
        from msgpack import Packer
    except ImportError:
        log.notice(f"{path}: JSON lines, for msgpack is not installed (opkg install python3-msgpack)")
        return None
    pack: Callable[[Any], bytes] = Packer().pack
    return pack


class LocalSocket:
    """Listens at `path` from the moment it is made. Raises: ConfigError where it cannot."""

    def __init__(self, path: str, loop: Loop, most_clients: int = MOST_CLIENTS, keep: int = 0) -> None:
        self.path = path
        self.clients: list[Stream] = []
        self._loop = loop
        self._most_clients = most_clients
        self._begun_ms = wall_clock_ms()
        self._kept: deque[tuple[int, bytes]] | None = deque(maxlen=keep) if keep else None
        self._next = 1
        self._pack: Callable[[Any], bytes] | None = None
        self._of: Callable[[list[Reading]], bytes] = _lines
        self._numbered: Callable[[int, Reading], bytes] = _numbered_line
        self._is_ready = False  # these say what it is
        self._taken: list[Reading] = []
        self.accept: Callable[[Reading], None] = self._taken.append
        self._dropped = 0  # clients that read too slowly
        try:
            self._listener = Listener(loop, unix_socket(path), self._serve)
        except OSError as error:
            raise ConfigError(path, f"the local socket cannot be opened: {error.strerror}") from error

    def flush(self) -> None:
        """What a turn brought is packed once for all clients."""
        taken = self._taken
        if not taken:
            return
        if self._kept is not None or self.clients:
            if not self._is_ready:
                self._make_ready()
            for begin in range(0, len(taken), BATCH):
                self._hand_out(taken[begin : begin + BATCH])
        taken.clear()

    def _hand_out(self, readings: list[Reading]) -> None:
        if self._kept is None:
            data = self._of(readings)
        else:
            packed = [self._numbered(number, reading) for number, reading in enumerate(readings, self._next)]
            self._kept.extend(enumerate(packed, self._next))
            self._next += len(packed)
            data = b"".join(packed)
        for client in self.clients.copy():
            self._send(client, data)

    def condition(self) -> tuple[str, str, int, int]:
        """Who connects late has missed what was before, but for what is kept; nothing is counted as lost."""
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

    def _make_ready(self) -> None:
        self._is_ready = True
        self._pack = _packer(self.path)
        if self._pack is not None:
            from .local_maps import Maps

            maps = Maps(self._pack)
            self._of, self._numbered = maps.of, maps.numbered

    def _packed(self, fields: dict[str, Any]) -> bytes:
        return encode(dumps(fields)) + b"\n" if self._pack is None else self._pack(fields)

    def _serve(self, fd: int) -> None:
        if len(self.clients) >= self._most_clients:
            log.warning(
                f"{self.path}: more than {self._most_clients} clients (publish.socket.clients); one is turned away",
                fold=f"sink {self.path}",
            )
            posix.close(fd)
            return
        self.flush()  # what was before is not for this one
        client = Stream(self._loop, fd, MAX_WAITING)
        client.on_end = lambda error: self.clients.remove(client)
        self.clients.append(client)
        if self._kept is not None:
            if not self._is_ready:
                self._make_ready()
            client.on_data = _Wish(self, client, self._next).take
            self._send(client, self._packed({"begun_ms": self._begun_ms, "next": self._next}))

    def _send(self, client: Stream, data: bytes) -> None:
        if not client.send(data):
            log.warning(f"{self.path}: a client reads too slowly and is dropped", fold=f"sink {self.path}")
            client.close()
            self.clients.remove(client)
            self._dropped += 1

    def replay(self, client: Stream, begun_ms: int, after: int, before: int) -> None:
        """What came after number `after` of the daemon that began at `begun_ms`, up to where `client` came."""
        after = after if begun_ms == self._begun_ms else 0
        kept = [(number, packed) for number, packed in self._kept or () if after < number < before]
        first = kept[0][0] if kept else before
        parts = [self._packed({"lost": [after + 1, first - 1]})] if after + 1 < first else []
        parts += [packed for _, packed in kept]
        parts.append(self._packed({"replayed": len(kept)}))
        data = b"".join(parts)
        client.bound = max(client.bound, len(data) + MAX_WAITING)  # it may be much, and is bounded by what is kept
        self._send(client, data)


def _lines(readings: list[Reading]) -> bytes:
    return encode("\n".join([*map(json_line, readings), ""]))


def _numbered_line(number: int, reading: Reading) -> bytes:
    return encode(f'{{"sequence":{number},{json_line(reading)[1:]}') + b"\n"


class _Wish:
    """What a client asks for, once."""

    __slots__ = ("_before", "_client", "_socket", "_text")

    def __init__(self, socket: LocalSocket, client: Stream, before: int) -> None:
        self._socket = socket
        self._client = client
        self._before = before
        self._text: bytes | None = b""

    def take(self, data: bytes) -> None:
        if self._text is None:
            return
        self._text += data[: MAX_WISH + 1]
        line, end, _ = self._text.partition(b"\n")
        if not end and len(line) <= MAX_WISH:
            return
        self._text = None
        words = line.split()
        if len(words) == 2 and all(word.isdigit() for word in words):
            self._socket.replay(self._client, int(words[0]), int(words[1]), self._before)


def open_sink(parameters: dict[str, Any], loop: Loop) -> LocalSocket:
    return LocalSocket(parameters["path"], loop, parameters["clients"], parameters["keep_readings"])
