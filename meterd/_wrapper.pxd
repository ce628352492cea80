cimport cython

from ._decoder cimport FrameDecoder


@cython.final
cdef class WrapperFrame:
    cdef readonly unsigned int source
    cdef readonly unsigned int destination
    cdef readonly bytes apdu


@cython.final
cdef class WrapperDecoder(FrameDecoder):
    cdef bytes _held
    cdef Py_ssize_t _at              # everything before it is used up
    cdef readonly Py_ssize_t missing
    cdef readonly Py_ssize_t discarded
    cdef readonly str reason

    cpdef reset(self)
    cdef int _hold(self, bytes data) except -1
    cdef void _drop(self, Py_ssize_t count, str reason) noexcept
    cdef void _hunt(self) noexcept


cdef bytes wrapped(unsigned int source, unsigned int destination, bytes apdu)
