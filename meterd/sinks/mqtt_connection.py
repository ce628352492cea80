"""The thread in which paho-mqtt lives: connects, publishes, tells what was acknowledged, and begins anew when it ends.

The problem: paho resolves names, shakes hands and may hang in either, while meters must be read. So it has a thread of
its own, and each connection a client of its own: what is unacknowledged is kept by the sink, and by nobody else.
The loop's thread calls `send` (never more than the bound of messages in flight) and is told by `tell(event)`:
("up", session) · ("ack", tag) · ("heard", topic, payload, retained) · ("down", sentence). Nothing is logged here: the
log belongs to the loop's thread.
To wake a thread for every acknowledgement, and then the loop, costs more than to publish. So while few messages are in
flight the thread does not listen to the broker. All that was said is read at once: with the first message that is
published after half of `leisure_s`, and then the acknowledgements are laid down for the loop, which is awake anyway; or
after the whole of it, and then the loop is called.
Dirt it must survive: brokers that accept and say nothing, that answer pings and acknowledge nothing, links that are
half open (found within two keepalives), names that do not resolve, files of certificates that are not there.
"""

from __future__ import annotations

import threading
from collections import deque
from posix import O_CLOEXEC, O_NONBLOCK, pipe2, read
from select import POLLIN, POLLOUT, poll
from time import monotonic

from .._octets import Octets
from . import mqtt_faults
from .backoff import Backoff

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

CONNECT_S = 10.0  # for TCP, TLS and CONNACK each
GOODBYE_S = 1.0
LEISURE_S = 1.0  # longest that an acknowledgement lies unread
QOS = 1

Will = tuple[str, str, str]  # topic, what stands there while we are away, and while we are not


