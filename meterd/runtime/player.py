"""Plays one conversation at a time on one port: takes each step that the generator yields and answers it.

Shared by the lines of the daemon and by the host of simulated meters. It knows bytes, time and errors; which device is
talked to, and when, is the line's business.
"""

from __future__ import annotations

from ..conversation import LineSettings, Pause, Receive, Report, Send
from ..errors import Aborted, Incomplete, MeterdError, PortGone, Silence
from .loop import Loop, Timer
from .reception import Reception

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from ..conversation import Conversation
    from ..model import Reading
    from .port import Port

    class Observer(Protocol):
        """Sees all that passes on the wire: a wire log, raw output, frame output."""

        def sent(self, data: bytes) -> None: ...
        def received(self, data: bytes) -> None: ...
        def framed(self, frame: Any) -> None: ...
        def settings(self, settings: LineSettings) -> None: ...


# How long an aborted conversation may go on saying goodbye before it is cut off.
GOODBYE_S = 3.0
# Bytes that come in while nobody listens are kept up to here; more than that is babble.
MAX_INBOX = 65536
# The answer to a step that cannot be answered yet.
WAIT = object()


class Player:
    """`on_end(error or None)` is called when the conversation is over, never from within `start`.

    What passed on the wire in the present (or last) conversation is counted: `bytes_sent`, `bytes_received`,
    `timeouts`, `bad_frames`, `retries`.
    """

    __slots__ = (
        "_echo", "_failed_step", "_generator", "_goodbye", "_inbox", "_last_activity", "_received_since", "_receiving",
        "_reception", "_sending", "_timer", "_unsettled", "bad_frames", "bytes_received", "bytes_sent", "loop",
        "observers", "on_end", "on_report", "poll_delay_s", "port", "retries", "strips_echo", "timeouts",
    )  # fmt: skip

    def __init__(
        self,
        loop: Loop,
        port: Port,
        on_report: Callable[[Reading], None],
        on_end: Callable[[Exception | None], None],
    ) -> None:
        self.loop = loop
        self.port = port
        self.on_report = on_report
        self.on_end = on_end
        self.poll_delay_s = 0.0
        self.strips_echo = True
        self.observers: list[Observer] = []
        self._clear_counters()
        self._generator: Conversation | None = None
        self._receiving: Receive | None = None
        self._received_since = 0.0
        self._reception: Reception | None = None  # only once bytes came that were no frame
        self._sending: Send | None = None
        self._inbox = b""
        self._echo = b""
        self._unsettled = True
        self._failed_step = False
        self._last_activity = 0.0
        self._timer = Timer(self._on_timer)
        self._goodbye = Timer(self._cut_off)
        port.on_data = self._on_data
        port.on_sent = self._on_sent
        port.on_gone = self._on_gone

    def is_playing(self) -> bool:
        return self._generator is not None

    def start(self, conversation: Conversation, poll_delay_s: float = 0.0) -> None:
        """Begin; the first step is taken in the loop's next turn."""
        self._generator = conversation
        self.poll_delay_s = poll_delay_s
        self._clear_counters()
        self._inbox = self._echo = b""
        self._unsettled = True
        self._failed_step = False
        self.loop.arm(self._timer, self.loop.time)

    def _clear_counters(self) -> None:
        self.bytes_sent = self.bytes_received = self.timeouts = self.bad_frames = self.retries = 0

    def abort(self, why: str) -> None:
        """End the conversation politely, within GOODBYE_S."""
        if self._generator is not None and self._goodbye.deadline is None:
            self.loop.arm(self._goodbye, self.loop.time + GOODBYE_S)
            self._advance(None, Aborted(why))

    def _cut_off(self) -> None:
        self._end(Aborted("the goodbye took too long"))

    # ---- the port's side

    def _on_data(self, data: bytes) -> None:
        self._last_activity = self.loop.time
        self.bytes_received += len(data)
        if self.observers:
            for observer in self.observers:
                observer.received(data)
        echo = self._echo
        if echo:
            if self._inbox or echo.startswith(data) or data.startswith(echo):
                data = self._without_echo(data)
            else:
                self._echo = b""
        step = self._receiving
        if step is None:
            if len(self._inbox) < MAX_INBOX and self._generator is not None:
                self._inbox += data
            return
        try:
            frame = step.decoder.feed(data)
            if frame is None:
                self._go_on(step, bool(data))
                return
        except MeterdError as error:
            self._advance(None, error)
            return
        if self.observers:
            self._show_frame(frame)
        self._advance(frame)

    def _go_on(self, step: Receive, heard: bool) -> None:
        """No frame yet: move the deadline, and sleep while what is known to be missing comes. Raises: Garbled."""
        reception = self._reception
        if reception is None:
            reception = self._reception = Reception(step, self._received_since)
        reception.go_on(heard, self.loop.time)
        if reception.deadline is None:
            self._timer.deadline = None
        else:
            self.loop.arm(self._timer, reception.deadline)
        port = self.port
        if port.character_s and step.decoder.pending:
            port.hush(min(step.decoder.missing * port.character_s, step.gap_ms / 2000.0))

    def _without_echo(self, data: bytes) -> bytes:
        """Optical heads and two-wire converters give back what was sent; a full echo is taken out, nothing else."""
        echo = self._echo
        got = self._inbox + data if self._inbox else data
        if echo.startswith(got) and len(got) < len(echo):
            self._inbox = got
            return b""
        self._echo = self._inbox = b""
        return got[len(echo) :] if got.startswith(echo) else got

    def _on_gone(self, error: PortGone) -> None:
        if self._generator is not None:
            self._advance(None, error)

    def _on_sent(self) -> None:
        if self._sending is not None:
            self._sending = None
            self._last_activity = self.loop.time
            self._advance(None)

    def _on_timer(self) -> None:
        """The one timer serves whatever the present step waits for."""
        step = self._receiving
        if step is not None:
            self._on_deadline(step)
            return
        held, self._sending = self._sending, None
        if held is None:
            self._advance(None)
            return
        try:
            answer = self._send(held)
        except PortGone as gone:
            self._advance(None, gone)
            return
        if answer is not WAIT:
            self._advance(None)

    def _on_deadline(self, step: Receive) -> None:
        """The time for a frame is over, unless bytes are here that were not looked at yet."""
        try:
            data = self.port.drain_input() if self.port.is_open() else b""
        except PortGone as error:
            self.port.close()
            self._advance(None, error)
            return
        if self._inbox and self._echo:
            data, self._inbox, self._echo = self._inbox + data, b"", b""  # it was no echo after all
        if data:
            self._on_data(data)
            return
        reception = self._reception or Reception(step, self._received_since)
        self._advance(None, reception.expired())

    # ---- the conversation's side

    def _advance(self, value: Any, error: BaseException | None = None) -> None:
        """Answer the present step, and take steps for as long as they can be answered at once."""
        generator = self._generator
        if generator is None:
            return
        self._receiving = self._reception = self._sending = None
        self._timer.deadline = None
        if error is not None:
            self._count(error)
        try:
            while True:
                step = generator.send(value) if error is None else generator.throw(error)
                error = None
                try:
                    value = _ANSWERS[step.__class__](self, step)
                except MeterdError as caught:
                    value, error = None, caught
                    self._count(caught)
                if value is WAIT:
                    return
        except StopIteration:
            self._end(None)
        except Exception as end:  # a bug in one protocol must not take the other lines down; the line reports it
            self._end(end)

    # How each step is answered: with the value to send into the generator, or WAIT. Raises: MeterdError.

    def _report(self, step: Report) -> None:
        self.on_report(step.reading)

    def _pause(self, step: Pause) -> object:
        self.loop.arm(self._timer, self.loop.time + step.seconds)
        return WAIT

    def _apply(self, settings: LineSettings) -> None:
        self.port.apply(settings)
        for observer in self.observers:
            observer.settings(settings)

    def _receive(self, step: Receive) -> Any:
        """A frame that is here already, else the wait begins."""
        data = b""
        if self._inbox and not self._echo:
            data, self._inbox = self._inbox, b""
        frame = step.decoder.feed(data)
        if frame is not None:
            if self.observers:
                self._show_frame(frame)
            return frame
        self._receiving = step
        self._received_since = now = self.loop.time
        if data or step.timeout_ms is None or step.decoder.pending:
            self._go_on(step, bool(data))
        else:
            timer, deadline = self._timer, now + step.timeout_ms / 1000.0
            timer.deadline = deadline
            if deadline < timer.queued:  # else it is in the heap early enough; this spares a call per exchange
                self.loop.arm(timer, deadline)
        return WAIT

    def _show_frame(self, frame: Any) -> None:
        for observer in self.observers:
            observer.framed(frame)

    def _count(self, error: BaseException) -> None:
        if isinstance(error, (Silence, Incomplete)):
            self.timeouts += 1
        elif not isinstance(error, (Aborted, PortGone)):
            self.bad_frames += 1
        # Late bytes of what just failed may still be under way: the next Send clears the line first.
        self._unsettled = True
        self._failed_step = True

    def _send(self, step: Send) -> object:
        now = self.loop.time
        if self.poll_delay_s and now < self._last_activity + self.poll_delay_s:
            self._sending = step
            self.loop.arm(self._timer, self._last_activity + self.poll_delay_s)
            return WAIT
        if not step.keep_input:
            self._inbox = b""
            if self._unsettled:
                self._unsettled = False
                self._drop_input()
        if self._failed_step:
            self._failed_step = False
            self.retries += 1
        # A single character is no echo worth taking out: ACK and NAK may come back as a meter's own answer.
        self._echo = step.data if self.strips_echo and len(step.data) > 1 and not self._inbox else b""
        self.bytes_sent += len(step.data)
        if self.observers:
            for observer in self.observers:
                observer.sent(step.data)
        if self.port.send(step.data):
            self._last_activity = now
            return None
        self._sending = step
        return WAIT

    def _drop_input(self) -> None:
        stale = self.port.drain_input()
        if stale:
            self.bytes_received += len(stale)
            for observer in self.observers:
                observer.received(stale)

    def _end(self, error: Exception | None) -> None:
        generator, self._generator = self._generator, None
        self._receiving = self._reception = self._sending = None
        self._timer.deadline = None
        self._goodbye.deadline = None
        if isinstance(error, Aborted) and generator is not None:
            try:
                generator.close()
            except RuntimeError:
                pass  # it still had something to say; it has had its time
        self.on_end(error)


_ANSWERS: dict[type, Callable[[Player, Any], Any]] = {
    Send: Player._send,
    Receive: Player._receive,
    Report: Player._report,
    Pause: Player._pause,
    LineSettings: Player._apply,
}
