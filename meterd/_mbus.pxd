cimport cython

from ._decoder cimport FrameDecoder


@cython.final
cdef class MbusFrame:
    cdef readonly int control
    cdef readonly int address
    cdef readonly int ci
    cdef readonly bytes data


@cython.final
cdef class MbusDecoder(FrameDecoder):
    cdef bytes _held
    cdef Py_ssize_t _at             # everything before it is used up
    cdef readonly Py_ssize_t missing
    cdef readonly Py_ssize_t discarded
    cdef readonly str reason

    cdef void _take(self, bytes data)
    cdef MbusFrame _drop(self, str reason)
    cdef MbusFrame _wait(self, Py_ssize_t missing)
    cdef MbusFrame _short(self, const unsigned char *start, Py_ssize_t size)
    cdef MbusFrame _long(self, const unsigned char *start, Py_ssize_t size)
