from ._mbus_values cimport Record


cdef Record new_record(bytes source, Py_ssize_t start, bint msb_first)
cdef list records_of(bytes data, Py_ssize_t start, object meanings, bint msb_first)
