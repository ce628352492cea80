"""Takes the steps of a conversation and answers them."""

from collections.abc import Callable
from typing import Any

from .._reading import Inlet, Reading, Signal
from ..conversation import Conversation
from ._loop import Loop
from ._port import Counts, Port
from ._timers import Timer
from .rare_steps import RareSteps

WAIT: object
"""The answer to a step that cannot be answered yet."""

class Stepper:
    """Drives one conversation at a time on a port.

    `on_end(error)` is told once, when it is over; where something seldom has happened in it, or something has ended it,
    `ended(conversation, error)` of whoever is a stepper is called instead. `on_trouble` may be None. `observers` and
    `counts` are changed in place.
    """

    on_end: Callable[[Exception | None], None]
    rare: RareSteps
    @property
    def loop(self) -> Loop: ...
    @property
    def port(self) -> Port: ...
    @property
    def observers(self) -> list[Any]: ...
    def report_to(self, way: Inlet | Callable[[Reading], None]) -> None:
        """Where readings go from now on."""
    @property
    def reported(self) -> set[Signal]:
        """The signals that got a reading in this conversation, or since `forget_reported`. Made when it is asked for:
        scans that go well never do."""
    def forget_reported(self) -> None:
        """What is reported from now on belongs to something else, as the next telegram."""
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
        on_report: Inlet | Callable[[Reading], None],
        on_end: Callable[[Exception | None], None],
        on_trouble: Callable[[Reading], None] | None = None,
        on_tell: Callable[[Any], None] | None = None,
        strips_echo: bool = True,
    ) -> None: ...
    def forget(self) -> None:
        """Nobody asks any more what passed in the last conversation, and what it reported."""

    def start(self, generator: Conversation, poll_delay_s: float = 0.0, at_once: bool = False) -> None:
        """Begin; the first step is taken in the loop's next turn. `at_once`: now, and its end may be within this."""

    def advance(self, value: Any, error: BaseException | None = None) -> None:
        """The present step has its answer, or what went wrong."""
    def cut_off(self, error: Exception) -> None:
        """The conversation is over, whatever it waits for."""
