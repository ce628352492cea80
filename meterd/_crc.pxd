cdef unsigned int fcs16_update(const unsigned char *data, Py_ssize_t length, unsigned int crc) noexcept
cdef unsigned int xor_of(const unsigned char *data, Py_ssize_t length) noexcept
cdef unsigned int sum_of(const unsigned char *data, Py_ssize_t length) noexcept