class Connection:
    """One broker, as `settings` (`mqtt.settings`) say; `client` is paho's class. Runs from `start` to `stop`."""

    def __init__(self, client: Any, settings: dict[str, Any], tell: Callable[..., None], will: Will) -> None:
        """`tell(event, at_leisure)`."""
        # An application's acknowledgement keeps the window open, so it is never left lying.
        self.leisure_s = LEISURE_S if settings["acknowledgement"] == "broker" else 0.0
        self._class = client
        self._settings = settings
        self._tell = tell
        self._will = will
        self._listen: tuple[str, ...] = ()
        self._queue: deque[tuple[int, Any, str, bytes, bool]] = deque()
        self._wake_read, self._wake_write = pipe2(O_NONBLOCK | O_CLOEXEC)
        self._byte = Octets()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)
        self._session = 0
        # Of the present connection:
        self._poller = poll()
        self._waits_for = -1
        self._connected = False
        self._leisure_end = 0.0  # until then the broker is not listened to; 0 while it is
        self._is_followed = False  # what is read now: by another message, of which the loop is told when it is called
        self._misc_at = 0.0
        self._ended = ""
        self._leaving = ""
        self._trouble = ""
        self._tags: dict[int, tuple[Any, float]] = {}

    # ---- called by the loop's thread

    def start(self, listen: tuple[str, ...]) -> None:
        """`listen` are topics to subscribe to."""
        self._listen = listen
        self._thread.start()

    def send(self, session: int, tag: Any, topic: str, payload: bytes, retain: bool) -> None:
        """Publish in this session or not at all. `wake` when all is handed over."""
        self._queue.append((session, tag, topic, payload, retain))

    def wake(self) -> None:
        """Octets keep the interpreter's lock while they write: the thread gets it when the loop goes to sleep, once."""
        self._byte.clear()  # what is left of the last one: the pipe is full of wake-ups already
        self._byte.send(self._wake_write, b"\0")

    def hurry(self) -> None:
        """From now on tell at once what is acknowledged."""
        self.leisure_s = 0.0
        self.wake()

    def leave(self, why: str) -> None:
        """End this session politely and begin another one."""
        self._leaving = why
        self.wake()

    def stop(self, seconds: float) -> None:
        """Say goodbye and end; within `seconds`, whatever paho hangs in."""
        self.leisure_s = 0.0
        self._stop.set()
        self.wake()
        if self._thread.is_alive():
            self._thread.join(seconds)

    # ---- the thread

    def _run(self) -> None:
        backoff = Backoff(self._settings["reconnect_max_s"])
        while not self._stop.is_set():
            begun = monotonic()
            try:
                words = self._converse()
            except Exception as error:  # whatever it is, it is one more reason to try again
                words = self._trouble or mqtt_faults.of_error(error, self._settings)
            self._tags.clear()
            self._tell(("down", words))
            lasted_s = monotonic() - begun if self._connected else 0.0
            self._connected = False
            self._stop.wait(backoff.after(lasted_s))

    def _converse(self) -> str:
        """One connection from its beginning to its end. Returns: why it ended."""
        self._session += 1
        self._ended = self._trouble = self._leaving = ""
        self._poller = poll()
        self._poller.register(self._wake_read, POLLIN)
        self._waits_for = -1
        self._leisure_end = self._misc_at = 0.0
        client = self._client()
        client.connect(self._settings["host"], self._settings["port"], self._settings["keepalive_s"])
        begun = monotonic()
        goodbye = 0.0
        while not self._ended:
            if not self._turn(client):
                break
            now = monotonic()
            if self._stop.is_set() or self._leaving:
                if not self._connected or (goodbye and ("goodbye" not in self._in_flight() or now > goodbye)):
                    client.disconnect()
                    break
                if not goodbye:
                    goodbye = now + GOODBYE_S
                    topic, payload, _, retain = self._last_will()
                    self._publish(client, "goodbye", topic, payload, retain)
            self._look_at_the_clock(begun, now)
        sock = client.socket()
        if sock is not None:
            sock.close()  # without a word: the broker then publishes the will, unless `disconnect` was said
        return self._leaving or self._ended or self._trouble or "the broker has closed the connection"

    def _in_flight(self) -> list[Any]:
        return [tag for tag, _ in self._tags.values()]

    def _client(self) -> Any:
        settings = self._settings
        from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

        client = self._class(
            CallbackAPIVersion.VERSION2,
            settings["client_id"],
            protocol=MQTTProtocolVersion.MQTTv311,
            clean_session=True,
        )
        client.connect_timeout = CONNECT_S
        client.max_inflight_messages_set(settings["in_flight"] + 8)
        client.will_set(*self._last_will())
        if settings["user"]:
            client.username_pw_set(settings["user"], settings["password"])
        if settings["tls"]:
            client.tls_set_context(_tls_context(settings))
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        client.on_log = self._on_log
        return client

    def _turn(self, client: Any) -> bool:
        """Wait for the socket, a wake-up or the clock, and serve what is there; False where the connection is gone."""
        sock = client.socket()
        if sock is None:
            return False
        wants = self._wants(client)
        if wants != self._waits_for:
            self._waits_for = wants
            self._poller.register(sock, wants)
        pending = getattr(sock, "pending", None)  # of TLS: what was taken from the socket already
        is_pending = wants > 0 and pending is not None and pending() > 0
        events = self._poller.poll(0 if is_pending else self._patience_ms())
        is_woken = (self._wake_read, POLLIN) in events
        if is_woken:
            read(self._wake_read, 4096)
        now = monotonic()
        if is_pending or len(events) > is_woken or self._may_listen(now):
            self._is_followed = is_woken and self._leisure_end > 0.0 and len(self._queue) > 0
            self._leisure_end = 0.0
            client.loop_read()
        if wants & POLLOUT:
            client.loop_write()
        if now >= self._misc_at:
            self._misc_at = now + self._patience_s()
            client.loop_misc()
        if self._queue:
            self._publish_all(client, now)
        return client.socket() is not None

    def _wants(self, client: Any) -> int:
        """What to wait for at the socket. That the link breaks poll tells in any case."""
        if client.want_write():
            return POLLIN | POLLOUT
        return 0 if self._leisure_end else POLLIN

    def _may_listen(self, now: float) -> bool:
        """Whether leisure ends: in part if there is something to publish anyway."""
        if not self._leisure_end:
            return False
        return now >= self._leisure_end - (self.leisure_s / 2 if self._queue else 0.0) or not self.leisure_s

    def _publish_all(self, client: Any, now: float) -> None:
        while self._queue and self._connected and not self._ended:
            session, tag, topic, payload, retain = self._queue.popleft()
            if session == self._session:
                self._publish(client, tag, topic, payload, retain)
        if self._connected and not self._ended:
            self._published(client)
        if len(self._tags) * 2 >= self._settings["in_flight"] or not self.leisure_s:
            self._leisure_end = 0.0
        elif not self._leisure_end:
            self._leisure_end = now + self.leisure_s

    def _last_will(self) -> tuple[str, bytes, int, bool]:
        """What the broker says for us when we are gone: topic, payload, QoS, whether it is kept."""
        return self._will[0], self._will[1].encode(), QOS, True

    def _hello(self, client: Any) -> None:
        self._publish(client, None, self._will[0], self._will[2].encode(), True)

    def _published(self, client: Any) -> None:
        """All that waited was handed to paho; of use where that alone says little."""

    def _patience_s(self) -> float:
        return float(min(max(self._settings["keepalive_s"] / 4, 0.25), 5.0))

    def _patience_ms(self) -> int:
        left_s = max(self._leisure_end - monotonic(), 0.0) if self._leisure_end else self._patience_s()
        return int(left_s * 1000) + 1

    def _publish(self, client: Any, tag: Any, topic: str, payload: bytes, retain: bool) -> None:
        information = client.publish(topic, payload, QOS, retain)
        self._tags[information.mid] = (tag, monotonic())

    def _look_at_the_clock(self, begun: float, now: float) -> None:
        """paho finds pings that are not answered; this finds a broker that answers those and nothing else."""
        patience = 2 * self._settings["keepalive_s"]
        if not self._connected:
            if now - begun > CONNECT_S:
                self._ended = "the broker takes the connection and does not answer; is it an MQTT broker?"
        elif self._tags:
            since = next(iter(self._tags.values()))[1]
            if now - since > patience:
                self._ended = f"the broker has acknowledged nothing for {patience} s; connecting anew"

    # ---- called by paho, in the thread

    def _on_connect(self, client: Any, userdata: Any, flags: Any, code: Any, properties: Any) -> None:
        if code.is_failure:
            self._ended = mqtt_faults.refusal(code.value, str(code))
            return
        self._connected = True
        client.on_log = None  # paho words each packet for it
        for topic in self._listen:
            client.subscribe(topic, QOS)
        self._hello(client)
        self._tell(("up", self._session))

    def _on_disconnect(self, client: Any, userdata: Any, flags: Any, code: Any, properties: Any) -> None:
        if self._ended:
            return
        if "eep alive" in str(code) or "eepalive" in str(code):
            self._ended = "the broker no longer answers: the link is taken for broken"
        elif self._connected:
            self._ended = self._trouble or (
                "the broker has closed the connection; if it does so again and again, another client has this client_id"
            )
        else:
            self._ended = self._trouble or mqtt_faults.closed(self._settings)

    def _on_publish(self, client: Any, userdata: Any, mid: int, code: Any, properties: Any) -> None:
        tag, _ = self._tags.pop(mid, (None, 0.0))
        if tag is not None:
            self._tell(("ack", tag), self._is_followed)

    def _on_message(self, client: Any, userdata: Any, message: Any) -> None:
        self._tell(("heard", message.topic, message.payload, message.retain))

    def _on_log(self, client: Any, userdata: Any, level: int, text: str) -> None:
        """paho swallows what TLS says once the handshake is over; some refusals come only then."""
        self._trouble = mqtt_faults.of_text(text, self._settings) or self._trouble


def _tls_context(settings: dict[str, Any]) -> Any:
    from .trust import believing

    context = believing(settings["ca_file"])
    for name in ("certificate_file", "key_file"):
        if settings[name]:
            open(settings[name], "rb").close()  # OpenSSL does not say which file it is that cannot be read
    if settings["certificate_file"]:
        context.load_cert_chain(settings["certificate_file"], settings["key_file"], password=lambda: "")
    return context
