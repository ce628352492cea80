"""Signals and readings: what every value becomes on its way out, and a way in for whoever takes it (`meterd.model` has
the rest of the records).

Nothing that one holds leads back to it, so the garbage collector need not look at either.
"""

cimport cython
from libc.stdint cimport int64_t

from ._decoder cimport as_shown

GOOD = "good"

GOOD_QUALITY = GOOD
NO_WORDS = ""


@cython.final
@cython.no_gc
cdef class Signal:
    def __cinit__(self, str device_alias not None, str alias not None, parameters, int log=0):
        self.device_alias = device_alias
        self.alias = alias
        self.parameters = parameters
        self.log = log

    def __getitem__(self, name):
        return self.parameters[name]

    def last_good(self):
        if not self.outlet:
            return None
        return Reading(self, self.last_value, self.last_unit, self.last_ms, self.last_meter_time)

    def __repr__(self):
        return as_shown(self)


@cython.final
@cython.no_gc
@cython.freelist(64)
cdef class Reading:
    def __init__(
        self, Signal signal not None, value, unit=None, int64_t time_ms=0, meter_time=None, quality=GOOD, reason=None
    ):
        self.signal = signal
        self.value = value
        self.unit = unit
        self.time_ms = time_ms
        self.meter_time = meter_time
        self.quality = quality
        self.reason = reason
        self.words = NO_WORDS

    def plain(self):
        if self.raw is not None or self.meter_time is not None or self.reason is not None:
            return None
        return (self.signal, self.value, self.unit, self.time_ms) if self.quality is GOOD_QUALITY else None

    def __repr__(self):
        return as_shown(self)


cdef class Inlet:
    """A face for Python, and a way around it for who hands readings on."""

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
    """Into what has none."""

    cdef int take(self, Reading reading) except -1:
        self._accept(reading)
        return 0

    cdef int let_go(self) except -1:
        self._flush()
        return 0


cdef Inlet inlet_of(way, accept, flush):
    cdef _Foreign foreign
    if isinstance(way, Inlet):
        return <Inlet>way
    foreign = _Foreign()
    foreign._accept = accept
    foreign._flush = flush
    return foreign


cdef int refuse() except -1:
    """One that was made without its constructor; whoever reads what is in the signal looks for that."""
    raise TypeError("a reading without a signal")


cdef Reading good_reading(Signal signal, object value, object unit, object meter_time):
    cdef Reading reading = Reading.__new__(Reading)
    reading.signal = signal
    reading.value = value
    reading.unit = unit
    reading.time_ms = 0
    reading.meter_time = meter_time
    reading.quality = GOOD_QUALITY
    reading.words = NO_WORDS
    return reading
