"""The half of the MQTT sink that lives in the loop's thread: no reading is forgotten before the broker has it.

Every reading gets its number in the outbox, is gathered with the rest of its scan, and handed to the connection's
thread while fewer than `in_flight` messages wait for their acknowledgement. It leaves the outbox when that comes. When
a connection ends, all that was not acknowledged is backlog, and goes out again under the same numbers.
To begin with publishing costs more than to publish: two threads wake, and code that has not run for a while runs. So
what is read within `linger_ms` leaves together.
Where there is no store behind the outbox, what the broker has not acknowledged when the process ends is gone; at a
polite end there are CLOSE_S to hand it over, and the log says how much was left.
Bounds: `keep_readings` in the outbox, of which at most `in_flight` messages and one chunk are taken out at a time.
"""

from __future__ import annotations

from collections import deque
from time import monotonic

from .. import log
from ..ports._timers import Timer
from ..ports.letter_box import LetterBox
from . import mqtt_confirmed
from .mqtt_payload import Gatherer, Message, Writer
from .outbox import Outbox, Tray, keep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..model import Device, Reading, Signal
    from ..ports._loop import Loop
    from .home_assistant import Discovery
    from .mqtt_connection import Connection
    from .outbox import Numbered
    from .stored_outbox import StoredOutbox

    Connect = Callable[[Callable[..., None], tuple[str, str, str]], Connection]

ONLINE, OFFLINE = "online", "offline"
CHUNK = 256  # readings taken out of the outbox at once
CLOSE_S = 2.0
DRAIN_TURN_S = 0.05  # how often the backlog gets its share of a second
MAX_BATCH_S = 1.0  # of the backlog's rate that may be made up for at once


