"""How readings leave: made honest, handed to every sink, gathered as lines and written without blocking.

The problem: what is paid for every value that leaves. An `Outlet` is all that a reading passes; `sinks.hub` owns one.
Dirt it must survive: sinks that fail; their failures go to `on_failure(sink, error)` and reach no other sink.
"""

cimport cython
from cpython.list cimport PyList_GET_SIZE

from .._clock cimport wall_clock
from .._reading cimport GOOD_QUALITY, Reading, Signal, refuse

from .._clock import wall_clock_ms
from ._json import finite

cdef str OVERFLOW_QUALITY = "overflow"
cdef str STALE_QUALITY = "stale"


cdef class Inlet:
    """What a compiled way into a sink shares: a face for Python, and a way around it for the outlet."""

    def accept(self, Reading reading not None):
        self.take(reading)

    def flush(self):
        self.let_go()

    cdef int take(self, Reading reading) except -1:
        return 0

    cdef int let_go(self) except -1:
        return 0


@cython.final
cdef class _Foreign(Inlet):
    """Into a sink that has none."""

    cdef int take(self, Reading reading) except -1:
        self._accept(reading)
        return 0

    cdef int let_go(self) except -1:
        self._flush()
        return 0


cdef Inlet inlet_of(object sink):
    cdef _Foreign foreign
    own = getattr(sink, "inlet", None)
    if isinstance(own, Inlet):
        return <Inlet>own
    foreign = _Foreign()
    foreign._accept = sink.accept
    foreign._flush = sink.flush
    return foreign


@cython.final
cdef class Outlet:
    def __cinit__(self, list sinks not None, clock_ms not None, on_failure not None):
        self.sinks = sinks
        self._inlets = [inlet_of(sink) for sink in sinks]
        self._now_ms = clock_ms
        self._on_failure = on_failure
        self._by_the_wall = clock_ms is wall_clock_ms
        self.last_good = {}

    def publish(self, Reading reading not None):
        if not reading.time_ms:
            reading.time_ms = wall_clock() if self._by_the_wall else self._now_ms()
        if type(reading.value) is float:
            reading = finite(reading)
        if reading.value is not None:
            if reading.quality is GOOD_QUALITY or reading.quality == GOOD_QUALITY:
                self._keep(reading)
        elif reading.quality != GOOD_QUALITY and reading.quality != OVERFLOW_QUALITY:
            reading = self._stale(reading)
        if reading.signal is None:
            refuse()
        if reading.signal.recalculation is not None:
            reading = reading.signal.recalculation.apply(reading)
            if reading is None:
                return
        self._hand_on(reading)

    cdef int _keep(self, Reading reading) except -1:
        cdef Signal signal = reading.signal
        if signal is None:
            refuse()
        if signal.device_alias is not self._device or self._device is None:
            known = self.last_good.get(signal.device_alias)
            if known is None:
                known = self.last_good[signal.device_alias] = {}
            self._of_device = <dict?>known
            self._device = signal.device_alias
        self._of_device[signal.alias] = reading
        return 0

    cdef Reading _stale(self, Reading reading):
        cdef Signal signal = reading.signal
        if signal is None:
            refuse()
        known = self.last_good.get(signal.device_alias)
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
        for index in range(PyList_GET_SIZE(self._inlets)):
            try:
                (<Inlet>self._inlets[index]).take(reading)
            except Exception as error:
                self._on_failure(self.sinks[index], error)
        return 0

    def flush(self):
        cdef Py_ssize_t index
        for index in range(PyList_GET_SIZE(self._inlets)):
            try:
                (<Inlet>self._inlets[index]).let_go()
            except Exception as error:
                self._on_failure(self.sinks[index], error)

    def forget(self, str device_alias not None):
        self.last_good.pop(device_alias, None)
        self._device = None


@cython.final
cdef class LoggedOnly(Inlet):
    def __cinit__(self, keep not None, write_out not None):
        self._keep = keep
        self._write_out = write_out

    cdef int take(self, Reading reading) except -1:
        if reading.signal is None:
            refuse()
        if reading.signal.log > 0:
            self._keep(reading)
        return 0

    cdef int let_go(self) except -1:
        if self.unwritten:
            self._write_out()
        return 0
