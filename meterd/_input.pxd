"""What codecs share about bytes that came in."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.string cimport memcmp


cdef inline bint starts_with(bytes whole, bytes start) noexcept:
    cdef Py_ssize_t size = PyBytes_GET_SIZE(start)
    return size <= PyBytes_GET_SIZE(whole) and memcmp(PyBytes_AS_STRING(whole), PyBytes_AS_STRING(start), size) == 0
