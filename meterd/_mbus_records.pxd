from ._mbus_values cimport Record

cdef struct Cursor:
    const unsigned char *data
    Py_ssize_t at
    Py_ssize_t end
