"""What leaves as Sparkplug B: who is born and who has died, what readings look like, and whether the host is there.

The gateway is the edge node, each meter a device, each signal a metric of its name (specification 3.0, clauses 4 to 6).
NBIRTH and the DBIRTHs come first in every session, and again whenever a host asks; a device that does not answer dies
(DDEATH), and is born again when it does. Every metric that is sent was in a birth: a signal that comes from the store
and is configured no more has its device born anew. Sequence numbers are given when a message leaves, for whatever is
born in between counts, too. What waited is historical, with its own times; the birth has the last values.
A failed read is null, or the last known value with quality 500 (stale), as hosts know it.
With `sparkplug_host` nothing leaves before that host says on STATE that it is there, and the session ends when it goes.
Dirt it must survive: anything at all on NCMD and STATE; an `offline` of a host's earlier life (its timestamp is lower).
"""

from __future__ import annotations

from .._clock import wall_clock_ms
from ..gateway.json_text import loads
from ..model import GOOD, OVERFLOW, STALE
from .mqtt_payload import Message, Topics, is_status_of_device
from .sparkplug_payload import (
    BOOLEAN,
    DATATYPES,
    DOUBLE,
    INT32,
    INT64,
    REBIRTH,
    STRING,
    UINT64,
    metric,
    payload,
    sequenced,
    wants_rebirth,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from ..model import Device, Reading, Signal
    from .outbox import Numbered, Told

SPACE = "spBv1.0"
SEQUENCES = 256  # of messages, and of sessions
QUALITIES = {GOOD: 192, STALE: 500, OVERFLOW: 0}
LOST = "Readings Lost"
CONNECTED = "_connected"
MAX_STATE = 4096


class Tiding(Message):
    """A message of Sparkplug; `payload` lacks its sequence number until it leaves. `device` '' is the node itself."""

    __slots__ = ("device", "is_birth", "is_good", "signals")

    def __init__(self, topic: str, payload: bytes, device: str, numbers: tuple[int, ...] = ()) -> None:
        super().__init__(topic, payload, False, numbers)
        self.device = device
        self.signals: dict[str, Signal] = {}
        self.is_good = True  # there is a value in it that is one
        self.is_birth = False


class SparkplugWriter:
    """Makes messages of numbered readings; the face of `mqtt_payload.Writer`."""

    def __init__(self, settings: dict[str, Any], key: Callable[[int], tuple[str, int]]) -> None:
        self.topics = Topics(settings)
        self._settings = settings

    def messages(self, taken: list[Numbered], history: bool) -> Iterable[Message]:
        """What a device says of itself is no metric: it is born, or it is dead."""
        numbers = tuple(number for number, _ in taken)
        first = taken[0][1]
        if is_status_of_device(first):
            return [Tiding("", b"", "", numbers)]
        metrics = [metric_of(reading.signal, reading, history) for _, reading in taken]
        device = first.signal.device_alias
        message = Tiding(self.topics.of(device, ""), payload(wall_clock_ms(), metrics), device, numbers)
        message.is_measured = True
        message.signals = {reading.signal.alias: reading.signal for _, reading in taken}
        message.is_good = any(reading.quality == GOOD for _, reading in taken)
        return [message]

    def lost(self, told: Told) -> Message:
        epoch, outward, ranges = told
        now_ms = wall_clock_ms()
        words = ",".join(f"{first}-{last}" for first, last in outward)
        count = sum(last - first + 1 for first, last in outward)
        found = metric(LOST, UINT64, count, now_ms, False, (("epoch", STRING, epoch), ("ranges", STRING, words)))
        message = Tiding(topic_of(self._settings, "NDATA"), payload(now_ms, (found,)), "")
        message.ranges = ranges
        return message


class Births:
    """Who is born in this session. `next()` hands out births and deaths; `before(message)` what must go before it."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        host = settings["sparkplug_host"]
        self._state_topic = f"{SPACE}/STATE/{host}" if host else ""
        self._command_topic = topic_of(settings, "NCMD")
        self.listens_to = (self._command_topic, self._state_topic) if host else (self._command_topic,)
        self._host_is_there = not host
        self._host_since = -1  # ms, of the last word of it
        self._session = 0
        self._sequence = 0
        self._node_is_born = False
        self._signals: dict[str, dict[str, Signal]] = {}  # device → all that its birth must have
        self._last: dict[str, dict[str, Reading]] = {}
        self._born: set[str] = set()
        self._away: set[str] = set()
        self._to_say: dict[str, None] = {}
        self._to_bury: dict[str, None] = {}

    # ---- what it learns

    def begin(self, session: int) -> None:
        """A new connection: nobody is born in it yet, and the host has said nothing."""
        self._session = session
        self._host_is_there = not self._state_topic
        self.everything()

    def everything(self) -> None:
        self._node_is_born = False
        self._born.clear()
        self._to_bury.clear()
        self._to_say = {alias: None for alias in self._signals if alias not in self._away}

    def configured(self, devices: list[tuple[Device, list[Signal]]]) -> None:
        now = {device.alias: {signal.alias: signal for signal in signals} for device, signals in devices}
        for alias in self._signals.keys() - now.keys():
            self._last.pop(alias, None)
            self._away.discard(alias)
            self._to_say.pop(alias, None)
            if alias in self._born:
                self._to_bury[alias] = None
        for alias, signals in now.items():
            if self._signals.get(alias) != signals and alias not in self._away:
                self._to_say[alias] = None
        self._signals = now

    def learn(self, reading: Reading) -> None:
        signal = reading.signal
        alias = signal.device_alias
        if signal.alias == CONNECTED:
            self._is_connected(alias, bool(reading.value))
        elif not is_status_of_device(reading) and alias in self._signals:
            self._last.setdefault(alias, {})[signal.alias] = reading

    def _is_connected(self, alias: str, is_there: bool) -> None:
        if is_there and alias in self._away:
            self._away.discard(alias)
            self._to_bury.pop(alias, None)
            if alias not in self._born:
                self._to_say[alias] = None
        elif not is_there and alias not in self._away and alias in self._signals:
            self._away.add(alias)
            self._to_say.pop(alias, None)
            if alias in self._born:
                self._to_bury[alias] = None

    def heard(self, topic: str, payload: bytes) -> bool:
        """Returns: whether the host has gone, so that the session is to end."""
        if topic == self._command_topic:
            if wants_rebirth(payload):
                self.everything()
            return False
        state = _state(payload) if topic == self._state_topic else None
        if state is None or state[1] < self._host_since:
            return False
        was_there, (self._host_is_there, self._host_since) = self._host_is_there, state
        return was_there and not self._host_is_there

    # ---- what it says

    def trouble(self) -> str:
        host = self._settings["sparkplug_host"]
        return "" if self._host_is_there else f"the host {host} is not there ({self._state_topic}); readings wait"

    def next(self, is_drained: bool) -> Tiding | None:
        """`is_drained`: nothing waits of an earlier time, for which a device that is dead would be born again."""
        if not self._node_is_born:
            self._node_is_born = True
            return self._node_birth()
        while self._to_say:
            alias = next(iter(self._to_say))
            del self._to_say[alias]
            if self._signals.get(alias):
                return self._device_birth(alias)
        if self._to_bury and is_drained:
            alias = next(iter(self._to_bury))
            del self._to_bury[alias]
            self._born.discard(alias)
            return Tiding(topic_of(self._settings, "DDEATH", alias), payload(wall_clock_ms(), ()), alias)
        return None

    def is_ready(self) -> bool:
        return self._session > 0 and self._host_is_there

    def is_empty(self, message: Message) -> bool:
        """Of what is no metric, and of a dead device that it was not read: nobody is told, for it is dead."""
        if not isinstance(message, Tiding) or not message.numbers:
            return False
        return not message.device or (message.device not in self._born and not message.is_good)

    def before(self, message: Message) -> Tiding | None:
        """The birth that the message needs."""
        if not isinstance(message, Tiding) or not message.signals:
            return None
        known = self._signals.get(message.device, {})
        if message.device in self._born and message.signals.keys() <= known.keys():
            return None
        self._signals[message.device] = {**message.signals, **known}
        if message.device in self._away:
            self._to_bury[message.device] = None
        return self._device_birth(message.device)

    def stamp(self, message: Message) -> None:
        """It leaves now."""
        if isinstance(message, Tiding):
            if message.is_birth and not message.device:
                self._sequence = 0
            message.payload = sequenced(message.payload, self._sequence)
            self._sequence = (self._sequence + 1) % SEQUENCES

    def _node_birth(self) -> Tiding:
        now_ms = wall_clock_ms()
        metrics = (
            birth_or_death(self._session, now_ms),
            metric(REBIRTH, BOOLEAN, False, now_ms),
            metric(LOST, UINT64, 0, now_ms),
            metric("Properties/Software", STRING, "meterd", now_ms),
        )
        message = Tiding(topic_of(self._settings, "NBIRTH"), payload(now_ms, metrics), "")
        message.is_birth = True
        return message

    def _device_birth(self, alias: str) -> Tiding:
        now_ms = wall_clock_ms()
        last = self._last.get(alias, {})
        self._born.add(alias)
        metrics = [metric_of(signal, last.get(name), False, now_ms) for name, signal in self._signals[alias].items()]
        message = Tiding(topic_of(self._settings, "DBIRTH", alias), payload(now_ms, metrics), alias)
        message.is_birth = True
        return message


def birth_or_death(session: int, now_ms: int) -> bytes:
    """The metric that tells which death belongs to which birth."""
    return metric("bdSeq", INT64, (session - 1) % SEQUENCES, now_ms)


def topic_of(settings: dict[str, Any], kind: str, device: str = "") -> str:
    node = f"{SPACE}/{settings['sparkplug_group']}/{kind}/{settings['gateway']}"
    return f"{node}/{device}" if device else node


def metric_of(signal: Signal, reading: Reading | None, is_historical: bool, now_ms: int = 0) -> bytes:
    """A reading, or that there is none yet."""
    if reading is None:
        quality = (("quality", INT32, QUALITIES[STALE]),)
        return metric(signal.alias, datatype_of(signal), None, now_ms, False, quality)
    properties: list[tuple[str, int, int | str]] = [("quality", INT32, QUALITIES.get(reading.quality, 0))]
    if reading.unit:
        properties.append(("engUnit", STRING, reading.unit))
    if reading.reason:
        properties.append(("reason", STRING, reading.reason))
    datatype = datatype_of(signal)
    return metric(signal.alias, datatype, reading.value, reading.time_ms, is_historical, properties)


def datatype_of(signal: Signal) -> int:
    """What is recalculated may have a fraction where the meter had none."""
    datatype = DATATYPES.get(signal.parameters.get("number_type") or "DOUBLE", DOUBLE)
    return datatype if signal.recalculation is None or datatype == STRING else DOUBLE


def _state(payload: bytes) -> tuple[bool, int] | None:
    """Whether the host is there, and since when; None where it is no such message."""
    try:
        content = loads(payload) if len(payload) <= MAX_STATE else None
    except (ValueError, TypeError, OverflowError, RecursionError):
        content = None
    if not isinstance(content, dict):
        return None
    is_there, since = content.get("online"), content.get("timestamp")
    return (is_there, since) if type(is_there) is bool and type(since) is int else None
