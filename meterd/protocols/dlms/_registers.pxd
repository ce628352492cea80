cimport cython

from ..._steps cimport Burst
from ._shortcut cimport Shortcut


cdef class Wanted:
    cdef public bytes descriptor
    cdef public tuple signals
    cdef tuple _scaler
    cdef int exponent


@cython.final
cdef class InvokeIds:
    cdef int _flags
    cdef int _last

    cdef int next_one(self) noexcept


@cython.final
cdef class Registers(Burst):
    cdef readonly Py_ssize_t done   # the first target that has not been reported
    cdef readonly Py_ssize_t asked  # how many the request that was sent last asks for; 0 if there is none
    cdef readonly int invoke        # its invoke id
    cdef readonly bint listed       # a list was answered
    cdef list _targets
    cdef Shortcut _shortcut
    cdef InvokeIds _invoke_ids
    cdef object _other
    cdef Py_ssize_t _most      # attributes in one request
    cdef Py_ssize_t _limit     # octets of a request for several
    cdef Py_ssize_t _max_info  # octets that one frame carries
    cdef bytes _listed         # what was asked for last as a list, of the targets
    cdef Py_ssize_t _listed_from  # from this one on: most scans ask for that alone, again and again

    cdef Py_ssize_t _choose(self) except -1
    cdef bytes _descriptors(self, Py_ssize_t size)
    cdef object _take_one(self, frame)
    cdef list _take_list(self, frame)
