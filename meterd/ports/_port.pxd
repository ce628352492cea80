from ._loop cimport Loop

cdef extern from "unistd.h":
    Py_ssize_t read_descriptor "read"(int fd, void *buffer, size_t size)
    Py_ssize_t write_descriptor "write"(int fd, const void *buffer, size_t size)


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
    cdef public bytes _unsent
    cdef public bint plain
    cdef DataReader reader  # in place of `on_data`, where it is compiled

    cdef bint put_out(self, bytes data) except -1
    cdef bint _write_block(self, bytes data) except -1
    cdef bytes _read_block(self)
    cdef object _gone(self, int number)
    cdef int _on_other_event(self, int revents) except -1
