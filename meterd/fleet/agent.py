"""Requests from a broker to `Remote`, and its answers back: a thread of MQTT, and one that does them one by one.

Topics: `meterd-remote/<gateway>/request` and `…/answer`, beside those of readings, so that a broker's access list can
tell them apart; `…/status` is `online` or `offline`, retained. The broker is the one of `publish.mqtt`, with `-remote`
behind the client identifier. A retained request is an old one, and thrown away. Requests that wait are bounded.
"""

from __future__ import annotations

import queue
import threading

from .. import log
from ..sinks.mqtt_connection import Connection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .remote import Remote

MOST_WAITING = 4
ROOT = "meterd-remote"
GOODBYE_S = 2.0
HEARTBEAT_S = 60.0


class Agent:
    """`settings` as `sinks.mqtt.settings` gives them; `client` is paho's class. `run` returns after `stop`."""

    def __init__(self, client: Any, settings: dict[str, Any], remote: Remote) -> None:
        self._remote = remote
        base = f"{ROOT}/{settings['gateway']}"
        self._request, self._answer = f"{base}/request", f"{base}/answer"
        self._session = 0
        self._events: queue.Queue[tuple[Any, ...]] = queue.Queue()
        self._waiting = threading.BoundedSemaphore(MOST_WAITING)
        own = {**settings, "client_id": settings["client_id"] + "-remote"}
        self._connection = Connection(client, own, self._tell, (f"{base}/status", "offline", "online"))

    def run(self) -> None:
        self._connection.start((self._request,))
        while True:
            patience = self._remote.patience_s()
            try:
                event = self._events.get(timeout=HEARTBEAT_S if patience is None else min(patience, HEARTBEAT_S))
            except queue.Empty:
                event = ("nothing",)
            if event[0] == "stop":
                self._connection.stop(GOODBYE_S)
                return
            self._serve(event)
            self._remote.tick()

    def stop(self) -> None:
        self._events.put(("stop",))

    def _tell(self, event: tuple[Any, ...]) -> None:
        """Called by the thread of MQTT."""
        if event[0] != "heard" or self._waiting.acquire(blocking=False):
            self._events.put(event)

    def _serve(self, event: tuple[Any, ...]) -> None:
        if event[0] == "up":
            self._session = event[1]
            log.notice(f"remote: listens at {self._request}")
        elif event[0] == "down":
            self._session = 0
            log.warning(f"remote: {event[1]}", fold="remote")
        elif event[0] == "heard":
            self._waiting.release()
            _, topic, payload, retained = event
            answer = self._remote.take(payload) if topic == self._request and not retained else None
            if answer is not None and self._session:
                self._connection.send(self._session, None, self._answer, answer, False)
                self._connection.wake()
