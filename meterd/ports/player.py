"""Plays one conversation at a time on one port: takes each step that the generator yields and answers it.

Shared by the lines of the daemon and by the host of simulated meters. It knows bytes, time and errors; which device is
talked to, and when, is the line's business.
"""

from __future__ import annotations

from .. import log
from .._steps import Receive, Send
from ..conversation import LineSettings, Pause, Reopen
from ..errors import Aborted, Incomplete, PortGone, Silence
from ._loop import Loop
from ._player import WAIT, Stepper
from ._port import Port
from ._timers import Timer
from .reception import Reception

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from ..conversation import Conversation
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
    """`on_report(reading)` gets each reading; `on_end(error or None)` is called when the conversation is over, never
    from within `start`.

    What passed on the wire in the present (or last) conversation is counted: `bytes_sent`, `bytes_received`,
    `timeouts`, `bad_frames`, `retries`; `reported` holds the signals that got a reading.
    """

    __slots__ = ("_aborted", "_failed_step", "_goodbye", "_parting", "_reopening")

    def __init__(
        self,
        loop: Loop,
        port: Port,
        on_report: Callable[[Reading], None],
        on_end: Callable[[Exception | None], None],
    ) -> None:
        self._aborted: Aborted | None = None
        self._parting = False
        self._failed_step = False
        self._reopening = False
        self._goodbye = Timer(self._on_goodbye)
        port.on_gone = self._on_gone

    def is_playing(self) -> bool:
        return self._generator is not None

    def start(self, conversation: Conversation, poll_delay_s: float = 0.0) -> None:
        """Begin; the first step is taken in the loop's next turn."""
        self._reset()
        self._generator = conversation
        self._aborted = None
        self._parting = False
        self.poll_delay_s = poll_delay_s
        self.bytes_sent = self.bytes_received = self.timeouts = self.bad_frames = self.retries = 0
        self.reported = set()
        self._echo.forget()
        self._unsettled = True
        self._failed_step = False
        self.loop.arm(self._timer, self.loop.time)

    def abort(self, why: str) -> None:
        """End the conversation politely, within GOODBYE_S.

        It hears of this in the loop's next turn: it may be one of its own steps that called (a sink, an observer).
        """
        if self._generator is not None and self._aborted is None:
            self._aborted = Aborted(why)
            self.loop.arm(self._goodbye, self.loop.time)

    def _on_goodbye(self) -> None:
        """The time for an abort has come; and later, that for the goodbye is over."""
        if self._parting:
            self._end(self._aborted)
        else:
            self._parting = True
            self._reopening = False
            self.loop.arm(self._goodbye, self.loop.time + GOODBYE_S)
            self._advance(None, self._aborted)

    # ---- the port's side

    def _go_on(self, step: Receive, heard: bool) -> None:
        """No frame yet: move the deadline, and sleep while what is known to be missing comes. Raises: Garbled."""
        reception = self._reception
        if reception is None:
            reception = self._reception = Reception(step, self.received_since)
        reception.go_on(heard, self.loop.time)
        if reception.deadline is None:
            self._timer.deadline = None
        else:
            self.loop.arm(self._timer, reception.deadline)
        port = self.port
        if port.character_s and step.decoder.pending:
            port.hush(step.decoder.missing, step.gap_ms / 2000.0)

    def _on_gone(self, error: PortGone) -> None:
        if self._generator is not None:
            self._advance(None, error)

    def _on_timer(self) -> None:
        """The one timer serves whatever the present step waits for."""
        step = self._receiving
        if step is not None:
            self._on_deadline(step)
            return
        held, self._held = self._held, None
        try:
            if held is not None and self._send(held, True) is WAIT:
                return
        except Exception as error:  # a MeterdError; or a defect, which the conversation hears of so that it can end
            self._advance(None, error)
        else:
            self._advance(None)

    def _on_deadline(self, step: Receive) -> None:
        """The time for a frame is over, unless bytes are here that were not looked at yet."""
        try:
            data = self.port.drain_input() if self.port.is_open() else b""
        except Exception as error:  # see _on_timer
            if isinstance(error, PortGone):
                self.port.close()
            self._advance(None, error)
            return
        if data:
            self._on_data(data)
            return
        data = self._echo.give_up()
        if data:
            self._feed(data)
            return
        reception = self._reception or Reception(step, self.received_since)
        self._advance(None, reception.expired())

    # ---- the conversation's side

    def _answer_other(self, step: Any) -> object:
        """The steps that are rare. Returns: the answer, or WAIT. Raises: MeterdError."""
        if type(step) is Pause:
            self.loop.arm(self._timer, self.loop.time + step.seconds)
            return WAIT
        if type(step) is LineSettings:
            self.port.apply(step)
            if self.observers:
                self._show("settings", step)
            return None
        if type(step) is Reopen:
            return self._reopen(step)
        raise TypeError(f"{step!r} is no step of a conversation")

    def _reopen(self, step: Reopen) -> object:
        """Raises: PortGone where the port is no TCP connection."""
        reopen = getattr(self.port, "reopen", None)
        if reopen is None:
            raise PortGone(f"{self.port.name}: the port is closed")
        self._reopening = self._unsettled = True
        self._echo.forget()
        reopen(step.timeout_s, self._reopened)
        return WAIT

    def _reopened(self, error: PortGone | None) -> bool:
        """The connection stands, or does not. Returns: whether the conversation still waits for that."""
        waited, self._reopening = self._reopening, False
        if waited:
            self._advance(None, error)
        return waited

    def _count(self, error: BaseException) -> None:
        if isinstance(error, (Silence, Incomplete)):
            self.timeouts += 1
        elif not isinstance(error, (Aborted, PortGone)):
            self.bad_frames += 1
        # Late bytes of what just failed may still be under way: the next Send clears the line first.
        self._unsettled = True
        self._failed_step = True
        self._echo.forget()

    def _settle(self, step: Send) -> None:
        """The first transmission after something failed, or of all: what is still coming in belongs to the past."""
        if self._failed_step:
            self._failed_step = False
            self.retries += 1
        if step.keep_input:
            return
        self._unsettled = False
        stale = self.port.drain_input()
        if stale:
            self.bytes_received += len(stale)
            if self.observers:
                self._show("received", stale)

    def _end(self, error: Exception | None) -> None:
        generator, self._generator = self._generator, None
        self._reset()
        self._reopening = False
        self._goodbye.deadline = None
        aborted, self._aborted = self._aborted, None
        if generator is not None:
            try:
                generator.close()
            except Exception as cut:
                log.debug(f"{self.port.name}: the goodbye was cut off: {cut!r}")
        if self.observers:
            self._show("ended", aborted or error)
        self.on_end(aborted or error)

    def _show(self, what: str, subject: Any) -> None:
        """Tell the observers; one that fails sees no more, but the meter is read on."""
        for observer in list(self.observers):
            try:
                getattr(observer, what)(subject)
            except Exception as error:
                self.observers.remove(observer)
                log.warning(f"{self.port.name}: {type(observer).__name__} is shown no more: {error}")
