cdef object as_shown(object record)


cdef class FrameDecoder:
    cdef object take_in(self, bytes data)
    cdef Py_ssize_t held_back(self) noexcept
