"""How readings leave: made honest, handed to every sink, gathered as lines and written without blocking.

The problem: what is paid for every value that leaves. An `Outlet` is all that a reading passes; `sinks.hub` owns one.
Dirt it must survive: sinks that fail; their failures go to `on_failure(sink, error)` and reach no other sink.
"""

cimport cython
from cpython.list cimport PyList_GET_SIZE

from .._clock cimport wall_clock
from .._reading cimport GOOD_QUALITY, Foreign, Inlet, LastGood, Reading, Signal, refuse

from .._clock import wall_clock_ms
from ._json import finite

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
            own = getattr(sink, "inlet", None)
            self._inlets.append(own if isinstance(own, Inlet) else Foreign(sink.accept, sink.flush))

    def __call__(self, Reading reading not None):
        self.take(reading)

    cdef int take(self, Reading reading) except -1:
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
                return 0
        return self._hand_on(reading)

    cdef int _keep(self, Reading reading) except -1:
        cdef Signal signal = reading.signal
        cdef LastGood kept
        if signal is None:
            refuse()
        kept = signal.last_good
        if kept is None or kept.outlet != self._number:
            kept = self._last_of(signal)
        if kept is None:
            kept = signal.last_good = LastGood.__new__(LastGood)
            kept.outlet = self._number
            self.last_good.setdefault(signal.device_alias, {})[signal.alias] = kept
        kept.value = reading.value
        kept.unit = reading.unit
        kept.time_ms = reading.time_ms
        kept.meter_time = reading.meter_time
        return 0

    cdef LastGood _last_of(self, Signal signal):
        """What is kept of that signal, which may have been another object; None where nothing is."""
        known = self.last_good.get(signal.device_alias)
        if known is not None:
            known = known.get(signal.alias)
        signal.last_good = known
        return known

    cdef Reading _stale(self, Reading reading):
        cdef Signal signal = reading.signal
        cdef LastGood last
        if signal is None:
            refuse()
        last = self._last_of(signal)
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

    cdef int let_go(self) except -1:
        cdef Py_ssize_t index
        for index in range(PyList_GET_SIZE(self._inlets)):
            try:
                (<Inlet>self._inlets[index]).let_go()
            except Exception as error:
                self._on_failure(self.sinks[index], error)
        return 0

    def forget(self, str device_alias not None):
        for kept in self.last_good.pop(device_alias, {}).values():
            (<LastGood?>kept).outlet = 0


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
