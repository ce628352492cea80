from .._octets cimport Octets
from ._loop cimport Loop


cdef class DataReader:
    cdef int take_data(self, bytes data) except -1


cdef class Port:
    cdef public object name
    cdef public Loop loop
    cdef public int fd
    cdef public double character_s
    cdef public object settings
    cdef public object on_data
    cdef public object on_sent
    cdef public object on_gone
    cdef readonly Octets _unsent
    cdef public bint plain
    cdef DataReader reader  # in place of `on_data`, where it is compiled

    cdef bint put_out(self, bytes data) except -1
    cdef bytes _read_block(self)
    cdef object _gone(self, int number)
    cdef int _on_other_event(self, int revents) except -1
