cimport cython
from libc.stdint cimport int64_t

from ._decoder cimport FrameDecoder
from ._reading cimport Reading

cdef enum Progress:  # of a burst
    ASKING    # the next request is due
    SENDING   # it is on its way out
    AWAITING  # it has left, its answer is due


@cython.final
cdef class Send:
    cdef readonly bytes data
    cdef readonly bint keep_input
    cdef readonly bint at_once


@cython.final
cdef class Receive:
    cdef readonly object decoder
    cdef readonly object timeout_ms
    cdef readonly object gap_ms
    cdef FrameDecoder compiled  # the decoder, where it is one
    cdef int64_t timeout_us     # NEVER where it waits without end

    cdef object feed(self, bytes data)
    cdef bint is_pending(self) except -1


@cython.final
cdef class Report:
    cdef readonly Reading reading


@cython.final
cdef class ReportAll:
    cdef readonly list readings


cdef class Burst:
    cdef readonly Receive receive
    cdef Progress state

    cpdef bytes request(self)
    cpdef object take(self, frame)
