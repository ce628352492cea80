"""Takes the steps that a conversation yields and answers those of nearly every exchange.

The problem: what is paid for every frame and every value. A `Burst` is answered here exchange by exchange, for as long
as each answer is the one that was due; what is not, and any error of the line, goes back to the conversation. What is
seldom is handed to its `rare` (`ports.rare_steps`), and its end then to whoever is a `Stepper` (`ports.player`).
Dirt it must survive: echoes, bytes that nobody waits for, conversations that meet error upon error.
"""

from cpython.bytes cimport PyBytes_GET_SIZE
from cpython.list cimport PyList_GET_SIZE
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF
from libc.stdint cimport int64_t

from .._clock cimport MICROSECONDS, NEVER, whole
from .._input cimport starts_with
from .._reading cimport GOOD_QUALITY, NO_WORDS, Reading, inlet_of
from .._steps cimport ASKING, AWAITING, SENDING, Burst, Receive, Report, ReportAll, Send
from ._echo cimport Echo
from ._loop cimport Loop
from ._port cimport Counts, DataReader, Port
from ._timers cimport Timer

from ..errors import Garbled, PortGone, Silence

cdef enum:
    # Bytes that come in while nobody listens are kept up to here; more than that is babble.
    MOST_INBOX = 65536
    # A conversation that meets error upon error without ever waiting would hold up all other lines for good.
    MOST_ERRORS_AT_ONCE = 100
    MANY_REPORTED = 512  # a load profile reports the same few signals over and over: of so many each is kept once

cdef extern from "Python.h":
    int PyIter_Send(object generator, object value, PyObject **result) except -1

# The answer to a step that cannot be answered yet; by its second name without a look into the module.
cdef object WAITING = object()
WAIT = WAITING
cdef object ENDED = object()  # in place of a step


