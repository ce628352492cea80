"""A simulated meter on a loopback port, in a thread of its own: for foreign clients that block on their sockets."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Generator
from typing import Any

from meterd.conversation import Receive, Send
from meterd.errors import MeterdError, PortGone
from meterd.ports.reception import Reception


class SocketMeter:
    """Serves one connection after the other; `sent` is what the meter said in all of them."""

    def __init__(self, factory: Callable[[], Generator[Any, Any, Any]]) -> None:
        self.factory = factory
        self.sent: list[bytes] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> SocketMeter:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(10)
        assert not self.thread.is_alive()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                try:
                    self._serve(connection, self.factory())
                except (OSError, PortGone, StopIteration):
                    continue

    def _serve(self, connection: socket.socket, meter: Generator[Any, Any, Any]) -> None:
        step = meter.send(None)
        while True:
            value = None
            if isinstance(step, Send):
                self.sent.append(step.data)
                connection.sendall(step.data)
            elif isinstance(step, Receive):
                try:
                    value = self._receive(connection, step)
                except MeterdError as error:
                    step = meter.throw(error)
                    continue
            step = meter.send(value)

    def _receive(self, connection: socket.socket, step: Receive) -> Any:
        reception = Reception(step, time.monotonic())
        frame = reception.feed(b"", time.monotonic())
        while frame is None:
            left = None if reception.deadline is None else reception.deadline - time.monotonic()
            if left is not None and left <= 0:
                raise reception.expired()
            connection.settimeout(left)
            try:
                data = connection.recv(4096)
            except TimeoutError:
                continue
            if not data:
                raise PortGone("the client has left")
            frame = reception.feed(data, time.monotonic())
        return frame
