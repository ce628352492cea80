"""Readings handed over to one program on this machine that acknowledges them: nothing is gone before it says so.

A Unix socket. Each reading is a line of JSON with its number, `{"sequence": 7, "device": …}`; the other side answers
with lines of one number each: all up to that one are done with, and are forgotten. What is not acknowledged is sent
again to whoever connects next, so a number may come twice, and none is missing without a word:
`{"lost": [3, 5]}` says that readings 3 to 5 went past the bound while nobody took them. Numbers belong to the epoch
that was told last, `{"epoch": "5f0c19ab"}`: with another one they are other readings.

The dirt to survive: a consumer that stalls (it gets no more than `WINDOW` readings ahead of its answers), one that
answers nonsense (it is let go), several at once (the newest counts, for the one before may be half gone).
"""

from __future__ import annotations

from .. import log
from ..errors import ConfigError
from ..gateway.json_text import dumps
from ..parameters import BOTH, INTEGER, STRING, Parameter
from ..ports.listener import Listener, unix_socket
from ..ports.stream import Stream
from .format import json_line
from .local_socket import MAX_PATH
from .outbox import CLOCK_SET_MS, Outbox, Tray

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..model import Reading
    from ..ports._loop import Loop
    from .stored_outbox import StoredOutbox

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
        self.outbox: Outbox | StoredOutbox = Outbox(most)
        self._loop = loop
        self._tray = Tray()
        self.accept = self._tray.append
        self._epoch = ""  # that the consumer was told
        self._behind = 0  # how far its numbers are behind ours
        self._consumer: Stream | None = None
        self._answer = b""
        self._told_lost: int | None = None  # the last number that the consumer was told is lost
        self._lost_when_told = 0  # how many were lost by then
        try:
            self._listener = Listener(loop, unix_socket(path), self._serve)
        except OSError as error:
            raise ConfigError(path, f"the socket cannot be opened: {error.strerror}") from error

    def _keep(self, readings: list[Reading]) -> None:
        lost = self.outbox.lost
        self.outbox.put(readings)
        if self.outbox.lost > lost:
            log.warning(
                f"{self.path}: readings are lost, for nobody acknowledges them: {self.outbox.lost} so far",
                fold=f"sink {self.path}",
            )

    def flush(self) -> None:
        """Hand over what there is, as far as the consumer keeps up with its answers."""
        if self._tray:
            self._keep(self._tray.taken())
        consumer = self._consumer
        room = WINDOW - self.outbox.under_way()
        if consumer is None or room <= 0 or consumer.waiting:
            return
        lines = self._losses()
        for number, reading in self.outbox.peek(room):
            epoch, outward = self.outbox.key(number)
            lines += self._told_epoch(epoch)
            self._behind = number - outward
            mark = '"clock":"unset",' if reading.time_ms < CLOCK_SET_MS else ""
            lines.append(f'{{"sequence":{outward},{mark}{json_line(reading)[1:]}\n')
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
        lines = []
        for first, last in self.outbox.losses():
            if self._told_lost is None or last > self._told_lost:
                begin = first if self._told_lost is None else max(first, self._told_lost + 1)
                epoch, outward = self.outbox.key(begin)
                lines += [*self._told_epoch(epoch), dumps({"lost": [outward, outward + last - begin]}) + "\n"]
                self._told_lost = last
        return lines

    def _told_epoch(self, epoch: str) -> list[str]:
        """Said before the first number of each."""
        if epoch == self._epoch:
            return []
        self._epoch = epoch
        return [dumps({"epoch": epoch}) + "\n"]

    def _serve(self, fd: int) -> None:
        if self._consumer is not None:
            self._let_go("gives way to another one")
        self.outbox.again()
        self._told_lost = None
        self._lost_when_told = -1
        self._epoch = ""
        self._answer = b""
        self._consumer = consumer = Stream(self._loop, fd, MAX_WAITING, self._take)
        consumer.on_end = lambda error: self._gone(consumer)
        self.flush()

    def _take(self, data: bytes) -> None:
        *lines, self._answer = (self._answer + data).split(b"\n")
        for line in lines:
            word = line.strip()
            if not (word.isdigit() and len(word) <= MAX_ANSWER):
                self._let_go(f"answers {word[:MAX_ANSWER]!r}, which is no number")
                return
            self.outbox.drop(int(word) + self._behind)
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
