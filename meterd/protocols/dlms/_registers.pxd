cimport cython

from ..._steps cimport Burst
from ._shortcut cimport Shortcut


cdef class Wanted:
    cdef public bytes descriptor
    cdef public list signals
    cdef tuple _scaler
    cdef int exponent


@cython.final
cdef class InvokeIds:
    cdef int _flags
    cdef int _last

    cdef int next_one(self) noexcept


@cython.final
cdef class Registers(Burst):
    cdef readonly Py_ssize_t done  # the first target that has not been reported
    cdef readonly int invoke       # of the request that was sent last
    cdef list _targets
    cdef Shortcut _shortcut
    cdef InvokeIds _invoke_ids
    cdef object _other
