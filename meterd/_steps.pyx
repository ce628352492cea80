"""The steps that a conversation yields for nearly every value; `meterd.conversation` describes them all.

The problem: objects that are made and looked at by the million. `Burst` is for many exchanges of one kind.
"""

cimport cython

from ._clock cimport NEVER, whole
from ._decoder cimport FrameDecoder
from ._reading cimport Reading


@cython.final
cdef class Send:
    def __cinit__(self, bytes data not None, bint keep_input=False, bint at_once=False):
        self.data = data
        self.keep_input = keep_input
        self.at_once = at_once


@cython.final
cdef class Receive:
    def __cinit__(self, decoder not None, timeout_ms, gap_ms):
        self.decoder = decoder
        self.compiled = decoder if isinstance(decoder, FrameDecoder) else None
        self.timeout_ms = timeout_ms
        self.gap_ms = gap_ms
        self.timeout_us = NEVER if timeout_ms is None else whole(<double>timeout_ms * 1000.0)

    cdef object feed(self, bytes data):
        return self.decoder.feed(data) if self.compiled is None else self.compiled.take_in(data)

    cdef bint is_pending(self) except -1:
        return self.decoder.pending > 0 if self.compiled is None else self.compiled.held_back() > 0


@cython.final
cdef class Report:
    def __cinit__(self, Reading reading not None):
        self.reading = reading


@cython.final
cdef class ReportAll:
    def __cinit__(self, list readings not None):
        self.readings = readings


cdef class Burst:
    def __init__(self, Receive receive not None):
        self.receive = receive

    cpdef bytes request(self):
        """What to send next; None when all is done."""
        return None

    cpdef object take(self, frame):
        """The readings out of the frame that came, in a list unless there is one; None where it is not the one due."""
        return None
