"""What a player does seldom: pauses, line settings, new connections, waits that go on, and what goes wrong.

The stepper (`_player.pyx`) is given one of these and asks it; neither knows how the other does its part. Where bytes
came that were no frame yet, how long the wait goes on is arithmetic of its own (`reception`).
"""

from __future__ import annotations

from .. import log
from ..conversation import LineSettings, MeterTime, Pause, Reopen, Tell
from ..errors import Aborted, Incomplete, PortGone, Silence
from ._player import WAIT
from .reception import Reception

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .._steps import Receive, Send
    from ._player import Stepper


# So many sentences are told for a conversation; one that has more to say has lost its measure.
MOST_TOLD = 16


class RareSteps:
    """For one stepper."""

    __slots__ = ("_failed", "_on_tell", "_reopening", "_told", "has_acted", "loop", "port", "stepper")

    def __init__(self, stepper: Stepper, on_tell: Callable[[Tell | MeterTime], None] | None) -> None:
        self.stepper = stepper
        self.loop = stepper.loop
        self.port = port = stepper.port
        self._on_tell = on_tell or self._say
        self._told = 0
        self._failed = False
        self._reopening = False
        self.has_acted = False  # in the present conversation
        port.on_gone = self.gone

    def over(self) -> None:
        """The conversation is over; in the next one nothing has failed yet."""
        self._failed = self.has_acted = False
        self._told = 0
        if self._reopening:
            self.stop_waiting()

    def stop_waiting(self) -> None:
        """The conversation is to hear of something else than a connection that is not there yet."""
        if self._reopening:
            self._reopening = False
            self.port.close()

    # ---- steps

    def answer(self, step: Any) -> object:
        """Returns: the answer, or WAIT. Raises: MeterdError."""
        self.has_acted = True
        if type(step) is Pause:
            self.loop.arm(self.stepper.timer, self.loop.time + step.seconds)
            return WAIT
        if type(step) is LineSettings:
            self.port.apply(step)
            if self.stepper.observers:
                self.show("settings", step)
            return None
        if type(step) is Reopen:
            return self._reopen(step)
        if type(step) is MeterTime or type(step) is Tell:
            self._told += type(step) is Tell
            if self._told <= MOST_TOLD:
                self._on_tell(step)
            return None
        raise TypeError(f"{step!r} is no step of a conversation")

    def _reopen(self, step: Reopen) -> object:
        """Raises: PortGone where it is known at once that there is no new connection."""
        told: list[PortGone | None] = []

        def opened(error: PortGone | None) -> None:
            if self._reopening:
                self._reopening = False
                self.stepper.advance(None, error)
            else:
                told.append(error)

        self.port.close()
        self.port.open(step.timeout_s, opened)
        if not told:
            self._reopening = True
            return WAIT
        if told[0] is not None:
            raise told[0]
        return None

    def _say(self, step: Tell | MeterTime) -> None:
        """Where nobody knows which device it is."""
        if not isinstance(step, Tell):
            return
        name = self.port.name
        log.message(step.level, f"{name}: {step.text}", fold=f"{name} {step.about}", port=name)

    def settle(self, step: Send) -> None:
        """The first transmission after something failed, or of all: what is still coming in belongs to the past."""
        counts = self.stepper.counts
        if self._failed:
            self._failed = False
            counts.retries += 1
        if step.keep_input:
            return
        stale = self.port.drain_input()
        if stale:
            counts.bytes_received += len(stale)
            if self.stepper.observers:
                self.show("received", stale)

    # ---- waits

    def go_on(self, step: Receive, reception: Reception | None, since: float, heard: bool) -> Reception:
        """No frame yet: move the deadline, and sleep while what is known to be missing comes. `since` when the step
        began, seconds. Returns: what it is asked with next time. Raises: Garbled.
        """
        if reception is None:
            reception = Reception(step, since)
        reception.go_on(heard, self.loop.time)
        if reception.deadline is None:
            self.stepper.timer.deadline = None
        else:
            self.loop.arm(self.stepper.timer, reception.deadline)
        port = self.port
        if port.hush is not None and step.decoder.pending:
            port.hush(step.decoder.missing, step.gap_ms / 2000.0)
        return reception

    def deadline(self, step: Receive, reception: Reception | None, since: float) -> bytes | Exception:
        """The time for a frame is over. Returns: bytes that are here and were not looked at yet; else what went wrong.

        A defect of the port is for the conversation to hear of, so that it can end.
        """
        try:
            data = self.port.drain_input() if self.port.is_open() else b""
        except PortGone as error:
            self.port.close()
            return error
        except Exception as error:
            return error
        return data or (reception or Reception(step, since)).expired()

    # ---- trouble

    def failed(self, error: BaseException) -> None:
        """The conversation is told of this."""
        counts = self.stepper.counts
        if isinstance(error, (Silence, Incomplete)):
            counts.timeouts += 1
        elif not isinstance(error, (Aborted, PortGone)):
            counts.bad_frames += 1
        self._failed = self.has_acted = True

    def gone(self, error: PortGone) -> None:
        """The port has closed itself."""
        self.stepper.advance(None, error)

    def show(self, what: str, subject: Any) -> None:
        """Tell the observers; one that fails sees no more, but the meter is read on."""
        observers = self.stepper.observers
        for observer in list(observers):
            try:
                getattr(observer, what)(subject)
            except Exception as error:
                observers.remove(observer)
                log.warning(f"{self.port.name}: {type(observer).__name__} is shown no more: {error}")
