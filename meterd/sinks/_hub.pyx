"""How readings leave: made honest, handed to every sink, gathered as lines and written without blocking.

The problem: what is paid for every value that leaves. An `Outlet` is all that a reading passes; `sinks.hub` owns one.
Dirt it must survive: sinks that fail; their failures go to `on_failure(sink, error)` and reach no other sink.
"""

cimport cython
from cpython.list cimport PyList_GET_SIZE

from .._clock cimport wall_clock
from .._reading cimport GOOD_QUALITY, Inlet, Reading, Signal, inlet_of, refuse
from ._json cimport made_finite

from .._clock import wall_clock_ms

cdef str OVERFLOW_QUALITY = "overflow"
cdef str STALE_QUALITY = "stale"
cdef int OUTLETS  # that were made so far


@cython.final
cdef class Outlet(Inlet):
    def __cinit__(self, list sinks not None, clock_ms not None, on_failure not None):
        global OUTLETS
        self.sinks = sinks
        self._inlets = []
        self._now_ms = clock_ms
        self._on_failure = on_failure
        self._by_the_wall = clock_ms is wall_clock_ms
        self.last_good = {}
        OUTLETS += 1
        self._number = OUTLETS
        for sink in sinks:
            self._inlets.append(inlet_of(getattr(sink, "inlet", None), sink.accept, sink.flush))

    cdef int take(self, Reading reading) except -1:
        if not reading.time_ms:
            reading.time_ms = wall_clock() if self._by_the_wall else self._now_ms()
        if type(reading.value) is float:
            reading = made_finite(reading)
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
                return 0
        return self._hand_on(reading)

    cdef int _keep(self, Reading reading) except -1:
        cdef Signal signal = reading.signal
        if signal is None:
            refuse()
        if signal.outlet != self._number:
            self._take_over(signal)
        signal.last_value = reading.value
        signal.last_unit = reading.unit
        signal.last_meter_time = reading.meter_time
        signal.last_ms = reading.time_ms
        return 0

    cdef int _take_over(self, Signal signal) except -1:
        """From now on this is the one that keeps it, no longer one of that name from before a reload."""
        of_device = self.last_good.setdefault(signal.device_alias, {})
        former = of_device.get(signal.alias)
        if former is not None:
            (<Signal?>former).outlet = 0
        of_device[signal.alias] = signal
        signal.outlet = self._number
        return 0

    cdef Reading _stale(self, Reading reading):
        cdef Signal signal = reading.signal
        cdef Signal last  # that signal, or what it was before a reload
        if signal is None:
            refuse()
        last = self.last_good.get(signal.device_alias, {}).get(signal.alias)
        if last is None or last.outlet != self._number:
            return reading
        return Reading(
            signal, last.last_value, last.last_unit, reading.time_ms, last.last_meter_time, STALE_QUALITY,
            reading.reason,
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

    cdef int let_go(self) except -1:
        cdef Py_ssize_t index
        for index in range(PyList_GET_SIZE(self._inlets)):
            try:
                (<Inlet>self._inlets[index]).let_go()
            except Exception as error:
                self._on_failure(self.sinks[index], error)
        return 0


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
