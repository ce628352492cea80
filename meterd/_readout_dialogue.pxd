cimport cython

from ._readout_message cimport Message, State, _Decoder


@cython.final
cdef class IdentificationDecoder(_Decoder):
    cdef bytes _identification(self, const unsigned char *line, Py_ssize_t begin, Py_ssize_t end)


@cython.final
cdef class ProgrammingDecoder(_Decoder):
    cdef State _state
    cdef bint _seven_bit
    cdef Py_ssize_t _text_at  # behind STX, of what is held; 0 as long as there was none

    cdef Message _hunt(self)
    cdef Message _read_block(self)
    cdef Message _read_check(self)
