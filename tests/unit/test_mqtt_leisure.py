"""When the thread of MQTT listens: acknowledgements are read together, and none lies for longer than is said."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from meterd.ports._loop import Loop
from meterd.ports.letter_box import LetterBox
from meterd.sinks.mqtt import client_class
from meterd.sinks.mqtt_connection import Connection
from tests.unit.mqtt_case import read_settings, turn_until

pytest.importorskip("paho.mqtt.client", reason="paho-mqtt is missing: make build")
CONNECT, PUBLISH = 0x10, 0x30
NEVER_S = 3600.0
RESET = "reset"  # a topic at which the broker's machine restarts


class Broker:
    """Says yes to whoever comes and acknowledges at once; `published` are the topics that came."""

    def __init__(self) -> None:
        self.published: list[str] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        try:
            near, _ = self._listening.accept()
        except OSError:
            return
        with near, near.makefile("rb") as come:
            while head := come.read(1):
                length = shift = 0
                while (octet := come.read(1)[0]) & 0x80:
                    length += (octet & 0x7F) << shift
                    shift += 7
                body = come.read(length + (octet << shift))
                if head[0] & 0xF0 == CONNECT:
                    near.sendall(b"\x20\x02\x00\x00")
                elif head[0] & 0xF0 == PUBLISH:
                    (size,) = struct.unpack_from(">H", body)
                    self.published.append(body[2 : 2 + size].decode())
                    if self.published[-1] == RESET:
                        near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        return
                    near.sendall(b"\x40\x02" + body[2 + size : 4 + size])

    def close(self) -> None:
        self._listening.close()
        self._thread.join(30)


class Site:
    """A connection and the loop's side of it; `leisure_s` as it is to be."""

    def __init__(self, leisure_s: float, **given: Any) -> None:
        self.broker = Broker()
        self.loop = Loop()
        self.session = 0
        self.acknowledged: list[str] = []
        self.down: list[str] = []
        self.calls = 0
        self.box = LetterBox(self.loop, self._serve)
        settings = read_settings(host="127.0.0.1", port=self.broker.port, **given)
        self.connection = Connection(client_class(), settings, self.box.post, ("status", "offline", "online"))
        if leisure_s:
            self.connection.leisure_s = leisure_s
        self.connection.start(())
        self.until(lambda: self.session)

    def _serve(self) -> None:
        self.calls += 1
        for kind, *rest in self.box.letters():
            if kind == "up":
                self.session = rest[0]
            elif kind == "ack":
                self.acknowledged.append(rest[0])
            elif kind == "down":
                self.down.append(rest[0])

    def publish(self, *tags: str) -> None:
        for tag in tags:
            self.connection.send(self.session, tag, tag, b"{}", False)
        self.connection.wake()
        self.until(lambda: tags[-1] in self.broker.published)

    def until(self, condition: Callable[[], Any]) -> None:
        turn_until(self.loop, condition)

    def close(self) -> None:
        self.connection.stop(30)
        self.broker.close()
        self.loop.close()


@pytest.fixture
def sites() -> Iterator[Callable[..., Site]]:
    made: list[Site] = []

    def start(leisure_s: float, **given: Any) -> Site:
        made.append(Site(leisure_s, **given))
        return made[-1]

    yield start
    for site in made:
        site.close()


def test_when_nothing_more_comes_an_acknowledgement_is_told_all_the_same(sites: Any) -> None:
    site = sites(0.05)
    site.publish("a")
    site.until(lambda: site.acknowledged == ["a"])


def test_few_in_flight_call_nobody_and_the_end_of_leisure_tells_of_all(sites: Any) -> None:
    site = sites(NEVER_S)
    calls = site.calls
    site.publish("a")
    site.publish("b")
    site.publish("c")
    assert (site.calls, site.acknowledged) == (calls, [])
    site.connection.hurry()
    site.until(lambda: site.acknowledged == ["a", "b", "c"])
    site.publish("d")
    site.until(lambda: site.acknowledged[3:] == ["d"])


def test_when_the_window_is_half_full_there_is_no_leisure(sites: Any) -> None:
    site = sites(NEVER_S, in_flight=8)
    site.publish("a", "b")
    assert site.acknowledged == []
    site.publish("c", "d", "e", "f", "g", "h")
    site.until(lambda: len(site.acknowledged) > 4)  # less than half may lie unread
    site.connection.hurry()
    site.until(lambda: site.acknowledged == ["a", "b", "c", "d", "e", "f", "g", "h"])


def test_a_link_that_breaks_at_leisure_is_noticed(sites: Any) -> None:
    site = sites(NEVER_S)
    site.publish("a", RESET)
    site.until(lambda: site.down)


def test_an_applications_word_is_never_waited_for_at_leisure(sites: Any) -> None:
    site = sites(0.0, acknowledgement="application")
    assert site.connection.leisure_s == 0.0
    site.publish("a")
    site.until(lambda: site.acknowledged == ["a"])
