cimport cython

from .._reading cimport Reading


cdef class Sink:
    cdef int take(self, Reading reading) except -1
    cdef int let_go(self) except -1


@cython.final
cdef class _Foreign(Sink):
    cdef object sink


cdef class Outlet:
    cdef readonly list sinks
    cdef list _ways           # to each sink
    cdef readonly object now_ms
    cdef bint _by_the_wall    # so that the clock can be read without a call from Python
    cdef public dict _last_good

    cdef int _keep(self, Reading reading) except -1
    cdef Reading _stale(self, Reading reading)
    cdef int _hand_on(self, Reading reading) except -1


cdef class LoggedOnly(Sink):
    cdef public Py_ssize_t unwritten
