from libc.string cimport memcpy


cdef class Octets:
    cdef char *at
    cdef Py_ssize_t size
    cdef Py_ssize_t _room
    cdef public bint shared

    cdef char *space(self, Py_ssize_t size) except NULL
    cdef int put_bytes(self, bytes data) except -1
    cdef int send_bytes(self, int fd, bytes data) except -1
    cdef int write(self, int fd) except -1
    cdef int _write_shared(self, int fd, Py_ssize_t *done) noexcept
    cdef void drop(self, Py_ssize_t count) noexcept


cdef inline int put_octets(Octets text, const char *data, Py_ssize_t size) except -1:
    memcpy(text.at + text.size if text.size + size <= text._room else text.space(size), data, size)
    text.size += size
    return 0
