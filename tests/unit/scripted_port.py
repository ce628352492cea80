"""A player on a port that exists in the test alone: what is sent is kept, and a script says what happens next."""

from __future__ import annotations

import select
from collections.abc import Callable
from typing import Any

from meterd.conversation import LineSettings
from meterd.errors import PortGone
from meterd.model import Reading
from meterd.ports._loop import Loop
from meterd.ports._port import Port
from meterd.ports.player import Player

Act = Callable[["Rig"], None]
ENOUGH_S = 20.0


class Script:
    """A carrier. `leaves(number)` says of the n-th Send whether it has left at once; it may raise PortGone."""

    def __init__(self, loop: Loop, leaves: Callable[[int], bool]) -> None:
        self.port = Port(loop, "scripted", self)
        self.port.receive = lambda: b""
        self.port.transmit = self.transmit
        self.port.stand()
        self.leaves = leaves
        self.sent: list[bytes] = []

    def transmit(self, data: bytes) -> bool:
        if not self.port.is_open():
            raise PortGone("scripted: the port is closed")
        self.sent.append(data)
        return self.leaves(len(self.sent) - 1)

    def open(self, timeout_s: float, opened: Callable[[PortGone | None], None]) -> None:
        opened(PortGone("scripted: there is no other"))

    def apply(self, settings: LineSettings | None) -> None:
        """It has none."""

    def release(self) -> None:
        """It holds nothing."""


class Rig:
    """`after[n]` is what happens once the n-th Send (from 0) has been handed to the port, one act a turn."""

    def __init__(self, after: dict[int, list[Act]], leaves: Callable[[int], bool] = lambda number: True) -> None:
        self.loop = Loop()
        self.script = Script(self.loop, leaves)
        self.port = self.script.port
        self.after = {number: list(acts) for number, acts in after.items()}
        self.readings: list[Reading] = []
        self.ends: list[Exception | None] = []
        self.player = Player(self.loop, self.port, self.readings.append, self.ends.append)

    def play(self, conversation: Any, poll_delay_s: float = 0.0) -> Exception | None:
        """Returns: what `on_end` was called with."""
        self.loop.register(self.loop.wakeup_fd(), select.POLLOUT, lambda revents: None)  # no turn sleeps
        self.player.start(conversation, poll_delay_s)
        until = self.loop.time + ENOUGH_S
        while self.loop.time < until:
            self.loop.turn()
            acts = self.after.get(len(self.script.sent) - 1)
            if acts:
                acts.pop(0)(self)
            elif self.ends:
                break
        self.loop.close()
        assert len(self.ends) == 1, "a conversation ends once"
        return self.ends[0]


def data(octets: bytes) -> Act:
    return lambda rig: rig.port.on_data(octets)


def sent(rig: Rig) -> None:
    rig.port.on_sent()


def gone(rig: Rig) -> None:
    rig.port.close()
    rig.port.on_gone(PortGone("scripted: gone"))


def abort(rig: Rig) -> None:
    rig.player.abort("the test says so")


def nothing(rig: Rig) -> None:
    """A turn passes."""
