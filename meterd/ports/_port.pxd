cimport cython
from libc.stdint cimport int64_t

from .._octets cimport Octets
from ._loop cimport Loop
from ._timers cimport Timer


@cython.final
cdef class Counts:
    cdef public unsigned long bytes_sent
    cdef public unsigned long bytes_received
    cdef public unsigned long timeouts
    cdef public unsigned long bad_frames
    cdef public unsigned long retries

    cdef void clear(self) noexcept


cdef class DataReader:
    cdef int take_data(self, bytes data) except -1


@cython.final
cdef class Port:
    cdef readonly object name
    cdef readonly Loop loop
    cdef readonly object carrier
    cdef readonly int fd
    cdef public object receive   # in place of reading the descriptor, or None
    cdef public object transmit  # in place of writing it, or None
    cdef public object hush      # or None
    cdef public bint underway
    cdef public object on_data
    cdef public object on_sent
    cdef public object on_gone
    cdef Octets _unsent
    cdef bint _is_emptied  # by the last read
    cdef Timer _limit
    cdef int64_t _limit_us
    cdef DataReader reader  # in place of `on_data`, where it is compiled

    cdef bint put_out(self, bytes data) except -1
    cdef bint may_hold_input(self) noexcept
    cdef void _take_time(self) noexcept
    cdef bytes _take(self)
    cdef bytes _read_block(self)
    cdef bint _write(self, bytes data) except -1
    cdef object _gone(self, int number)
    cdef int _on_other_event(self, int revents) except -1
