"""The steps that a conversation yields for nearly every value; `meterd.conversation` describes them all.

The problem: objects that are made and looked at by the million. `Burst` is for many exchanges of one kind.
"""


@cython.final
cdef class Send:
    cdef readonly bytes data
    cdef readonly bint keep_input

    def __cinit__(self, bytes data not None, bint keep_input=False):
        self.data = data
        self.keep_input = keep_input


@cython.final
cdef class Receive:
    cdef readonly object decoder
    cdef readonly object timeout_ms
    cdef readonly object gap_ms
    cdef FrameDecoder compiled  # the decoder, where it is one
    cdef int64_t timeout_us     # NEVER where it waits without end

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
    cdef readonly Reading reading

    def __cinit__(self, Reading reading not None):
        self.reading = reading


@cython.final
cdef class ReportAll:
    cdef readonly list readings

    def __cinit__(self, list readings not None):
        self.readings = readings


cdef enum Progress:  # of a burst
    ASKING    # the next request is due
    SENDING   # it is on its way out
    AWAITING  # it has left, its answer is due


cdef class Burst:
    cdef readonly Receive receive
    cdef Progress state

    def __init__(self, Receive receive not None):
        self.receive = receive

    cpdef bytes request(self):
        """What to send next; None when all is done."""
        return None

    cpdef object take(self, frame):
        """The readings out of the frame that came, in a list unless there is one; None where it is not the one due."""
        return None
