"""Readings handed over to one program on this machine that acknowledges them: nothing is gone before it says so.

A Unix socket. Each reading is a line of JSON with its number, `{"sequence": 7, "device": …}`; the other side answers
with lines of one number each: all up to that one are done with, and are forgotten. What is not acknowledged is sent
again to whoever connects next, so a consumer may see a number twice, but misses none that it is not told of:
`{"lost": [3, 5]}` says that readings 3 to 5 went past the bound while nobody took them. Numbers begin anew with the
daemon, which each connection is told first, `{"begun_ms": …}`: with another beginning they are other readings.

The dirt to survive: a consumer that stalls (it gets no more than `WINDOW` readings ahead of its answers), one that
answers nonsense (it is let go), several at once (the newest counts, for the one before may be half gone).
"""

from __future__ import annotations

from .. import log
from .._clock import wall_clock_ms
from ..errors import ConfigError
from ..gateway.json_text import dumps
from ..parameters import BOTH, INTEGER, STRING, Parameter
from ..ports.listener import Listener, unix_socket
from ..ports.stream import Stream
from .format import json_line
from .local_socket import MAX_PATH
from .outbox import Outbox

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..model import Reading
    from ..ports._loop import Loop

WINDOW = 500  # readings under way
MAX_ANSWER = 64  # bytes of a line that acknowledges
MAX_WAITING = 1 << 20

PARAMETERS = (
    Parameter(
        "path",
        STRING,
        "Local Unix socket that hands readings over to one program, which acknowledges them (JSON lines)",
        low=1,
        high=MAX_PATH,
        origin="meterd",
        **BOTH,
    ),
    Parameter(
        "readings",
        INTEGER,
        "Readings kept in memory until they are acknowledged; past it the oldest are lost, and said so",
        default=10000,
        low=1,
        high=1000000,
        origin="meterd",
    ),
)


class Handover:
    """Listens at `path` from the moment it is made. Raises: ConfigError where it cannot."""

    def __init__(self, path: str, most: int, loop: Loop) -> None:
        self.path = path
        self.outbox = Outbox(most)
        self._loop = loop
        self._begun_ms = wall_clock_ms()
        self._consumer: Stream | None = None
        self._answer = b""
        self._told_lost = 0  # the last number that the consumer was told is lost
        self._lost_when_told = 0  # how many were lost by then
        try:
            self._listener = Listener(loop, unix_socket(path), self._serve)
        except OSError as error:
            raise ConfigError(path, f"the socket cannot be opened: {error.strerror}") from error

    def accept(self, reading: Reading) -> None:
        lost = self.outbox.lost
        self.outbox.put(reading)
        if self.outbox.lost > lost:
            log.warning(
                f"{self.path}: readings are lost, for nobody acknowledges them: {self.outbox.lost} so far",
                fold=f"sink {self.path}",
            )

    def flush(self) -> None:
        """Hand over what there is, as far as the consumer keeps up with its answers."""
        consumer = self._consumer
        room = WINDOW - self.outbox.under_way()
        if consumer is None or room <= 0 or consumer.waiting:
            return
        numbered = self.outbox.peek(room)
        lines = self._losses() + [f'{{"sequence":{number},{json_line(reading)[1:]}\n' for number, reading in numbered]
        if lines and not consumer.send("".join(lines).encode("utf-8", "backslashreplace")):
            self._let_go("reads too slowly")

    def condition(self) -> tuple[str, str, int, int]:
        """Readings that are not acknowledged wait."""
        state = "nobody is connected" if self._consumer is None else ""
        return self.path, state, len(self.outbox), self.outbox.lost

    def reopen(self) -> None:
        """The consumer keeps its connection over a reload."""

    def close(self) -> None:
        self.flush()
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None
        self._listener.close()

    def _losses(self) -> list[str]:
        """What is lost and was not said yet."""
        if self.outbox.lost == self._lost_when_told:
            return []
        self._lost_when_told = self.outbox.lost
        found = [(max(first, self._told_lost + 1), last) for first, last in self.outbox.losses()]
        self._told_lost = max([self._told_lost, *(last for _, last in found)])
        return [dumps({"lost": [first, last]}) + "\n" for first, last in found if first <= last]

    def _serve(self, fd: int) -> None:
        if self._consumer is not None:
            self._let_go("gives way to another one")
        self.outbox.again()
        self._told_lost = 0
        self._lost_when_told = -1
        self._answer = b""
        self._consumer = consumer = Stream(self._loop, fd, MAX_WAITING, self._take)
        consumer.on_end = lambda error: self._gone(consumer)
        consumer.send(f'{{"begun_ms":{self._begun_ms}}}\n'.encode())

    def _take(self, data: bytes) -> None:
        *lines, self._answer = (self._answer + data).split(b"\n")
        for line in lines:
            word = line.strip()
            if not (word.isdigit() and len(word) <= MAX_ANSWER):
                self._let_go(f"answers {word[:MAX_ANSWER]!r}, which is no number")
                return
            self.outbox.drop(int(word))
        if len(self._answer) > MAX_ANSWER:
            self._let_go("answers with no end")

    def _let_go(self, why: str) -> None:
        log.warning(f"{self.path}: the consumer {why} and is let go", fold=f"sink {self.path} consumer")
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None

    def _gone(self, consumer: Stream) -> None:
        if self._consumer is consumer:
            self._consumer = None


def open_sink(parameters: dict[str, Any], loop: Loop) -> Handover:
    return Handover(parameters["path"], parameters["readings"], loop)
