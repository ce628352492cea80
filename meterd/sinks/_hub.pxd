cimport cython

from .._reading cimport Reading


cdef class Inlet:
    cdef int take(self, Reading reading) except -1
    cdef int let_go(self) except -1


@cython.final
cdef class _Foreign(Inlet):
    cdef object _accept
    cdef object _flush


@cython.final
cdef class Outlet:
    cdef readonly list sinks
    cdef list _inlets         # one of each sink
    cdef object _now_ms
    cdef object _on_failure
    cdef bint _by_the_wall    # so that the clock can be read without a call from Python
    cdef readonly dict last_good  # device → signal → reading
    cdef object _device           # whose reading was kept last, or None,
    cdef dict _of_device          # and what is kept of it

    cdef int _keep(self, Reading reading) except -1
    cdef Reading _stale(self, Reading reading)
    cdef int _hand_on(self, Reading reading) except -1


@cython.final
cdef class LoggedOnly(Inlet):
    cdef public Py_ssize_t unwritten
    cdef object _keep
    cdef object _write_out
