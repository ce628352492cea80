"""How readings leave: made honest, handed to every sink, gathered as lines and written without blocking.

The problem: what is paid for every value that leaves. `sinks.hub` and `sinks.lines` have the rest of both classes.
Dirt it must survive: sinks that fail, readers that are slow, disks that take half of a line.
"""

cdef extern from "poll.h":
    struct pollfd:
        int fd
        short events
        short revents
    int poll(pollfd *fds, unsigned long count, int timeout_ms)

cdef extern from "limits.h":
    int PIPE_BUF

cdef enum:
    MOST_WAITING = 1 << 20

MAX_WAITING = MOST_WAITING

cdef str OVERFLOW_QUALITY = "overflow"
cdef str STALE_QUALITY = "stale"


cdef class Sink:
    """What the compiled sinks share: a face for Python, and a way around it for the outlet."""

    def accept(self, Reading reading not None):
        self.take(reading)

    def flush(self):
        self.let_go()

    cdef int take(self, Reading reading) except -1:
        return 0

    cdef int let_go(self) except -1:
        return 0


@cython.final
cdef class _Foreign(Sink):
    """A sink that is not compiled."""

    cdef object sink

    cdef int take(self, Reading reading) except -1:
        self.sink.accept(reading)
        return 0

    cdef int let_go(self) except -1:
        self.sink.flush()
        return 0


cdef Sink as_sink(object sink):
    cdef _Foreign foreign
    if isinstance(sink, Sink):
        return sink
    foreign = _Foreign()
    foreign.sink = sink
    return foreign


cdef class Outlet:
    cdef readonly list sinks
    cdef list _ways           # to each sink
    cdef readonly object now_ms
    cdef bint _by_the_wall    # so that the clock can be read without a call from Python
    cdef public dict _last_good

    def __cinit__(self, list sinks not None, clock_ms):
        self.sinks = sinks
        self._ways = [as_sink(sink) for sink in sinks]
        self.now_ms = clock_ms
        self._by_the_wall = clock_ms is wall_clock_ms
        self._last_good = {}

    def publish(self, Reading reading not None):
        if not reading.time_ms:
            reading.time_ms = wall_clock() if self._by_the_wall else self.now_ms()
        if type(reading.value) is float:
            reading = finite(reading)
        if reading.value is not None:
            if reading.quality is GOOD_QUALITY or reading.quality == GOOD_QUALITY:
                self._keep(reading)
        elif reading.quality != GOOD_QUALITY and reading.quality != OVERFLOW_QUALITY:
            reading = self._stale(reading)
        self._hand_on(reading)

    cdef int _keep(self, Reading reading) except -1:
        cdef Signal signal = reading.signal
        if signal is None:
            refuse()
        known = self._last_good.get(signal.device_alias)
        if known is None:
            known = self._last_good[signal.device_alias] = {}
        (<dict?>known)[signal.alias] = reading
        return 0

    cdef Reading _stale(self, Reading reading):
        cdef Signal signal = reading.signal
        if signal is None:
            refuse()
        known = self._last_good.get(signal.device_alias)
        last = None if known is None else known.get(signal.alias)
        if last is None:
            return reading
        return Reading(
            signal, last.value, last.unit, reading.time_ms, last.meter_time, STALE_QUALITY, reading.reason
        )

    def hand_on(self, Reading reading not None):
        self._hand_on(reading)

    cdef int _hand_on(self, Reading reading) except -1:
        cdef Py_ssize_t index
        for index in range(PyList_GET_SIZE(self._ways)):
            try:
                (<Sink>self._ways[index]).take(reading)
            except Exception as error:
                self._report(self.sinks[index], error)
        return 0

    def flush(self):
        cdef Py_ssize_t index
        for index in range(PyList_GET_SIZE(self._ways)):
            try:
                (<Sink>self._ways[index]).let_go()
            except Exception as error:
                self._report(self.sinks[index], error)

    def _report(self, sink, error):
        raise NotImplementedError


cdef class Lines(Sink):
    cdef public object name
    cdef public Py_ssize_t lost
    cdef public bint troubled
    cdef int _descriptor    # below 0 while there is none
    cdef object _write_line
    cdef bint _as_json
    cdef _Octets _text

    def __cinit__(self):
        self._descriptor = -1
        self._text = _Octets()

    def __init__(self, fd, write_line, name):
        self.name = name
        self._fd = fd
        self._write_line = write_line
        self._as_json = write_line is json_line

    @property
    def _fd(self):
        return None if self._descriptor < 0 else self._descriptor

    @_fd.setter
    def _fd(self, value):
        self._descriptor = -1 if value is None else value

    @property
    def waiting(self):
        """How many bytes wait to be written."""
        return self._text.size

    cdef int take(self, Reading reading) except -1:
        cdef _Octets text = self._text
        cdef Py_ssize_t before = text.size
        if before >= MOST_WAITING:
            self.lost += 1
            return 0
        try:
            if self._as_json:
                text.put_json(finite(reading))
            else:
                text.put_plain(self._write_line(reading))
            text.put(b"\n", 1)
        except BaseException:
            text.size = before  # no line is ever torn
            raise
        return 0

    cdef int let_go(self) except -1:
        cdef _Octets text = self._text
        cdef int number = 0
        cdef Py_ssize_t done = 0, count
        cdef pollfd asked
        if not text.size or (self._descriptor < 0 and not self._ready()):
            return 0
        asked.fd = self._descriptor
        asked.events = POLLOUT
        while done < text.size and poll(&asked, 1, 0) > 0:
            # poll calls a pipe writable when so many bytes fit: a write of no more does not block in any mode.
            count = write_descriptor(asked.fd, text._octets + done, min(text.size - done, <Py_ssize_t>PIPE_BUF))
            if count <= 0:
                number = errno if count else EAGAIN
                break
            done += count
        text.size -= done
        memmove(text._octets, text._octets + done, text.size)
        if number and number != EAGAIN and number != EINTR:
            self._failed(OSError(number, strerror(number)))
        elif text.size or self.lost or self.troubled:
            self._succeeded()
        return 0

    def clear(self):
        self._text.size = 0

    def _ready(self):
        """Open what is not open. Returns: whether it is."""
        raise NotImplementedError

    def _failed(self, error):
        raise NotImplementedError

    def _succeeded(self):
        raise NotImplementedError


cdef class LoggedOnly(Sink):
    cdef public Py_ssize_t unwritten

    cdef int take(self, Reading reading) except -1:
        if reading.signal is None:
            refuse()
        if reading.signal.log > 0:
            self.keep(reading)
        return 0

    cdef int let_go(self) except -1:
        if self.unwritten:
            self.write_out()
        return 0

    def keep(self, reading):
        raise NotImplementedError

    def write_out(self):
        raise NotImplementedError