class MqttSink:
    """`trouble` is the last sentence of why there is no connection, '' while there is one."""

    def __init__(self, settings: dict[str, Any], loop: Loop, connect: Connect) -> None:
        self.trouble = "not connected yet"
        self.outbox: Outbox | StoredOutbox = Outbox(settings["keep_readings"])
        self._settings = settings
        self._name = f"MQTT {settings['host']}:{settings['port']}"
        self._loop = loop
        self._writer = self._make_writer(settings)
        self._live_first = self._marks_backlog = settings["order"] == "live_first"
        self._sizes: dict[str, int] = {}
        self._gatherer = Gatherer(self._sizes)
        self._ready: deque[Message] = deque()  # gathered, and not handed over yet
        self._in_flight: set[Message] = set()
        self._allowance = 0.0  # of the backlog, readings
        self._allowed_at = 0.0
        self._lost_told_in: Message | None = None
        self._tray = Tray()
        self.accept = self._tray.append
        self._session = 0  # 0 while there is no connection
        self._box = LetterBox(loop, self._called)
        self._by_application = settings["acknowledgement"] == "application"
        self._linger_s = settings["linger_ms"] / 1000
        self._linger_timer = Timer(self._leave)
        self._overdue_timer = Timer(self._look_for_overdue)
        self._gather_timer = Timer(self._gathered)
        self._drain_timer = Timer(self._called)
        self._discovery = _discovery(settings, self._writer)
        topics = self._writer.topics
        self._connection = connect(self._box.post, (topics.status, OFFLINE, ONLINE))
        listens_to = self._listens_to()
        self._connection.start((*listens_to, topics.acknowledge) if self._by_application else listens_to)

    def _make_writer(self, settings: dict[str, Any]) -> Any:
        return Writer(settings, lambda number: self.outbox.key(number))

    def _listens_to(self) -> tuple[str, ...]:
        return self._discovery.listens_to if self._discovery is not None else ()

    # ---- a sink

    def configured(self, devices: list[tuple[Device, list[Signal]]]) -> None:
        self._sizes = {device.alias: len(signals) for device, signals in devices}
        self._gatherer.configured(self._sizes)
        if self._discovery is not None:
            self._discovery.configured(devices)
            self._pump()

    def _keep(self, readings: list[Reading]) -> None:
        keep(self.outbox, readings, self._name)
        if self._discovery is not None:
            for reading in readings:
                self._discovery.learn(reading)

    def flush(self) -> None:
        """What was read lies in the tray until CHUNK have come or `linger_ms` is over; most turns bring nothing."""
        if self._tray:
            if len(self._tray) >= CHUNK or not self._linger_s:
                self._leave()
            elif self._linger_timer.deadline is None:
                self._loop.arm(self._linger_timer, self._loop.time + self._linger_s)
        if self._box:
            self._called()

    def _leave(self) -> None:
        self._empty_tray()
        self._serve()
        self._pump()

    def _empty_tray(self) -> None:
        if self._tray:
            self._keep(self._tray.taken())

    def more(self) -> None:
        """The outbox has readings that come from elsewhere."""
        self._pump()

    def acknowledge_within(self, seconds: float) -> None:
        """What is acknowledged later than that costs somebody else more than it spares here."""
        self._linger_s = min(self._linger_s, seconds / 2)
        self._connection.leisure_s = min(self._connection.leisure_s, seconds / 2)

    def condition(self) -> tuple[str, str, int, int]:
        """Readings that the broker has not acknowledged wait."""
        return self._name, self.trouble, len(self.outbox), self.outbox.lost

    def reopen(self) -> None:
        """The connection outlives a reload."""

    def close(self) -> None:
        """Hand over what is there, within CLOSE_S, where there is a broker; the loop turns no more."""
        limit = monotonic() + CLOSE_S
        self._leave()
        self._connection.hurry()
        while self._session and len(self.outbox) and monotonic() < limit:
            self._allowance = float(len(self.outbox))
            self._take(monotonic(), whole=True)
            self._hand_over()
            self._box.wait(0.1)
            self._serve()
        self._session = 0
        self._connection.stop(CLOSE_S)
        if len(self.outbox) and not self.outbox.is_kept:
            log.warning(
                f"{self._name}: readings that the broker has not acknowledged and that end with this process, for they "
                f"are kept in memory only: {len(self.outbox)}"
            )

    # ---- what the connection tells

    def _called(self) -> None:
        self._serve()
        self._pump()

    def _serve(self) -> None:
        for kind, *rest in self._box.letters():
            if kind == "ack":
                self._arrived(rest[0])
            elif kind == "heard":
                self._heard(*rest)
            elif kind == "up":
                self._empty_tray()  # what was read before is backlog
                self._connected(rest[0])
            else:
                self._disconnected(rest[0])

    def _heard(self, topic: str, payload: bytes, retained: bool) -> None:
        if self._by_application and topic == self._writer.topics.acknowledge:
            epoch, have = mqtt_confirmed.read(payload)
            for message in [one for one in self._in_flight if len(have) and one.is_measured]:
                self.outbox.drop_these(mqtt_confirmed.confirm(message, self.outbox.key, epoch, have))
                if not message.numbers:
                    self._in_flight.discard(message)
        elif self._discovery is not None:
            self._discovery.heard(topic, payload, retained)

    def _look_for_overdue(self) -> None:
        """A consumer that died with what it had, or never was: all goes out again."""
        oldest = min((message.since for message in self._in_flight if message.is_measured), default=None)
        if oldest is None or not self._session:
            return
        patience_s = self._settings["acknowledge_s"]
        if self._loop.time < oldest + patience_s:
            self._loop.arm(self._overdue_timer, oldest + patience_s)
            return
        log.warning(
            f"{self._name}: no consumer says on {self._writer.topics.acknowledge} that it has what was sent "
            f"{patience_s} s ago; sending it again",
            fold=f"{self._name} consumer",
        )
        self._begin_again()
        self._pump()

    def _begin_again(self) -> None:
        self._ready.clear()
        self._in_flight.clear()
        self._gatherer.clear()
        self._lost_told_in = None
        self.outbox.again()

    def _connected(self, session: int) -> None:
        self._session = session
        self.trouble = ""
        self.outbox.again()  # what was taken before is backlog
        log.recovered(self._name, f"{self._name}: connected")
        log.info(f"{self._name}: connected; readings to send: {len(self.outbox)}")
        self._allowed_at = self._loop.time
        self._allowance = 0.0
        if self._discovery is not None:
            self._discovery.everything()

    def _disconnected(self, words: str) -> None:
        self._session = 0
        self.trouble = words
        log.warning(f"{self._name}: {words}", fold=self._name)
        self._begin_again()

    def _arrived(self, message: Any) -> None:
        if message not in self._in_flight:
            return  # of a connection that is over: it went out again
        if self._by_application and message.is_measured:
            return  # the broker has it; now the consumer
        self._in_flight.remove(message)
        self.outbox.drop_these(message.numbers)
        if message.ranges:
            self.outbox.told(message.ranges)
            self._lost_told_in = None

    # ---- from the outbox to the connection

    def _pump(self) -> None:
        if not self._session:
            return
        self._take(self._loop.time)
        self._hand_over()

    def _take(self, now: float, whole: bool = False) -> None:
        """Gather what may go; `whole`: the rest of no scan is waited for."""
        self._allow(now)
        if self._live_first:
            self._take_live(now, whole)
            self._take_backlog(now)
            return
        self._take_backlog(now)
        if not self.outbox.backlog():
            self._take_live(now, whole)

    def _allow(self, now: float) -> None:
        rate = self._settings["drain_per_s"]
        earned = (now - self._allowed_at) * rate
        self._allowed_at = now
        self._allowance = max(self._allowance, min(self._allowance + earned, max(1.0, rate * MAX_BATCH_S)))

    def _has_room(self) -> bool:
        return len(self._ready) + len(self._in_flight) < self._settings["in_flight"]

    def _take_live(self, now: float, whole: bool) -> None:
        while self._has_room():
            taken = self.outbox.peek_live(CHUNK)
            for complete in self._gatherer.add(taken, now):
                self._ready.extend(self._writer.messages(complete, False))
            if not taken:
                break
        wait_s = self._settings["gather_ms"] / 1000
        for complete in self._gatherer.due(now if whole else now - wait_s):
            self._ready.extend(self._writer.messages(complete, False))
        oldest = self._gatherer.oldest()
        if oldest is not None and self._gather_timer.deadline is None:
            self._loop.arm(self._gather_timer, oldest + wait_s)

    def _gathered(self) -> None:
        self._pump()

    def _take_backlog(self, now: float) -> None:
        while self._has_room() and self._allowance >= 1.0:
            taken = self.outbox.peek_backlog(min(CHUNK, int(self._allowance)))
            if not taken:
                break
            self._allowance -= len(taken)
            for complete in _scans(taken, self._sizes, now):
                self._ready.extend(self._writer.messages(complete, self._marks_backlog))
        if self.outbox.backlog() and self._has_room() and self._drain_timer.deadline is None:
            self._loop.arm(self._drain_timer, now + max(DRAIN_TURN_S, 1 / self._settings["drain_per_s"]))

    def _hand_over(self) -> None:
        sent, now = False, self._loop.time
        while len(self._in_flight) < self._settings["in_flight"]:
            message = self._next()
            if message is None:
                break
            self._in_flight.add(message)
            message.since = now
            self._connection.send(self._session, message, message.topic, message.payload, message.retain)
            sent = True
        if sent:
            self._connection.wake()
            if self._by_application and self._overdue_timer.deadline is None:
                self._loop.arm(self._overdue_timer, now + self._settings["acknowledge_s"])

    def _next(self) -> Message | None:
        """What is lost is told before what comes after it, a device before its values."""
        if self._lost_told_in is None and self.outbox.losses():
            message = self._lost_told_in = self._writer.lost(self.outbox.to_tell())
            return message
        if self._discovery is not None:
            announcement = self._discovery.next()
            if announcement is not None:
                return Message(*announcement, retain=True)
        return self._ready.popleft() if self._ready else None


def _scans(taken: list[Numbered], sizes: dict[str, int], now: float) -> list[list[Numbered]]:
    """Readings of the backlog, by device and scan; those that belong together lie together, or nearly so."""
    gatherer = Gatherer(sizes)
    return gatherer.add(taken, now) + gatherer.due(now)


def _discovery(settings: dict[str, Any], writer: Writer) -> Discovery | None:
    if not settings["home_assistant"]:
        return None
    from .home_assistant import Discovery

    return Discovery(settings, writer.topics)
