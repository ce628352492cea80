"""Plays one conversation at a time on one port: takes each step that the generator yields and answers it.

Shared by the lines of the daemon and by the host of simulated meters. It knows bytes, time and errors; which device is
talked to, and when, is the line's business. Put together of the compiled stepper, which does what is paid for every
frame, and of what is done seldom (`rare_steps`); how a conversation begins and how it is ended is here.
"""

from __future__ import annotations

from .. import log
from ..errors import Aborted
from ._loop import Loop
from ._player import Stepper
from ._port import Port
from ._timers import Timer
from .rare_steps import RareSteps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from .._reading import Inlet
    from ..conversation import Conversation, LineSettings, MeterTime, Tell
    from ..model import Reading

    class Observer(Protocol):
        """Sees all that passes on the wire: a wire log, raw output, frame output."""

        def sent(self, data: bytes) -> None: ...
        def received(self, data: bytes) -> None: ...
        def framed(self, frame: Any) -> None: ...
        def settings(self, settings: LineSettings) -> None: ...
        def ended(self, error: Exception | None) -> None: ...


# How long an aborted conversation may go on saying goodbye before it is cut off.
GOODBYE_S = 3.0


class Player(Stepper):
    """`on_report(reading)` gets each reading, `on_trouble(reading)` before it such as are not good or have words;
    `on_end(error or None)` is called when the conversation is over, not from within `start` unless it is `at_once`;
    `on_tell(step)` gets what it has to say of the meter; without it, sentences go to the log.

    `counts` is what passed on the wire in the present (or last) conversation and nobody has taken yet; `reported` are
    the signals that got a reading; `observers` see all that passes. Counts and observers are changed in place.
    """

    __slots__ = ("_aborted", "_goodbye", "_parting")

    def __init__(
        self,
        loop: Loop,
        port: Port,
        on_report: Inlet | Callable[[Reading], None],
        on_end: Callable[[Exception | None], None],
        on_trouble: Callable[[Reading], None] | None = None,
        on_tell: Callable[[Tell | MeterTime], None] | None = None,
        strips_echo: bool = True,
    ) -> None:
        self.rare = RareSteps(self, on_tell)
        self._aborted: Aborted | None = None
        self._parting = False
        self._goodbye: Timer | None = None  # few are ever aborted

    def is_playing(self) -> bool:
        return self.generator is not None

    def abort(self, why: str) -> None:
        """End the conversation politely, within GOODBYE_S.

        It hears of this in the loop's next turn: it may be one of its own steps that called (a sink, an observer).
        """
        if self._aborted is None and self.is_playing():
            self._aborted = Aborted(why)
            self.rare.has_acted = True
            self._goodbye = Timer(self._on_goodbye)
            self.loop.arm(self._goodbye, self.loop.time)

    def _on_goodbye(self) -> None:
        """The time for an abort has come; and later, that for the goodbye is over."""
        if self._parting and self._aborted is not None:
            self.cut_off(self._aborted)
        else:
            self._parting = True
            self.rare.stop_waiting()
            self._goodbye = Timer(self._on_goodbye)
            self.loop.arm(self._goodbye, self.loop.time + GOODBYE_S)
            self.advance(None, self._aborted)

    def ended(self, conversation: Conversation, error: Exception | None) -> None:
        """It was ended by something, or something seldom has happened in it."""
        self.rare.over()
        if self._aborted is not None:
            error, self._aborted = self._aborted, None
            self._parting = False
        if self._goodbye is not None:
            self._goodbye.deadline = None
        if error is not None:  # else it has come to its end
            self._close(conversation)
        if self.observers:
            self.rare.show("ended", error)
        self.on_end(error)

    def _close(self, conversation: Conversation) -> None:
        try:
            conversation.close()
        except Exception as cut:
            log.debug(f"{self.port.name}: the goodbye was cut off: {cut!r}")
