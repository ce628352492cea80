"""Hand-made meters on real sockets and ptys, and in tests.pair's virtual time."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
import time
import tty
from collections.abc import Callable, Generator
from typing import Any

from meterd.conversation import Pause, Receive, Send
from meterd.errors import PortGone


class Octets:
    """A decoder that gives whatever has come."""

    pending = 0
    missing = 1
    discarded = 0
    reason = ""

    def feed(self, octets: bytes) -> bytes | None:
        return octets or None

    def reset(self) -> None:
        """Nothing is held."""


def in_virtual_time(meter: Any) -> Generator[Any, Any, None]:
    """The meter's side of a conversation for `tests.pair.converse`."""
    decoder = Octets()
    while True:
        try:
            heard = yield Receive(decoder, None, 1000)
        except PortGone:
            return
        for delay, octets in meter.hear(heard):
            if delay:
                yield Pause(delay)
            yield Send(octets, keep_input=True)


class Served:
    """Every connection goes to one meter, one after the other; `idle` seconds of silence and it hangs up."""

    def __init__(self, make: Callable[[], Any], idle: float = 60.0) -> None:
        self.make = make
        self.idle = idle
        self.meters: list[Any] = []
        self.connections = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            with connection, contextlib.suppress(OSError):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.settimeout(self.idle)
                self._talk(connection)

    def _talk(self, connection: socket.socket) -> None:
        meter = self.make()
        self.meters.append(meter)
        while octets := connection.recv(4096):
            for delay, answer in meter.hear(octets):
                time.sleep(delay)
                connection.sendall(answer)


class OnPty:
    """The same on a pty; `node` is what a configuration names."""

    def __init__(self, meter: Any, character_s: float = 0.0) -> None:
        self.meter = meter
        self.character_s = character_s
        self.master, slave = os.openpty()
        tty.setraw(slave)
        self.node = os.ttyname(slave)
        self.slave = slave
        self.going = True
        self.thread = threading.Thread(target=self._talk, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.going = False
        self.thread.join(5)
        os.close(self.master)
        os.close(self.slave)

    def _talk(self) -> None:
        while self.going:
            if not select.select([self.master], [], [], 0.05)[0]:
                continue
            for delay, answer in self.meter.hear(os.read(self.master, 4096)):
                time.sleep(delay + self.character_s * len(answer))
                os.write(self.master, answer)
