cimport cython
from libc.stdint cimport int64_t

cdef str GOOD_QUALITY
cdef str NO_WORDS


@cython.final
cdef class Signal:
    cdef public str device_alias
    cdef public str alias
    cdef public object parameters
    cdef public int log
    cdef public object recalculation
    cdef public int outlet  # which keeps the last good value here; 0 while none does:
    cdef object last_value
    cdef object last_unit
    cdef object last_meter_time
    cdef int64_t last_ms


@cython.final
cdef class Reading:
    cdef readonly Signal signal
    cdef public object value
    cdef public object unit
    cdef public int64_t time_ms
    cdef public object meter_time
    cdef public object quality
    cdef public object reason
    cdef public object words
    cdef public Reading raw


cdef class Inlet:
    cdef int take(self, Reading reading) except -1
    cdef int let_go(self) except -1


@cython.final
cdef class _Foreign(Inlet):
    cdef object _accept
    cdef object _flush


cdef Inlet inlet_of(way, accept, flush)
cdef int refuse() except -1
cdef Reading good_reading(Signal signal, object value, object unit, object meter_time)
