cimport cython

from .._reading cimport Reading


@cython.final
cdef class _Octets:
    cdef char *_octets
    cdef Py_ssize_t _room
    cdef Py_ssize_t size

    cdef char *_space(self, Py_ssize_t size) except NULL
    cdef int put(self, const char *data, Py_ssize_t size) except -1
    cdef int put_plain(self, text) except -1
    cdef int _put_quoted(self, text) except -1
    cdef int _put_optional(self, text) except -1
    cdef int _put_number(self, object mantissa, int places) except -1
    cdef int _put_value(self, value) except -1
    cdef int put_json(self, Reading reading) except -1
    cdef int _put_blemished(self, Reading reading) except -1
    cdef int _put_raw(self, Reading raw) except -1
