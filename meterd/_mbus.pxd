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
    cdef readonly Py_ssize_t missing

    cdef MbusFrame _refuse(self, str reason)
    cdef MbusFrame _wait(self, Py_ssize_t missing)
    cdef MbusFrame _short(self, const unsigned char *start, Py_ssize_t size)
    cdef MbusFrame _long(self, const unsigned char *start, Py_ssize_t size)
