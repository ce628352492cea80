"""Takes the steps of a conversation and answers them."""

from collections.abc import Callable
from typing import Any

from .._reading import Reading, Signal
from .._steps import Receive, Send
from ..conversation import Conversation
from ._echo import Echo
from ._loop import Loop
from ._port import Port
from ._timers import Timer

WAIT: object
"""The answer to a step that cannot be answered yet."""

class Stepper:
    """The compiled half of `meterd.ports.player.Player`."""

    loop: Loop
    port: Port
    on_report: Callable[[Reading], None]
    on_end: Callable[[Exception | None], None]
    on_trouble: Callable[[Reading], None] | None
    poll_delay_s: float
    strips_echo: bool
    observers: list[Any]
    reported: set[Signal]
    bytes_sent: int
    bytes_received: int
    timeouts: int
    bad_frames: int
    retries: int
    _generator: Conversation | None
    _receiving: Receive | None
    _reception: Any
    _held: Send | None
    _echo: Echo
    _unsettled: bool
    _timer: Timer

    def __init__(
        self,
        loop: Loop,
        port: Port,
        on_report: Callable[[Reading], None],
        on_end: Callable[[Exception | None], None],
    ) -> None: ...
    @property
    def received_since(self) -> float: ...
    def _reset(self) -> None: ...
    def _on_data(self, data: bytes) -> None: ...
    def _feed(self, data: bytes) -> None: ...
    def _advance(self, value: Any, error: BaseException | None = None) -> None: ...
    def _send(self, step: Send, was_held: bool) -> object: ...
