from libc.stdint cimport int64_t

from ._poller cimport Poller
from ._timers cimport Timer, Timers


cdef class Loop:
    cdef int64_t now
    cdef int64_t longest_turn_us
    cdef public bint running
    cdef readonly list turn_ends
    cdef readonly object clock
    cdef public object budget  # of descriptors, where they are short (ports.descriptors)
    cdef Poller _poller
    cdef Timers _timers
    cdef int _wake_read
    cdef int _wake_write
    cdef list _woken

    cpdef turn(self, bint wait=*)
    cdef int _wait(self, bint wait) except -1
    cdef bint has_told_all(self) noexcept
    cdef int arm_at(self, Timer timer, int64_t due) except -1
