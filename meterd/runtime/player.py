"""Plays one conversation at a time on one port: takes each step that the generator yields and answers it.

Shared by the lines of the daemon and by the host of simulated meters. It knows bytes, time and errors; which device is
talked to, and when, is the line's business.
"""

from __future__ import annotations

from .. import log
from ..conversation import LineSettings, Pause, Receive, Report, Send
from ..errors import Aborted, Incomplete, PortGone, Silence
from .echo import Echo
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
        def ended(self, error: Exception | None) -> None: ...


# How long an aborted conversation may go on saying goodbye before it is cut off.
GOODBYE_S = 3.0
# Bytes that come in while nobody listens are kept up to here; more than that is babble.
MAX_INBOX = 65536
# A conversation that meets error upon error without ever waiting would hold up all other lines for good.
MAX_ERRORS_AT_ONCE = 100
# The answer to a step that cannot be answered yet.
WAIT = object()


class Player:
    """`on_end(error or None)` is called when the conversation is over, never from within `start`.

    What passed on the wire in the present (or last) conversation is counted: `bytes_sent`, `bytes_received`,
    `timeouts`, `bad_frames`, `retries`.
    """

    __slots__ = (
        "_aborted", "_echo", "_failed_step", "_generator", "_goodbye", "_held", "_inbox", "_last_activity",
        "_received_since", "_receiving", "_reception", "_sending", "_timer", "_unsettled", "bad_frames",
        "bytes_received", "bytes_sent", "loop", "observers", "on_end", "on_report", "poll_delay_s", "port", "retries",
        "strips_echo", "timeouts",
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
        self._sending = False  # bytes are on their way out
        self._held: Send | None = None  # waits for the poll delay to pass
        self._aborted: Aborted | None = None
        self._inbox = b""
        self._echo = Echo()
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
        self._aborted = None
        self.poll_delay_s = poll_delay_s
        self._clear_counters()
        self._inbox = b""
        self._echo.forget()
        self._unsettled = True
        self._failed_step = False
        self.loop.arm(self._timer, self.loop.time)

    def _clear_counters(self) -> None:
        self.bytes_sent = self.bytes_received = self.timeouts = self.bad_frames = self.retries = 0

    def abort(self, why: str) -> None:
        """End the conversation politely, within GOODBYE_S."""
        if self._generator is not None and self._goodbye.deadline is None:
            self.loop.arm(self._goodbye, self.loop.time + GOODBYE_S)
            self._aborted = Aborted(why)
            self._advance(None, self._aborted)

    def _cut_off(self) -> None:
        self._end(Aborted("the goodbye took too long"))

    # ---- the port's side

    def _on_data(self, data: bytes) -> None:
        self._last_activity = self.loop.time
        self.bytes_received += len(data)
        if self.observers:
            _show(self, "received", data)
        echo = self._echo
        expected = echo.expected
        if expected:
            if echo.held or data.startswith(expected) or expected.startswith(data):
                data = echo.strip(data)
            else:
                echo.expected = b""  # an answer at once, as mostly
        self._feed(data)

    def _feed(self, data: bytes) -> None:
        """Give the decoder that waits what has come in; where none waits, keep it."""
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
        except Exception as error:  # a MeterdError; or a defect, which the conversation hears of so that it can end
            self._advance(None, error)
            return
        if self.observers:
            _show(self, "framed", frame)
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
            port.hush(step.decoder.missing, step.gap_ms / 2000.0)

    def _on_gone(self, error: PortGone) -> None:
        if self._generator is not None:
            self._advance(None, error)

    def _on_sent(self) -> None:
        if self._sending:
            self._sending = False
            self._last_activity = self.loop.time
            self._advance(None)

    def _on_timer(self) -> None:
        """The one timer serves whatever the present step waits for."""
        step = self._receiving
        if step is not None:
            self._on_deadline(step)
            return
        held, self._held = self._held, None
        try:
            if held is not None and self._send(held, was_held=True) is WAIT:
                return
        except PortGone as gone:
            self._advance(None, gone)
        else:
            self._advance(None)

    def _on_deadline(self, step: Receive) -> None:
        """The time for a frame is over, unless bytes are here that were not looked at yet."""
        try:
            data = self.port.drain_input() if self.port.is_open() else b""
        except PortGone as error:
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
        reception = self._reception or Reception(step, self._received_since)
        self._advance(None, reception.expired())

    # ---- the conversation's side

    def _advance(self, value: Any, error: BaseException | None = None) -> None:
        """Answer the present step, and take steps for as long as they can be answered at once."""
        generator = self._generator
        if generator is None:
            return
        self._receiving = self._reception = self._held = None
        self._sending = False
        self._timer.deadline = None
        errors = 0
        try:
            while True:
                if error is None:
                    step = generator.send(value)
                else:
                    self._count(error)
                    step = generator.throw(error)
                    error = None
                try:
                    value = _ANSWERS[step.__class__](self, step)
                    if value is WAIT:
                        return
                except Exception as caught:  # see _feed
                    value, error, errors = None, caught, errors + 1
                    if errors > MAX_ERRORS_AT_ONCE:
                        raise
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
        if self.observers:
            _show(self, "settings", settings)

    def _receive(self, step: Receive) -> Any:
        """A frame that is here already, else the wait begins."""
        data = b""
        if self._inbox:
            data, self._inbox = self._inbox, b""
        frame = step.decoder.feed(data)
        if frame is not None:
            if self.observers:
                _show(self, "framed", frame)
            return frame
        if self.port.fd < 0:
            raise PortGone(f"{self.port.name}: the port is closed")
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

    def _count(self, error: BaseException) -> None:
        if isinstance(error, (Silence, Incomplete)):
            self.timeouts += 1
        elif not isinstance(error, (Aborted, PortGone)):
            self.bad_frames += 1
        # Late bytes of what just failed may still be under way: the next Send clears the line first.
        self._unsettled = True
        self._failed_step = True
        self._echo.forget()

    def _send(self, step: Send, was_held: bool = False) -> object:
        if self.poll_delay_s and not was_held:
            due = self._last_activity + self.poll_delay_s
            if self.loop.time < due:
                # What still comes in until then does not extend the delay: a line that babbles must not stop us.
                self._held = step
                self.loop.arm(self._timer, due)
                return WAIT
        data = step.data
        if not step.keep_input:
            self._inbox = b""
        if self._unsettled:
            self._settle(step)
        if self.strips_echo:
            self._echo.sent(data)
        self.bytes_sent += len(data)
        if self.observers:
            _show(self, "sent", data)
        if self.port.send(data):
            self._last_activity = self.loop.time
            return None
        self._sending = True
        return WAIT

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
                _show(self, "received", stale)

    def _end(self, error: Exception | None) -> None:
        generator, self._generator = self._generator, None
        self._receiving = self._reception = self._held = None
        self._sending = False
        self._timer.deadline = None
        self._goodbye.deadline = None
        aborted, self._aborted = self._aborted, None
        if generator is not None:
            try:
                generator.close()
            except Exception as cut:
                log.debug(f"{self.port.name}: the goodbye was cut off: {cut!r}")
        if self.observers:
            _show(self, "ended", aborted or error)
        self.on_end(aborted or error)


def _show(player: Player, what: str, subject: Any) -> None:
    """Tell the observers; one that fails sees no more, but the meter is read on."""
    for observer in list(player.observers):
        try:
            getattr(observer, what)(subject)
        except Exception as error:
            player.observers.remove(observer)
            log.warning(f"{player.port.name}: {type(observer).__name__} is shown no more: {error}")


_ANSWERS: dict[type, Callable[[Player, Any], Any]] = {
    Send: Player._send,
    Receive: Player._receive,
    Report: Player._report,
    Pause: Player._pause,
    LineSettings: Player._apply,
}
