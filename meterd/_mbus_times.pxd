cdef object printed_time(const unsigned char *data, Py_ssize_t size)
cdef object printed_bcd_time(const unsigned char *data, Py_ssize_t size)
