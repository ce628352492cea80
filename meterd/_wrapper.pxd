cimport cython

from ._decoder cimport FrameDecoder


@cython.final
cdef class WrapperFrame:
    cdef readonly unsigned int source
    cdef readonly unsigned int destination
    cdef readonly bytes apdu


@cython.final
cdef class WrapperDecoder(FrameDecoder):
    cdef readonly Py_ssize_t missing

    cdef void _hunt(self) noexcept


cdef bytes wrapped(unsigned int source, unsigned int destination, bytes apdu)
