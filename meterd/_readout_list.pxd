cimport cython

from ._readout_block cimport _Parser
from ._readout_message cimport Message, State, _Decoder


@cython.final
cdef class ReadoutDecoder(_Decoder):
    cdef State _state
    cdef _Parser _parser
    cdef dict _wanted
    cdef bint _seven_bit
    cdef bint _bare
    cdef bint _told          # the early message has been given
    cdef Py_ssize_t _parsed  # of what is held; behind '!' when the parser has ended

    cdef Message _hunt(self)
    cdef Message _open(self, State state, Py_ssize_t text_start)
    cdef Message _parse(self, Py_ssize_t end)
    cdef Message _read_lines(self)
    cdef Message _close_lines(self, Py_ssize_t length)
    cdef Message _read_block(self)
    cdef Message _read_check(self)
