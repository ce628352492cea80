cimport cython

from ..._wrapper cimport WrapperDecoder


cdef class Shortcut:
    cdef Py_ssize_t _head  # octets before the APDU of an answer
    cdef bytes _llc        # before that of a request
    cdef public bint pairs  # question and answer belong together by the link, so the invoke id says nothing further

    cdef bytes _frame(self, bytes message)
    cdef bytes _message(self, frame)
    cdef void _count(self) noexcept
    cdef int _due(self, unsigned char invoke) noexcept
    cpdef bytes ask(self, unsigned char invoke, bytes descriptor)
    cpdef bytes ask_list(self, unsigned char invoke, bytes descriptors)
    cpdef bytes carry(self, bytes apdu)
    cpdef bytes answer(self, frame)
    cpdef object hear(self, unsigned char invoke, frame)
    cpdef list hear_list(self, unsigned char invoke, Py_ssize_t count, frame)


@cython.final
cdef class HdlcShortcut(Shortcut):
    cdef bytes _server
    cdef bytes _client
    cdef bytes _source  # the server as it calls itself
    cdef bytes _sink    # the client as the server calls it
    cdef public unsigned char send_seq
    cdef public unsigned char recv_seq


@cython.final
cdef class WrapperShortcut(Shortcut):
    cdef unsigned int _server
    cdef unsigned int _client
    cdef WrapperDecoder _decoder
