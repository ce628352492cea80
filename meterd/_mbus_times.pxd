cdef object printed_time(const unsigned char *data, Py_ssize_t size)
