cimport cython

from .._reading cimport Inlet, Reading, Signal


@cython.final
cdef class Outlet(Inlet):
    cdef readonly list sinks
    cdef list _inlets         # one of each sink
    cdef object _now_ms
    cdef object _on_failure
    cdef bint _by_the_wall    # so that the clock can be read without a call from Python
    cdef int _number          # among all outlets
    cdef readonly dict last_good  # device → alias → the signal that keeps it

    cdef int _keep(self, Reading reading) except -1
    cdef int _take_over(self, Signal signal) except -1
    cdef Reading _stale(self, Reading reading)
    cdef int _hand_on(self, Reading reading) except -1


@cython.final
cdef class LoggedOnly(Inlet):
    cdef public Py_ssize_t unwritten
    cdef object _keep
    cdef object _write_out
