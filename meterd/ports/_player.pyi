"""Takes the steps of a conversation and answers them."""

from collections.abc import Callable
from typing import Any

from .._reading import Reading, Signal
from ..conversation import Conversation
from ._loop import Loop
from ._port import Port
from ._timers import Timer
from .rare_steps import RareSteps

WAIT: object
"""The answer to a step that cannot be answered yet."""

class Counts:
    """What passed on the wire in one conversation. `timeouts`: a frame that did not come, or not to its end."""

    bytes_sent: int
    bytes_received: int
    timeouts: int
    bad_frames: int
    retries: int

class Stepper:
    """Drives one conversation at a time on a port.

    `on_end(conversation, error)` is told once, when it is over; `on_trouble` may be None. `observers`, `reported` and
    `counts` are changed in place.
    """

    on_report: Callable[[Reading], None]
    @property
    def observers(self) -> list[Any]: ...
    reported: set[Signal]
    @property
    def counts(self) -> Counts: ...
    @property
    def generator(self) -> Conversation | None: ...
    @property
    def timer(self) -> Timer:
        """What the present step waits for; disarmed as soon as it has its answer."""

    def __init__(
        self,
        loop: Loop,
        port: Port,
        rare: RareSteps,
        on_report: Callable[[Reading], None],
        on_end: Callable[[Conversation, Exception | None], None],
        on_trouble: Callable[[Reading], None] | None,
        strips_echo: bool,
    ) -> None: ...
    def forget(self) -> None:
        """`reported` and `counts` begin anew, as they do with each conversation."""

    def begin(self, generator: Conversation, poll_delay_s: float, at_once: bool = False) -> None: ...
    def advance(self, value: Any, error: BaseException | None = None) -> None: ...
    def cut_off(self, error: Exception) -> None: ...