cdef class Stepper(DataReader):
    def __cinit__(
        self, Loop loop not None, Port port not None, on_report not None, on_end not None,
        on_trouble=None, on_tell=None, bint strips_echo=True,
    ):
        self.loop = loop
        self.port = port
        self._on_report = inlet_of(on_report, on_report, None)
        self._on_trouble = on_trouble
        self._strips_echo = strips_echo
        self.observers = []
        self.counts = Counts()
        self.timer = Timer(self._on_time)
        self.on_end = on_end
        self._inbox = b""
        self._echo = Echo()
        self._is_answered = True
        port.on_data = self._on_data
        port.reader = self
        port.on_sent = self._on_sent

    def start(self, generator, double poll_delay_s=0.0, bint at_once=False):
        self._reset()
        self.counts.clear()
        self.generator = generator
        self._poll_delay = whole(poll_delay_s * MICROSECONDS)
        self._reported = []
        self._most_reported = MANY_REPORTED
        self._echo.forget()
        self._is_first = True
        if not self._is_answered:
            self._unsettled = True
        if at_once:
            self._step(None, None)
        else:
            self.loop.arm_at(self.timer, self.loop.now)

    def forget(self):
        self.counts.clear()
        self._reported = None

    def report_to(self, way not None):
        self._on_report = inlet_of(way, way, None)

    @property
    def reported(self):
        return set(self._reported or ())

    def forget_reported(self):
        self._reported = []

    def advance(self, value, error=None):
        self._step(value, error)

    def cut_off(self, error):
        self._finish(error)

    cdef void _reset(self):
        """Nothing is under way any more."""
        self._clear_step()
        self._burst = None
        self._inbox = b""

    cdef void _clear_step(self):
        self._receiving = None
        self._reception = None
        self._held = None
        self._sending = False
        self.timer.due = NEVER

    cdef int _finish(self, error) except -1:
        generator, self.generator = self.generator, None
        if error is not None:
            self._unsettled = True
        self._reset()
        if error is None and not self.rare.has_acted and not self.observers:
            self.on_end(None)
        else:
            self.ended(generator, error)
        return 0

    cdef int _note(self, error) except -1:
        """Late bytes of what failed may still be under way, so the next Send clears the line first."""
        self._unsettled = True
        self._echo.forget()
        self.rare.failed(error)
        return 0

    def _on_time(self):
        """The one timer serves whatever the present step waits for."""
        cdef Receive step = self._receiving
        cdef Send held = self._held
        cdef bytes data = b""
        if step is not None:
            late = self.rare.deadline(step, self._reception, self._received_since / <double>MICROSECONDS)
            if type(late) is bytes:
                self.take_data(<bytes>late)
                return
            if self.port.fd >= 0:
                data = self._echo.give_up()
            if data:
                self._take_in(data)
            else:
                self._step(None, late)
            return
        late = None
        if held is not None:
            self._held = None
            try:
                if self._transmit(held, True) is WAITING:
                    return
            except Exception as error:  # see _take_in
                late = error
        self._step(None, late)

    # ---- the port's side

    def _on_data(self, bytes data not None):
        self.take_data(data)

    cdef int take_data(self, bytes data) except -1:
        cdef bytes expected = self._echo.expected
        self._last_activity = self.loop.now
        self.counts.bytes_received += PyBytes_GET_SIZE(data)
        if self.observers:
            self.rare.show("received", data)
        if expected:
            if self._echo.held or starts_with(data, expected) or starts_with(expected, data):
                data = self._echo.strip(data)
            else:
                self._echo.forget()  # an answer at once, as mostly
        return self._take_in(data)

    cdef int _take_in(self, bytes data) except -1:
        """Give the decoder that waits what has come in; where none waits, keep it."""
        cdef Receive step = self._receiving
        if step is None:
            if PyBytes_GET_SIZE(self._inbox) < MOST_INBOX and self.generator is not None:
                self._inbox += data
            return 0
        try:
            frame = step.feed(data)
            if frame is None:
                self._go_on(step, data)
                return 0
        except Exception as error:  # a MeterdError; or a defect, which the conversation hears of so that it can end
            self._step(None, error)
            return 0
        self._is_answered = True
        if self.observers:
            self.rare.show("framed", frame)
        self._step(frame, None)
        return 0

    cdef int _go_on(self, Receive step, bytes data) except -1:
        """No frame yet. Raises: Garbled."""
        since = self._received_since / <double>MICROSECONDS
        self._reception = self.rare.go_on(step, self._reception, since, PyBytes_GET_SIZE(data) > 0)
        return 0

    def _on_sent(self):
        if self._sending:
            self._sending = False
            self._last_activity = self.loop.now
            self._step(None, None)

    # ---- the conversation's side

    cdef int _step(self, value, error) except -1:
        """Answer the present step, and take steps for as long as they can be answered at once."""
        cdef Burst burst = self._burst
        cdef int errors = 0
        generator = self.generator
        if generator is None:
            return 0
        self._clear_step()
        try:
            if burst is not None:
                self._burst = None
                if error is None:
                    try:
                        value = self._exchange(burst, value)
                        if value is WAITING:
                            return 0
                    except Exception as caught:  # see _take_in
                        value, error = None, caught
                if isinstance(error, (Silence, Garbled)):
                    self._note(error)
                    value, error = error, None
            while True:
                if error is None:
                    step = self._resume(generator, value)
                    if step is ENDED:
                        break
                else:
                    self._note(error)
                    step = generator.throw(error)
                    error = None
                try:
                    value = self._answer(step)
                    if value is WAITING:
                        return 0
                except Exception as caught:  # see _take_in
                    value, error = None, caught
                    errors += 1
                    if errors > MOST_ERRORS_AT_ONCE:
                        raise
        except StopIteration:
            pass
        except Exception as end:  # a bug in one protocol must not take the other lines down; the line reports it
            self._finish(end)
            return 0
        self._finish(None)
        return 0

    cdef object _resume(self, generator, value):
        """The next step, or ENDED."""
        cdef PyObject *result = NULL
        cdef int outcome = PyIter_Send(generator, value, &result)
        step = <object>result
        Py_DECREF(step)
        return step if outcome else ENDED

    cdef object _answer(self, step):
        """The value to send into the conversation, or WAIT. Raises: MeterdError."""
        kind = type(step)
        if kind is Receive:
            return self._receive(<Receive>step)
        if kind is Send:
            return self._transmit(<Send>step, False)
        if kind is Report:
            self._report((<Report>step).reading)
            return None
        if isinstance(step, Burst):
            (<Burst>step).state = ASKING  # whatever came in between when it was yielded before
            return self._exchange(<Burst>step, None)
        if kind is ReportAll:
            self._report_all((<ReportAll>step).readings)
            return None
        return self.rare.answer(step)

    cdef int _report(self, Reading reading) except -1:
        self._reported.append(reading.signal)
        if PyList_GET_SIZE(self._reported) > self._most_reported:
            self._reported = list(set(self._reported))
            self._most_reported = 2 * PyList_GET_SIZE(self._reported) + MANY_REPORTED
        if (reading.quality is not GOOD_QUALITY or reading.words is not NO_WORDS) and self._on_trouble is not None:
            self._on_trouble(reading)
        way = self._on_report  # held, whatever becomes of it there
        return way.take(reading)

    cdef int _report_all(self, list readings) except -1:
        """What came together is of one time: the one that the first which has none is given on its way."""
        cdef int64_t time_ms = 0
        for reading in readings:
            if (<Reading?>reading).time_ms:
                self._report(<Reading>reading)
            else:
                (<Reading>reading).time_ms = time_ms
                self._report(<Reading>reading)
                time_ms = (<Reading>reading).time_ms
        return 0

    cdef object _receive(self, Receive step):
        """A frame that is here already, else the wait begins."""
        cdef bytes data = self._inbox
        cdef int64_t due
        if step is None:
            raise TypeError("a burst without a Receive")
        if data:
            self._inbox = b""
        frame = step.feed(data)
        if frame is not None:
            self._is_answered = True
            if self.observers:
                self.rare.show("framed", frame)
            return frame
        if self.port.fd < 0:
            raise PortGone(f"{self.port.name}: the port is closed")
        self._receiving = step
        self._received_since = self.loop.now
        if data or step.timeout_us == NEVER or step.is_pending():
            self._go_on(step, data)
        else:
            due = self.loop.now + step.timeout_us
            if due < self.timer.key:
                self.loop.arm_at(self.timer, due)
            else:
                self.timer.due = due  # it is in the heap early enough
        return WAITING

    cdef object _transmit(self, Send step, bint was_held):
        if self._poll_delay and not was_held and not step.at_once and self._must_wait():
            self._held = step
            return WAITING
        if not step.keep_input:
            self._inbox = b""
        if self._unsettled or (self._is_first and self.port.may_hold_input()):
            self._unsettled = step.keep_input
            self.rare.settle(step)
        self._is_first = self._is_first and step.keep_input
        return self._put_out(step.data)

    cdef bint _must_wait(self) except -1:
        """Within the poll delay. What still comes in does not extend it: a line that babbles must not stop us."""
        cdef int64_t due = self._last_activity + self._poll_delay
        if self.loop.now >= due:
            return False
        self.loop.arm_at(self.timer, due)
        return True

    cdef object _put_out(self, bytes data):
        if self._strips_echo:
            self._echo.sent(data)
        self._is_answered = False
        self.counts.bytes_sent += PyBytes_GET_SIZE(data)
        if self.observers:
            self.rare.show("sent", data)
        if self.port.put_out(data):
            self._last_activity = self.loop.now
            return None
        self._sending = True
        return WAITING

    cdef object _exchange(self, Burst burst, frame):
        """Go on from where the burst is: `frame` is its answer where one is awaited.

        Returns: WAIT; None when all is done; the frame that is not the answer which was due. Raises: MeterdError.
        """
        cdef bytes data
        while True:
            if burst.state == AWAITING:
                found = burst.take(frame)
                if found is None:
                    return frame
                burst.state = ASKING
                if type(found) is Reading:
                    self._report(<Reading>found)
                else:
                    self._report_all(<list?>found)
            if burst.state == ASKING:
                data = burst.request()
                if data is None:
                    return None
                burst.state = SENDING
                if self._send_next(data) is WAITING:
                    self._burst = burst
                    return WAITING
            burst.state = AWAITING
            frame = self._receive(burst.receive)
            if frame is WAITING:
                self._burst = burst
                return WAITING

    cdef object _send_next(self, bytes data):
        if self._poll_delay or self._unsettled or self._is_first:
            return self._transmit(Send(data), False)
        self._inbox = b""
        return self._put_out(data)
