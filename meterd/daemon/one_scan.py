"""One conversation on one device's port, run to its end: for `meterd scan` and `meterd doctor`."""

from __future__ import annotations

from .. import log
from ..errors import Aborted, MeterdError, PortGone
from ..model import network_line
from ..ports._loop import Loop
from ..ports._timers import Timer
from ..ports.opening import make_port
from ..ports.player import Player
from .goodbye import FAREWELLS_S, goodbye_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

    from .._reading import Inlet
    from ..conversation import Conversation
    from ..model import Device, Memory, Plan, Reading


class Evidence:
    """What was seen on the wire: an observer that counts and keeps the first bytes that came."""

    KEPT = 64

    def __init__(self) -> None:
        self.opened = False
        self.sent_bytes = 0
        self.received_bytes = 0
        self.frames = 0
        self.first_bytes = b""

    def sent(self, data: bytes) -> None:
        self.sent_bytes += len(data)

    def received(self, data: bytes) -> None:
        self.received_bytes += len(data)
        self.first_bytes = (self.first_bytes + data)[: self.KEPT]

    def framed(self, frame: Any) -> None:
        self.frames += 1

    def settings(self, settings: Any) -> None:
        """The line's settings are in the configuration."""

    def ended(self, error: Exception | None) -> None:
        """Whoever runs the conversation is told."""


class Single:
    """Runs conversations with `device` one after the other; `path` is the node of a serial device."""

    def __init__(self, loop: Loop, device: Device, path: str, on_report: Inlet | Callable[[Reading], None]) -> None:
        self.loop = loop
        self.device = device
        self.evidence = Evidence()
        self.error: Exception | None = None
        over_network = device.over_tcp()
        key = network_line(device.parameters) if over_network else path
        self.port = make_port(loop, key, None if over_network else path)
        self.player = Player(loop, self.port, on_report, self._ended)
        self.player.observers.append(self.evidence)

    def run(self, conversation: Conversation) -> Any:
        """What the conversation returned; an interrupted one is ended politely.

        Raises: MeterdError, whatever ended it; KeyboardInterrupt.
        """
        self._open()
        result: list[Any] = []

        def kept() -> Conversation:
            result.append((yield from conversation))

        self.error = None
        self.player.start(kept(), (self.device.parameters.get("poll_delay_ms") or 0) / 1000.0)
        try:
            self.loop.run()
        except KeyboardInterrupt:
            if self.player.is_playing():
                self.player.abort("interrupted")
                self.loop.run()
            raise
        if self.error is not None:
            raise self.error
        return result[0]

    def interrupt(self) -> None:
        """From within the loop: what runs is ended politely, and `run` raises Aborted."""
        if self.player.is_playing():
            self.player.abort("interrupted")
        elif not self.port.is_open():
            self.port.close()
            self.loop.stop()

    def part(self, driver: ModuleType, plan: Plan, memory: Memory) -> None:
        """End what the driver left open with the meter, as far as there is a port to do it on, within FAREWELLS_S."""
        conversation = goodbye_of(driver, plan, memory)
        if conversation is None or not self.port.is_open():
            return
        timer = Timer(lambda: self.player.abort("the meter does not answer the goodbye"))
        self.loop.arm(timer, self.loop.time + FAREWELLS_S)
        try:
            self.run(conversation)
        except MeterdError as error:
            log.debug(f"{self.device.alias}: no goodbye: {error}")
        except Exception as error:  # what was read is not lost over it
            log.bug(f"{self.device.alias}: no goodbye on a defect of meterd", error)
        finally:
            timer.deadline = None

    def close(self) -> None:
        self.port.close()

    def _open(self) -> None:
        if self.port.is_open():
            return
        answers: list[PortGone | None] = []

        def opened(error: PortGone | None) -> None:
            answers.append(error)
            self.loop.stop()

        self.port.open((self.device.parameters.get("timeout_ms") or 5000) / 1000.0, opened)
        if not answers:
            self.loop.run()
        if not answers:
            raise Aborted("interrupted while its port was being opened")
        if answers[0] is not None:
            raise answers[0]
        self.evidence.opened = True

    def _ended(self, error: Exception | None) -> None:
        self.error = error
        self.loop.stop()
