"""Simulated meters on loopback ports, in a process of their own, out of the way of what is measured."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from typing import TYPE_CHECKING

from meterd.ports._loop import Loop
from meterd.simulate import dlms
from meterd.simulate.meter_host import MeterHost

from ._machine import allow_descriptors

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from meterd.conversation import Conversation
    from meterd.simulate.faults import Fault

HOSTS = 250  # 127.x.y.1 to 127.x.y.250 all lead to this machine, and each is a line of its own


class Meters:
    """One kind of meter on so many ports, for as long as the block lasts, at whatever address of this machine."""

    def __init__(self, meter: Callable[[], Conversation], ports: int = 1, fault: Fault | None = None) -> None:
        self._line, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("fork").Process(
            target=_serve, args=(meter, ports, fault, theirs), daemon=True
        )
        self._process.start()
        theirs.close()
        self.ports: list[int] = self._line.recv()
        self.port = self.ports[0]

    def kill(self) -> None:
        self._process.kill()
        self._process.join()

    def __enter__(self) -> Meters:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


def _serve(meter: Callable[[], Conversation], ports: int, fault: Fault | None, line: Connection) -> None:
    allow_descriptors()
    loop = Loop()
    host = MeterHost(loop)
    line.send([host.on_tcp(0, meter, fault, None, "0.0.0.0") for _ in range(ports)])
    loop.run()


def dlms_meters(ports: int = 1, fault: Fault | None = None, **options: str) -> Meters:
    return Meters(dlms.meter(rows="0", **options), ports, fault)


def hosts(count: int) -> list[str]:
    """So many addresses of this machine."""
    return [f"127.{1 + n // HOSTS // HOSTS}.{n // HOSTS % HOSTS}.{1 + n % HOSTS}" for n in range(count)]
