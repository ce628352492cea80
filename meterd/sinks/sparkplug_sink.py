"""The MQTT sink as a Sparkplug edge node: births before values, sequence numbers, and a session that is the host's.

Data goes with QoS 0, as Sparkplug wants it, so no broker acknowledges it. That nothing is forgotten before the broker
has it, a SUBSCRIBE sees to that follows it on the same connection: brokers serve packets in their order, so its SUBACK
says that all before it has arrived. It is the subscription to the node's own commands once more, so it needs no right
that the node does not have anyway.
"""

from __future__ import annotations

from collections import deque
from time import monotonic

from .._clock import wall_clock_ms
from .mqtt_connection import QOS, Connection
from .mqtt_sink import MqttSink
from .sparkplug import SPACE, Births, SparkplugWriter, birth_or_death, topic_of
from .sparkplug_payload import payload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..model import Device, Reading, Signal
    from ..ports._loop import Loop
    from .mqtt_payload import Message
    from .mqtt_sink import Connect


class SparkplugSink(MqttSink):
    """Where `payload` is `sparkplug`."""

    def __init__(self, settings: dict[str, Any], loop: Loop, connect: Connect) -> None:
        self._births = Births(settings)
        super().__init__(settings, loop, connect)
        self._marks_backlog = True

    def _make_writer(self, settings: dict[str, Any]) -> SparkplugWriter:
        return SparkplugWriter(settings, lambda number: self.outbox.key(number))

    def _listens_to(self) -> tuple[str, ...]:
        return self._births.listens_to

    def configured(self, devices: list[tuple[Device, list[Signal]]]) -> None:
        self._births.configured(devices)
        super().configured(devices)
        self._pump()

    def _keep(self, readings: list[Reading]) -> None:
        super()._keep(readings)
        for reading in readings:
            self._births.learn(reading)

    def condition(self) -> tuple[str, str, int, int]:
        name, trouble, waiting, lost = super().condition()
        return name, trouble or self._births.trouble(), waiting, lost

    def _connected(self, session: int) -> None:
        self._births.begin(session)
        super()._connected(session)

    def _heard(self, topic: str, payload: bytes, retained: bool) -> None:
        if self._births.heard(topic, payload):
            self._connection.leave(self._births.trouble())

    def _next(self) -> Message | None:
        births = self._births
        while births.is_ready():
            is_drained = not self._ready and not self.outbox.backlog()
            message: Message | None = births.next(is_drained) or super()._next()
            if message is None:
                break
            if births.is_empty(message):
                self.outbox.drop_these(message.numbers)
                continue
            birth = births.before(message)
            if birth is not None:
                self._ready.appendleft(message)
                message = birth
            births.stamp(message)
            return message
        return None


class Unproven:
    """Messages that have arrived when what was sent after them is answered."""

    __slots__ = ("tags",)

    def __init__(self, tags: list[Any]) -> None:
        self.tags = tags


class SparkplugConnection(Connection):
    """Its will is NDEATH, another one in each session."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.leisure_s = 0.0  # one answer is for many messages, so that few in flight says little
        self._sent: deque[Any] = deque()
        self._is_asking = False

    def _last_will(self) -> tuple[str, bytes, int, bool]:
        now_ms = wall_clock_ms()
        return topic_of(self._settings, "NDEATH"), payload(now_ms, (birth_or_death(self._session, now_ms),)), QOS, False

    def _hello(self, client: Any) -> None:
        self._sent.clear()
        self._is_asking = False
        client.on_subscribe = self._on_subscribe

    def _publish(self, client: Any, tag: Any, topic: str, payload: bytes, retain: bool) -> None:
        if tag == "goodbye" or not topic.startswith(SPACE):
            super()._publish(client, tag, topic, payload, retain)
            return
        client.publish(topic, payload, 0, False)
        self._sent.append(tag)

    def _published(self, client: Any) -> None:
        """All that there was has been sent."""
        if self._sent and not self._is_asking:
            self._is_asking = True
            _, number = client.subscribe(self._listen[0], QOS)
            self._tags[number] = (Unproven(list(self._sent)), monotonic())
            self._sent.clear()

    def _on_subscribe(self, client: Any, userdata: Any, mid: int, codes: Any, properties: Any) -> None:
        unproven, _ = self._tags.pop(mid, (None, 0.0))
        if isinstance(unproven, Unproven):
            self._is_asking = False
            for tag in unproven.tags:
                self._tell(("ack", tag))
            self._published(client)
