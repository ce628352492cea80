from libc.stdint cimport int64_t

from ._poller cimport Poller
from ._timers cimport Timer, Timers


cdef class Loop:
    cdef int64_t now
    cdef int64_t _told   # `now` when it was put into
    cdef double _seconds
    cdef int64_t longest_turn_us
    cdef int64_t _ended  # by the machine's clock: the turn before, or when this one was begun from outside
    cdef public bint running
    cdef readonly list turn_ends
    cdef readonly object clock
    cdef public object budget  # of descriptors, where they are short (ports.descriptors)
    cdef Poller _poller
    cdef Timers _timers
    cdef int _wake_read
    cdef int _wake_write
    cdef list _woken

    cdef int _turn(self, bint wait) except -1
    cdef double seconds(self) noexcept
    cdef void _look_at_clock(self) noexcept
    cdef int _wait(self, bint wait) except -1
    cdef bint has_told_all(self) noexcept
    cdef int arm_at(self, Timer timer, int64_t due) except -1
