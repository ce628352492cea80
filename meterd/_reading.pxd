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


cdef int refuse() except -1
cdef Reading good_reading(Signal signal, object value, object unit, object meter_time)
