cimport cython
from libc.stdint cimport int64_t


@cython.final
cdef class Timer:
    cdef public object callback
    cdef int64_t due          # NEVER while disarmed
    cdef int64_t key          # what it stands in the heap for
    cdef Py_ssize_t place     # in the heap; -1 outside
    cdef unsigned long order  # of equal ones the first armed is the first served


@cython.final
cdef class Timers:
    cdef list _heap
    cdef unsigned long _orders

    cdef Py_ssize_t count(self) noexcept
    cdef int arm(self, Timer timer, int64_t due) except -1
    cdef int64_t next_due(self) except -1
    cdef int serve(self, int64_t now) except -1
    cdef int _pop(self) except -1
    cdef int _move(self, Timer timer) except -1
