"""How readings leave: made honest, handed to every sink, gathered as lines and written without blocking.

The problem: what is paid for every value that leaves. `sinks.hub` and `sinks.lines` have the rest of both classes.
Dirt it must survive: sinks that fail, readers that are slow, disks that take half of a line.
"""

cimport cython
from cpython.list cimport PyList_GET_SIZE

from .._clock cimport wall_clock
from .._reading cimport GOOD_QUALITY, Reading, Signal, refuse

from .._clock import wall_clock_ms
from ._json import finite

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


cdef class LoggedOnly(Sink):
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
